//! A whole little internet on loopback addresses: the names of a city with two authoritative servers,
//! resolvers with caches, a security cloud in front, the city's own edge, and readers by the hundred.
//!
//! - `name_servers.rs`: BIND twice, the second following the first.
//! - `resolvers.rs`: caching resolvers as providers have them.
//! - `cloud.rs`: the cloud, a proxy with addresses and a certificate of its own.
//! - `second.rs`: the city's second edge, in the stories that have one.
//! - `crowd.rs`: readers who resolve, connect and read all the time, and note what failed.
//!
//! Everybody speaks on one port, because the DNS names addresses alone.

pub mod cloud;
pub mod crowd;
pub mod name_servers;
pub mod resolvers;
pub mod second;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

use self::cloud::Cloud;
use self::crowd::Crowd;
use self::name_servers::NameServers;
use self::resolvers::Resolvers;
use super::operators::Authority;
use super::origin::Origin;
use super::persons::Person;
use super::place::Place;
use super::process::Running;
use super::{YAGURA, eventually};

/// The name that readers know.
pub const HOST: &str = "www.city.example";
/// A name that nobody reads, for rehearsals.
pub const DRILL: &str = "drill.city.example";
/// The site behind it.
pub const SITE: &str = "city";
/// The port of every web server here.
pub const PORT: u16 = 8443;
/// For how many seconds caches keep the city's records.
pub const TTL_S: u32 = 2;

/// What differs from story to story.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Further keys of `[ingress]`.
    pub ingress: &'a str,
    /// Who changes the DNS, as in `dns` of `[site.bypass]`.
    pub dns: &'a str,
    /// Further keys of `[site.bypass]`.
    pub bypass: &'a str,
    /// Tables at the end of the file.
    pub tables: &'a str,
    /// Whether the city has two edges; the second has others change the DNS.
    pub two_edges: bool,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            ingress: "",
            dns: "zone",
            bypass: "",
            tables: "",
            two_edges: false,
        }
    }
}

/// All of it.
pub struct Internet {
    /// An operator.
    pub hanako: Person,
    /// An approver.
    pub taro: Person,
    /// Both: who must not approve his own requests.
    pub saburo: Person,
    pub names: NameServers,
    pub resolvers: Resolvers,
    /// None while it is down.
    pub cloud: Option<Cloud>,
    _origin: Origin,
    edge: Option<Running>,
    second: Option<Running>,
    place: Place,
    second_place: Option<Place>,
    cloud_place: Place,
    authority: Authority,
    folder: TempDir,
}

impl Internet {
    /// Starts everything, with the city behind its cloud.
    pub async fn start(plan: Plan<'_>) -> Self {
        let (place, cloud_place) = (Place::claim(), Place::claim());
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let names = NameServers::start(cloud_place.address, TTL_S).await;
        let resolvers = Resolvers::start(&names).await;
        let origin = (place.address, 9000).into();
        let internet = Self {
            hanako: Person::new("hanako", &["operator"]),
            taro: Person::new("taro", &["approver"]),
            saburo: Person::new("saburo", &["operator", "approver"]),
            names,
            resolvers,
            cloud: None,
            _origin: Origin::start(origin).await,
            edge: None,
            second: None,
            place,
            second_place: plan.two_edges.then(Place::claim),
            cloud_place,
            authority: Authority::new("roots"),
            folder,
        };
        internet.write_configs(plan);
        let mut internet = internet;
        internet.start_edge().await;
        if plan.two_edges {
            internet.start_second().await;
        }
        internet.trust_all();
        // They read whom their probes believe when they start.
        internet.kill_edge();
        internet.start_edge().await;
        if plan.two_edges {
            internet.kill_second();
            internet.start_second().await;
        }
        internet.start_cloud().await;
        internet
    }

    fn write_configs(&self, plan: Plan<'_>) {
        let write = |name: &str, text: String| {
            std::fs::write(self.folder.path().join(format!("{name}.toml")), text).unwrap();
        };
        write("edge", self.config_of("edge", self.place.address, plan));
        if let Some(second) = self.second_place {
            let dns = "elsewhere";
            write(
                "second",
                self.config_of("second", second.address, Plan { dns, ..plan }),
            );
        }
        // Written before the edges read it; filled once their own authorities are known.
        std::fs::copy(&self.authority.trust, self.roots()).unwrap();
    }

    /// The configuration of the edge whose files have this name, at an address.
    fn config_of(&self, name: &str, address: IpAddr, plan: Plan<'_>) -> String {
        let Plan {
            ingress,
            dns,
            bypass,
            tables,
            ..
        } = plan;
        let (origin, cloud) = (self.place.address, self.cloud_place.address);
        let direct = [Some(self.place), self.second_place];
        let direct = direct.into_iter().flatten();
        let direct: Vec<_> = direct.map(|it| format!("\"A {}\"", it.address)).collect();
        let direct = direct.join(", ");
        let server = self.names.primary();
        let servers = self.names.all().map(|server| format!("\"{server}\""));
        let servers = servers.join(", ");
        let persons = [&self.hanako, &self.taro, &self.saburo];
        let operators = persons.map(|person| person.record.as_str());
        format!(
            "[edge]\nname = \"{name}\"\ndata = \"{name}\"\ncontrol_socket = \"{name}.sock\"\n\
             metrics = \"{address}:9090\"\n\
             [edge.limits]\nexempt = [\"127.0.0.0/8\"]\n\
             [[edge.listen]]\naddress = \"{address}:{PORT}\"\ntls = true\n\
             [[cloud]]\nname = \"prefecture\"\nranges = [\"{cloud}/32\"]\n\
             probe = \"https://{HOST}:{PORT}/probe?cc=max-age%3D5\"\n\
             [ingress]\ncity_hall = [\"{}\"]\nmonitors = [\"127.0.0.1/32\", \"{address}/32\"]\n\
             trust = \"roots.pem\"\nprobe_interval = \"500ms\"\nprobe_timeout = \"2s\"\n{ingress}\n\
             [[dns]]\nname = \"zone\"\nserver = \"{server}\"\nservers = [{servers}]\n\
             zone = \"{}\"\nkey_name = \"{}\"\nsecret_file = \"{}\"\n\
             {}\
             [[site]]\nname = \"{SITE}\"\nhosts = [\"{HOST}\"]\nbehind = [\"prefecture\"]\n\
             origin = \"http://{origin}:9000\"\nlast_good = true\n\
             [site.bypass]\ndns = \"{dns}\"\nservers = [{servers}]\ndirect = [{direct}]\n\
             ttl = \"{TTL_S}s\"\ndirect_port = {PORT}\nwithout_waf = \"a story without an attack\"\n{bypass}\n\
             [site.bypass.cloud]\nprefecture = [\"A {cloud}\"]\n\
             {tables}",
            Self::city_hall(),
            name_servers::ZONE,
            name_servers::KEY_NAME,
            self.names.key_file().display(),
            operators.concat(),
        )
    }

    /// Starts the edge, or starts it again.
    pub async fn start_edge(&mut self) {
        let log = self.folder.path().join("log");
        let config = self.config();
        self.edge = Some(Running::start(&["edge", "--config", &config], &log));
        let address = self.direct();
        eventually("the edge listens", || async {
            TcpStream::connect(address).await.ok()
        })
        .await;
        eventually("the edge takes orders", || async {
            let status = self.as_person(&self.hanako, &["status"]);
            status.status.success().then_some(())
        })
        .await;
    }

    /// Kills the edge with SIGKILL.
    pub fn kill_edge(&mut self) {
        self.edge.take().unwrap().kill();
    }

    /// Readers and probes trust the cloud's authority and the edges' own.
    fn trust_all(&self) {
        let mut all = std::fs::read_to_string(&self.authority.trust).unwrap();
        for name in ["edge", "second"] {
            let own = self.folder.path().join(name).join("certs/local-ca.pem");
            // There need not be a second.
            all.push_str(&std::fs::read_to_string(own).unwrap_or_default());
        }
        std::fs::write(self.roots(), all).unwrap();
    }

    /// The authorities that everybody believes.
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// Starts the cloud, or starts it again.
    pub async fn start_cloud(&mut self) {
        let address = SocketAddr::new(self.cloud_place.address, PORT);
        let held = self.authority.site(HOST);
        let own = self.folder.path().join("edge/certs/local-ca.pem");
        let cloud = Cloud::start(address, self.direct(), &held, (HOST, &own)).await;
        self.cloud = Some(cloud);
    }

    /// Kills the cloud with every connection of its readers.
    pub fn kill_cloud(&mut self) {
        self.cloud.take().unwrap().kill();
    }

    /// Where readers reach the edge directly.
    pub fn direct(&self) -> SocketAddr {
        SocketAddr::new(self.place.address, PORT)
    }

    /// The cloud's address.
    pub fn cloud_address(&self) -> IpAddr {
        self.cloud_place.address
    }

    /// City hall's address.
    pub fn city_hall() -> IpAddr {
        [127, 90, 0, 7].into()
    }

    /// A crowd of readers of the name that the city is known by.
    pub fn crowd(&self, count: usize) -> Crowd {
        Crowd::gather(count, &self.resolvers, (HOST, PORT), self)
    }

    fn config(&self) -> String {
        self.folder.path().join("edge.toml").display().to_string()
    }

    /// The folder of configuration and data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a subcommand as somebody.
    pub fn as_person(&self, person: &Person, arguments: &[&str]) -> Output {
        Command::new(YAGURA)
            .args(arguments)
            .args(["--config", &self.config()])
            .arg("--token-file")
            .arg(person.file())
            .output()
            .unwrap()
    }

    /// Runs a subcommand that must succeed, and gives what it prints.
    pub fn told(&self, person: &Person, arguments: &[&str]) -> String {
        let output = self.as_person(person, arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The outcome that the edge replies with.
    pub fn outcome(&self, person: &Person, arguments: &[&str]) -> Value {
        let told = self.told(person, &[arguments, &["--json"]].concat());
        let answers: Value = serde_json::from_str(&told).unwrap();
        answers[0]["reply"]["outcome"].clone()
    }

    /// How far the site is on its way around the cloud.
    pub fn stage(&self) -> String {
        self.cloud_shown()["stage"].as_str().unwrap().to_owned()
    }

    /// How the site stands towards its cloud, as `yagura cloud status` tells it.
    pub fn cloud_shown(&self) -> Value {
        let told = self.told(&self.hanako, &["cloud", "status", "--json"]);
        let edges: Value = serde_json::from_str(&told).unwrap();
        edges[0]["sites"][0].clone()
    }

    /// Asks for something that needs a second person; gives the request's id.
    pub fn ask(&self, person: &Person, arguments: &[&str]) -> String {
        let outcome = self.outcome(person, arguments);
        assert_eq!(outcome["kind"], "requested", "{outcome}");
        outcome["request"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until nothing stands in the way of a switch.
    pub async fn until_ready(&self) {
        let mut last = Value::Null;
        for _ in 0..600 {
            last = self.cloud_shown();
            if last["missing"].as_array().unwrap().is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("it does not become ready: {last}");
    }

    /// Waits until it is there.
    pub async fn until_stage(&self, stage: &str) {
        eventually(&format!("the stage is {stage}"), || async {
            (self.stage() == stage).then_some(())
        })
        .await;
    }
}

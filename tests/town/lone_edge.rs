//! The edge alone, with a folder and a control socket, before an origin of the tests' own: two
//! sites, of which the second answers for every host that the first does not name.

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::alone::Answer;
use super::origin::Origin;
use super::place::Place;
use super::process::Running;
use super::{YAGURA, eventually};

/// The host of the first site.
pub const CITY: &str = "city.example";

/// A running edge with its origin.
pub struct LoneEdge {
    place: Place,
    /// None once it was stopped.
    pub origin: Option<Origin>,
    /// The origins that stand by for the first site; each none once it was stopped.
    pub standbys: Vec<Option<Origin>>,
    edge: Option<Running>,
    folder: TempDir,
}

impl LoneEdge {
    /// Starts both; `keys` are further keys of the first site, which keeps last-good copies.
    pub async fn start(keys: &str) -> Self {
        Self::start_with_standbys(0, keys).await
    }

    /// The same with so many further origins that stand by for the first site.
    pub async fn start_with_standbys(count: usize, keys: &str) -> Self {
        Self::start_with_standbys_of("last_good = true", count, keys).await
    }

    /// The same for a first site that keeps what `copies` says.
    pub async fn start_with_standbys_of(copies: &str, count: usize, keys: &str) -> Self {
        let place = Place::claim();
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let (listen, origin) = (place.http(), place.https());
        let mut standbys = Vec::new();
        for number in 0..count {
            standbys.push(Some(Origin::start(standby(&place, number)).await));
        }
        let named: Vec<String> = (0..count)
            .map(|number| format!("\"http://{}\"", standby(&place, number)))
            .collect();
        let named = named.join(", ");
        let text = format!(
            "[edge]\ndata = \"edge\"\ncontrol_socket = \"edge.sock\"\n\
             [[edge.listen]]\naddress = \"{listen}\"\n\
             [[site]]\nname = \"city\"\nhosts = [\"{CITY}\"]\norigin = \"http://{origin}\"\n\
             {copies}\nstandby = [{named}]\n{keys}\n\
             [[site]]\nname = \"rest\"\nhosts = [\"*\"]\norigin = \"http://{origin}\"\n"
        );
        std::fs::write(folder.path().join("edge.toml"), text).unwrap();
        let mut lone = Self {
            place,
            origin: Some(Origin::start(origin).await),
            standbys,
            edge: None,
            folder,
        };
        lone.run().await;
        lone
    }

    /// Kills the edge and starts it again with what it has on disk.
    pub async fn restart(&mut self) {
        self.restart_with(|| {}).await;
    }

    /// The same, with something done to its folder in between.
    pub async fn restart_with(&mut self, between: impl FnOnce()) {
        self.edge.take().unwrap().kill();
        between();
        self.run().await;
    }

    /// Stops the edge as an operator does (SIGTERM), and starts it again.
    pub async fn restart_gently(&mut self) {
        let status = self.edge.take().unwrap().stop().await;
        assert!(status.success(), "{status}");
        self.run().await;
    }

    /// What is on disk of how often a redirect was answered.
    pub fn hits_on_disk(&self, source: &str) -> u64 {
        let folder = self.folder.path().join("edge/redirect-hits");
        let files = std::fs::read_dir(folder).unwrap();
        let lines = files.flat_map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        // A line that is being written is not there yet.
        let counted = lines.filter_map(|line| {
            let (_, json) = line.split_once(' ')?;
            let line: Value = serde_json::from_str(json).ok()?;
            let counts = line["counts"].as_array()?.iter();
            let own = counts.filter(|count| count[0] == source);
            Some(own.map(|count| count[1].as_u64().unwrap()).sum::<u64>())
        });
        counted.sum()
    }

    async fn run(&mut self) {
        let config = self.config();
        let log = self.folder.path().join("log");
        self.edge = Some(Running::start(&["edge", "--config", &config], &log));
        eventually("the edge takes orders", || async {
            let status = self.yagura(&["status"]);
            status.status.success().then_some(())
        })
        .await;
        eventually("the edge listens", || async {
            TcpStream::connect(self.place.http()).await.ok()
        })
        .await;
    }

    fn config(&self) -> String {
        self.folder.path().join("edge.toml").display().to_string()
    }

    /// Replaces words of the configuration file.
    pub fn change(&self, words: &str, others: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(words), "{text}");
        std::fs::write(self.config(), text.replace(words, others)).unwrap();
    }

    /// Its folder, with what the edge says in the file `log`.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The edge's process.
    pub fn pid(&self) -> u32 {
        self.edge.as_ref().unwrap().pid()
    }

    /// A file in its folder.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.display().to_string()
    }

    /// The journal as it stands.
    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("edge/journal")).unwrap()
    }

    /// Stops the primary with every connection.
    pub async fn stop_primary(&mut self) {
        self.origin.take().unwrap().stop().await;
    }

    /// Starts the primary again.
    pub async fn start_primary(&mut self) {
        self.origin = Some(Origin::start(self.place.https()).await);
    }

    /// Stops a standby with every connection.
    pub async fn stop_standby(&mut self, number: usize) {
        self.standbys[number].take().unwrap().stop().await;
    }

    /// What reached a standby so far, but for checks of its health.
    pub fn seen_by_standby(&self, number: usize) -> Vec<String> {
        let mut seen = self.standbys[number].as_ref().unwrap().seen();
        seen.retain(|request| request != "GET /up");
        seen
    }

    /// The home page of the second site, for a browser.
    pub fn url(&self) -> String {
        format!("http://{}/", self.place.http())
    }

    /// The first site as `yagura status` describes it.
    pub fn site(&self) -> Value {
        self.outcome(&["status"])["sites"][0].clone()
    }

    /// Waits until the first site is answered in this way, and gives the reason.
    pub async fn until_way(&self, way: Value) -> String {
        eventually(&format!("the way is {way}"), || async {
            let site = self.site();
            (site["way"]["way"] == way).then(|| site["way"]["because"].as_str().unwrap().to_owned())
        })
        .await
    }

    /// What reached the origin so far.
    pub fn seen(&self) -> Vec<String> {
        self.origin.as_ref().unwrap().seen()
    }

    /// Runs a subcommand to its end.
    pub fn yagura(&self, arguments: &[&str]) -> Output {
        Command::new(YAGURA)
            .args(arguments)
            .args(["--config", &self.config()])
            .output()
            .unwrap()
    }

    /// Runs a subcommand that must succeed, and gives what it prints.
    pub fn told(&self, arguments: &[&str]) -> String {
        let output = self.yagura(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The outcome that the edge replies with.
    pub fn outcome(&self, arguments: &[&str]) -> Value {
        let told = self.told(&[arguments, &["--json"]].concat());
        let answers: Value = serde_json::from_str(&told).unwrap();
        answers[0]["reply"]["outcome"].clone()
    }

    /// One request whose connection ends with it; `fields` are whole lines.
    pub async fn ask(&self, method: &str, host: &str, target: &str, fields: &str) -> Answer {
        let mut stream = TcpStream::connect(self.place.http()).await.unwrap();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        tokio::time::timeout(super::PATIENCE, reading)
            .await
            .expect("the edge left the connection open")
            .unwrap();
        Answer::read(&bytes)
    }

    /// The bytes of the body that a plain request to the first site is answered with.
    pub async fn raw_body(&self, target: &str) -> Vec<u8> {
        self.get(target).await.bytes
    }

    /// Has it tell figures from now on; it is started anew.
    pub async fn tell_figures(&mut self) {
        let address = self.figures_address();
        self.change("[edge]\n", &format!("[edge]\nmetrics = \"{address}\"\n"));
        self.restart().await;
    }

    fn figures_address(&self) -> SocketAddr {
        (self.place.address, 9090).into()
    }

    /// Where it speaks TLS, once its configuration says so.
    pub fn tls_address(&self) -> SocketAddr {
        (self.place.address, 8444).into()
    }

    /// Where a collector of traces is to listen.
    pub fn collector_address(&self) -> SocketAddr {
        (self.place.address, 4318).into()
    }

    /// The page of figures.
    pub async fn figures(&self) -> String {
        let mut stream = TcpStream::connect(self.figures_address()).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: figures\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, page) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        page.to_owned()
    }

    /// One figure; the name with its labels.
    pub async fn figure(&self, name: &str) -> Option<u64> {
        let page = self.figures().await;
        let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
        let value = lines.find(|(found, _)| *found == name)?.1;
        Some(value.parse().unwrap())
    }

    /// A connection of a reader.
    pub async fn connected(&self) -> TcpStream {
        TcpStream::connect(self.place.http()).await.unwrap()
    }

    /// Whether a reader with this address is let in.
    pub async fn lets_in(&self, address: [u8; 4]) -> bool {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((address, 0).into()).unwrap();
        let Ok(mut stream) = socket.connect(self.place.http()).await else {
            return false;
        };
        let request = format!("GET / HTTP/1.1\r\nHost: {CITY}\r\nConnection: close\r\n\r\n");
        let mut bytes = Vec::new();
        let _closed = stream.write_all(request.as_bytes()).await;
        let _closed = stream.read_to_end(&mut bytes).await;
        bytes.starts_with(b"HTTP/1.1 ")
    }

    /// A plain request to the first site.
    pub async fn get(&self, target: &str) -> Answer {
        self.ask("GET", CITY, target, "").await
    }
}

/// Where a standby listens: the place's address is no other test's.
fn standby(place: &Place, number: usize) -> SocketAddr {
    (place.address, 9000 + u16::try_from(number).unwrap()).into()
}

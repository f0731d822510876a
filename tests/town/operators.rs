//! Edges that take orders from afar, and the certificates of those who give them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType,
};
use serde_json::Value;
use tempfile::TempDir;

use super::place::Place;
use super::process::{Running, signal};
use super::{YAGURA, eventually};

const DAY: Duration = Duration::from_secs(86_400);

/// An authority that issues certificates into files of one folder.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub trust: PathBuf,
    folder: TempDir,
}

/// A certificate with its key, in files.
pub struct Held {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// As `openssl x509 -fingerprint -sha256` prints it.
    pub fingerprint: String,
}

impl Authority {
    /// A new one of that name.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let trust = folder.path().join("authority.pem");
        std::fs::write(&trust, certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            issuer,
            trust,
            folder,
        }
    }

    /// A certificate of an operator, which names a mail address.
    pub fn operator(&self, name: &str) -> Held {
        self.issue(name, person(name))
    }

    /// One whose time is over.
    pub fn expired(&self, name: &str) -> Held {
        let mut params = person(name);
        params.not_after = params.not_before;
        self.issue(&format!("{name}-expired"), params)
    }

    /// A certificate of an edge.
    pub fn edge(&self, address: SocketAddr) -> Held {
        let mut params = named("edge");
        params.subject_alt_names = vec![SanType::IpAddress(address.ip())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(&format!("edge-{}", address.ip()), params)
    }

    /// A certificate of a web server.
    pub fn site(&self, host: &str) -> Held {
        let mut params = named(host);
        params.subject_alt_names = vec![SanType::DnsName(host.try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(host, params)
    }

    fn issue(&self, stem: &str, params: CertificateParams) -> Held {
        let key = KeyPair::generate().unwrap();
        let issued = params.signed_by(&key, &self.issuer).unwrap();
        let file = |ending: &str| self.folder.path().join(format!("{stem}.{ending}"));
        std::fs::write(file("pem"), issued.pem()).unwrap();
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        let hash = ring::digest::digest(&ring::digest::SHA256, issued.der());
        let pairs: Vec<String> = hash.as_ref().iter().map(|b| format!("{b:02X}")).collect();
        Held {
            certificate: file("pem"),
            key: file("key"),
            fingerprint: pairs.join(":"),
        }
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (std::time::SystemTime::now() - DAY).into();
    params.not_after = (std::time::SystemTime::now() + DAY).into();
    params
}

fn person(name: &str) -> CertificateParams {
    let mut params = named(name);
    let mail = format!("{name}@town.example");
    params.subject_alt_names = vec![SanType::Rfc822Name(mail.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// An edge with a control address.
pub struct AfarEdge {
    place: Place,
    folder: TempDir,
    edge: Running,
}

impl AfarEdge {
    /// Starts one that trusts the authority; `operators` are its records.
    pub async fn start(name: &str, authority: &Authority, operators: &str) -> Self {
        let place = Place::claim();
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let control = SocketAddr::new(place.address, 9443);
        let held = authority.edge(control);
        let text = format!(
            "[edge]\nname = \"{name}\"\ndata = \"edge\"\ncontrol_socket = \"edge.sock\"\n\
             [[edge.listen]]\naddress = \"{}\"\n\
             [[site]]\nname = \"city\"\nhosts = [\"*\"]\norigin = \"http://{}\"\n\
             [control]\nlisten = \"{control}\"\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n\
             {operators}",
            place.http(),
            place.https(),
            held.certificate,
            held.key,
            authority.trust,
        );
        let config = folder.path().join("edge.toml");
        std::fs::write(&config, text).unwrap();
        let config = config.display().to_string();
        let edge = Running::start(&["edge", "--config", &config], &folder.path().join("log"));
        let started = Self {
            place,
            folder,
            edge,
        };
        eventually("the edge takes orders from afar", || async {
            tokio::net::TcpStream::connect(control).await.ok()
        })
        .await;
        started
    }

    /// Where it takes orders from afar.
    pub fn control(&self) -> SocketAddr {
        SocketAddr::new(self.place.address, 9443)
    }

    /// The same as the command is told.
    pub fn url(&self) -> String {
        format!("https://{}", self.control())
    }

    /// Its control socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("edge.sock")
    }

    /// Puts other words in its configuration, and sends SIGHUP.
    pub fn change_and_hang_up(&self, words: &str, others: &str) {
        let config = self.folder.path().join("edge.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains(words), "{text}");
        std::fs::write(config, text.replace(words, others)).unwrap();
        signal(self.edge.pid(), "HUP");
    }

    /// Runs a subcommand that goes to its control socket.
    pub fn locally(&self, arguments: &[&str]) -> Output {
        Command::new(YAGURA)
            .args(arguments)
            .arg("--socket")
            .arg(self.socket())
            .output()
            .unwrap()
    }
}

/// Runs a subcommand that goes to these edges, with that certificate.
pub fn from_afar(arguments: &[&str], edges: &[&str], held: &Held, trust: &Path) -> Output {
    let mut command = Command::new(YAGURA);
    command.args(arguments);
    for edge in edges {
        command.args(["--edge", edge]);
    }
    command
        .arg("--certificate")
        .arg(&held.certificate)
        .arg("--key")
        .arg(&held.key)
        .arg("--trust")
        .arg(trust)
        .output()
        .unwrap()
}

/// The answers of the edges, of a command with `--json`.
pub fn answers(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

//! An edge that orders certificates, before an origin of the tests' own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::origin::Origin;
use super::place::Place;
use super::process::Running;
use super::reader::Reader;
use super::{PATIENCE, YAGURA, eventually};

/// The host of its site, and another one.
pub const HOST: &str = "www.city.example";
pub const OTHER_HOST: &str = "city.example";

/// A running edge with its origin.
pub struct CertifiedEdge {
    pub place: Place,
    _origin: Origin,
    edge: Option<Running>,
    folder: TempDir,
}

impl CertifiedEdge {
    /// Starts an edge with this behind its site in the file.
    pub async fn start(place: Place, lines: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let origin = (place.address, 9000).into();
        let (http, https) = (place.http(), place.https());
        let text = format!(
            "[edge]\ndata = \"edge\"\ncontrol_socket = \"edge.sock\"\n\
             metrics = \"{}:9090\"\n\
             [[edge.listen]]\naddress = \"{http}\"\n\
             [[edge.listen]]\naddress = \"{https}\"\ntls = true\n\
             [[site]]\nname = \"city\"\nhosts = [\"{HOST}\", \"{OTHER_HOST}\"]\n\
             origin = \"http://{origin}\"\n{lines}",
            place.address
        );
        std::fs::write(folder.path().join("edge.toml"), text).unwrap();
        let mut edge = Self {
            place,
            _origin: Origin::start(origin).await,
            edge: None,
            folder,
        };
        edge.run().await;
        edge
    }

    async fn run(&mut self) {
        let log = self.folder.path().join("log");
        let config = self.config();
        self.edge = Some(Running::start(&["edge", "--config", &config], &log));
        eventually("the edge takes orders", || async {
            self.certificate_or_none().map(drop)
        })
        .await;
        for address in [self.place.http(), self.place.https()] {
            eventually("the edge listens", || async {
                TcpStream::connect(address).await.ok()
            })
            .await;
        }
    }

    /// Kills it and starts it again.
    pub async fn restart(&mut self) {
        self.edge.take().unwrap().kill();
        self.run().await;
    }

    fn config(&self) -> String {
        self.folder.path().join("edge.toml").display().to_string()
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of its certificates.
    pub fn certificates(&self) -> PathBuf {
        self.folder.path().join("edge/certs")
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Runs a subcommand to its end.
    pub fn yagura(&self, arguments: &[&str]) -> Output {
        Command::new(YAGURA)
            .args(arguments)
            .args(["--config", &self.config()])
            .output()
            .unwrap()
    }

    fn status(&self) -> Option<Value> {
        let output = self.yagura(&["status", "--json"]);
        let answers: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(answers[0]["reply"]["outcome"].clone())
    }

    /// What of the edge needs somebody, in one text.
    pub fn warnings(&self) -> String {
        let status = self.status().unwrap();
        let warnings = status["warnings"].as_array().into_iter().flatten();
        warnings.filter_map(Value::as_str).collect()
    }

    fn certificate_or_none(&self) -> Option<Value> {
        let all = self.status()?["certificates"].clone();
        all.as_array()?.first().cloned()
    }

    /// The first certificate as `yagura status` describes it.
    pub fn certificate(&self) -> Value {
        self.certificate_or_none().unwrap()
    }

    /// Waits until a version of this number at least is served without an alarm, and gives it.
    pub async fn until_version(&self, number: u64) -> Value {
        let reached = async {
            loop {
                let certificate = self.certificate();
                let version = certificate["version"].as_u64();
                if version.is_some_and(|it| it >= number) && certificate["alarm"].is_null() {
                    return certificate;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("version {number} is not served: {}", self.log()))
    }

    /// Waits until an order has failed, and gives the certificate.
    pub async fn until_failed(&self) -> Value {
        eventually("an order fails", || async {
            let certificate = self.certificate();
            certificate["failure"].is_object().then_some(certificate)
        })
        .await
    }

    /// A reader of a host who trusts the authority in this file.
    pub fn reader(&self, host: &str, authority: &Path) -> Reader {
        Reader::new(self.place.https(), host, authority)
    }

    /// The authority of the edge's own.
    pub fn local_authority(&self) -> PathBuf {
        self.certificates().join("local-ca.pem")
    }

    /// The chain that openssl is shown, and what it says of it: it must verify by this root.
    pub fn verified_by_openssl(&self, host: &str, root: &Path) -> String {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &self.place.https().to_string()])
            .args([
                "-servername",
                host,
                "-verify_hostname",
                host,
                "-verify_return_error",
            ])
            .arg("-CAfile")
            .arg(root)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.contains("Verification: OK") && text.contains("Verified peername: "),
            "{text}"
        );
        text
    }

    /// The page of figures.
    pub async fn figures(&self) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let address = (self.place.address, 9090);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: figures\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }
}

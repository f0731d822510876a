//! The edge alone, with a folder and a control socket, before an origin of the tests' own: two
//! sites, of which the second answers for every host that the first does not name.

use std::process::{Command, Output};

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    edge: Option<Running>,
    folder: TempDir,
}

/// What a reader got.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The first line of a field, or nothing.
    pub fn field(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What the cache says of it.
    pub fn cache(&self) -> &str {
        self.field("cache-status")
    }
}

impl LoneEdge {
    /// Starts both; `keys` are further keys of the first site, which keeps last-good copies.
    pub async fn start(keys: &str) -> Self {
        let place = Place::claim();
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let (listen, origin) = (place.http(), place.https());
        let text = format!(
            "[edge]\ndata = \"edge\"\ncontrol_socket = \"edge.sock\"\n\
             [[edge.listen]]\naddress = \"{listen}\"\n\
             [[site]]\nname = \"city\"\nhosts = [\"{CITY}\"]\norigin = \"http://{origin}\"\n\
             last_good = true\n{keys}\n\
             [[site]]\nname = \"rest\"\nhosts = [\"*\"]\norigin = \"http://{origin}\"\n"
        );
        std::fs::write(folder.path().join("edge.toml"), text).unwrap();
        let mut lone = Self {
            place,
            origin: Some(Origin::start(origin).await),
            edge: None,
            folder,
        };
        lone.run().await;
        lone
    }

    /// Kills the edge and starts it again with what it has on disk.
    pub async fn restart(&mut self) {
        self.edge.take().unwrap().kill();
        self.run().await;
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

    /// A file in its folder.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The journal as it stands.
    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("edge/journal")).unwrap()
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
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            let name: http::HeaderName = name.to_ascii_lowercase().parse().unwrap();
            (name, value.parse().unwrap())
        });
        Answer {
            status: status.parse().unwrap(),
            headers: fields.collect(),
            body: body.to_owned(),
        }
    }

    /// Has it tell figures from now on; it is started anew.
    pub async fn tell_figures(&mut self) {
        let address = self.figures_address();
        self.change("[edge]\n", &format!("[edge]\nmetrics = \"{address}\"\n"));
        self.restart().await;
    }

    fn figures_address(&self) -> std::net::SocketAddr {
        (self.place.address, 9090).into()
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

//! The edge alone before an origin, as in `config/examples/plain-proxy.toml`, and requests written
//! byte by byte.

use std::path::Path;

use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::eventually;
use super::origin::Origin;
use super::place::Place;
use super::process::Running;

/// Where the edge speaks TLS; the two ports of its place are its own and the origin's.
const TLS_PORT: u16 = 8444;

/// The edge of the example, an origin of the tests' own behind it.
pub struct Alone {
    pub place: Place,
    pub origin: Option<Origin>,
    edge: Running,
    folder: tempfile::TempDir,
}

/// What a reader was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as text, as far as it is text.
    pub body: String,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        // An upgraded edge is no child of the test's; it wrote down who it is.
        let holder = std::fs::read_to_string(self.folder.path().join("data/lock"));
        let holder = holder.unwrap_or_default().trim().parse().ok();
        if let Some(pid) = holder.filter(|pid: &u32| *pid != self.edge.pid()) {
            let pid = pid.to_string();
            let _gone_already = std::process::Command::new("kill")
                .args(["-KILL", &pid])
                .output();
        }
    }
}

impl Alone {
    /// The example as it is written, at addresses that no other test uses.
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// The same with further lines for its site.
    pub async fn with(lines: &str) -> Self {
        Self::written(|text| text + lines).await
    }

    /// The same with a second listener that speaks TLS; see [`Self::tls`].
    pub async fn over_tls() -> Self {
        Self::written(|text| with_tls(&text)).await
    }

    /// The same where this machine's readers are counted like all others; `limits` are further keys
    /// of `[edge.limits]`, `site` further lines of the site.
    pub async fn limited(limits: &str, site: &str) -> Self {
        Self::written(|text| with_limits(&text, limits) + site).await
    }

    /// The same over TLS.
    pub async fn limited_over_tls(limits: &str, site: &str) -> Self {
        Self::written(|text| with_limits(&with_tls(&text), limits) + site).await
    }

    /// The same over TLS, with a control socket; `edge` are further lines of `[edge]`.
    pub async fn with_orders(edge: &str, site: &str) -> Self {
        let edge = format!("[edge]\n{edge}\n");
        let alone =
            Self::written(|text| with_tls(&text).replacen("[edge]\n", &edge, 1) + site).await;
        eventually("the edge takes orders", || async { alone.status() }).await;
        alone
    }

    /// The configuration file.
    pub fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("plain-proxy.toml")
    }

    /// The folder that everything lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the edge said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The arguments of a subcommand for this edge.
    pub fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let config = self.config().display().to_string();
        let arguments = arguments.iter().copied().chain(["--config", &config]);
        arguments.map(str::to_owned).collect()
    }

    /// Runs a subcommand to its end.
    pub fn yagura(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = std::process::Command::new(super::YAGURA);
        command.args(self.arguments(arguments)).output().unwrap()
    }

    /// What the edge's status says; none while it takes no orders.
    pub fn status(&self) -> Option<serde_json::Value> {
        let output = self.yagura(&["status", "--json"]);
        let answers: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let status = answers[0]["reply"]["outcome"].clone();
        status.is_object().then_some(status)
    }

    /// The same over TLS, with an access log in that file of its folder.
    pub async fn logging_over_tls(file: &str) -> Self {
        let line = format!("[edge]\naccess_log = \"{file}\"\n");
        Self::written(|text| with_tls(&text).replace("[edge]\n", &line)).await
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The address that speaks TLS, and the authority to trust there.
    pub fn tls(&self) -> (std::net::SocketAddr, std::path::PathBuf) {
        let authority = self.folder.path().join("data/certs/local-ca.pem");
        ((self.place.address, TLS_PORT).into(), authority)
    }

    async fn written(change: impl FnOnce(String) -> String) -> Self {
        let place = Place::claim();
        let example =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/plain-proxy.toml");
        let text = std::fs::read_to_string(example).unwrap();
        assert!(
            text.contains("127.0.0.1:8002") && text.contains("http://127.0.0.1:8000"),
            "{text}"
        );
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("plain-proxy.toml");
        let text = text
            .replace("127.0.0.1:8002", &place.http().to_string())
            .replace("127.0.0.1:8000", &place.https().to_string());
        std::fs::write(&config, change(text)).unwrap();
        let origin = Origin::start(place.https()).await;
        let edge = Running::start(
            &["edge", "--config", &config.display().to_string()],
            &folder.path().join("log"),
        );
        // Its sockets hear before it has made its certificate.
        let log = folder.path().join("log");
        eventually("the edge is up", || async {
            let log = std::fs::read_to_string(&log).ok()?;
            log.contains("the edge is up").then_some(())
        })
        .await;
        Self {
            place,
            origin: Some(origin),
            edge,
            folder,
        }
    }

    /// The origin, while it runs.
    pub fn origin(&self) -> &Origin {
        self.origin.as_ref().unwrap()
    }

    /// Sends bytes and reads everything until the edge closes the connection.
    pub async fn raw(&self, bytes: &str) -> String {
        String::from_utf8(self.exchanged(bytes).await).unwrap()
    }

    /// A connection from another network than those of all other readers: 127.77.`network`.1.
    pub async fn visitor_of(&self, network: u8) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 77, network, 1], 0).into()).unwrap();
        socket.connect(self.place.http()).await.unwrap()
    }

    async fn exchanged(&self, bytes: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.place.http()).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        tokio::time::timeout(std::time::Duration::from_secs(20), reading)
            .await
            .expect("the edge left the connection open")
            .unwrap();
        answer
    }

    /// One request whose connection ends with it.
    pub async fn ask(&self, line: &str, fields: &str, body: &str) -> Answer {
        let answer = self
            .exchanged(&format!(
                "{line} HTTP/1.1\r\nHost: city.example\r\nConnection: close\r\n{fields}\r\n{body}"
            ))
            .await;
        Answer::read(&answer)
    }

    /// One GET.
    pub async fn get(&self, target: &str) -> Answer {
        self.ask(&format!("GET {target}"), "", "").await
    }
}

fn with_tls(text: &str) -> String {
    let listen = text.find("[[site]]").unwrap();
    let (edge, site) = text.split_at(listen);
    let edge = edge.replace("[edge]\n", "[edge]\ndata = \"data\"\n");
    let address = edge
        .split('"')
        .find(|word| word.ends_with(":8080"))
        .unwrap();
    let address = address.replace(":8080", &format!(":{TLS_PORT}"));
    format!(
        "{edge}[[edge.listen]]\naddress = \"{address}\"\ntls = true\n\n{site}http = \"serve\"\n"
    )
}

fn with_limits(text: &str, limits: &str) -> String {
    let listen = text.find("[[edge.listen]]").unwrap();
    let (edge, rest) = text.split_at(listen);
    format!("{edge}[edge.limits]\nexempt = []\n{limits}\n{rest}")
}

impl Answer {
    /// Everything that came over a connection that ended with it.
    pub fn read(answer: &[u8]) -> Self {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(answer)));
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let body = &answer[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (
                name.to_ascii_lowercase()
                    .parse::<http::HeaderName>()
                    .unwrap(),
                value.parse().unwrap(),
            )
        });
        Self {
            status,
            headers: fields.collect(),
            body: String::from_utf8_lossy(body).into_owned(),
            bytes: body.to_vec(),
        }
    }

    /// A field's value; empty when it is not there.
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

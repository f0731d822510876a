//! Persons who give orders, each known by a token; and an edge whose first site stands behind a cloud.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::YAGURA;
use super::lone_edge::LoneEdge;

/// Keys of a site that stands behind a cloud, and may leave it; another edge changes the DNS.
const BEHIND: &str = "behind = [\"prefecture\"]\n\
    [site.bypass]\ndns = \"elsewhere\"\nservers = [\"127.0.0.1:1\"]\ndirect = [\"A 203.0.113.5\"]\n\
    without_waf = \"a story without an attack\"\nwithout_limits = \"a story with few readers\"\n\
    [site.bypass.cloud]\nprefecture = [\"CNAME town.cloud.example.\"]\n\
    [[cloud]]\nname = \"prefecture\"\nranges = [\"127.80.1.0/24\"]\n";

/// Who gives orders.
pub struct Person {
    pub name: &'static str,
    /// The line for the configuration.
    pub record: String,
    folder: TempDir,
}

impl Person {
    /// Somebody with these roles and a new token.
    pub fn new(name: &'static str, roles: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(YAGURA)
            .args(["token", "new", "--file"])
            .arg(folder.path().join("token"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let line = String::from_utf8(output.stdout).unwrap();
        let record = format!("[[operator]]\nname = \"{name}\"\nroles = {roles:?}\n{line}\n");
        Self {
            name,
            record,
            folder,
        }
    }

    /// The file with the token.
    pub fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("token")
    }

    /// The token.
    pub fn token(&self) -> String {
        let text = std::fs::read_to_string(self.file()).unwrap();
        text.trim().to_owned()
    }

    /// Runs a subcommand that goes to these edges.
    pub fn at(&self, edges: &[&LoneEdge], arguments: &[&str]) -> Output {
        let mut command = Command::new(YAGURA);
        command.args(arguments).arg("--token-file").arg(self.file());
        for edge in edges {
            command.arg("--socket").arg(socket(edge));
        }
        command.output().unwrap()
    }

    /// The same; it must succeed, and gives what is printed.
    pub fn told(&self, edges: &[&LoneEdge], arguments: &[&str]) -> String {
        let output = self.at(edges, arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same; it must fail, and gives why.
    pub fn refused(&self, edges: &[&LoneEdge], arguments: &[&str]) -> String {
        let output = self.at(edges, arguments);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Gives an order as a program does.
    pub async fn order(&self, edge: &LoneEdge, order: Value, reason: &str) -> Value {
        let envelope = json!({"order": order, "who": "", "reason": reason}).to_string();
        let authorization = format!("Authorization: Bearer {}\r\n", self.token());
        post(&socket(edge), &authorization, &envelope).await.1
    }

    /// Asks for the bypass of the first site; gives the request.
    pub async fn asks(&self, edge: &LoneEdge, asked_at: u64, break_glass: bool) -> Value {
        let order = json!({
            "kind": "bypass", "site": "city", "asked_at": asked_at, "break_glass": break_glass
        });
        let reply = self.order(edge, order, "the cloud is down").await;
        assert_eq!(reply["outcome"]["kind"], "requested", "{reply}");
        reply["outcome"]["request"].clone()
    }
}

/// The edge's control socket.
pub fn socket(edge: &LoneEdge) -> std::path::PathBuf {
    edge.folder().join("edge.sock")
}

/// Posts an envelope with further fields (whole lines); gives the status and the answer.
pub async fn post(socket: &Path, fields: &str, envelope: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let request = format!(
        "POST /v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}Content-Length: {}\r\n\r\n{envelope}",
        envelope.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

/// Now, in milliseconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_millis()).unwrap()
}

/// A running edge of that name, to which these persons give orders.
pub async fn edge_for(name: &str, persons: &[&Person]) -> LoneEdge {
    let mut edge = LoneEdge::start(BEHIND).await;
    edge.change("[edge]\n", &format!("[edge]\nname = \"{name}\"\n"));
    let mut text = std::fs::read_to_string(edge.folder().join("edge.toml")).unwrap();
    persons
        .iter()
        .for_each(|person| text.push_str(&person.record));
    std::fs::write(edge.folder().join("edge.toml"), text).unwrap();
    edge.restart().await;
    edge
}

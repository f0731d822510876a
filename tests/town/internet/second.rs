//! The city's second edge: it stands at an address of its own, and has the first change the DNS.

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::Value;
use tokio::net::TcpStream;

use super::{Internet, PORT};
use crate::town::persons::Person;
use crate::town::process::Running;
use crate::town::{YAGURA, eventually};

impl Internet {
    /// Where readers reach it directly.
    pub fn second(&self) -> SocketAddr {
        SocketAddr::new(self.second_place.unwrap().address, PORT)
    }

    /// Starts it, or starts it again.
    pub async fn start_second(&mut self) {
        let log = self.folder().join("second-log");
        let config = self.folder().join("second.toml").display().to_string();
        self.second = Some(Running::start(&["edge", "--config", &config], &log));
        let address = self.second();
        eventually("the second edge listens", || async {
            TcpStream::connect(address).await.ok()
        })
        .await;
        eventually("the second edge takes orders", || async {
            self.shown_at_second()
        })
        .await;
    }

    /// Kills it with SIGKILL.
    pub fn kill_second(&mut self) {
        self.second.take().unwrap().kill();
    }

    fn at(&self, sockets: &[&str], person: &Person, arguments: &[&str]) -> Output {
        let mut command = Command::new(YAGURA);
        command.args(arguments);
        for socket in sockets {
            command.arg("--socket").arg(self.folder().join(socket));
        }
        let token = person.file();
        command.arg("--token-file").arg(token).output().unwrap()
    }

    /// Runs a subcommand as somebody, at both edges.
    pub fn at_both(&self, person: &Person, arguments: &[&str]) -> Output {
        self.at(&["edge.sock", "second.sock"], person, arguments)
    }

    /// Asks both edges for something that needs a second person; gives the request's id, which is
    /// the same at both.
    pub fn ask_both(&self, person: &Person, arguments: &[&str]) -> String {
        let output = self.at_both(person, &[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let ids = answers
            .iter()
            .map(|it| it["reply"]["outcome"]["request"]["id"].as_str().unwrap());
        let ids: Vec<&str> = ids.collect();
        assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
        ids[0].to_owned()
    }

    /// How the site stands towards its cloud as the second tells it, if it does.
    pub fn shown_at_second(&self) -> Option<Value> {
        let arguments = ["cloud", "status", "--json"];
        let output = self.at(&["second.sock"], &self.hanako, &arguments);
        let edges: Value = serde_json::from_slice(&output.stdout).ok()?;
        let shown = edges[0]["sites"].get(0)?;
        output.status.success().then(|| shown.clone())
    }

    /// Waits until the second is there too.
    pub async fn until_second_stage(&self, stage: &str) {
        eventually(&format!("the second's stage is {stage}"), || async {
            (self.shown_at_second()?["stage"] == stage).then_some(())
        })
        .await;
    }
}

//! The harness: a whole town for one test, made of the real program and real parts.
//!
//! - `alone.rs`: the edge alone before an origin.
//! - `bind.rs`: BIND, with a zone that may be changed.
//! - `callers.rs`: connections from addresses of the test's choice.
//! - `certified.rs`: an edge that orders certificates.
//! - `collector.rs`: a collector of OpenTelemetry's traces.
//! - `internet/`: names, resolvers, a security cloud and a crowd of readers.
//! - `load.rs`: readers who go on asking.
//! - `lone_edge.rs`: the edge alone, with a folder and a control socket.
//! - `museum.rs`: a site of another CMS, with a sitemap, and an edge of its own before it.
//! - `openssl.rs`: OpenSSL as an authority, and as a judge.
//! - `operators.rs`: edges that take orders from afar, and the certificates of those who give them.
//! - `origin.rs`: an HTTP origin of the tests' own, for the edge alone.
//! - `outside.rs`: a way in to the staff's pages from outside the city hall.
//! - `pebble.rs`: an authority that issues by ACME.
//! - `persons.rs`: persons with tokens, and an edge behind a cloud that they give orders to.
//! - `place.rs`: an address and ports that no other test uses.
//! - `postgres.rs`: a town whose CMS keeps its pages in PostgreSQL.
//! - `process.rs`: one running `yagura` process; killed when dropped.
//! - `reader.rs`: an HTTP client that trusts the town's own authority.
//! - `site.rs`: every URL of the public site with what it answers.
//! - `staff.rs`: a member of staff who signs in, edits, publishes and withdraws.
//! - `telephone.rs`: an authenticator application.
//! - `vault.rs`: backups, restic as their other reader.
//!
//! [`Town`] puts them together. A town is a copy of one demo city that is made once a test run.

pub mod alone;
pub mod bind;
pub mod callers;
pub mod certified;
pub mod collector;
pub mod internet;
pub mod load;
pub mod lone_edge;
pub mod museum;
pub mod openssl;
pub mod operators;
pub mod origin;
pub mod outside;
pub mod pebble;
pub mod persons;
pub mod place;
pub mod postgres;
pub mod process;
pub mod reader;
pub mod site;
pub mod staff;
pub mod telephone;
pub mod vault;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use place::Place;
use process::Running;
use reader::Reader;

/// The program under test.
pub const YAGURA: &str = env!("CARGO_BIN_EXE_yagura");
/// Pages of the demo city.
pub const PAGES: usize = 400;
/// Nothing here takes this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A demo city in a folder of its own, with the processes that run.
pub struct Town {
    pub place: Place,
    /// Dropped before the folder, so that nobody writes into it any more.
    running: BTreeMap<&'static str, Running>,
    folder: TempDir,
}

impl Town {
    /// A new town; nothing runs yet.
    pub fn new() -> Self {
        Self::at(Place::claim())
    }

    /// A new town at a given place.
    pub fn at(place: Place) -> Self {
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let everything = format!("{}/.", template().display());
        succeed(
            Command::new("cp")
                .arg("-a")
                .arg(everything)
                .arg(folder.path()),
        );
        let config = folder.path().join("yagura.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text
            .replace(
                "127.0.0.1:8080",
                &format!("{}:{}", place.address, place.http),
            )
            .replace(
                "127.0.0.1:8443",
                &format!("{}:{}", place.address, place.https),
            )
            .replace("localhost:8443", &format!("localhost:{}", place.https))
            // The CMS has nobody else to serve here.
            .replacen("feed_socket", "warm_rate = 1000\nfeed_socket", 1);
        std::fs::write(&config, text).unwrap();
        Self {
            place,
            folder,
            running: BTreeMap::new(),
        }
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.data().join("yagura.toml")
    }

    /// Starts one of `edge`, `cms`, `ops` and returns at once.
    pub fn start(&mut self, name: &'static str) {
        let log = self.data().join(format!("log/{name}.log"));
        let running = Running::start(
            &[name, "--config", &self.config().display().to_string()],
            &log,
        );
        self.running.insert(name, running);
    }

    /// Starts `yagura up` and returns at once.
    pub fn up(&mut self) {
        let log = self.data().join("log/terminal.log");
        let running = Running::start(&["up", "--data", &self.data().display().to_string()], &log);
        self.running.insert("up", running);
    }

    /// Takes a running process over.
    pub fn take(&mut self, name: &str) -> Running {
        self.running
            .remove(name)
            .unwrap_or_else(|| panic!("{name} does not run"))
    }

    /// Kills a process as a power cut would (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self, name: &str) {
        self.take(name).kill();
    }

    /// The running process of that name.
    pub fn process(&self, name: &str) -> &Running {
        &self.running[name]
    }

    /// A client for the public site.
    pub fn reader(&self) -> Reader {
        self.reader_of("localhost")
    }

    /// A client for the site of that host.
    pub fn reader_of(&self, host: &str) -> Reader {
        Reader::new(
            self.place.https(),
            host,
            &self.data().join("edge/certs/local-ca.pem"),
        )
    }

    /// Runs a subcommand to its end.
    pub fn yagura(&self, arguments: &[&str]) -> Output {
        let config = self.config();
        Command::new(YAGURA)
            .args(arguments)
            .arg("--config")
            .arg(&config)
            .output()
            .unwrap()
    }

    /// What `yagura status --json` says of the edge; `None` while it takes no orders.
    pub fn status(&self) -> Option<Value> {
        let output = self.yagura(&["status", "--json"]);
        let answers: Value = serde_json::from_slice(&output.stdout).ok()?;
        let status = answers[0]["reply"]["outcome"].clone();
        status.is_object().then_some(status)
    }

    /// The public site as `yagura status` describes it.
    pub fn site_status(&self) -> Option<Value> {
        let status = self.status()?;
        status["sites"]
            .as_array()?
            .iter()
            .find(|site| site["name"] == "town")
            .cloned()
    }

    /// Waits until the edge takes orders and answers readers.
    pub async fn edge_is_ready(&self) {
        eventually("the edge takes orders", || async { self.status() }).await;
        for address in [self.place.http(), self.place.https()] {
            eventually("the edge listens", || async {
                tokio::net::TcpStream::connect(address).await.ok()
            })
            .await;
        }
    }

    /// Waits until the warmer holds everything the CMS has published.
    pub async fn warm(&self) {
        eventually("last-good is complete", || async {
            let site = self.site_status()?;
            (site["warmer"]["complete"] == true).then_some(())
        })
        .await;
    }

    /// Waits until readers of a page get these words from the edge.
    pub async fn until_read(&self, path: &str, words: &str) {
        eventually("readers get the new words", || {
            let mut reader = self.reader();
            async move { reader.get(path).await.text().contains(words).then_some(()) }
        })
        .await;
    }

    /// Edge and CMS running, the redirects imported, last-good complete.
    pub async fn open() -> Self {
        let mut town = Self::new();
        town.start("cms");
        town.start("edge");
        town.edge_is_ready().await;
        let table = town.data().join("redirects.csv");
        let imported = town.yagura(&["redirect", "import", &table.display().to_string()]);
        assert!(imported.status.success(), "{imported:?}");
        town.warm().await;
        town
    }

    /// The password of the account with that login.
    pub fn password(&self, login: &str) -> String {
        let accounts = std::fs::read(self.data().join("accounts.json")).unwrap();
        let accounts: Vec<Value> = serde_json::from_slice(&accounts).unwrap();
        let account = accounts
            .iter()
            .find(|account| account["login"] == login)
            .unwrap();
        account["password"].as_str().unwrap().to_owned()
    }
}

/// The demo city that every town is a copy of, made once by the real command. It lies in cargo's
/// folder for tests, where the next run replaces it.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("town");
        if data.exists() {
            std::fs::remove_dir_all(&data).unwrap();
        }
        let pages = PAGES.to_string();
        succeed(
            Command::new(YAGURA)
                .args(["demo", "--no-backups", "--pages", &pages, "--data"])
                .arg(&data),
        );
        data
    })
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Asks again and again until there is an answer, and gives up after [`PATIENCE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("in vain: {what}"))
}

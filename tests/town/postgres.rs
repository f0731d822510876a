//! A town whose CMS keeps its pages in PostgreSQL.

use std::process::Command;
use std::sync::Arc;

use yagura_cms::CmsState;
use yagura_cms::demo::{self, DemoPlan};
use yagura_control::{Clock, SystemClock};

use super::{Town, eventually};

#[path = "../../cms/tests/store_contract/postgres.rs"]
mod server;

pub use server::Postgres;

/// Pages of its demo city; more than a drill compares.
const PAGES: usize = 130;

/// A town and its server.
pub struct PostgresTown {
    /// Dropped before the server.
    pub town: Town,
    pub server: Postgres,
    /// The CMS's database.
    pub url: String,
}

impl PostgresTown {
    /// The demo city in PostgreSQL; nothing runs yet.
    pub async fn new() -> Self {
        let town = Town::new();
        let server = Postgres::start();
        let url = server.database("town");
        let config = town.config();
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains("\"sqlite:cms.db\""), "{text}");
        let text = text.replace("sqlite:cms.db", &url);
        std::fs::write(&config, &text).unwrap();
        std::fs::remove_file(town.data().join("cms.db")).unwrap();
        let settings = yagura_config::parse(&text, &config).unwrap().cms.unwrap();
        let plan = DemoPlan {
            pages: PAGES,
            seed: 1,
            today: SystemClock.now().in_japan().date(),
        };
        let state = CmsState::open(settings, Arc::new(SystemClock))
            .await
            .unwrap();
        demo::install(&state, &plan, &[], &|_, _| {}).await.unwrap();
        let town = Self { town, server, url };
        // The pool goes with the state, a little later.
        drop(state);
        eventually("nobody is connected", || async {
            (town.psql(OTHERS) == "0").then_some(())
        })
        .await;
        town
    }

    /// Starts the CMS and waits until it answers.
    pub async fn cms(&mut self) {
        self.town.start("cms");
        eventually("the CMS is connected", || async {
            (self.psql(OTHERS) != "0").then_some(())
        })
        .await;
    }

    /// What the database says.
    pub fn psql(&self, sql: &str) -> String {
        psql(&self.url, sql)
    }
}

/// Sessions in the database but the one that asks.
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// What a database says.
pub fn psql(url: &str, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
        .args(["--dbname", url, "-c", sql])
        .output()
        .unwrap();
    assert!(output.status.success(), "{sql}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

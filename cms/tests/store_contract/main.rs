//! The contract of the store: what must hold on SQLite and on PostgreSQL alike. Each promise is one
//! function that is given an open CMS; both databases are put through all of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod password;
mod postgres;
mod promises;
mod second_factor;
#[path = "../../../tests/town/telephone.rs"]
mod telephone;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use time::macros::date;
use yagura_cms::CmsState;
use yagura_cms::demo::{self, DemoAccount, DemoPlan};
use yagura_cms::domain::Role;
use yagura_config::settings::{CmsSettings, CommandSettings, EdgeAddress, Origin};
use yagura_control::{Clock, Timestamp};

use postgres::Postgres;

/// A clock that goes on by a second at each look, so that every change has an instant of its own.
pub struct Steps(Mutex<Timestamp>);

impl Steps {
    /// Lets time go by.
    pub fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(time);
    }
}

impl Clock for Steps {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(Duration::from_secs(1));
        *now
    }
}

/// A CMS with the demo city on a database.
pub struct Cms {
    pub state: CmsState,
    pub clock: Arc<Steps>,
    _folder: TempDir,
}

async fn open(database: &str) -> Cms {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let database = database.replace("FOLDER", &folder.path().display().to_string());
    let settings = CmsSettings {
        public_listen: Origin::Unix(at("public.sock")),
        staff_listen: Origin::Unix(at("staff.sock")),
        feed_socket: at("feed.sock"),
        database: database.into(),
        media: at("media"),
        public_url: "https://www.town.example".to_owned(),
        staff_url: "https://staff.town.example".to_owned(),
        site: "town".to_owned(),
        edges: CommandSettings {
            edges: ["edge-1.sock", "edge-2.sock"]
                .map(|name| EdgeAddress::Socket(at(name)))
                .into(),
            identity: None,
        },
    };
    // 2026-11-24T00:00:00Z
    let clock = Arc::new(Steps(Mutex::new(Timestamp(1_795_478_400_000))));
    let state = CmsState::open(settings, clock.clone()).await.unwrap();
    let plan = DemoPlan {
        pages: 400,
        seed: 7,
        today: date!(2026 - 11 - 24),
    };
    let account = |login: &str, name: &str| DemoAccount {
        login: login.to_owned(),
        name: name.to_owned(),
        role: Role::Editor,
        password: "correct horse".to_owned().into(),
    };
    let accounts = [account("hanako", "佐藤 花子"), account("taro", "山田 太郎")];
    demo::install(&state, &plan, &accounts, &|_, _| {})
        .await
        .unwrap();
    Cms {
        state,
        clock,
        _folder: folder,
    }
}

async fn keeps_every_promise(cms: Cms) {
    promises::a_second_city_is_refused(&cms).await;
    promises::drafts_are_seen_by_staff_alone(&cms).await;
    promises::publishing_is_one_change(&cms).await;
    promises::of_two_writers_the_second_is_told(&cms).await;
    promises::withdrawing_takes_a_page_off(&cms).await;
    promises::a_refused_publication_changes_nothing(&cms).await;
    promises::jobs_are_given_in_order_to_each_edge(&cms).await;
    promises::the_feed_tells_each_url_once(&cms).await;
    promises::words_are_found(&cms).await;
    promises::sessions_begin_and_end(&cms).await;
    second_factor::outside_a_password_is_not_enough(&cms).await;
    second_factor::a_code_counts_once(&cms).await;
    second_factor::of_many_at_once_one_gets_in(&cms).await;
    second_factor::a_recovery_code_counts_once(&cms).await;
    second_factor::guessing_ends(&cms).await;
    second_factor::a_lost_telephone_is_forgotten(&cms).await;
    password::one_changes_ones_own_and_other_sessions_end(&cms).await;
    password::who_guesses_the_present_one_waits(&cms).await;
    password::a_forgotten_one_is_reset_and_every_session_ends(&cms).await;
    promises::writers_at_once_lose_nothing(&cms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_every_promise() {
    keeps_every_promise(open("sqlite:FOLDER/cms.db").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_every_promise() {
    let server = Postgres::start();
    keeps_every_promise(open(&server.database("cms")).await).await;
}

/// The same city gives the same lists, whatever keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn both_databases_answer_alike() {
    let server = Postgres::start();
    let sqlite = open("sqlite:FOLDER/cms.db").await;
    let postgres = open(&server.database("alike")).await;
    assert_eq!(
        promises::everything_told(&sqlite).await,
        promises::everything_told(&postgres).await
    );
}

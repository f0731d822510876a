//! From settings to workers, and to others when something changes: the configuration, the file of
//! exclusions, or the day, on which an exclusion ends. Other rules take over when they are loaded and
//! every canary is judged as it must be; until then, and when they cannot be loaded, the rules before
//! them stay.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::User;
use time::Date;
use yagura_config::settings::{UnixUser, WafSettings};
use yagura_waf::exclusions;
use yagura_waf::pool::{Health, Pool, PoolSettings};

use super::{Waf, lock};
use crate::state::Edge;

/// How often it is looked whether something changed.
const LOOK: Duration = Duration::from_millis(500);
/// How often files, the day and a canary are looked at, in looks.
const SELDOM: u32 = 10;
/// The program that is running, also when its file was replaced since (proc(5)).
const OWN: &str = "/proc/self/exe";

/// Keeps the workers as the configuration says, until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let waf = edge.waf.clone();
    let mut next: Option<Arc<Pool>> = None;
    let mut seen: Option<WafSettings> = None;
    let mut looks = 0_u32;
    loop {
        let settings = edge.switchboard.settings().waf.clone();
        if looks.is_multiple_of(SELDOM) || settings != seen {
            let today = exclusions::today(edge.clock.now());
            let asked = settings.clone();
            let reading = move || asked.as_ref().map(|settings| wanted(settings, today));
            let Ok(wanted) = tokio::task::spawn_blocking(reading).await else {
                return;
            };
            match wanted {
                None => {
                    next = None;
                    waf.pool.store(None);
                    lock(&waf.warnings).clear();
                }
                Some((wanted, warnings)) => {
                    *lock(&waf.warnings) = warnings;
                    let is = |pool: &Arc<Pool>| *pool.settings() == wanted;
                    if next.as_ref().is_some_and(is) {
                        // It is being loaded.
                    } else if waf.pool.load_full().is_some_and(|pool| is(&pool)) {
                        next = None;
                    } else {
                        next = Some(Pool::start(wanted));
                    }
                }
            }
            seen = settings;
        }
        if let Some(pool) = &next
            && takes_over(&waf, pool)
        {
            waf.pool.store(next.take());
        }
        if looks.is_multiple_of(SELDOM)
            && let Some(pool) = waf.pool.load_full()
            && pool.loaded().is_some()
            && let Some(tried) = pool
                .tried(usize::try_from(looks / SELDOM).unwrap_or(0))
                .await
        {
            *lock(&waf.tried) = tried.err();
        }
        looks = looks.wrapping_add(1);
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a pool takes the place of the one in force: it is ready, or that one is no better.
fn takes_over(waf: &Waf, pool: &Pool) -> bool {
    let present = waf.pool.load_full();
    let has_ready = present.is_some_and(|pool| matches!(pool.health(), Health::Ready(_)));
    match pool.health() {
        Health::Ready(_) => true,
        Health::Starting => !has_ready,
        Health::Failed { why } if has_ready => {
            let warning = format!("other rules were not taken over, the present ones stay: {why}");
            let mut warnings = lock(&waf.warnings);
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
            false
        }
        Health::Failed { .. } => true,
    }
}

/// The pool that the settings ask for on a day, and what is to be told of it.
fn wanted(settings: &WafSettings, today: Date) -> (PoolSettings, Vec<String>) {
    let (setup, mut warnings) = yagura_waf::setup::of(settings, today);
    let user = match &settings.user {
        None => None,
        Some(user) => ids(user).or_else(|| {
            warnings.push("the user of [waf] is not known; workers run as the edge".to_owned());
            None
        }),
    };
    let pool = PoolSettings {
        program: PathBuf::from(OWN),
        socket: settings.socket.clone(),
        user,
        stamp: yagura_waf::setup::stamp(&setup),
        setup,
        workers: settings.workers,
        recycle: settings.recycle,
    };
    (pool, warnings)
}

fn ids(user: &UnixUser) -> Option<(u32, u32)> {
    let found = match user {
        UnixUser::Id(id) => User::from_uid((*id).into()),
        UnixUser::Name(name) => User::from_name(name),
    };
    let found = found.ok().flatten()?;
    Some((found.uid.as_raw(), found.gid.as_raw()))
}

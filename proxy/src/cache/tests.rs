//! The promise of the facade: whatever the order of requests, purges, fills and restarts, what was
//! withdrawn is never found again, and what was refreshed is never called fresh.

use std::path::Path;
use std::sync::Arc;

use http::HeaderMap;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use yagura_config::settings::{HostPattern, Origin, PlainHttp, SiteSettings};
use yagura_control::order::{Purge, Target};
use yagura_control::{Tag, Timestamp};

use super::stored::tests::response;
use super::{Cache, Directives, Lookup, PurgeTable, Rules, SiteCache};

const KEY: &str = "town\n\n/a";

fn site() -> SiteCache {
    SiteCache::new(&SiteSettings {
        hsts: None,
        name: "town".into(),
        hosts: vec![HostPattern::Exact("town.example".into())],
        look: yagura_config::settings::LookSettings {
            is_drill: false,
            name: "town".into(),
            colour: "#000000".into(),
        },
        standby: Vec::new(),
        check: None,
        origin: Origin::Unix("none".into()),
        http: PlainHttp::Serve,
        cache: true,
        last_good: true,
        drop_query: Vec::new(),
        vary_cookies: None,
        redirect_targets: Vec::new(),
        feed_socket: None,
        sitemap: None,
        warm_rate: 50,
        requests: Default::default(),
        waf: yagura_config::settings::WafSetting::Auto,
        drill_of: None,
        allow_from: Vec::new(),
        behind: Vec::new(),
        staff: false,
        bypass: None,
        connect_timeout: std::time::Duration::from_secs(1),
        read_timeout: std::time::Duration::from_secs(1),
        stale_after: std::time::Duration::from_secs(1),
        stale_while_revalidate: std::time::Duration::ZERO,
        origin_requests: 16,
        compress: true,
    })
}

fn open(folder: &Path, purges: PurgeTable) -> Arc<Cache> {
    let rules = Rules {
        quota_bytes: 1 << 30,
        keep: std::time::Duration::from_secs(1 << 30),
    };
    let cache = Cache::open(1 << 20, 1 << 20, Some((folder, rules))).unwrap();
    cache.restore_purges(purges);
    cache
}

async fn look(cache: &Arc<Cache>, now: Timestamp) -> Lookup {
    let (fields, wants) = (HeaderMap::new(), Directives::default());
    match cache.hot(&site(), KEY, &fields, &wants, now) {
        Lookup::Absent => cache.durable(&site(), KEY, &fields, &wants, now).await,
        found => found,
    }
}

fn purge_of(target: Target, withdraw: bool) -> Purge {
    let mut purge = Purge {
        site: "town".into(),
        ..Purge::default()
    };
    if withdraw {
        &mut purge.withdraw
    } else {
        &mut purge.refresh
    }
    .push(target);
    purge
}

#[tokio::test]
async fn what_was_purged_is_never_shown_as_if_it_was_not() {
    for seed in 0..60 {
        let mut chance = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut cache = open(folder.path(), PurgeTable::default());
        let (mut withdrawn_at, mut refreshed_at) = (Timestamp::ZERO, Timestamp::ZERO);
        let mut in_flight: Vec<Timestamp> = Vec::new();
        for step in 1..60 {
            let now = Timestamp(step);
            match chance.random_range(0..6) {
                0 => in_flight.push(now),
                1 | 2 if !in_flight.is_empty() => {
                    let requested_at =
                        in_flight.swap_remove(chance.random_range(0..in_flight.len()));
                    cache
                        .fill(
                            &site(),
                            &Arc::new(response(KEY, "text", "page-1", requested_at).prepare(false)),
                        )
                        .kept()
                        .await;
                }
                3 => {
                    let targets = [
                        Target::Path("/a".into()),
                        Target::Tag(Tag::new("page-1").unwrap()),
                        Target::Prefix("/".into()),
                        Target::Everything,
                    ];
                    let withdraw = chance.random_bool(0.4);
                    let target = targets[chance.random_range(0..4)].clone();
                    cache.purge(&purge_of(target, withdraw), now);
                    *(if withdraw {
                        &mut withdrawn_at
                    } else {
                        &mut refreshed_at
                    }) = now;
                    if chance.random_bool(0.5) {
                        cache.sweep_withdrawn().await;
                    }
                }
                4 => cache = open(folder.path(), cache.purge_table()),
                _ => {}
            }
            match look(&cache, now).await {
                Lookup::Fresh(found) => {
                    let requested_at = found.stored.requested_at;
                    assert!(
                        requested_at > withdrawn_at && requested_at > refreshed_at,
                        "seed {seed}, step {step}"
                    );
                }
                Lookup::Stale(found)
                | Lookup::Unconfirmed(found)
                | Lookup::StaleWhileRevalidate(found) => {
                    assert!(
                        found.stored.requested_at > withdrawn_at,
                        "seed {seed}, step {step}"
                    );
                }
                Lookup::Withdrawn | Lookup::Absent => {}
            }
        }
    }
}

#[tokio::test]
async fn an_overtaken_response_does_not_replace_a_newer_copy() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), PurgeTable::default());
    cache.purge(&purge_of(Target::Path("/a".into()), false), Timestamp(10));
    cache
        .fill(
            &site(),
            &Arc::new(response(KEY, "new", "", Timestamp(11)).prepare(false)),
        )
        .kept()
        .await;
    cache
        .fill(
            &site(),
            &Arc::new(response(KEY, "old", "", Timestamp(9)).prepare(false)),
        )
        .kept()
        .await;
    let again = open(folder.path(), cache.purge_table());
    let Lookup::Fresh(found) = look(&again, Timestamp(12)).await else {
        panic!("nothing fresh")
    };
    assert_eq!(found.stored.body, "new");
}

#[tokio::test]
async fn a_page_published_again_after_its_withdrawal_is_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), PurgeTable::default());
    cache
        .fill(
            &site(),
            &Arc::new(response(KEY, "old", "", Timestamp(5)).prepare(false)),
        )
        .kept()
        .await;
    cache.purge(&purge_of(Target::Path("/a".into()), true), Timestamp(10));
    assert!(matches!(
        look(&cache, Timestamp(11)).await,
        Lookup::Withdrawn
    ));
    cache
        .fill(
            &site(),
            &Arc::new(response(KEY, "again", "", Timestamp(12)).prepare(false)),
        )
        .kept()
        .await;
    assert!(matches!(
        look(&cache, Timestamp(13)).await,
        Lookup::Fresh(_)
    ));
}

#[tokio::test]
async fn a_copy_beyond_every_window_is_still_there_for_when_the_origin_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), PurgeTable::default());
    cache
        .fill(
            &site(),
            &Arc::new(response(KEY, "text", "", Timestamp(5)).prepare(false)),
        )
        .kept()
        .await;
    let year = Timestamp(365 * 86_400_000);
    assert!(matches!(
        look(&open(folder.path(), PurgeTable::default()), year).await,
        Lookup::Stale(_)
    ));
}

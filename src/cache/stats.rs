//! What the caches have done, as a table. Pure.

use yagura_control::Timestamp;
use yagura_control::order::{CacheStats, RequestCounts, SiteStats};

use crate::output::{self, span};

/// A block of lines for one edge.
pub(super) fn table(edge: &str, stats: &CacheStats, now: Timestamp) -> String {
    let hot = &stats.hot;
    let running = span(now.since(stats.since).as_secs());
    let mut lines = vec![
        format!("{edge}  since {} ({running})", stats.since.rfc3339()),
        format!(
            "  hot        {} responses, {} of {}, {} made room for others",
            hot.entries,
            output::bytes(hot.bytes),
            output::bytes(hot.capacity_bytes),
            hot.evictions
        ),
    ];
    match &stats.last_good {
        None => lines.push("  last-good  not kept".to_owned()),
        Some(kept) => {
            lines.push(format!(
                "  last-good  {} copies, {} of {}, {} found damaged",
                kept.entries,
                output::bytes(kept.bytes),
                output::bytes(kept.quota_bytes),
                kept.damaged
            ));
            let degraded = kept.degraded.iter();
            lines.extend(degraded.map(|why| format!("             TAKES NOTHING NEW: {why}")));
        }
    }
    lines.extend(stats.sites.iter().flat_map(of_site));
    lines.into_iter().map(|line| line + "\n").collect()
}

fn of_site(site: &SiteStats) -> Vec<String> {
    let share = match site.requests.hit_percent() {
        Some(percent) => format!("{percent:.1} % did not wait for the origin"),
        None => "nothing was looked up yet".to_owned(),
    };
    let mut lines = vec![format!("  site {}  {share}", site.name)];
    let counted = counted(&site.requests);
    lines.extend(
        counted
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, word, meaning)| format!("    {word:<12}{count:>12}  {meaning}")),
    );
    let (coalesced, fetching) = (site.coalesced, site.fetching);
    lines.push(format!(
        "    {:<12}{coalesced:>12}  waited for what another reader had asked for",
        "coalesced"
    ));
    lines.push(format!(
        "    {:<12}{fetching:>12}  questions to the origin under way now",
        "fetching"
    ));
    lines
}

fn counted(requests: &RequestCounts) -> [(u64, &'static str, &'static str); 12] {
    [
        (requests.hit, "hit", "fresh copy"),
        (
            requests.stale,
            "stale",
            "stale copy while a new one was fetched",
        ),
        (
            requests.confirmed,
            "confirmed",
            "stale copy that the origin confirmed",
        ),
        (
            requests.renewed,
            "renewed",
            "the origin's answer in place of a stale copy",
        ),
        (requests.miss, "miss", "asked for at the origin"),
        (
            requests.last_good,
            "last-good",
            "copy, because the origin failed",
        ),
        (requests.redirect, "redirect", "redirects"),
        (
            requests.pass,
            "pass",
            "passed to the origin without a look into the cache",
        ),
        (
            requests.unavailable,
            "unavailable",
            "503, because the origin failed",
        ),
        (
            requests.gone,
            "gone",
            "410, because the origin failed and the page was withdrawn",
        ),
        (
            requests.not_cached,
            "not-cached",
            "504, because only a copy was wanted",
        ),
        (requests.refused, "refused", "403"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_control::order::{HotStatus, TrafficShown};

    #[test]
    fn what_happened_is_told_and_what_did_not_is_left_out() {
        let stats = CacheStats {
            since: Timestamp(1_795_000_000_000),
            sites: vec![SiteStats {
                name: "town".into(),
                requests: RequestCounts {
                    hit: 3,
                    miss: 1,
                    ..RequestCounts::default()
                },
                ..SiteStats::default()
            }],
            hot: HotStatus::default(),
            last_good: None,
            traffic: TrafficShown::default(),
        };
        let told = table("edge", &stats, Timestamp(1_795_000_060_000));
        for line in [
            "edge  since 2026-11-18T20:06:40+09:00 (1 min)\n",
            "  last-good  not kept\n",
            "  site town  75.0 % did not wait for the origin\n",
            "    hit                    3  fresh copy\n",
        ] {
            assert!(told.contains(line), "{line} is not in\n{told}");
        }
        assert!(!told.contains("renewed"), "{told}");
    }
}

//! What came between two looks, by second. Pure: both looks are arguments.

use serde::Serialize;
use yagura_control::Timestamp;
use yagura_control::order::{
    AnswerCounts, CacheStats, CertificateStatus, EdgeStatus, RequestCounts, Route, SiteStats,
    SiteStatus, WafStatus,
};

/// All edges at one moment.
pub(super) struct Look {
    pub(super) at: Timestamp,
    /// In the order in which they are named.
    pub(super) edges: Vec<EdgeSeen>,
}

/// One edge at one moment.
pub(super) enum EdgeSeen {
    Answered {
        edge: String,
        generation: u64,
        /// By the edge's clock.
        at: Timestamp,
        status: Box<EdgeStatus>,
        stats: Box<CacheStats>,
    },
    Silent {
        /// Where it was asked.
        at: String,
        error: String,
    },
}

/// What came between two looks.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Rates {
    pub(super) at: Timestamp,
    pub(super) edges: Vec<EdgeRates>,
}

/// Of one edge.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct EdgeRates {
    /// Its name, or where it was asked.
    pub(super) edge: String,
    /// Why there is nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    pub(super) version: String,
    pub(super) generation: u64,
    pub(super) up_s: u64,
    pub(super) connections: u64,
    pub(super) under_way: u64,
    pub(super) connections_per_s: f64,
    pub(super) refused_per_s: f64,
    pub(super) handshakes_failed_per_s: f64,
    pub(super) hot_bytes: u64,
    pub(super) hot_capacity_bytes: u64,
    /// Inspection; none without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waf: Option<WafRates>,
    /// What of the edge itself needs somebody.
    pub(super) warnings: Vec<String>,
    pub(super) sites: Vec<SiteRates>,
}

/// Of inspection.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct WafRates {
    pub(super) ready: bool,
    pub(super) workers: usize,
    pub(super) busy: usize,
    pub(super) verdicts_per_s: f64,
    pub(super) refused_per_s: f64,
    pub(super) postponed_per_s: f64,
    pub(super) shadow_findings_per_s: f64,
    /// Workers that were ended by a deadline or lost.
    pub(super) ended_per_s: f64,
    /// Sites of which every request to the origin is inspected.
    pub(super) on: Vec<String>,
}

/// Of one site.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct SiteRates {
    pub(super) site: String,
    /// How it is answered, and why.
    pub(super) way: String,
    /// Whether that is how it is meant to be answered.
    pub(super) as_usual: bool,
    /// Upstreams that answer, and how many there are.
    pub(super) upstreams_up: usize,
    pub(super) upstreams: usize,
    pub(super) answers_per_s: f64,
    /// Of a hundred looked up in the cache, how many did not wait for the origin; none without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hit_percent: Option<f64>,
    pub(super) last_good_per_s: f64,
    pub(super) client_errors_per_s: f64,
    pub(super) server_errors_per_s: f64,
    pub(super) origin_errors_per_s: f64,
    pub(super) bytes_per_s: f64,
    pub(super) fetching: u64,
}

impl Rates {
    /// What came between two looks at the same edges. With twice the same look all rates are zero.
    pub(super) fn between(before: &Look, now: &Look) -> Self {
        let edges = now.edges.iter().enumerate();
        let edges = edges.map(|(index, edge)| of_edge(before.edges.get(index), edge));
        Self {
            at: now.at,
            edges: edges.collect(),
        }
    }
}

fn of_edge(before: Option<&EdgeSeen>, now: &EdgeSeen) -> EdgeRates {
    let (edge, generation, at, status, stats) = match now {
        EdgeSeen::Silent { at, error } => {
            return EdgeRates {
                edge: at.clone(),
                error: Some(error.clone()),
                ..EdgeRates::default()
            };
        }
        EdgeSeen::Answered {
            edge,
            generation,
            at,
            status,
            stats,
        } => (edge, *generation, *at, status, stats),
    };
    // After a restart or an upgrade everything is counted from nothing again.
    let earlier = match before {
        Some(EdgeSeen::Answered {
            at, stats, status, ..
        }) => Some((at, stats, status)),
        _ => None,
    };
    let earlier = earlier.filter(|(_, earlier, _)| earlier.since == stats.since);
    let waf_before = earlier.and_then(|(_, _, status)| status.waf.as_ref());
    let earlier = earlier.map(|(at, stats, _)| (at, stats));
    let took_s = earlier.map_or(0.0, |(before, _)| at.since(*before).as_secs_f64());
    let per_s = |now: u64, before: u64| {
        if took_s > 0.0 {
            precise(now.saturating_sub(before)) / took_s
        } else {
            0.0
        }
    };
    let traffic = &stats.traffic;
    let was = earlier.map_or(*traffic, |(_, stats)| stats.traffic);
    let site = |site: &SiteStats| {
        let was = earlier.and_then(|(_, stats)| named(&stats.sites, &site.name));
        let shown = status.sites.iter().find(|shown| shown.name == site.name);
        of_site(shown, was.unwrap_or(site), site, &per_s)
    };
    let kept = stats.last_good.as_ref();
    let degraded = kept.and_then(|kept| kept.degraded.as_ref());
    EdgeRates {
        edge: edge.clone(),
        error: None,
        version: status.version.clone(),
        generation,
        up_s: at.since(status.started_at).as_secs(),
        connections: traffic.connections,
        under_way: traffic.under_way,
        connections_per_s: per_s(traffic.admitted, was.admitted),
        refused_per_s: per_s(traffic.refused, was.refused),
        handshakes_failed_per_s: per_s(traffic.handshakes_failed, was.handshakes_failed),
        hot_bytes: stats.hot.bytes,
        hot_capacity_bytes: stats.hot.capacity_bytes,
        waf: status.waf.as_ref().map(|waf| WafRates {
            ready: waf.ready,
            workers: waf.workers,
            busy: waf.busy,
            ..waf_rates(waf_before.unwrap_or(waf), waf, &per_s)
        }),
        warnings: degraded
            .map(|why| format!("last-good takes nothing new: {why}"))
            .into_iter()
            .chain(status.warnings.iter().cloned())
            .chain(status.certificates.iter().filter_map(alarm))
            .collect(),
        sites: stats.sites.iter().map(site).collect(),
    }
}

/// What came of inspection between two looks.
/// Workers that did not end as they should.
const fn ended(waf: &WafStatus) -> u64 {
    waf.deadlines + waf.forbidden + waf.lost
}

fn waf_rates(was: &WafStatus, waf: &WafStatus, per_s: &impl Fn(u64, u64) -> f64) -> WafRates {
    let on = waf.sites.iter().filter(|site| site.mode == "on");
    WafRates {
        verdicts_per_s: per_s(waf.verdicts, was.verdicts),
        refused_per_s: per_s(waf.refused, was.refused),
        postponed_per_s: per_s(waf.postponed, was.postponed),
        shadow_findings_per_s: per_s(waf.shadow_findings, was.shadow_findings),
        ended_per_s: per_s(ended(waf), ended(was)),
        on: on.map(|site| site.site.clone()).collect(),
        ..WafRates::default()
    }
}

/// What is wrong with a certificate.
fn alarm(certificate: &CertificateStatus) -> Option<String> {
    let why = certificate.alarm.as_ref()?;
    Some(format!("certificate {}: {why}", certificate.name))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no rate is told with more digits than this keeps"
)]
const fn precise(count: u64) -> f64 {
    count as f64
}

fn named<'s>(sites: &'s [SiteStats], name: &str) -> Option<&'s SiteStats> {
    sites.iter().find(|site| site.name == name)
}

fn of_site(
    shown: Option<&SiteStatus>,
    was: &SiteStats,
    site: &SiteStats,
    per_s: &impl Fn(u64, u64) -> f64,
) -> SiteRates {
    let (answers, earlier): (&AnswerCounts, &AnswerCounts) = (&site.answers, &was.answers);
    let upstreams = shown.map_or(&[][..], |shown| &shown.upstreams);
    SiteRates {
        site: site.name.clone(),
        way: shown.map_or_else(String::new, |shown| shown.way.to_string()),
        as_usual: shown.is_some_and(is_as_usual),
        // Health waits for several failures; an operator who looks wants to see the first.
        upstreams_up: upstreams
            .iter()
            .filter(|upstream| upstream.up && upstream.answered != Some(false))
            .count(),
        upstreams: upstreams.len(),
        answers_per_s: per_s(answers.total(), earlier.total()),
        hit_percent: came_between(&was.requests, &site.requests).hit_percent(),
        last_good_per_s: per_s(site.requests.last_good, was.requests.last_good),
        client_errors_per_s: per_s(answers.client_error, earlier.client_error),
        server_errors_per_s: per_s(answers.server_error, earlier.server_error),
        origin_errors_per_s: per_s(site.origin_errors, was.origin_errors),
        bytes_per_s: per_s(answers.bytes, earlier.bytes),
        fetching: site.fetching,
    }
}

/// Whether the site is answered by its primary, with nothing in place of its home page.
fn is_as_usual(site: &SiteStatus) -> bool {
    site.way.way == Route::Primary && site.disaster.is_none()
}

/// Those requests that count for the share of hits.
fn came_between(before: &RequestCounts, now: &RequestCounts) -> RequestCounts {
    RequestCounts {
        hit: now.hit.saturating_sub(before.hit),
        stale: now.stale.saturating_sub(before.stale),
        confirmed: now.confirmed.saturating_sub(before.confirmed),
        renewed: now.renewed.saturating_sub(before.renewed),
        miss: now.miss.saturating_sub(before.miss),
        last_good: now.last_good.saturating_sub(before.last_good),
        unavailable: now.unavailable.saturating_sub(before.unavailable),
        gone: now.gone.saturating_sub(before.gone),
        // These were not looked up.
        redirect: 0,
        pass: 0,
        not_cached: 0,
        refused: 0,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use yagura_control::order::{HotStatus, TrafficShown, UpstreamShown, WayShown};

    /// A moment of one edge with one site, `s` seconds after it started, with so many hits, misses
    /// and answers of 5xx.
    pub(in crate::top) fn look(s: u64, hits: u64, misses: u64, failed: u64) -> Look {
        let started = Timestamp(1_795_000_000_000);
        let at = Timestamp(started.0 + 1000 * s);
        let upstream = |route, up| UpstreamShown {
            route,
            up,
            place: "http://127.0.0.1:1".to_owned(),
            answered: None,
            why: None,
            checked: None,
        };
        let status = EdgeStatus {
            version: "1.2.3".to_owned(),
            pid: 1,
            started_at: started,
            listeners: Vec::new(),
            sites: vec![SiteStatus {
                name: "town".to_owned(),
                hosts: Vec::new(),
                origin_up: Some(failed == 0),
                way: WayShown {
                    way: if failed == 0 {
                        Route::Primary
                    } else {
                        Route::LastGood
                    },
                    because: "the only one that answers".to_owned(),
                    until: None,
                },
                door: None,
                outside: None,
                disaster: None,
                upstreams: vec![
                    upstream(Route::Primary, failed == 0),
                    upstream(Route::Standby(1), true),
                ],
                redirects: 0,
                warmer: None,
            }],
            hot: HotStatus::default(),
            last_good: None,
            warnings: Vec::new(),
            waf: None,
            certificates: Vec::new(),
            journal: None,
        };
        let stats = CacheStats {
            since: started,
            sites: vec![SiteStats {
                name: "town".to_owned(),
                requests: RequestCounts {
                    hit: hits,
                    miss: misses,
                    ..RequestCounts::default()
                },
                answers: AnswerCounts {
                    successful: hits + misses,
                    server_error: failed,
                    bytes: 1000 * hits,
                    ..AnswerCounts::default()
                },
                ..SiteStats::default()
            }],
            hot: HotStatus::default(),
            last_good: None,
            traffic: TrafficShown {
                connections: 7,
                admitted: hits,
                ..TrafficShown::default()
            },
        };
        Look {
            at,
            edges: vec![EdgeSeen::Answered {
                edge: "edge".to_owned(),
                generation: 4,
                at,
                status: Box::new(status),
                stats: Box::new(stats),
            }],
        }
    }

    pub(in crate::top) fn silent() -> Look {
        Look {
            at: Timestamp(1_795_000_000_000),
            edges: vec![EdgeSeen::Silent {
                at: "/run/a.socket".to_owned(),
                error: "no answer at /run/a.socket".to_owned(),
            }],
        }
    }

    #[test]
    fn what_came_in_between_is_told_by_second() {
        let rates = Rates::between(&look(10, 100, 10, 0), &look(12, 190, 20, 0));
        let edge = &rates.edges[0];
        let site = &edge.sites[0];
        assert_eq!((edge.up_s, edge.connections, edge.generation), (12, 7, 4));
        assert_eq!(site.answers_per_s, 50.0);
        assert_eq!(site.hit_percent, Some(90.0));
        assert_eq!(site.bytes_per_s, 45_000.0);
        assert!(site.as_usual);
    }

    #[test]
    fn nothing_is_told_of_what_was_before_the_first_look() {
        let now = look(10, 100, 10, 0);
        let site = &Rates::between(&now, &now).edges[0].sites[0];
        assert_eq!((site.answers_per_s, site.hit_percent), (0.0, None));
    }

    #[test]
    fn counts_that_begin_anew_are_no_rates() {
        let mut after = look(12, 5, 5, 0);
        if let EdgeSeen::Answered { stats, .. } = &mut after.edges[0] {
            stats.since = Timestamp(stats.since.0 + 11_000);
        }
        let rates = Rates::between(&look(10, 100, 10, 0), &after);
        assert_eq!(rates.edges[0].sites[0].answers_per_s, 0.0);
        let back = Rates::between(&silent(), &look(10, 100, 10, 0));
        assert_eq!(back.edges[0].sites[0].answers_per_s, 0.0);
    }

    #[test]
    fn a_silent_edge_is_named_with_why() {
        let rates = Rates::between(&look(10, 1, 1, 0), &silent());
        assert_eq!(rates.edges[0].edge, "/run/a.socket");
        assert!(rates.edges[0].error.as_ref().unwrap().contains("no answer"));
    }
}

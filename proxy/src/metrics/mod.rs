//! Figures for Prometheus: what there is (`families.rs`, from which docs/metrics.md is made), how it
//! is written (`text.rs`), and here, where it is read and told.
//!
//! Only on a loopback address, and only when asked: nothing is computed ahead, and readers pay for
//! figures with the additions in `counters.rs` alone.

mod doors;
mod families;
mod paths;
mod text;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use yagura_control::order::{CertificateStatus, RequestCounts};

use crate::counters::failures::Failure;
use crate::counters::sent::SPANS_US;
use crate::limits::refused::Limit;
use crate::routing::{Plan, Site};
use crate::state::Edge;
use crate::upstream;
use families as f;
use text::Text;

/// How long a connection of Prometheus may last.
const LONGEST: Duration = Duration::from_secs(60);

/// Tells figures until the task is dropped.
pub async fn serve(edge: Arc<Edge>, listener: tokio::net::TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let edge = edge.clone();
        let answer = service_fn(move |request| {
            let response = respond(&edge, &request);
            async move { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(async move {
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            let _asker_is_gone = tokio::time::timeout(LONGEST, serving).await;
        });
    }
}

fn respond(edge: &Edge, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" || request.method() != Method::GET {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    *response.body_mut() = Full::from(figures(edge));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Every figure, as text.
fn figures(edge: &Edge) -> String {
    let mut text = Text::default();
    of_edge(edge, &mut text);
    of_limits(edge, &mut text);
    of_waf(edge, &mut text);
    of_cache(edge, &mut text);
    of_sites(edge, &mut text);
    paths::tell(edge, &mut text);
    text.finished()
}

fn of_edge(edge: &Edge, text: &mut Text) {
    text.family(&f::BUILD);
    text.value(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family(&f::STARTED);
    text.value(&[], edge.started_at.0 / 1000);
    text.family(&f::GENERATION);
    text.value(&[], edge.switchboard.plan().generation);
    text.family(&f::UNDER_WAY);
    text.value(&[], edge.traffic.readers() as u64);
    if let Some(log) = edge.access_log.counts() {
        text.family(&f::LOG_LINES);
        text.value(&[], log.written);
        text.family(&f::LOG_DROPPED);
        text.value(&[("because", "queue")], log.lost_in_queue);
        text.value(&[("because", "disk")], log.lost_on_disk);
        text.family(&f::LOG_FAILING);
        text.value(&[], u64::from(log.failing));
    }
    if let Some((sent, lost)) = edge.traces.counts() {
        text.family(&f::SPANS);
        text.value(&[("result", "sent")], sent);
        text.value(&[("result", "lost")], lost);
    }
    of_certificates(&edge.certificates.status(), text);
    let elsewhere = edge.certificates.elsewhere();
    if !elsewhere.is_empty() {
        text.family(&f::CERTIFICATE_ELSEWHERE);
        for (name, seen) in &elsewhere {
            if let Some(ends) = seen.ends {
                text.value(&[("certificate", name)], ends.0 / 1000);
            }
        }
        text.family(&f::ELSEWHERE_TROUBLE);
        for (name, seen) in &elsewhere {
            let trouble = u64::from(!seen.troubles.is_empty());
            text.value(&[("certificate", name)], trouble);
        }
    }
}

fn of_certificates(all: &[CertificateStatus], text: &mut Text) {
    type Read = fn(&CertificateStatus) -> Option<u64>;
    let figures: [(&f::Family, Read); 4] = [
        (&f::CERTIFICATE, |it| it.not_after.map(|end| end.0 / 1000)),
        (&f::CERTIFICATE_ALARM, |it| {
            Some(u64::from(it.alarm.is_some()))
        }),
        (&f::RENEWAL_FAILURES, |it| Some(it.failures)),
        (&f::RENEWAL_FAILING, |it| {
            Some(u64::from(it.failure.is_some()))
        }),
    ];
    for (family, read) in figures.into_iter().filter(|_| !all.is_empty()) {
        text.family(family);
        for certificate in all {
            if let Some(value) = read(certificate) {
                text.value(&[("certificate", &certificate.name)], value);
            }
        }
    }
}

fn of_limits(edge: &Edge, text: &mut Text) {
    let limits = &edge.limits;
    text.family(&f::CONNECTIONS);
    text.value(&[], limits.open() as u64);
    text.family(&f::ADMITTED);
    text.value(&[], limits.admitted.load(Ordering::Relaxed));
    text.family(&f::HANDSHAKES);
    for (result, count) in ["done", "failed"].iter().zip(&limits.handshakes) {
        text.value(&[("result", result)], count.load(Ordering::Relaxed));
    }
    text.family(&f::REFUSED);
    for limit in Limit::ALL {
        text.value(&[("limit", limit.name())], limits.refused.of(limit));
    }
    text.family(&f::BANS);
    let bans = limits.bans().in_force(edge.clock.now()).count();
    text.value(&[], bans as u64);
}

fn of_waf(edge: &Edge, text: &mut Text) {
    let Some(status) = edge.waf.status(&[]) else {
        return;
    };
    text.family(&f::WAF_READY);
    text.value(&[], u64::from(status.ready));
    text.family(&f::WAF_BUSY);
    text.value(&[], status.busy as u64);
    text.family(&f::WAF_ENDS);
    text.value(&[("because", "deadline")], status.deadlines);
    text.value(&[("because", "forbidden")], status.forbidden);
    text.value(&[("because", "lost")], status.lost);
    text.value(&[("because", "recycled")], status.recycled);
    text.family(&f::WAF_CPU);
    text.value(&[], status.cpu_us);
    text.family(&f::WAF_UNWRITTEN);
    let lost = &edge.waf.findings.lost;
    for (because, count) in [("queue", &lost.in_queue), ("disk", &lost.on_disk)] {
        text.value(&[("because", because)], count.load(Ordering::Relaxed));
    }
    text.family(&f::WAF_REQUESTS);
    for ((site, mode, found, done), count) in edge.waf.tally.all() {
        let labels = [
            ("site", site.as_str()),
            ("mode", mode),
            ("found", found),
            ("done", done),
        ];
        text.value(&labels, count);
    }
}

fn of_cache(edge: &Edge, text: &mut Text) {
    let (hot, last_good) = edge.cache.status();
    for (family, value) in [
        (&f::HOT_ENTRIES, hot.entries),
        (&f::HOT_BYTES, hot.bytes),
        (&f::HOT_CAPACITY, hot.capacity_bytes),
        (&f::HOT_EVICTIONS, hot.evictions),
    ] {
        text.family(family);
        text.value(&[], value);
    }
    let Some(kept) = last_good else { return };
    for (family, value) in [
        (&f::KEPT_ENTRIES, kept.entries),
        (&f::KEPT_BYTES, kept.bytes),
        (&f::KEPT_QUOTA, kept.quota_bytes),
        (&f::KEPT_DAMAGED, kept.damaged),
        (&f::KEPT_DEGRADED, u64::from(kept.degraded.is_some())),
    ] {
        text.family(family);
        text.value(&[], value);
    }
}

fn of_sites(edge: &Edge, text: &mut Text) {
    let plan = edge.switchboard.plan().clone();
    text.family(&f::REQUESTS);
    each(&plan, text, |text, site, name| {
        for (outcome, count) in outcomes(&site.seen.counters.requests()) {
            text.value(&[("site", name), ("outcome", outcome)], count);
        }
    });
    text.family(&f::RESPONSES);
    each(&plan, text, |text, site, name| {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        for (class, count) in classes.iter().zip(site.seen.counters.sent().by_class) {
            text.value(&[("site", name), ("class", class)], count);
        }
    });
    text.family(&f::BYTES);
    each(&plan, text, |text, site, name| {
        text.value(&[("site", name)], site.seen.counters.sent().bytes);
    });
    text.family(&f::SECONDS);
    each(&plan, text, |text, site, name| {
        let sent = site.seen.counters.sent();
        text.histogram(name, &SPANS_US, &sent.by_span, sent.took_us);
    });
    text.family(&f::COALESCED);
    each(&plan, text, |text, site, name| {
        let coalesced = site.seen.counters.count(crate::counters::Event::Coalesced);
        text.value(&[("site", name)], coalesced);
    });
    text.family(&f::FETCHING);
    each(&plan, text, |text, site, name| {
        text.value(&[("site", name)], site.seen.counters.fetching_now());
    });
    text.family(&f::ORIGIN_ERRORS);
    each(&plan, text, |text, site, name| {
        for failure in Failure::ALL {
            let count = site.seen.counters.failures.of(failure);
            text.value(&[("site", name), ("kind", failure.name())], count);
        }
    });
    text.family(&f::ORIGIN_UP);
    each(&plan, text, |text, site, name| {
        if let Some(up) = site.seen.upstreams.answered_last() {
            text.value(&[("site", name)], u64::from(up));
        }
    });
    text.family(&f::UPSTREAM_UP);
    each(&plan, text, |text, site, name| {
        for upstream in upstream::shown(&site.upstreams) {
            let labels = [("site", name), ("upstream", &*upstream.route.to_string())];
            text.value(&labels, u64::from(upstream.up));
        }
    });
    text.family(&f::DISASTER_AGE);
    let now = edge.clock.now();
    each(&plan, text, |text, site, name| {
        if let Some(page) = &site.disaster {
            text.value(&[("site", name)], now.since(page.newest_at).as_secs());
        }
    });
    text.family(&f::WAY);
    each(&plan, text, |text, site, name| {
        let way = site.decided.shown().way.to_string();
        text.value(&[("site", name), ("way", &*way)], 1);
    });
    doors::tell(edge, &plan, text);
    text.family(&f::REDIRECTS);
    each(&plan, text, |text, site, name| {
        text.value(&[("site", name)], site.redirects.len() as u64);
    });
    of_warmers(&plan, text);
}

/// Tells something of every site.
fn each(plan: &Plan, text: &mut Text, tell: impl Fn(&mut Text, &Site, &str)) {
    for site in plan.sites() {
        tell(text, site, &site.settings.name);
    }
}

fn of_warmers(plan: &Plan, text: &mut Text) {
    type Read = fn(&yagura_control::order::WarmerStatus) -> u64;
    let figures: [(&f::Family, Read); 4] = [
        (&f::WARMER_POSITION, |warmer| warmer.position),
        (&f::WARMER_HEAD, |warmer| warmer.head),
        (&f::WARMER_COMPLETE, |warmer| u64::from(warmer.complete)),
        (&f::WARMER_FAILING, |warmer| warmer.failing),
    ];
    for (family, read) in figures {
        text.family(family);
        each(plan, text, |text, site, name| {
            let settings = &site.settings;
            if settings.feed_socket.is_none() && settings.sitemap.is_none() {
                return;
            }
            let warmer = &site.seen.warmer;
            let warmer = warmer
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            text.value(&[("site", name)], read(&warmer));
        });
    }
}

fn outcomes(requests: &RequestCounts) -> [(&'static str, u64); 12] {
    [
        ("hit", requests.hit),
        ("stale", requests.stale),
        ("confirmed", requests.confirmed),
        ("renewed", requests.renewed),
        ("miss", requests.miss),
        ("last_good", requests.last_good),
        ("redirect", requests.redirect),
        ("pass", requests.pass),
        ("unavailable", requests.unavailable),
        ("gone", requests.gone),
        ("not_cached", requests.not_cached),
        ("refused", requests.refused),
    ]
}

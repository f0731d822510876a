//! One request in the log: what is known of it when it ends, and its form as JSON. What may be told
//! of its reader is decided by `address.rs` and `target.rs`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Version;
use pingora::protocols::tls::SslDigest;
use serde::Serialize;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use yagura_config::settings::AccessLogSettings;
use yagura_control::Timestamp;
use yagura_control::order::Route;

use super::address::Veil;
use super::asked::Asked;
use super::request_id::RequestId;
use super::target;
use crate::limits::refused::Limit;
use crate::routing::Site;
use crate::visit::Visit;
use crate::waf::Found;

/// How the reader speaks with the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Version of HTTP, as requests name it.
    pub protocol: &'static str,
    /// Version of TLS; none without.
    pub tls: Option<&'static str>,
}

impl Wire {
    /// Of a request of that version over a connection with that TLS.
    #[must_use]
    pub fn of(version: Version, tls: Option<&SslDigest>) -> Self {
        let protocol = match version {
            Version::HTTP_09 | Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_3 => "HTTP/3",
            _ => "HTTP/1.1",
        };
        let tls = tls.map(|digest| match digest.version.as_ref() {
            "TLSv1_3" => "TLSv1.3",
            "TLSv1_2" => "TLSv1.2",
            _ => "TLS",
        });
        Self { protocol, tls }
    }
}

/// One request.
#[derive(Clone)]
pub struct Line {
    /// When it began.
    pub at: Timestamp,
    /// The reader's address.
    pub client: Option<IpAddr>,
    /// How it came.
    pub wire: Wire,
    /// What was asked.
    pub asked: Asked,
    /// Of which site; none when there was none.
    pub site: Option<Arc<Site>>,
    /// The upstream that was asked for this reader alone; none where an answer was stored, or asked
    /// for all who want it.
    pub upstream: Option<Route>,
    /// Status answered with; 0 when there was no answer.
    pub status: u16,
    /// Bytes of the body sent.
    pub bytes: u64,
    /// What became of it, in the words of `yagura cache stats`.
    pub outcome: &'static str,
    /// The limit that it met.
    pub limit: Option<Limit>,
    /// What inspection found, and the rules that matched.
    pub waf: Option<Box<(Found, Vec<u32>)>>,
    /// From its first byte to the answer's first; none when there was no answer.
    pub first_byte: Option<Duration>,
    /// From its first byte to the answer's last.
    pub took: Duration,
    /// Its name.
    pub id: RequestId,
}

/// A line as it is written.
#[derive(Serialize)]
struct Shown<'l> {
    time: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    site: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'l str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target: &'l str,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
    status: u16,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waf: Option<&'static str>,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    waf_rules: &'l [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_us: Option<u64>,
    took_us: u64,
    request_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    referer: &'l str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_agent: &'l str,
}

impl Line {
    /// The line of a visit that ends.
    #[must_use]
    pub fn of(visit: &Visit, asked: Asked, status: u16, bytes: u64) -> Self {
        Self {
            at: visit.at,
            client: visit.client,
            wire: visit.wire,
            asked,
            site: visit.site.clone(),
            upstream: visit
                .upstream
                .as_ref()
                .map(|upstream| Route::through(upstream.index)),
            status,
            bytes,
            outcome: visit.outcome,
            limit: visit.limit,
            waf: visit.inspected.as_ref().map(|inspected| {
                let rules = inspected.rules.iter().map(|rule| rule.rule);
                Box::new((inspected.found, rules.collect()))
            }),
            first_byte: visit.first_byte,
            took: visit.began.elapsed(),
            id: visit.id,
        }
    }

    /// The line of a request that is refused, for no limit and with no answer, before it is known
    /// whose site it is for: its reader, when it began, what it was.
    #[must_use]
    pub fn of_refusal(
        (client, wire): (Option<IpAddr>, Wire),
        (at, began): (Timestamp, Instant),
        asked: Asked,
    ) -> Self {
        let took = began.elapsed();
        Self {
            at,
            client,
            wire,
            asked,
            site: None,
            upstream: None,
            status: 0,
            bytes: 0,
            outcome: "refused",
            limit: None,
            waf: None,
            first_byte: Some(took),
            took,
            id: RequestId::new(&mut rand::rng()),
        }
    }

    /// Adds the line to `out`, with its end.
    pub fn write(&self, settings: &AccessLogSettings, veil: &mut Veil, out: &mut Vec<u8>) {
        let before = out.len();
        let shown = Shown {
            time: rfc3339_ms(self.at),
            site: self
                .site
                .as_ref()
                .map_or("", |site| site.settings.name.as_str()),
            client: veil.shown(self.client, self.at, rand::random),
            method: self.asked.method(),
            target: &target::shown(self.asked.target(), settings),
            protocol: self.wire.protocol,
            tls: self.wire.tls,
            upstream: self.upstream.map(|upstream| upstream.to_string()),
            status: self.status,
            bytes: self.bytes,
            cache: cache_status(self.outcome),
            outcome: self.outcome,
            limit: self.limit.map(Limit::name),
            waf: self.waf.as_deref().map(|(found, _)| found.name()),
            waf_rules: self.waf.as_deref().map_or(&[], |(_, rules)| rules),
            first_byte_us: self.first_byte.map(us),
            took_us: us(self.took),
            request_id: self.id.to_string(),
            referer: &target::shown_url(self.asked.referer(), settings),
            user_agent: self.asked.user_agent(),
        };
        match serde_json::to_writer(&mut *out, &shown) {
            Ok(()) => out.push(b'\n'),
            Err(_) => out.truncate(before),
        }
    }
}

/// Lines that are missing, told in their place.
#[derive(Serialize)]
struct Missing {
    time: String,
    lines_lost: u64,
    because: &'static str,
}

/// Adds to `out` that lines are missing.
pub fn write_missing(lines: u64, because: &'static str, now: Timestamp, out: &mut Vec<u8>) {
    let missing = Missing {
        time: rfc3339_ms(now),
        lines_lost: lines,
        because,
    };
    if serde_json::to_writer(&mut *out, &missing).is_ok() {
        out.push(b'\n');
    }
}

/// The outcome in the words of Cache-Status (RFC 9211, section 2); none where no cache was asked.
fn cache_status(outcome: &str) -> Option<&'static str> {
    Some(match outcome {
        "hit" => "hit",
        "stale" => "hit; detail=revalidating",
        "last-good" => "hit; detail=last-good",
        "confirmed" => "fwd=stale; fwd-status=304",
        "renewed" => "fwd=stale",
        "miss" | "busy" | "unavailable" => "fwd=uri-miss",
        "none" => "fwd=bypass",
        _ => return None,
    })
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC, to the millisecond.
fn rfc3339_ms(at: Timestamp) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.utc().format(FORM).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use yagura_config::settings::AddressPolicy;

    use super::*;

    fn line(head: &[u8]) -> Line {
        Line {
            at: Timestamp(1_795_410_187_123),
            client: "192.0.2.7".parse().ok(),
            wire: Wire::of(Version::HTTP_2, None),
            asked: Asked::of_head(head),
            site: None,
            upstream: None,
            status: 431,
            bytes: 7,
            outcome: "refused",
            limit: Some(Limit::HeadSize),
            waf: None,
            first_byte: Some(Duration::from_micros(12)),
            took: Duration::from_micros(34),
            id: RequestId(0xab),
        }
    }

    fn written(line: &Line) -> String {
        let settings = AccessLogSettings::new("x".into());
        let mut out = Vec::new();
        line.write(
            &settings,
            &mut Veil::new(AddressPolicy::Truncated),
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_reads_as_documented() {
        let head = b"GET /a?q=secret HTTP/1.1\r\nUser-Agent: \"x\"\n";
        assert_eq!(
            written(&line(head)),
            "{\"time\":\"2026-11-23T05:03:07.123Z\",\"client\":\"192.0.2.0/24\",\"method\":\"GET\",\
             \"target\":\"/a?q\",\"protocol\":\"HTTP/2\",\"status\":431,\"bytes\":7,\
             \"outcome\":\"refused\",\"limit\":\"head\",\"first_byte_us\":12,\"took_us\":34,\
             \"request_id\":\"000000000000000000000000000000ab\",\"user_agent\":\"\\\"x\\\"\"}\n"
        );
    }

    proptest! {
        #[test]
        fn every_line_is_one_object_on_one_line(head in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut bytes = b"GET / HTTP/1.1\r\nuser-agent: ".to_vec();
            bytes.extend_from_slice(&head);
            let text = written(&line(&bytes));
            prop_assert!(text.ends_with('\n') && !text.trim_end_matches('\n').contains('\n'));
            prop_assert!(serde_json::from_str::<Value>(&text).unwrap().is_object());
        }
    }
}

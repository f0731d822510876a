//! A request as a span of OTLP in JSON (OTLP 1.x, "JSON Protobuf Encoding"), with the names of the
//! semantic conventions for HTTP. Pure.
//!
//! Of a reader nothing is told but what was asked, without its query.

use http::HeaderValue;
use serde_json::{Value, json};
use yagura_config::settings::TraceSettings;

use crate::access_log::Line;
use crate::access_log::request_id::RequestId;
use crate::access_log::target::path_shown;

/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// Many spans of one edge as one request to a collector.
#[must_use]
pub fn together(edge: &str, spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            text("service.name", "yagura-edge"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", edge),
        ]},
        "scopeSpans": [{
            "scope": {"name": "yagura", "version": env!("CARGO_PKG_VERSION")},
            "spans": spans,
        }],
    }]})
}

/// The span of a request that ended.
#[must_use]
pub fn of(line: &Line, settings: &TraceSettings) -> Value {
    let begin_ns = u128::from(line.at.0) * 1_000_000;
    let end_ns = begin_ns + line.took.as_nanos();
    let method = match line.asked.method() {
        "" => "_OTHER",
        method => method,
    };
    let target = line.asked.target();
    let path = target.split('?').next().unwrap_or_default();
    let mut attributes = vec![
        text("http.request.method", method),
        text("url.path", &path_shown(path, &settings.hide_below)),
        text(
            "url.scheme",
            if line.wire.tls.is_some() {
                "https"
            } else {
                "http"
            },
        ),
        text(
            "network.protocol.version",
            line.wire.protocol.trim_start_matches("HTTP/"),
        ),
        text("yagura.outcome", line.outcome),
        number("http.response.body.size", line.bytes),
    ];
    if line.status > 0 {
        attributes.push(number("http.response.status_code", u64::from(line.status)));
    }
    if let Some(site) = &line.site {
        attributes.push(text("yagura.site", &site.settings.name));
    }
    if let Some(upstream) = line.upstream {
        attributes.push(text("yagura.upstream", &upstream.to_string()));
    }
    if let Some(limit) = line.limit {
        attributes.push(text("yagura.limit", limit.name()));
    }
    if let Some(first_byte) = line.first_byte {
        let us = u64::try_from(first_byte.as_micros()).unwrap_or(u64::MAX);
        attributes.push(number("yagura.first_byte_us", us));
    }
    let mut span = json!({
        "traceId": format!("{:032x}", line.id.0),
        "spanId": format!("{:016x}", span_id(line.id)),
        "name": method,
        "kind": SERVER,
        "startTimeUnixNano": begin_ns.to_string(),
        "endTimeUnixNano": end_ns.to_string(),
        "attributes": attributes,
    });
    // Of a server's span only its own failures are errors.
    if line.status >= 500
        && let Some(span) = span.as_object_mut()
    {
        span.insert("status".to_owned(), json!({"code": ERROR}));
    }
    span
}

/// What the origin is told: this trace, this span, and whether it is told of.
#[must_use]
pub fn parent(id: RequestId, told: bool) -> Option<HeaderValue> {
    let flags = u8::from(told) | RANDOM;
    let text = format!("00-{:032x}-{:016x}-{flags:02x}", id.0, span_id(id));
    HeaderValue::try_from(text).ok()
}

/// The trace's number is random (Trace Context level 2, section 3.2.2.5).
const RANDOM: u8 = 2;

/// The number of the edge's span, which has to differ from zero and from others in the same trace.
const fn span_id(id: RequestId) -> u64 {
    // The upper half of the trace's number is as random as any.
    let upper = (id.0 >> 64) as u64;
    if upper == 0 { 1 } else { upper }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Numbers of 64 bits are texts in OTLP's JSON.
fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Version;
    use yagura_control::Timestamp;
    use yagura_control::order::Route;

    use super::*;
    use crate::access_log::asked::Asked;
    use crate::access_log::line::Wire;

    fn settings() -> TraceSettings {
        TraceSettings {
            collector: "127.0.0.1:4318".parse().unwrap(),
            path: TraceSettings::USUAL_PATH.to_owned(),
            per_million: 1,
            hide_below: vec!["/reset/".to_owned()],
        }
    }

    fn line(head: &str, status: u16) -> Line {
        Line {
            at: Timestamp(1_795_410_187_123),
            client: "192.0.2.7".parse().ok(),
            wire: Wire::of(Version::HTTP_2, None),
            asked: Asked::of_head(head.as_bytes()),
            site: None,
            upstream: Some(Route::Standby(1)),
            status,
            bytes: 7,
            outcome: "miss",
            limit: None,
            waf: None,
            first_byte: Some(Duration::from_micros(12)),
            took: Duration::from_micros(34),
            id: RequestId(0x0123_4567_89ab_cdef_0000_0000_0000_00ab),
        }
    }

    #[test]
    fn a_request_is_a_span() {
        let span = of(
            &line("GET /a?q=tanaka HTTP/1.1\r\nUser-Agent: x\r\n\r\n", 200),
            &settings(),
        );
        assert_eq!(span["traceId"], "0123456789abcdef00000000000000ab");
        assert_eq!(span["spanId"], "0123456789abcdef");
        assert_eq!(span["startTimeUnixNano"], "1795410187123000000");
        assert_eq!(span["endTimeUnixNano"], "1795410187123034000");
        assert_eq!((&span["name"], &span["kind"]), (&json!("GET"), &json!(2)));
        let attributes = span["attributes"].as_array().unwrap();
        for attribute in [
            text("url.path", "/a"),
            number("http.response.status_code", 200),
            text("network.protocol.version", "2"),
            text("yagura.outcome", "miss"),
            text("yagura.upstream", "standby 1"),
        ] {
            assert!(
                attributes.contains(&attribute),
                "{attribute} is not in {span}"
            );
        }
        assert!(span.get("status").is_none());
        let told = span.to_string();
        for own in ["tanaka", "192.0.2.7", "User-Agent"] {
            assert!(!told.contains(own), "{own} is in {told}");
        }
    }

    #[test]
    fn what_failed_here_is_an_error_and_what_is_hidden_stays_so() {
        let span = of(
            &line("GET /reset/secret HTTP/1.1\r\n\r\n", 503),
            &settings(),
        );
        assert_eq!(span["status"]["code"], 2);
        assert!(span.to_string().contains("\"/reset/*\""), "{span}");
        let unread = of(&line("nonsense", 0), &settings());
        assert_eq!(unread["name"], "_OTHER");
    }

    #[test]
    fn the_origin_is_told_the_same_trace() {
        let id = RequestId(0x0123_4567_89ab_cdef_0000_0000_0000_00ab);
        assert_eq!(
            parent(id, true).unwrap(),
            "00-0123456789abcdef00000000000000ab-0123456789abcdef-03"
        );
        assert!(
            parent(id, false)
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with("-02")
        );
    }
}

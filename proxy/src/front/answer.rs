//! Writing a hit: the prepared head, the lines that change from answer to answer, the body.

use std::io::{self, IoSlice, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use http::StatusCode;
use pingora::protocols::Stream;

use super::decide::Answer;
use crate::access_log::Line;
use crate::access_log::asked::Asked;
use crate::access_log::line::Wire;
use crate::access_log::request_id::RequestId;
use crate::limits::pace::{self, Slowest};

/// Writes what changes from answer to answer into `out`: the end of the head.
pub fn write(answer: &Answer, close: bool, out: &mut BytesMut) {
    out.clear();
    out.extend_from_slice(b"age: ");
    decimal(answer.age_s, out);
    out.extend_from_slice(b"\r\ncache-status: yagura; hit; ttl=");
    let lifetime_s = answer.prepared.stored.terms.lifetime_s;
    if answer.age_s > lifetime_s {
        out.extend_from_slice(b"-");
    }
    decimal(lifetime_s.abs_diff(answer.age_s), out);
    out.extend_from_slice(b"\r\n");
    if let Some(hsts) = answer.hsts() {
        out.extend_from_slice(hsts.line());
    }
    if close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// A number, written without the machinery of formatting, which costs as much as the cache's lookup.
fn decimal(mut number: u64, out: &mut BytesMut) {
    // 2^64 has twenty digits.
    let mut digits = [0; 20];
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        count += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
}

fn body(answer: &Answer) -> Option<&bytes::Bytes> {
    (!answer.not_modified && !answer.head_only).then_some(&answer.prepared.stored.body)
}

/// Sends the prepared head, what was written into `out`, and the body, in one system call where the
/// socket takes it all: nothing is copied on the way.
pub async fn send(
    answer: &Answer,
    out: &BytesMut,
    stream: &mut Stream,
    slowest: Slowest,
) -> io::Result<()> {
    let prepared = &answer.prepared;
    let head = if answer.not_modified {
        &prepared.head_not_modified
    } else {
        &prepared.head
    };
    let body: &[u8] = body(answer).map_or(&[], |body| body);
    let mut parts = [IoSlice::new(head), IoSlice::new(out), IoSlice::new(body)];
    pace::write_all(stream, &mut parts, slowest).await
}

/// Writes a refusal that ends the connection.
pub fn write_refusal(status: StatusCode, out: &mut BytesMut) {
    out.clear();
    let reason = status.canonical_reason().unwrap_or_default();
    let text = format!("{} {reason}\n", status.as_u16());
    // RFC 9110, section 15.5.6.
    let allow = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            "allow: GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, M-SEARCH\r\n"
        }
        _ => "",
    };
    let _memory_is_there = write!(
        out.writer(),
        "HTTP/1.1 {} {reason}\r\ncontent-type: text/plain\r\ncache-control: no-store\r\n{allow}content-length: {}\r\n\
         connection: close\r\n\r\n{text}",
        status.as_u16(),
        text.len()
    );
}

/// What the log is told of a hit.
pub struct Told {
    /// The reader's address.
    pub client: Option<IpAddr>,
    /// How it came.
    pub wire: Wire,
    /// When it began.
    pub began: Instant,
    /// From then to the answer's first byte.
    pub first_byte: Duration,
    /// Bytes of the body sent.
    pub bytes: u64,
}

/// The answer's line in the log.
pub fn line(answer: Answer, asked: Asked, told: &Told) -> Line {
    Line {
        at: answer.at,
        client: told.client,
        wire: told.wire,
        asked,
        upstream: None,
        status: answer.status(),
        bytes: told.bytes,
        outcome: "hit",
        limit: None,
        waf: None,
        first_byte: Some(told.first_byte),
        took: told.began.elapsed(),
        id: RequestId::new(&mut rand::rng()),
        site: Some(answer.site),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_formatting_writes_them(number in any::<u64>()) {
            for number in [number, number % 1000, 0, u64::MAX] {
                let mut out = BytesMut::new();
                decimal(number, &mut out);
                let formatted = number.to_string();
                prop_assert_eq!(&out[..], formatted.as_bytes());
            }
        }
    }
}

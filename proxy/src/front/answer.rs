//! Writing a hit: the prepared head, the two lines that change from answer to answer, the body.

use std::io::{self, Write};
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use http::StatusCode;
use pingora::protocols::Stream;
use tokio::io::AsyncWriteExt;

use super::Connection;
use super::decide::Answer;
use crate::access_log::Line;

/// Bodies up to this size are written together with the head: copying costs less than a system call.
const TOGETHER: usize = 32 << 10;

/// Writes the head, and a small body, into `out`.
pub fn write(answer: &Answer, close: bool, out: &mut BytesMut) {
    out.clear();
    let prepared = &answer.prepared;
    out.extend_from_slice(if answer.not_modified {
        &prepared.head_not_modified
    } else {
        &prepared.head
    });
    let ttl = i128::from(prepared.stored.terms.lifetime_s) - i128::from(answer.age_s);
    let connection = if close { "connection: close\r\n" } else { "" };
    let _memory_is_there = write!(
        out.writer(),
        "age: {}\r\ncache-status: yagura; hit; ttl={ttl}\r\n{connection}\r\n",
        answer.age_s
    );
    if let Some(body) = body(answer)
        && body.len() <= TOGETHER
    {
        out.extend_from_slice(body);
    }
}

fn body(answer: &Answer) -> Option<&bytes::Bytes> {
    (!answer.not_modified && !answer.head_only).then_some(&answer.prepared.stored.body)
}

/// Sends what was written, and a large body after it.
pub async fn send(answer: &Answer, out: &BytesMut, stream: &mut Stream) -> io::Result<()> {
    stream.write_all(out).await?;
    if let Some(body) = body(answer)
        && body.len() > TOGETHER
    {
        stream.write_all(body).await?;
    }
    stream.flush().await
}

/// Writes a refusal that ends the connection.
pub fn write_refusal(status: StatusCode, out: &mut BytesMut) {
    out.clear();
    let reason = status.canonical_reason().unwrap_or_default();
    let text = format!("{} {reason}\n", status.as_u16());
    let _memory_is_there = write!(
        out.writer(),
        "HTTP/1.1 {} {reason}\r\ncontent-type: text/plain\r\ncache-control: no-store\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{text}",
        status.as_u16(),
        text.len()
    );
}

/// The answer's line in the log.
pub fn line(answer: &Answer, connection: &Connection, began: Instant) -> Line {
    let (_, target) = crate::cache::key::site_and_target(&connection.key);
    let path = target.split('?').next().unwrap_or_default();
    let bytes = body(answer).map_or(0, |body| body.len() as u64);
    Line::of_hit(answer, path, connection.client, bytes, began)
}

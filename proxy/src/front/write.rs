//! A reply's bytes over HTTP/1.1 (RFC 9112). No I/O.

use std::io::Write;

use bytes::{BufMut, BytesMut};
use http::{StatusCode, header};
use yagura_control::Timestamp;

use crate::cache::Interim;
use crate::stages::reply::{Reply, is_bodiless};

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length, or there is none.
    Length,
    /// In chunks (RFC 9112, section 7.1).
    Chunked,
}

impl Framing {
    /// The framing of a reply.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        if reply.length.is_some() || is_bodiless(reply.status) {
            Self::Length
        } else {
            Self::Chunked
        }
    }
}

/// Writes the head into `out`. An answer without a date is given one (RFC 9110, section 6.6.1).
pub fn head(reply: &Reply, framing: Framing, close: bool, now: Timestamp, out: &mut BytesMut) {
    out.clear();
    status_line(reply.status, out);
    for (name, value) in &reply.fields {
        field(name, value.as_bytes(), out);
    }
    if !reply.fields.iter().any(|(name, _)| name == header::DATE) {
        let date = httpdate::fmt_http_date(now.into());
        field(&header::DATE, date.as_bytes(), out);
    }
    let _memory_is_there = match (reply.length, framing) {
        (Some(length), _) => write!(out.writer(), "content-length: {length}\r\n"),
        (None, Framing::Chunked) => out.writer().write_all(b"transfer-encoding: chunked\r\n"),
        (None, Framing::Length) => Ok(()),
    };
    if close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes an interim response into `out`.
pub fn interim((status, headers): &Interim, out: &mut BytesMut) {
    out.clear();
    status_line(*status, out);
    for (name, value) in headers {
        field(name, value.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Adds a piece of the body.
pub fn piece(framing: Framing, piece: &[u8], out: &mut BytesMut) {
    // An empty chunk would end the body.
    if framing == Framing::Length || piece.is_empty() {
        out.extend_from_slice(piece);
        return;
    }
    let _memory_is_there = write!(out.writer(), "{:x}\r\n", piece.len());
    out.extend_from_slice(piece);
    out.extend_from_slice(b"\r\n");
}

/// Adds the end of the body.
pub fn last(framing: Framing, out: &mut BytesMut) {
    if framing == Framing::Chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

fn status_line(status: StatusCode, out: &mut BytesMut) {
    let reason = status.canonical_reason().unwrap_or_default();
    let _memory_is_there = write!(out.writer(), "HTTP/1.1 {} {reason}\r\n", status.as_u16());
}

fn field(name: &header::HeaderName, value: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

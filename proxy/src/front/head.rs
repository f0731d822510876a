//! A request's head over HTTP/1.1: where it ends, what it says, and whether it says it in one way
//! only (RFC 9112).
//!
//! Every hit passes here, so each byte is looked at as seldom as can be: line ends are searched many
//! bytes at a time, and one pass over the fields finds everything the front minds (`minded.rs`).

use std::mem::MaybeUninit;
use std::net::Ipv6Addr;

use http::StatusCode;
use httparse::Header;
use pingora::http::RequestHeader;
use yagura_config::settings::LimitSettings;

use super::minded::{Lines, Minded};
use crate::cache::Fields;
use crate::limits::refused::Limit;

/// Longest head taken, in bytes; the settings say less.
pub const LONGEST: usize = 64 << 10;
/// Most fields taken; the settings say less.
pub const MOST_FIELDS: usize = LimitSettings::MOST_FIELDS;

/// Most bytes of empty lines before a request.
const MOST_LEADING: usize = 16;

/// A head that can be read in one way only.
#[derive(Debug)]
pub struct Head<'b> {
    /// Its method.
    pub method: &'b str,
    /// Its target as received.
    pub target: &'b str,
    /// HTTP/1.1, otherwise 1.0.
    pub http11: bool,
    /// Its fields.
    pub fields: HeadFields<'b>,
    /// What they say that matters here.
    pub minded: Minded<'b>,
    /// The Host field, if it is there.
    pub host: Option<&'b str>,
    /// What follows the head.
    pub body: BodyLength,
}

/// How long a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// So many bytes.
    Known(u64),
    /// Chunked.
    Chunked,
}

/// Fields in the order they came.
#[derive(Clone, Copy, Debug)]
pub struct HeadFields<'b>(&'b [Header<'b>]);

/// Room for the fields of a head while it is looked at.
pub type Room<'b> = [MaybeUninit<Header<'b>>; MOST_FIELDS];

/// Empty room; it costs nothing.
#[must_use]
pub const fn room<'b>() -> Room<'b> {
    [const { MaybeUninit::uninit() }; MOST_FIELDS]
}

impl Fields for HeadFields<'_> {
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value)
    }
}

impl HeadFields<'_> {
    /// How many there are.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0.len()
    }
}

/// The limit that a head meets, whole or as far as it was read.
#[must_use]
pub fn over(bytes: &[u8], limits: &LimitSettings) -> Option<Limit> {
    let line = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
    if line > limits.line_bytes {
        return Some(Limit::Line);
    }
    (bytes.len() > limits.head_bytes).then_some(Limit::HeadSize)
}

/// Length of the head when it is whole; `seen` bytes were looked at before. Lines before the
/// request line count (RFC 9112, section 2.2).
#[must_use]
pub fn end(read: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3).max(leading_lines(read));
    let rest = read.get(from..)?;
    let line_ends = memchr::memchr_iter(b'\n', rest);
    line_ends
        .filter(|at| {
            let line = rest.get(..*at).unwrap_or_default();
            // A bare LF also ends it here; it is refused when the head is read.
            line.ends_with(b"\n") || line.ends_with(b"\r\n\r")
        })
        .map(|at| from + at + 1)
        .next()
}

/// Reads a head.
///
/// # Errors
/// The status it is refused with.
pub fn read<'b>(bytes: &'b [u8], room: &'b mut Room<'b>) -> Result<Head<'b>, StatusCode> {
    if bytes.len() > LONGEST {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if has_bare_line_end(bytes) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, room) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(httparse::Error::Version) if is_other_version(bytes) => {
            return Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        }
        Ok(httparse::Status::Partial) | Err(_) => return Err(StatusCode::BAD_REQUEST),
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let http11 = minor == 1;
    let fields = HeadFields(request.headers);
    let minded = Minded::of(fields.0.iter().map(|field| (field.name, field.value)));
    if !is_target(target) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let host = host(minded.host, http11)?;
    let body = body(minded.content_length, minded.transfer_encoding, http11)?;
    Ok(Head {
        method,
        target,
        http11,
        fields,
        minded,
        host,
        body,
    })
}

/// Bytes of empty lines before a request, which are passed over (RFC 9112, section 2.2). They are
/// looked at with every read; more than a few are no request, or who sends them one by one would
/// have all of them looked at each time.
#[must_use]
pub fn leading_lines(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take(MOST_LEADING)
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// Whether the request line is whole and names a version of HTTP that is not ours.
fn is_other_version(bytes: &[u8]) -> bool {
    let line = bytes
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let mut parts = line.split(|byte| *byte == b' ').skip(2);
    let version = parts.next().unwrap_or_default();
    parts.next().is_none() && version.starts_with(b"HTTP/") && version.len() == 8
}

/// A line end without CR, which some readers of HTTP take for one and others do not.
fn has_bare_line_end(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes)
        .any(|at| at.checked_sub(1).and_then(|at| bytes.get(at)) != Some(&b'\r'))
}

fn is_target(target: &str) -> bool {
    !target.is_empty()
        && target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Exactly one Host in HTTP/1.1, at most one before (RFC 9112, section 3.2).
fn host(lines: Lines<'_>, http11: bool) -> Result<Option<&str>, StatusCode> {
    if lines.has_more || (lines.first.is_none() && http11) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let Some(first) = lines.first else {
        return Ok(None);
    };
    let text = std::str::from_utf8(first).map_err(|_| StatusCode::BAD_REQUEST)?;
    if is_authority(text) {
        Ok(Some(text))
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

/// A host with an optional port (RFC 3986, section 3.2); the empty one belongs to no site of ours.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    let (is_host, rest) = match text.strip_prefix('[').map(|after| after.split_once(']')) {
        Some(Some((address, rest))) => (address.parse::<Ipv6Addr>().is_ok(), rest),
        Some(None) => return false,
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!host.is_empty() && host.bytes().all(letter), rest)
        }
    };
    // A port may be left empty, and ours is the one that was connected to in any case.
    let digits = rest.strip_prefix(':').unwrap_or(rest);
    let is_port = digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_host && is_port && (rest.is_empty() || rest.starts_with(':'))
}

impl Head<'_> {
    /// The same request for the stages; none when a field cannot be one.
    pub fn to_request(&self) -> Option<RequestHeader> {
        let fields = self.fields.0.len();
        let target = self.target.as_bytes();
        let mut request = RequestHeader::build_no_case(self.method, target, Some(fields)).ok()?;
        request.set_version(http::Version::HTTP_11);
        for field in self.fields.0 {
            let name = http::HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            request.append_header(name, field.value).ok()?;
        }
        Some(request)
    }

    /// The same head with its absolute target as a path and the target's authority as Host, which
    /// it overrides (RFC 9112, section 3.2.2). `None` when the target is no absolute one.
    ///
    /// # Errors
    /// The target is of another kind that no site of ours has.
    pub fn in_origin_form(&self) -> Result<Option<Vec<u8>>, StatusCode> {
        if self.target.starts_with('/') || self.method == "CONNECT" {
            return Ok(None);
        }
        if self.target == "*" {
            // Asks about the server as a whole, which OPTIONS alone does (section 3.2.4).
            let about = (self.method == "OPTIONS").then_some(None);
            return about.ok_or(StatusCode::BAD_REQUEST);
        }
        let (scheme, rest) = self
            .target
            .split_once("://")
            .ok_or(StatusCode::BAD_REQUEST)?;
        if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // Who names a user there means to deceive somebody (RFC 9110, section 4.2.4).
        if !is_authority(authority) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        let version = if self.http11 { "1.1" } else { "1.0" };
        let mut head = format!(
            "{} {slash}{target} HTTP/{version}\r\nhost: {authority}\r\n",
            self.method
        )
        .into_bytes();
        for field in self
            .fields
            .0
            .iter()
            .filter(|field| !field.name.eq_ignore_ascii_case("host"))
        {
            head.extend_from_slice(field.name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(field.value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        Ok(Some(head))
    }
}

/// How long the body is, where it can be told in one way only (RFC 9112, section 6.3).
fn body(lengths: Lines<'_>, codings: Lines<'_>, http11: bool) -> Result<BodyLength, StatusCode> {
    if lengths.has_more || codings.has_more {
        return Err(StatusCode::BAD_REQUEST);
    }
    match (lengths.first, codings.first) {
        (None, None) => Ok(BodyLength::None),
        (Some(length), None) => {
            let digits =
                !length.is_empty() && length.len() <= 18 && length.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(length)
                .ok()
                .filter(|_| digits)
                .and_then(|text| text.parse().ok());
            match length {
                Some(0) => Ok(BodyLength::None),
                Some(length) => Ok(BodyLength::Known(length)),
                None => Err(StatusCode::BAD_REQUEST),
            }
        }
        (None, Some(coding)) if http11 && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(BodyLength::Chunked)
        }
        (None, Some(_)) if http11 => Err(StatusCode::NOT_IMPLEMENTED),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status(text: &str) -> Result<BodyLength, u16> {
        read(text.as_bytes(), &mut room())
            .map(|head| head.body)
            .map_err(|status| status.as_u16())
    }

    fn with(fields: &str) -> Result<BodyLength, u16> {
        status(&format!(
            "POST / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n"
        ))
    }

    #[test]
    fn a_body_has_one_length_or_is_refused() {
        assert_eq!(with(""), Ok(BodyLength::None));
        assert_eq!(with("Content-Length: 5\r\n"), Ok(BodyLength::Known(5)));
        assert_eq!(
            with("Transfer-Encoding: Chunked\r\n"),
            Ok(BodyLength::Chunked)
        );
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length : 5\r\n",
            "X: a\nContent-Length: 5\r\n",
            "X: a\r\n b\r\n",
            "X: a\rb\r\n",
            "Host: b.example\r\n",
        ] {
            assert_eq!(with(fields), Err(400), "{fields:?}");
        }
        for fields in [
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
        ] {
            assert_eq!(with(fields), Err(501), "{fields:?}");
        }
    }

    #[test]
    fn a_head_is_too_long_as_soon_as_it_is() {
        let limits = LimitSettings {
            line_bytes: 20,
            head_bytes: 40,
            ..LimitSettings::default()
        };
        let over = |text: &str| over(text.as_bytes(), &limits);
        assert_eq!(over("GET /12345 HTTP/1.1\r\nHost: a\r\n\r\n"), None);
        assert_eq!(over("GET /1234567 HTTP/1.1\r\n"), Some(Limit::Line));
        assert_eq!(over("GET /12345678901234567"), Some(Limit::Line));
        let long = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(30));
        assert_eq!(over(&long), Some(Limit::HeadSize));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (text, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/3.1\r\nHost: a\r\n\r\n", 505),
            ("GET / HTTP/1.1\nHost: a\n\n", 400),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ] {
            assert_eq!(status(text), Err(expected), "{text:?}");
        }
        assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), Ok(BodyLength::None));
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port() {
        for host in [
            "a.example",
            "a.example:80",
            "a:",
            "[::1]",
            "[2001:db8::1]:8443",
            "127.0.0.1:1",
        ] {
            assert!(is_authority(host), "{host}");
        }
        for host in [
            "", ":80", "a:b", "a:80:80", "a:808080", "[::1", "::1", "[x]", "[::1]80", "a]", "u@a",
        ] {
            assert!(!is_authority(host), "{host}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_however_it_arrives() {
        let text = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let whole = text.len() - 4;
        for seen in 0..whole {
            let found = (seen..=whole).find_map(|length| end(&text[..length], seen.min(length)));
            assert_eq!(found, Some(whole), "{seen}");
        }
        assert_eq!(end(&text[..whole - 1], 0), None);
    }

    #[test]
    fn an_absolute_target_becomes_a_path_and_a_host() {
        let rewritten = |text: &str| {
            let head = read(text.as_bytes(), &mut room()).unwrap().in_origin_form();
            head.map(|head| head.map(|head| String::from_utf8(head).unwrap()))
                .map_err(|status| status.as_u16())
        };
        assert_eq!(
            rewritten("GET http://b.example:8080?q=1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"),
            Ok(Some(
                "GET /?q=1 HTTP/1.1\r\nhost: b.example:8080\r\nX: y\r\n\r\n".to_owned()
            ))
        );
        assert_eq!(rewritten("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(None));
        assert_eq!(rewritten("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(None));
        for target in [
            "http://u:p@b.example/",
            "ftp://b.example/",
            "*",
            "a.html",
            "http:///a",
        ] {
            assert_eq!(
                rewritten(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")),
                Err(400),
                "{target}"
            );
        }
    }

    #[test]
    fn a_few_empty_lines_may_stand_before_a_request() {
        let request = "GET / HTTP/1.1\r\n\r\n";
        let few = "\r\n".repeat(8) + request;
        assert_eq!(leading_lines(few.as_bytes()), 16);
        assert_eq!(end(few.as_bytes(), 0), Some(few.len()));
        let many = "\r\n".repeat(10) + request;
        assert_eq!(end(many.as_bytes(), 0), Some(20));
        let refused = read(b"\r\n\r\n", &mut room()).map(|_| ());
        assert_eq!(refused, Err(StatusCode::BAD_REQUEST));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = end(&bytes, bytes.len() / 2);
            let _ = read(&bytes, &mut room());
        }
    }
}

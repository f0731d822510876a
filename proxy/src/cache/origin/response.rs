//! The head of an origin's response over HTTP/1.1: what it says, how its body ends, and whether the
//! connection can be used again (RFC 9112, sections 6 and 9). Pure.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::cache::Fields;

/// Longest head taken, in bytes.
pub const LONGEST: usize = 64 << 10;
/// Most fields taken.
const MOST_FIELDS: usize = 128;

/// A head that was read.
#[derive(Debug)]
pub struct Head {
    /// Its status.
    pub status: StatusCode,
    /// Its fields as they came.
    pub headers: HeaderMap,
    /// How its body ends.
    pub framing: Framing,
    /// The connection may be used again after the body.
    pub keeps: bool,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// With the connection.
    ToEnd,
}

/// Why a head cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no HTTP/1.1, or too long.
    #[error("the origin's response cannot be read")]
    Syntax,
    /// It says in two ways, or in none we know, how long it is.
    #[error("the origin's response does not say clearly how long it is")]
    Length,
}

/// Reads a head from the start of `bytes`, with its length; none when it is not whole yet.
///
/// # Errors
/// It cannot be used.
pub fn read(bytes: &[u8]) -> Result<Option<(Head, usize)>, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Fault::Syntax),
    };
    let (Some(code), Some(minor)) = (response.code, response.version) else {
        return Err(Fault::Syntax);
    };
    let status = StatusCode::from_u16(code).map_err(|_| Fault::Syntax)?;
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Fault::Syntax)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| Fault::Syntax)?;
        headers.append(name, value);
    }
    let (framing, clear) = framing(status, &headers)?;
    let wants = |word: &[u8]| {
        headers.lines("connection").any(|line| {
            let mut words = line.split(|byte| *byte == b',');
            words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word))
        })
    };
    let lasting = if minor == 1 {
        !wants(b"close")
    } else {
        wants(b"keep-alive")
    };
    let head = Head {
        status,
        keeps: lasting && clear && framing != Framing::ToEnd,
        framing,
        headers,
    };
    Ok(Some((head, length)))
}

/// How the body ends, and whether that is said in one way (section 6.3). With both fields the
/// chunks count, and the connection is not used again.
fn framing(status: StatusCode, headers: &HeaderMap) -> Result<(Framing, bool), Fault> {
    if status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        return Ok((Framing::Length(0), true));
    }
    let mut codings = headers.lines("transfer-encoding");
    let mut lengths = headers.lines("content-length");
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            return Ok((Framing::Chunked, lengths.next().is_none()));
        }
        (None, _) => {}
        // A coding that is not chunked ends with the connection (section 6.3, number 4).
        (Some(coding), None) if !mentions_chunked(coding) => return Ok((Framing::ToEnd, false)),
        // A coding below the chunks we cannot undo.
        _ => return Err(Fault::Length),
    }
    let Some(first) = lengths.next() else {
        return Ok((Framing::ToEnd, true));
    };
    let digits = std::str::from_utf8(first)
        .map_err(|_| Fault::Length)?
        .trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let same = lengths.all(|other| other.trim_ascii() == digits.as_bytes());
    match digits.parse() {
        Ok(length) if plain && same => Ok((Framing::Length(length), true)),
        _ => Err(Fault::Length),
    }
}

fn mentions_chunked(codings: &[u8]) -> bool {
    let mut words = codings.split(|byte| !byte.is_ascii_alphanumeric());
    words.any(|word| word.eq_ignore_ascii_case(b"chunked"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Head, Fault> {
        let bytes = text.replace('\n', "\r\n");
        read(bytes.as_bytes()).map(|read| read.expect("whole").0)
    }

    #[test]
    fn the_end_of_a_body_is_told_in_one_way() {
        let framing = |fields: &str| {
            head(&format!("HTTP/1.1 200 OK\n{fields}\n")).map(|head| (head.framing, head.keeps))
        };
        assert_eq!(
            framing("Content-Length: 5\n"),
            Ok((Framing::Length(5), true))
        );
        assert_eq!(
            framing("Content-Length: 5\nContent-Length: 5\n"),
            Ok((Framing::Length(5), true))
        );
        assert_eq!(
            framing("Transfer-Encoding: Chunked\n"),
            Ok((Framing::Chunked, true))
        );
        assert_eq!(framing(""), Ok((Framing::ToEnd, false)));
        assert_eq!(
            framing("Transfer-Encoding: unknown\n"),
            Ok((Framing::ToEnd, false))
        );
        assert_eq!(
            framing("Transfer-Encoding: chunked\nContent-Length: 5\n"),
            Ok((Framing::Chunked, false)),
            "taken by its chunks, and the connection not used again"
        );
        for unclear in [
            "Content-Length: 5\nContent-Length: 6\n",
            "Content-Length: 5, 5\n",
            "Content-Length: +5\n",
            "Content-Length: \n",
            "Content-Length: 99999999999999999999\n",
            "Transfer-Encoding: gzip, chunked\n",
            "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n",
        ] {
            assert_eq!(framing(unclear), Err(Fault::Length), "{unclear}");
        }
        let empty = head("HTTP/1.1 304 Not Modified\nContent-Length: 500\n\n").unwrap();
        assert_eq!(empty.framing, Framing::Length(0));
    }

    #[test]
    fn a_connection_is_kept_as_its_version_has_it() {
        let keeps = |line: &str, fields: &str| {
            head(&format!("{line} 200 OK\nContent-Length: 0\n{fields}\n"))
                .unwrap()
                .keeps
        };
        assert!(keeps("HTTP/1.1", ""));
        assert!(!keeps("HTTP/1.1", "Connection: x, Close\n"));
        assert!(!keeps("HTTP/1.0", ""));
        assert!(keeps("HTTP/1.0", "Connection: keep-alive\n"));
    }

    #[test]
    fn what_is_no_response_is_refused() {
        assert!(matches!(read(b"HTTP/1.1 200 OK\r\nA: "), Ok(None)));
        for wrong in [
            "HTTP/2 200 OK\n\n",
            "<html>\n\n",
            "HTTP/1.1 20 OK\n\n",
            "HTTP/1.1 200 OK\n a: b\n\n",
        ] {
            assert_eq!(head(wrong).map(|_| ()), Err(Fault::Syntax), "{wrong}");
        }
        assert_eq!(read(&vec![b'a'; LONGEST]).map(|_| ()), Err(Fault::Syntax));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), fields in "[ -~\r\n]{0,200}") {
            let _ = read(&bytes);
            let _ = read(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").as_bytes());
        }
    }
}

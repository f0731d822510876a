//! What readers, origins and the cloud send, taken in as it is taken in service, for the fuzz targets
//! of `fuzz/` alone: each function panics when something does not hold. Not part of what this crate
//! offers; it is there with the feature `fuzzing` only. See docs/fuzzing.md.

#![expect(
    clippy::expect_used,
    reason = "a target tells what does not hold by a panic"
)]

use std::net::{IpAddr, Ipv4Addr};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use yagura_config::settings::{LimitSettings, PathRules, Slashes};
use yagura_control::{TagSet, Timestamp};

use crate::cache::encoding::{Accepted, Coding};
use crate::cache::normalise::Rules;
use crate::cache::origin::decoder::{Decoded, Decoder};
use crate::cache::origin::response;
use crate::cache::warm::sitemap::{listed, read as sitemap};
use crate::cache::{Stored, date, directives::Directives, last_good::format, policy};
use crate::front::head;
use crate::ingress::{identity, proxy_protocol};
use crate::limits::path;
use crate::notice::{markdown, negotiate};
use crate::stages::range;

const NOW: Timestamp = Timestamp(1_795_500_000_000);

/// The head of a request over HTTP/1.1.
pub fn request_head(bytes: &[u8]) {
    let limits = LimitSettings::default();
    let _ = head::over(bytes, &limits);
    let whole = head::end(bytes, 0);
    // Byte for byte the same end is found.
    let slowly = (1..=bytes.len().min(600))
        .find_map(|read| head::end(bytes.get(..read).unwrap_or_default(), read - 1));
    if bytes.len() <= 600 {
        assert_eq!(whole, slowly);
    }
    let Some(bytes) = whole.and_then(|end| bytes.get(..end)) else {
        return;
    };
    let bytes = bytes.get(head::leading_lines(bytes)..).unwrap_or_default();
    let mut room = head::room();
    let Ok(read) = head::read(bytes, &mut room) else {
        return;
    };
    let _ = read.to_request();
    if let Ok(Some(own)) = read.in_origin_form() {
        let mut room = head::room();
        let again = head::read(&own, &mut room);
        assert!(again.is_ok_and(|again| again.target.starts_with('/')));
    }
}

/// The target of a request: its path's one spelling, what of its query counts, its pieces.
pub fn target(text: &str) {
    for slashes in [Slashes::Keep, Slashes::Merge, Slashes::Refuse] {
        for strict in [true, false] {
            let rules = PathRules {
                slashes,
                refuse_encoded_slash: strict,
                refuse_backslash: strict,
                refuse_control: strict,
            };
            let Ok(once) = path::normalised(text, rules) else {
                continue;
            };
            assert_eq!(path::normalised(&once, rules).as_ref(), Ok(&once));
            let beyond = once.split('?').next().unwrap_or_default();
            assert!(!text.starts_with('/') || !beyond.split('/').any(|one| one == ".."));
        }
    }
    let rules = Rules::dropping(&["utm_*", "fbclid"]);
    let once = rules.target(text);
    assert_eq!(rules.target(&once), once);
}

/// The fields of a request and of a response, one a line, divided by an empty line; what is decided
/// by them.
pub fn fields(text: &[u8]) {
    let mut halves = [HeaderMap::new(), HeaderMap::new()];
    let mut half = 0;
    for line in text.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            half = 1;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts
            .next()
            .and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value), Some(fields)) = (name, value, halves.get_mut(half)) {
            fields.append(name, value);
        }
    }
    let [request, response] = halves;
    for value in request.values().chain(response.values()) {
        let text = String::from_utf8_lossy(value.as_bytes());
        if let Some(at) = date::read(&text) {
            assert!(at.0 < 300_000_000_000_000);
        }
        let _ = negotiate::form(Some(&text));
    }
    let _ = Directives::of_request(&request);
    let _ = Directives::read_targeted(&response, "yagura-cache-control");
    let accepted = Accepted::read(&request);
    let best = accepted.best(|_| true);
    assert!(best.is_none() || accepted.takes(best));
    let _ = crate::cache::encoding::encoded_fields(&response, Coding::Gzip);
    let decided = policy::decide(&Method::GET, &request, StatusCode::OK, &response, NOW, NOW);
    if let Ok(terms) = decided {
        let stored = Stored {
            key: String::new(),
            status: StatusCode::OK,
            headers: response,
            body: Bytes::from_static(b"hello"),
            requested_at: NOW,
            received_at: NOW,
            terms,
            tags: TagSet::default(),
        };
        if let range::Part::Bytes { first, last } = range::wanted(&request, &stored) {
            assert!(first <= last && last < stored.body.len());
        }
        let file = format::encode(&stored).expect("what is stored can be written");
        let read = format::decode(&Bytes::from(file), "").expect("and read");
        assert_eq!(read.headers, stored.headers);
    }
}

/// What an origin sends: a head and its body, at once and byte by byte.
pub fn origin(bytes: &[u8]) {
    let Ok(Some((head, length))) = response::read(bytes) else {
        return;
    };
    let body = bytes.get(length..).unwrap_or_default();
    let decoded = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut decoder, mut waiting) = (Decoder::new(head.framing), BytesMut::new());
        let mut whole = Vec::new();
        for piece in pieces {
            waiting.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut waiting) {
                    Ok(Decoded::Piece(piece)) => whole.extend_from_slice(&piece),
                    Ok(Decoded::More) => break,
                    Ok(Decoded::End) => return Ok(whole),
                    Err(broken) => return Err(broken),
                }
            }
        }
        decoder.ended().map(|()| whole)
    };
    let at_once = decoded(&mut std::iter::once(body));
    let slowly = decoded(&mut body.chunks(1));
    assert_eq!(at_once, slowly);
}

/// Whom a connection, and a request on it, speaks for.
pub fn announced(bytes: &[u8]) {
    if let proxy_protocol::Beginning::Needs(more) = proxy_protocol::understand(bytes) {
        assert!(more > 0 && bytes.len() + more <= 16 + 4096);
    }
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let is_trusted = |address: IpAddr| address.is_loopback();
    let _ = identity::reader(peer, is_trusted, bytes.split(|byte| *byte == b'\n'));
}

/// A sitemap, and the URLs in it.
pub fn sitemap(bytes: &[u8]) {
    if let Ok(sitemap::Sitemap::Pages(entries) | sitemap::Sitemap::Index(entries)) =
        sitemap::read(bytes)
    {
        for entry in entries {
            let _ = listed::target(&entry.url, &[]);
        }
    }
}

/// A file of last-good: as it is, and with a checksum that is right.
pub fn last_good(bytes: &[u8]) {
    let _ = format::decode(&Bytes::copy_from_slice(bytes), "key");
    let sealed = [bytes, blake3::hash(bytes).as_bytes()].concat();
    let _ = format::decode(&Bytes::from(sealed), "key");
}

/// The Markdown of a notice or of a disaster page: nothing of it can do harm.
pub fn notice(text: &str) {
    let rendered = markdown::render(text, 1, &["map.png"], false);
    let mut rest = rendered.html.as_str();
    while let Some((_, tag)) = rest.split_once('<') {
        let name: String = tag
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let known = [
            "",
            "a",
            "p",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "ul",
            "ol",
            "li",
            "em",
            "strong",
            "del",
            "code",
            "pre",
            "blockquote",
            "hr",
            "br",
            "img",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ];
        assert!(known.contains(&name.as_str()), "<{name}>");
        rest = tag;
    }
}

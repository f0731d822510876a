//! Content codings (RFC 9110, sections 8.4 and 12.5.3): which responses are worth encoding, what a
//! reader accepts, how an encoded representation is named. Pure.
//!
//! Encoding itself happens once at fill, off every reader's path: `compressor.rs`.

use std::io::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::directives::Fields;

/// Smaller bodies are sent as they are: what is saved is less than a packet.
const SMALLEST_BYTES: usize = 512;
/// Larger ones are too: they would take seconds.
const LARGEST_BYTES: usize = 8 << 20;
/// Up to this size no effort is spared.
const SMALL_BYTES: usize = 1 << 20;

/// A coding that is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// RFC 7932; the smallest, and so the first choice.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// RFC 1952; what everybody reads.
    Gzip,
}

impl Coding {
    /// All of them, the best first.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in Content-Encoding.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// A body in this coding; none when it would hardly be smaller. Takes milliseconds to a second.
    #[must_use]
    pub fn encode(self, body: &[u8]) -> Option<Bytes> {
        let small = body.len() <= SMALL_BYTES;
        let encoded = match self {
            Self::Brotli => {
                let mut encoded = Vec::new();
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: if small { 9 } else { 5 },
                    size_hint: body.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*body, &mut encoded, &parameters).ok()?;
                encoded
            }
            Self::Zstd => zstd::bulk::compress(body, if small { 15 } else { 6 }).ok()?,
            Self::Gzip => {
                let level = flate2::Compression::new(if small { 9 } else { 6 });
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(body).ok()?;
                encoder.finish().ok()?
            }
        };
        let worth = encoded.len() < body.len() - body.len() / 20;
        worth.then(|| encoded.into())
    }
}

/// Whether responses like this are given in several codings, so that Vary has to say so. A body whose
/// length is not known yet counts as large enough.
#[must_use]
pub fn is_encodable(status: StatusCode, headers: &HeaderMap, length: Option<usize>) -> bool {
    let size = length.is_none_or(|length| (SMALLEST_BYTES..=LARGEST_BYTES).contains(&length));
    status == StatusCode::OK
        && size
        && !headers.has("content-encoding")
        && !headers.lines("cache-control").any(forbids_transforming)
        && headers.first("content-type").is_some_and(is_text)
}

/// RFC 9111, section 5.2.2.6.
fn forbids_transforming(line: &[u8]) -> bool {
    line.split(|byte| *byte == b',')
        .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

fn is_text(content_type: &str) -> bool {
    const KINDS: [&str; 13] = [
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/rtf",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "application/xml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/svg+xml",
    ];
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    // A stream of events is no document, and is never whole.
    (kind.starts_with("text/") && kind != "text/event-stream")
        || kind.ends_with("+xml")
        || kind.ends_with("+json")
        || KINDS.contains(&kind.as_str())
}

/// What a reader accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Weights in thousandths of brotli, zstd and gzip.
    codings: [u16; 3],
    /// Weight of the body as it is.
    identity: u16,
}

impl Accepted {
    /// Reads Accept-Encoding. Without the field the body is sent as it is: who says nothing may be
    /// a program that reads nothing else.
    #[must_use]
    pub fn read(request: &impl Fields) -> Self {
        let mut named = [None; 3];
        let (mut identity, mut other) = (None, None);
        for line in request.lines("accept-encoding") {
            for member in line.split(|byte| *byte == b',') {
                let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                let name = parts.next().unwrap_or_default();
                let weight = parts.find_map(weight).unwrap_or(1000);
                let place = match () {
                    () if name.eq_ignore_ascii_case(b"br") => named.first_mut(),
                    () if name.eq_ignore_ascii_case(b"zstd") => named.get_mut(1),
                    () if name.eq_ignore_ascii_case(b"gzip")
                        || name.eq_ignore_ascii_case(b"x-gzip") =>
                    {
                        named.last_mut()
                    }
                    () if name.eq_ignore_ascii_case(b"identity") => Some(&mut identity),
                    () if name == b"*" => Some(&mut other),
                    () => None,
                };
                if let Some(place) = place {
                    *place = Some(weight);
                }
            }
        }
        Self {
            codings: named.map(|weight| weight.or(other).unwrap_or(0)),
            // It is acceptable unless it is excluded, and then the least of all.
            identity: identity.or(other).unwrap_or(1),
        }
    }

    /// Whether this coding, or the body as it is, may be sent.
    #[must_use]
    pub const fn takes(&self, coding: Option<Coding>) -> bool {
        self.weight(coding) > 0
    }

    /// The best among those there are; none is the body as it is.
    #[must_use]
    pub fn best(&self, there: impl Fn(Coding) -> bool) -> Option<Coding> {
        let mut best = (self.identity, None);
        for coding in Coding::ALL {
            let weight = self.weight(Some(coding));
            let better = weight > best.0 || (weight == best.0 && best.1.is_none());
            if weight > 0 && better && there(coding) {
                best = (weight, Some(coding));
            }
        }
        best.1
    }

    const fn weight(&self, coding: Option<Coding>) -> u16 {
        let [brotli, zstd, gzip] = self.codings;
        match coding {
            None => self.identity,
            Some(Coding::Brotli) => brotli,
            Some(Coding::Zstd) => zstd,
            Some(Coding::Gzip) => gzip,
        }
    }
}

/// A parameter's weight (RFC 9110, section 12.4.2) in thousandths.
fn weight(parameter: &[u8]) -> Option<u16> {
    let (b'q' | b'Q', rest) = parameter.split_first()? else {
        return None;
    };
    let value = std::str::from_utf8(rest.trim_ascii().strip_prefix(b"=")?).ok()?;
    let weight: f32 = value.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    (0.0..=1.0)
        .contains(&weight)
        .then_some((weight * 1000.0) as u16)
}

/// The fields of an encoded representation: another Content-Encoding, and a strong validator of its
/// own (RFC 9110, section 8.8.3.3).
#[must_use]
pub fn encoded_fields(headers: &HeaderMap, coding: Coding) -> HeaderMap {
    let mut fields = headers.clone();
    fields.insert(
        header::CONTENT_ENCODING,
        HeaderValue::from_static(coding.name()),
    );
    // Digests and ranges are of the body as it was.
    for name in ["content-md5", "digest", "content-digest", "accept-ranges"] {
        fields.remove(name);
    }
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if let Some(opaque) = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'))
        && let Ok(own) = HeaderValue::try_from(format!("\"{opaque}-{}\"", coding.name()))
    {
        fields.insert(header::ETAG, own);
    }
    fields
}

/// Says that other readers may be given another coding.
pub fn vary(headers: &mut HeaderMap) {
    let said = headers.lines("vary").any(|line| {
        line.split(|byte| *byte == b',').any(|name| {
            let name = name.trim_ascii();
            name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding")
        })
    });
    if !said {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// Takes Accept-Encoding out of what an origin's Vary names: it is always asked for the body as it
/// is, so the field selects nothing there.
pub fn forget_vary(headers: &mut HeaderMap) {
    if headers.has("content-encoding") || !headers.has("vary") {
        return;
    }
    let lines: Vec<String> = headers
        .get_all(header::VARY)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .map(str::to_owned)
        .collect();
    let names = lines.iter().flat_map(|line| line.split(','));
    let others: Vec<&str> = names
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("accept-encoding"))
        .collect();
    headers.remove(header::VARY);
    if let (false, Ok(others)) = (others.is_empty(), HeaderValue::try_from(others.join(", "))) {
        headers.insert(header::VARY, others);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use http::HeaderName;
    use proptest::prelude::*;

    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        lines.iter().map(field).collect()
    }

    fn chosen(accept: &str) -> Option<Coding> {
        Accepted::read(&fields(&[("accept-encoding", accept)])).best(|_| true)
    }

    #[test]
    fn a_reader_gets_the_best_that_he_accepts() {
        use Coding::{Brotli, Gzip, Zstd};
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Some(Brotli)),
            ("gzip, deflate", Some(Gzip)),
            ("GZIP;q=0.5, zstd;q=0.8", Some(Zstd)),
            ("br;q=0, *", Some(Zstd)),
            ("*", Some(Brotli)),
            ("br;q=0.2, gzip;q=0.9", Some(Gzip)),
            ("identity, gzip;q=0.5", None),
            ("gzip;q=0", None),
            ("deflate", None),
            ("", None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
        let silent = Accepted::read(&HeaderMap::new());
        assert_eq!(silent.best(|_| true), None);
        let picky = Accepted::read(&fields(&[("accept-encoding", "br, identity;q=0")]));
        assert!(!picky.takes(None) && picky.takes(Some(Brotli)));
        let wanted = Accepted::read(&fields(&[("accept-encoding", "br, gzip;q=0.5")]));
        assert_eq!(wanted.best(|coding| coding == Gzip), Some(Gzip));
    }

    #[test]
    fn text_of_some_size_is_encoded_unless_it_is_forbidden() {
        let encodable = |lines: &[(&'static str, &str)], length| {
            is_encodable(StatusCode::OK, &fields(lines), length)
        };
        let html = ("content-type", "Text/HTML; charset=utf-8");
        assert!(encodable(&[html], Some(4000)) && encodable(&[html], None));
        assert!(encodable(
            &[("content-type", "application/geo+json")],
            Some(4000)
        ));
        assert!(!encodable(&[html], Some(100)) && !encodable(&[html], Some(100 << 20)));
        assert!(!encodable(&[("content-type", "image/png")], Some(4000)));
        assert!(!encodable(&[("content-type", "text/event-stream")], None));
        assert!(!encodable(
            &[html, ("content-encoding", "gzip")],
            Some(4000)
        ));
        assert!(!encodable(
            &[html, ("cache-control", "public, No-Transform")],
            Some(4000)
        ));
        let partial = fields(&[html]);
        assert!(!is_encodable(
            StatusCode::PARTIAL_CONTENT,
            &partial,
            Some(4000)
        ));
    }

    #[test]
    fn an_encoded_representation_is_another_one() {
        let plain = fields(&[("etag", "\"v1\""), ("accept-ranges", "bytes")]);
        let encoded = encoded_fields(&plain, Coding::Brotli);
        assert_eq!(encoded["etag"], "\"v1-br\"");
        assert_eq!(encoded["content-encoding"], "br");
        assert!(!encoded.contains_key("accept-ranges"));
        let weak = fields(&[("etag", "W/\"v1\"")]);
        assert_eq!(encoded_fields(&weak, Coding::Gzip)["etag"], "W/\"v1\"");
    }

    #[test]
    fn vary_is_said_once_and_not_asked_of_the_origin() {
        let mut headers = fields(&[("vary", "Cookie")]);
        vary(&mut headers);
        vary(&mut headers);
        assert_eq!(headers.get_all("vary").iter().count(), 2);
        let mut told = fields(&[
            ("vary", "Accept-Encoding, Cookie"),
            ("vary", "accept-encoding"),
        ]);
        forget_vary(&mut told);
        assert_eq!(told["vary"], "Cookie");
        let mut only = fields(&[("vary", "accept-encoding")]);
        forget_vary(&mut only);
        assert!(!only.contains_key("vary"));
    }

    fn decoded(coding: Coding, body: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        match coding {
            Coding::Brotli => {
                brotli::BrotliDecompress(&mut &*body, &mut decoded).unwrap();
            }
            Coding::Zstd => decoded = zstd::stream::decode_all(body).unwrap(),
            Coding::Gzip => {
                flate2::read::GzDecoder::new(body)
                    .read_to_end(&mut decoded)
                    .unwrap();
            }
        }
        decoded
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_encoded_is_decoded_to_the_same(text in "[a-zあ-ん ]{600,4000}") {
            for coding in Coding::ALL {
                if let Some(encoded) = coding.encode(text.as_bytes()) {
                    prop_assert!(encoded.len() < text.len());
                    prop_assert_eq!(decoded(coding, &encoded), text.as_bytes());
                }
            }
        }

        #[test]
        fn no_field_makes_it_panic(line in "[ -~\t]{0,60}") {
            let accepted = Accepted::read(&fields(&[("accept-encoding", &line)]));
            if let Some(coding) = accepted.best(|_| true) {
                prop_assert!(accepted.takes(Some(coding)));
            }
        }
    }
}

//! The inspected copy of a request: the same request, written so that the engine reads what the
//! origin will read, in a time that can be borne. The origin gets the request itself, never this.
//!
//! - `copy/blanks.rs`: long runs of blanks and line ends are shortened.
//! - `copy/charset.rs`: Shift_JIS and EUC-JP become UTF-8.
//! - here: `%3f` in a path, which hides the rest of it from libmodsecurity; where a body is cut; and
//!   a body of unknown kind, which is inspected as one argument.
//!
//! Pure.

mod blanks;
mod charset;

use crate::json;
use crate::kind::{self, Kind, TEXT_BYTES};
use crate::multipart;
use crate::request::Request;
use blanks::Written;

/// Says to the rules which site a request is for; see rules/base.conf and `exclusions.rs`.
pub const SITE_FIELD: &str = "x-yagura-site";
/// Says to the rules that the body is to be read as a form.
pub const TEXT_FIELD: &str = "x-yagura-text";

/// The copy.
#[must_use]
pub fn of(request: &Request) -> Request {
    let kind = Kind::of(request);
    let body = body(request, &kind);
    let mut headers: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .filter(|(name, _)| !is_ours(name))
        .map(|(name, value)| (name.clone(), field(name, value, body.len())))
        .collect();
    headers.push((SITE_FIELD.to_owned(), request.site.clone().into_bytes()));
    if kind == Kind::Text {
        headers.push((TEXT_FIELD.to_owned(), b"1".to_vec()));
    }
    Request {
        site: request.site.clone(),
        method: request.method.clone(),
        target: target(request),
        version: request.version.clone(),
        headers,
        body,
        cut: false,
    }
}

/// The bytes that percent-encoded text stands for, `+` being a blank.
#[must_use]
pub fn unescaped_bytes(text: &[u8]) -> Vec<u8> {
    charset::unescaped(text)
}

fn is_ours(name: &str) -> bool {
    name.eq_ignore_ascii_case(SITE_FIELD) || name.eq_ignore_ascii_case(TEXT_FIELD)
}

fn field(name: &str, value: &[u8], body: usize) -> Vec<u8> {
    if name.eq_ignore_ascii_case("content-length") && value.iter().all(u8::is_ascii_digit) {
        return body.to_string().into_bytes();
    }
    let value = blanks::shortened(value, Written::Plain);
    if name.eq_ignore_ascii_case("referer") {
        return charset::in_escapes(&value, None);
    }
    value
}

fn target(request: &Request) -> Vec<u8> {
    let path = blanks::shortened(request.path(), Written::Escaped);
    let mut target = charset::in_escapes(&question_marks_escaped(&path), None);
    if let Some(query) = request.query() {
        target.push(b'?');
        target.extend(pairs(query, None));
    }
    target
}

/// `%3f` as `%253f`: libmodsecurity decodes a path before it looks for the query, and would take
/// what follows for one.
fn question_marks_escaped(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        out.push(*byte);
        if *byte == b'%' && matches!(after, [b'3', b'f' | b'F', ..]) {
            out.extend(b"25");
        }
        rest = after;
    }
    out
}

/// A query or a form: each name and value for itself, because only what belongs together tells its
/// charset.
fn pairs(text: &[u8], announced: Option<&str>) -> Vec<u8> {
    let short = blanks::shortened(text, Written::Form);
    let each = short.split(|byte| *byte == b'&').map(|pair| {
        let halves = pair
            .splitn(2, |byte| *byte == b'=')
            .map(|half| charset::in_escapes(half, announced));
        halves.collect::<Vec<_>>().join(&b'=')
    });
    each.collect::<Vec<_>>().join(&b'&')
}

fn body(request: &Request, kind: &Kind) -> Vec<u8> {
    let announced = request.header("content-type").and_then(kind::charset);
    let announced = announced.as_deref();
    let most = kind.most_bytes();
    let text = request.body.get(..most).unwrap_or(&request.body);
    let cut = request.cut || text.len() < request.body.len();
    match kind {
        Kind::Nothing => Vec::new(),
        Kind::Form if cut => pairs(without_half_escape(text), announced),
        Kind::Form => pairs(text, announced),
        Kind::Json => {
            let closed = cut.then(|| json::closed(text));
            let text = closed.as_deref().unwrap_or(text);
            blanks::shortened(text, Written::Json)
        }
        Kind::Text => {
            let text = blanks::shortened(text, Written::Plain);
            let text = charset::as_utf8(&text, announced).unwrap_or(text);
            [b"body=".as_slice(), &charset::escaped(&text)].concat()
        }
        Kind::Multipart(boundary) => match multipart::parts(text, boundary, cut) {
            None => text.to_vec(),
            Some(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|part| (part.head.to_vec(), content(part)))
                    .collect();
                multipart::written(&parts, boundary)
            }
        },
    }
}

/// What of a part is inspected: the beginning of a text, nothing of a file.
fn content(part: &multipart::Part<'_>) -> Vec<u8> {
    if part.is_file() {
        return Vec::new();
    }
    let text = part.content.get(..TEXT_BYTES).unwrap_or(part.content);
    let text = blanks::shortened(text, Written::Plain);
    charset::as_utf8(&text, None).unwrap_or(text)
}

/// Without the beginning of an escape, which a rule would take for a forged one.
fn without_half_escape(text: &[u8]) -> &[u8] {
    match text {
        [before @ .., b'%'] | [before @ .., b'%', _] => before,
        whole => whole,
    }
}

#[cfg(test)]
mod tests;

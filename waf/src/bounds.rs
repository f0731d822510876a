//! What the engine is never given: numbers of things for which rule engines take a time that grows
//! faster than the number. Counted here in one pass over the bytes. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::kind::Kind;
use crate::multipart;
use crate::request::Request;

/// Most arguments: of the query, of a form, leaves of JSON, parts of multipart, together.
pub const ARGUMENTS: usize = 255;
/// Deepest nesting of JSON.
pub const DEPTH: usize = 32;
/// Most bytes of names and values of the fields, together.
pub const HEADER_BYTES: usize = 16 << 10;
/// Most cookies.
pub const COOKIES: usize = 64;

/// A bound that a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// [`ARGUMENTS`].
    Arguments,
    /// [`DEPTH`].
    Depth,
    /// [`HEADER_BYTES`].
    Headers,
    /// [`COOKIES`].
    Cookies,
}

impl Bound {
    /// Every bound.
    pub const ALL: [Self; 4] = [Self::Arguments, Self::Depth, Self::Headers, Self::Cookies];

    /// Its name in logs and figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Depth => "depth",
            Self::Headers => "headers",
            Self::Cookies => "cookies",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments => write!(f, "more than {ARGUMENTS} arguments"),
            Self::Depth => write!(f, "JSON nested deeper than {DEPTH}"),
            Self::Headers => write!(f, "more than {HEADER_BYTES} bytes of fields"),
            Self::Cookies => write!(f, "more than {COOKIES} cookies"),
        }
    }
}

/// The first bound that a request is over.
#[must_use]
pub fn exceeded(request: &Request) -> Option<Bound> {
    let fields = request.headers.iter();
    let bytes = fields.fold(0_usize, |bytes, (name, value)| {
        bytes.saturating_add(name.len() + value.len())
    });
    if bytes > HEADER_BYTES {
        return Some(Bound::Headers);
    }
    if cookies(request) > COOKIES {
        return Some(Bound::Cookies);
    }
    let mut arguments = request.query().map_or(0, pairs);
    match Kind::of(request) {
        Kind::Form => arguments += pairs(&request.body),
        Kind::Multipart(boundary) => arguments += multipart::count(&request.body, &boundary),
        Kind::Json => {
            let shape = json::shape(&request.body);
            if shape.depth > DEPTH {
                return Some(Bound::Depth);
            }
            arguments += shape.leaves;
        }
        Kind::Text => arguments += 1,
        Kind::Nothing => {}
    }
    (arguments > ARGUMENTS).then_some(Bound::Arguments)
}

fn pairs(bytes: &[u8]) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    1 + bytes.iter().filter(|byte| **byte == b'&').count()
}

fn cookies(request: &Request) -> usize {
    let fields = request.headers.iter();
    let cookies = fields.filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    cookies
        .map(|(_, value)| 1 + value.iter().filter(|byte| **byte == b';').count())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(kind: &str, body: String) -> Request {
        Request {
            method: "POST".to_owned(),
            target: b"/form".to_vec(),
            headers: vec![("content-type".to_owned(), kind.into())],
            body: body.into_bytes(),
            ..Request::default()
        }
    }

    #[test]
    fn each_bound_is_kept_to_the_last_and_no_further() {
        let form = |count: usize| {
            post(
                "application/x-www-form-urlencoded",
                vec!["a=1"; count].join("&"),
            )
        };
        assert_eq!(exceeded(&form(255)), None);
        assert_eq!(exceeded(&form(256)), Some(Bound::Arguments));
        let numbers = |count: usize| {
            let numbers = vec!["1"; count].join(",");
            post("application/json; charset=utf-8", format!("[{numbers}]"))
        };
        assert_eq!(exceeded(&numbers(255)), None);
        assert_eq!(exceeded(&numbers(60_000)), Some(Bound::Arguments));
        let deep = |depth: usize| {
            post(
                "application/vnd.api+json",
                format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
            )
        };
        assert_eq!(exceeded(&deep(32)), None);
        assert_eq!(exceeded(&deep(33)), Some(Bound::Depth));
        let cookies = |count: usize| Request {
            headers: vec![("Cookie".to_owned(), vec!["a=b"; count].join("; ").into())],
            ..Request::default()
        };
        assert_eq!(exceeded(&cookies(64)), None);
        assert_eq!(exceeded(&cookies(65)), Some(Bound::Cookies));
        let fields = |bytes: usize| Request {
            headers: vec![("x".to_owned(), vec![b'a'; bytes - 1])],
            ..Request::default()
        };
        assert_eq!(exceeded(&fields(HEADER_BYTES)), None);
        assert_eq!(exceeded(&fields(HEADER_BYTES + 1)), Some(Bound::Headers));
    }

    #[test]
    fn query_and_body_count_together() {
        let mut request = post(
            "application/x-www-form-urlencoded",
            vec!["a=1"; 200].join("&"),
        );
        request.target = format!("/form?{}", vec!["b=2"; 56].join("&")).into_bytes();
        assert_eq!(exceeded(&request), Some(Bound::Arguments));
    }
}

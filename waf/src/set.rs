//! Sets of requests in a file, one JSON object a line: what `yagura waf test` reads, and the tests.
//!
//! ```text
//! {"name":"search","target":"/search?q=%E3%81%94%E3%81%BF"}
//! {"method":"POST","target":"/form","headers":{"content-type":"application/json"},"body":"{}"}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::request::Request;

/// One request of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What it is called in reports.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The method; GET, or POST where there is a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query.
    pub target: String,
    /// Its fields, beside those that every browser sends.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Its body; each character stands for its bytes in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its body in another charset, percent-encoded throughout, as in `%8D%82`; instead of `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_escaped: Option<String>,
}

/// What every browser sends.
const USUAL: [(&str, &str); 5] = [
    ("host", "www.town.example"),
    (
        "user-agent",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("accept-language", "ja,en-US;q=0.9,en;q=0.8"),
    ("accept-encoding", "gzip, deflate, br"),
];

impl Sample {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        let has_body = self.body.is_some() || self.body_escaped.is_some();
        let usual = if has_body { "POST" } else { "GET" };
        self.method.as_deref().unwrap_or(usual)
    }

    /// The bytes of the body.
    #[must_use]
    pub fn body_bytes(&self) -> Vec<u8> {
        match (&self.body, &self.body_escaped) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(escaped)) => crate::copy::unescaped_bytes(escaped.as_bytes()),
            (None, None) => Vec::new(),
        }
    }

    /// Every field, in the order in which they are sent; an empty value takes a usual one away.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let own = |name: &str| {
            let mut own = self.headers.iter();
            own.any(|(field, _)| field.eq_ignore_ascii_case(name))
        };
        let usual = USUAL.iter().filter(|(name, _)| !own(name));
        let usual = usual.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let written = self.headers.iter().filter(|(_, value)| !value.is_empty());
        let written = written.map(|(name, value)| (name.clone(), value.clone()));
        usual.chain(written).collect()
    }

    /// The request for a site.
    #[must_use]
    pub fn request(&self, site: &str) -> Request {
        let body = self.body_bytes();
        let fields = self.fields().into_iter();
        let mut headers: Vec<_> = fields
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        if !body.is_empty() {
            let length = body.len().to_string().into_bytes();
            headers.push(("content-length".to_owned(), length));
        }
        Request {
            site: site.to_owned(),
            method: self.method().to_owned(),
            target: self.target.clone().into_bytes(),
            version: "1.1".to_owned(),
            headers,
            body,
            cut: false,
        }
    }
}

/// The samples of a file's text. Empty lines and lines that begin with `#` say nothing.
///
/// # Errors
/// A line is no sample; with its number.
pub fn read(text: &str) -> Result<Vec<Sample>, String> {
    let lines = text.lines().enumerate();
    let written = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let read = written.map(|(index, line)| {
        let sample: Result<Sample, _> = serde_json::from_str(line);
        sample.map_err(|error| format!("line {}: {error}", index + 1))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_what_browsers_add() {
        let text = "# a set\n{\"target\":\"/\"}\n\n{\"target\":\"/f\",\"body_escaped\":\"%8da\",\"headers\":{\"User-Agent\":\"\"}}\n";
        let samples = read(text).unwrap();
        assert_eq!(samples.len(), 2);
        let first = samples[0].request("town");
        assert_eq!(first.method, "GET");
        assert_eq!(first.header("Host"), Some(b"www.town.example".as_slice()));
        let second = samples[1].request("town");
        assert_eq!(
            (second.method.as_str(), second.body.as_slice()),
            ("POST", b"\x8da".as_slice())
        );
        assert_eq!(second.header("user-agent"), None);
        assert!(read("{\"target\":1}").unwrap_err().starts_with("line 1: "));
    }
}

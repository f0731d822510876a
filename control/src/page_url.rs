//! A page's address as an operator gives it: a whole URL, as copied out of a browser, or a path.

/// The address of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl {
    /// The host, lower case without port; `None` for a path alone.
    pub host: Option<String>,
    /// Whether it is plain HTTP.
    pub plain_http: bool,
    /// Path and query, percent-encoded.
    pub target: String,
}

/// Why a text is no page's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no page's address: {why}")]
pub struct NotAPageUrl {
    text: String,
    why: &'static str,
}

impl PageUrl {
    /// Whether a text is meant as an address, and not as a cache tag.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with('/') || text.contains("://")
    }

    /// Reads an address. A fragment, which no browser sends, is left out; what is not ASCII is
    /// percent-encoded, as browsers do; nothing else is changed.
    ///
    /// # Errors
    /// It is neither an http(s) URL nor a path that begins with a slash.
    pub fn parse(text: &str) -> Result<Self, NotAPageUrl> {
        let fault = |why| NotAPageUrl {
            text: text.chars().take(100).collect(),
            why,
        };
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !text.starts_with('/') => (Some(scheme), rest),
            _ => (None, text),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (host, path) = match scheme {
            None if rest.starts_with('/') => (None, rest),
            None => return Err(fault("begin it with https:// or with a slash")),
            Some(scheme) => {
                let known = ["http", "https"];
                if !known.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                    return Err(fault("it is neither http nor https"));
                }
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, path) = rest.split_at(end);
                let host = host(authority).ok_or_else(|| fault("it names no host"))?;
                (Some(host), path)
            }
        };
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            host,
            plain_http: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")),
            target: format!("{slash}{}", encoded(path)),
        })
    }
}

fn host(authority: &str) -> Option<String> {
    let host = match authority.strip_prefix('[') {
        Some(_) => authority.get(..=authority.find(']')?)?,
        None => authority.split(':').next()?,
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    (!host.is_empty() && host.chars().all(letters)).then(|| host.to_ascii_lowercase())
}

fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_taken_as_people_copy_them() {
        let read = |text: &str| {
            let url = PageUrl::parse(text).unwrap();
            (url.host.unwrap_or_default(), url.plain_http, url.target)
        };
        let town = || "www.town.example".to_owned();
        for (text, expected) in [
            ("/", (String::new(), false, "/")),
            ("/a?b=c://d#e", (String::new(), false, "/a?b=c://d")),
            ("https://WWW.Town.example", (town(), false, "/")),
            (
                "http://www.town.example:8080/a%20b",
                (town(), true, "/a%20b"),
            ),
            ("HTTPS://www.town.example?x=1#top", (town(), false, "/?x=1")),
            (
                "https://[2001:DB8::1]:8443/a",
                ("[2001:db8::1]".into(), false, "/a"),
            ),
            ("/\u{3042} b", (String::new(), false, "/%E3%81%82%20b")),
        ] {
            assert_eq!(
                read(text),
                (expected.0, expected.1, expected.2.to_owned()),
                "{text}"
            );
        }
        for text in [
            "",
            "page-1",
            "ftp://a/",
            "https:///a",
            "https://u@h/",
            "https://\u{3042}/",
        ] {
            assert!(PageUrl::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_can_stand_in_a_request(text in "(https?://)?[a-z\\[\\]:@]{0,6}/?\\PC{0,20}") {
            if let Ok(url) = PageUrl::parse(&text) {
                prop_assert!(url.target.starts_with('/'));
                prop_assert!(url.target.bytes().all(|byte| byte.is_ascii_graphic()));
                let again = PageUrl::parse(&url.target).unwrap();
                prop_assert_eq!(again.target, url.target);
            }
        }
    }
}

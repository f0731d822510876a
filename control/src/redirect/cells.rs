//! How one cell of a table of redirects is read, as staff write it: Japanese in addresses, dates
//! with slashes or eras, numbers with commas and 部.

use std::borrow::Cow;

use super::escapes;
use super::pattern::Pattern;
use super::template::Template;
use super::{MAX_CAPTURES_OF_TARGET, MAX_TEXT_BYTES, MAX_URL_BYTES};
use crate::day::Day;

/// A source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The host it belongs to, lower case without port.
    pub host: Option<String>,
    /// Path and query.
    pub path: String,
    /// The path read as a pattern, when it is one.
    pub pattern: Option<Pattern>,
}

/// Where a redirect begins: an absolute path, or a whole URL when it belongs to one host.
///
/// # Errors
/// What is wrong with it.
pub fn source(text: &str) -> Result<Source, String> {
    let (host, path) = match after_scheme(text) {
        None => (None, text),
        Some(rest) => {
            let slash = rest
                .find('/')
                .ok_or_else(|| format!("from \"{text}\" has no path after the host"))?;
            let (authority, path) = rest.split_at(slash);
            let (host, _port) = host_and_port("from", text, authority)?;
            (Some(host), path)
        }
    };
    let path = path_of("from", path)?;
    let path = escapes::spelled_once(&path);
    if path.contains('#') {
        return Err(format!(
            "from \"{text}\" has a fragment, which browsers never send; drop it"
        ));
    }
    let pattern = if Pattern::is_meant(&path) {
        Some(Pattern::parse(&path).map_err(|why| format!("from \"{text}\": {why}"))?)
    } else {
        None
    };
    Ok(Source {
        host,
        path: path.into_owned(),
        pattern,
    })
}

/// Where it leads: an absolute path or an http(s) URL, with what the source's pattern captures.
///
/// # Errors
/// What is wrong with it.
pub fn target(text: &str, pattern: Option<&Pattern>) -> Result<String, String> {
    // Browsers take it for a slash, so that "/\\host" is another site.
    if text.contains('\\') {
        return Err(format!("to \"{text}\" holds a backslash; write a slash"));
    }
    let target = match after_scheme(text) {
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let (host, port) = host_and_port("to", text, authority)?;
            let scheme = if text.starts_with("https") {
                "https"
            } else {
                "http"
            };
            format!("{scheme}://{host}{port}{}", visible("to", path)?)
        }
        None if text.starts_with("//") => {
            return Err(format!(
                "to \"{text}\" has no scheme; write https:// before it"
            ));
        }
        None => path_of("to", text)?.into_owned(),
    };
    let template =
        Template::parse(&target, pattern).map_err(|why| format!("to \"{text}\": {why}"))?;
    if template.captures() > MAX_CAPTURES_OF_TARGET {
        return Err(format!(
            "to \"{text}\" takes what was captured more than {MAX_CAPTURES_OF_TARGET} times; take it once"
        ));
    }
    Ok(target)
}

/// 301 when it is left out.
///
/// # Errors
/// It is none of those that redirect.
pub fn status(text: &str) -> Result<u16, String> {
    match half_width(text).as_ref() {
        "" => Ok(301),
        "301" => Ok(301),
        "302" => Ok(302),
        "303" => Ok(303),
        "307" => Ok(307),
        "308" => Ok(308),
        other => Err(format!(
            "status \"{other}\" is no redirect; use 301, 302, 303, 307 or 308"
        )),
    }
}

/// A date: `2026-03-31`, `2026/3/31`, `2026年3月31日`, `令和8年3月31日`, `R8.3.31`.
///
/// # Errors
/// It is none.
pub fn date(text: &str) -> Result<Option<Day>, String> {
    let plain = half_width(text);
    if plain.is_empty() {
        return Ok(None);
    }
    let fault = || format!("until \"{text}\" is no date; write it as 2026-03-31");
    let (years_before, rest) = match plain
        .strip_prefix("令和")
        .or_else(|| plain.strip_prefix(['R', 'r']))
    {
        Some(rest) => (2018, rest),
        None => (0, plain.as_ref()),
    };
    let rest = rest.strip_suffix('日').unwrap_or(rest);
    let mut parts = rest.split(['-', '/', '.', '年', '月']).map(str::trim);
    let mut number = || match parts.next() {
        Some("元") => Some(1),
        Some(part) if part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit()) => {
            part.parse::<i32>().ok()
        }
        _ => None,
    };
    let (year, month, day) = (number(), number(), number());
    if parts.next().is_some() {
        return Err(fault());
    }
    let small = |number: Option<i32>| u8::try_from(number?).ok();
    let read = || Day::new(years_before + year?, small(month)?, small(day)?);
    read().map(Some).ok_or_else(fault)
}

/// How many were printed: `12000`, `12,000`, `１２，０００部`.
///
/// # Errors
/// It is no whole number.
pub fn copies(text: &str) -> Result<Option<u32>, String> {
    let plain = half_width(text);
    let digits = plain.strip_suffix(['部', '枚']).unwrap_or(&plain).trim();
    if digits.is_empty() {
        return Ok(None);
    }
    let digits = digits.replace(',', "");
    let number = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok());
    match number.flatten() {
        Some(number) => Ok(Some(number)),
        None => Err(format!("copies \"{text}\" is no whole number")),
    }
}

/// Yes or no; no when it is left out.
///
/// # Errors
/// It is neither.
pub fn yes(text: &str) -> Result<bool, String> {
    match half_width(text).to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "はい" | "する" | "有" | "○" | "〇" => Ok(true),
        "" | "no" | "false" | "0" | "いいえ" | "しない" | "無" | "×" | "-" => Ok(false),
        _ => Err(format!("keep_query \"{text}\" is neither yes nor no")),
    }
}

/// Any other text.
///
/// # Errors
/// It is too long.
pub fn words(column: &str, text: &str) -> Result<String, String> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!("{column} is longer than {MAX_TEXT_BYTES} bytes"));
    }
    Ok(text.to_owned())
}

fn after_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
}

/// The host in the form that requests name it, and the port with its colon.
fn host_and_port<'a>(
    column: &str,
    text: &str,
    authority: &'a str,
) -> Result<(String, &'a str), String> {
    let fault = || format!("{column} \"{text}\" has no host name that can be used");
    let end = match authority.strip_prefix('[') {
        Some(_) => authority.find(']').ok_or_else(fault)? + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let digits = port.strip_prefix(':').unwrap_or("0");
    if digits.parse::<u16>().is_err() || authority.contains('@') {
        return Err(fault());
    }
    // Names in Japanese become what browsers ask the DNS for (RFC 5891).
    let host = url::Host::parse(host).map_err(|_| fault())?;
    Ok((host.to_string(), port))
}

fn path_of<'t>(column: &str, path: &'t str) -> Result<Cow<'t, str>, String> {
    if !path.starts_with('/') {
        return Err(format!(
            "{column} \"{path}\" must start with / or http(s)://"
        ));
    }
    visible(column, path)
}

/// Only what may stand in a request target and in a Location field: what is not ASCII is
/// percent-encoded, as browsers do; blanks and control characters are more likely a slip.
fn visible<'t>(column: &str, text: &'t str) -> Result<Cow<'t, str>, String> {
    if let Some(c) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!(
            "{column} \"{text}\" holds {c:?}; drop it, or write a blank as %20"
        ));
    }
    let encoded: Cow<'_, str> = if text.is_ascii() {
        text.into()
    } else {
        let mut encoded = String::with_capacity(text.len() * 3);
        for byte in text.bytes() {
            match byte {
                b'!'..=b'~' => encoded.push(char::from(byte)),
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
        encoded.into()
    };
    if encoded.len() > MAX_URL_BYTES {
        return Err(format!("{column} is longer than {MAX_URL_BYTES} bytes"));
    }
    Ok(encoded)
}

/// Digits and signs as they are on a Japanese keyboard to those of ASCII.
fn half_width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.trim().into();
    }
    let half = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '　' => ' ',
        '−' | 'ー' => '-',
        other => other,
    };
    let text: String = text.chars().map(half).collect();
    text.trim().to_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_and_numbers_are_read_as_staff_write_them() {
        for text in [
            "2026-03-31",
            "2026/3/31",
            "2026年3月31日",
            "令和8年3月31日",
            "R8.3.31",
            "２０２６／３／３１",
        ] {
            let read = date(text).unwrap().unwrap();
            assert_eq!(read.to_string(), "2026-03-31", "{text}");
        }
        assert_eq!(
            date("令和元年5月1日").unwrap().unwrap().to_string(),
            "2019-05-01"
        );
        assert_eq!(date("　"), Ok(None));
        for text in ["3/31", "2026-2-30", "soon", "2026-1-1-1", "31.3.2026"] {
            assert!(date(text).is_err(), "{text}");
        }
        assert_eq!(copies("１２，０００部"), Ok(Some(12_000)));
        assert_eq!(copies("48,000"), Ok(Some(48_000)));
        assert_eq!(copies(""), Ok(None));
        assert!(copies("about 100").is_err() && copies("-3").is_err());
        assert_eq!((yes("○"), yes("")), (Ok(true), Ok(false)));
        assert!(yes("maybe").is_err());
    }

    #[test]
    fn addresses_in_japanese_become_what_browsers_send() {
        let read = source("https://市.example:8443/くらし?区=1").unwrap();
        assert!(read.host.as_deref().unwrap().starts_with("xn--"));
        assert_eq!(source("/%e3%81%8f").unwrap().path, "/%E3%81%8F");
        assert_eq!(read.path, "/%E3%81%8F%E3%82%89%E3%81%97?%E5%8C%BA=1");
        let to = target("https://WWW.Town.example/ごみ", None).unwrap();
        assert_eq!(to, "https://www.town.example/%E3%81%94%E3%81%BF");
        for text in [
            "kurashi",
            "/a b",
            "/a#b",
            "https://",
            "https:///a",
            "https://u@h/",
        ] {
            assert!(source(text).is_err(), "{text}");
        }
        for text in [
            "//evil.example/",
            "/\\evil.example/",
            "ftp://a/",
            "https://",
            "https://a:b/",
            "/{x}",
        ] {
            assert!(target(text, None).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_can_stand_in_a_request(text in "(https?://[a-zあ.]{0,4})?/?[\\PC]{0,20}") {
            if let Ok(read) = source(&text) {
                prop_assert!(read.path.starts_with('/'));
                prop_assert!(read.path.bytes().all(|byte| byte.is_ascii_graphic()));
                let again = source(&super::super::source(read.host.as_deref(), &read.path)).unwrap();
                prop_assert_eq!(again, read);
            }
            if let Ok(read) = target(&text, None) {
                prop_assert!(read.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!read.starts_with("//"));
                prop_assert_eq!(target(&read, None).unwrap(), read);
            }
        }

        #[test]
        fn no_cell_makes_it_panic(text in "\\PC{0,20}") {
            let _ = (status(&text), date(&text), copies(&text), yes(&text), words("note", &text));
        }
    }
}

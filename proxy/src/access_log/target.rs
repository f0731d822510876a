//! What is written of a target: its path, and of its query what cannot be a secret
//! (docs/decisions/access-log.md).

use yagura_config::settings::{AccessLogSettings, QueryPolicy};

/// What stands for something that is not written.
const HIDDEN: &str = "*";
/// A name that is longer, or has other letters, may be a value that stands where a name should.
const LONGEST_NAME: usize = 32;

/// The target as it is written.
#[must_use]
pub fn shown(target: &str, settings: &AccessLogSettings) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut shown = path_shown(path, &settings.hide_below);
    let Some(query) = query else { return shown };
    match settings.query {
        QueryPolicy::Omitted => {}
        QueryPolicy::Full => {
            shown.push('?');
            shown.push_str(query);
        }
        QueryPolicy::Names => {
            for (index, parameter) in query.split('&').enumerate() {
                shown.push(if index == 0 { '?' } else { '&' });
                push_name(&mut shown, parameter, &settings.query_values);
            }
        }
    }
    shown
}

/// A path without query, as far as it may be told.
#[must_use]
pub fn path_shown(path: &str, hide_below: &[String]) -> String {
    let mut below = hide_below.iter();
    match below.find(|beginning| path.starts_with(beginning.as_str())) {
        Some(beginning) => format!("{beginning}{HIDDEN}"),
        None => path.to_owned(),
    }
}

/// A URL as it is written; its query is gone already.
#[must_use]
pub fn shown_url(url: &str, settings: &AccessLogSettings) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(after_scheme..).unwrap_or_default();
    let path = after_scheme + rest.find('/').unwrap_or(rest.len());
    let (authority, path) = url.split_at(path);
    format!("{authority}{}", shown(path, settings))
}

/// Adds the name of a parameter, with its value where it may be written.
fn push_name(shown: &mut String, parameter: &str, with_value: &[String]) {
    match parameter.split_once('=') {
        Some((name, _)) if with_value.iter().any(|known| known == name) => {
            shown.push_str(parameter);
        }
        Some((name, _)) if is_name(name) => shown.push_str(name),
        // Without `=` it is all value: `?TOKEN`.
        _ if parameter.is_empty() => {}
        _ => shown.push_str(HIDDEN),
    }
}

fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    text.len() <= LONGEST_NAME && text.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings(query: QueryPolicy) -> AccessLogSettings {
        AccessLogSettings {
            query,
            query_values: vec!["page".into(), "lang".into()],
            hide_below: vec!["/reset/".into()],
            ..AccessLogSettings::new("x".into())
        }
    }

    #[test]
    fn names_are_written_and_values_are_not() {
        let names = settings(QueryPolicy::Names);
        for (target, expected) in [
            ("/a", "/a"),
            ("/a?", "/a?"),
            ("/a?q=tanaka&page=2&lang=ja", "/a?q&page=2&lang=ja"),
            ("/a?TOKEN", "/a?*"),
            ("/a?page", "/a?*"),
            ("/a?q=1?x=2", "/a?q"),
            ("/a?%70age=2&a[]=1&&=3", "/a?*&a[]&&"),
            ("/reset/abc/def?x=1", "/reset/*?x"),
            ("/resets", "/resets"),
            ("*", "*"),
        ] {
            assert_eq!(shown(target, &names), expected);
        }
    }

    #[test]
    fn all_of_it_or_nothing_where_that_is_wanted() {
        assert_eq!(shown("/a?q=1", &settings(QueryPolicy::Full)), "/a?q=1");
        assert_eq!(shown("/a?q=1", &settings(QueryPolicy::Omitted)), "/a");
    }

    #[test]
    fn what_is_hidden_is_hidden_in_the_page_with_the_link_too() {
        let names = settings(QueryPolicy::Names);
        let url = |url| shown_url(url, &names);
        assert_eq!(
            url("https://a.example/reset/abc"),
            "https://a.example/reset/*"
        );
        assert_eq!(url("https://a.example"), "https://a.example");
        assert_eq!(url("/reset/x"), "/reset/*");
        assert_eq!(url(""), "");
    }

    proptest! {
        #[test]
        fn no_value_is_written_that_is_not_on_the_list(
            names in proptest::collection::vec("[a-o%_]{0,40}", 0..5),
            secret in "[A-Z0-9]{8,40}",
        ) {
            let query: Vec<String> = names.iter().map(|name| format!("{name}={secret}")).collect();
            let target = format!("/x?{}&{secret}", query.join("&"));
            let shown = shown(&target, &settings(QueryPolicy::Names));
            prop_assert!(!shown.contains(&secret), "{shown}");
        }
    }
}

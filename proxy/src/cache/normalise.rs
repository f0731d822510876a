//! What of a request makes no difference to its answer, by the site's rules: query parameters that
//! select no other page, and cookies that select no other variant. Pure.
//!
//! Nothing is decoded, encoded or put in another order: what no rule names stays byte for byte.
//! The target without its noise is both looked up and asked for at the origin, so that what is
//! stored is the response to exactly that request. `key.rs` applies the rules to every key.

use std::borrow::Cow;

use yagura_config::settings::{ParameterPattern, SiteSettings};

use super::directives::Fields;

/// The rules of one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    dropped: Vec<ParameterPattern>,
    cookies: Option<Vec<String>>,
}

impl Rules {
    /// The rules that a site's settings make.
    #[must_use]
    pub fn new(site: &SiteSettings) -> Self {
        Self {
            dropped: site.drop_query.clone(),
            cookies: site.vary_cookies.clone(),
        }
    }

    /// Rules that drop these parameters; `*` at the end stands for any ending.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn dropping(names: &[&str]) -> Self {
        let dropped = names.iter().map(|name| match name.strip_suffix('*') {
            Some(beginning) => ParameterPattern::Prefix(beginning.to_owned()),
            None => ParameterPattern::Exact((*name).to_owned()),
        });
        Self {
            dropped: dropped.collect(),
            cookies: None,
        }
    }

    /// A target without the parameters that the rules drop. A query of which nothing is left loses
    /// its question mark too.
    #[must_use]
    pub fn target<'t>(&self, target: &'t str) -> Cow<'t, str> {
        if self.dropped(target).next().is_none() {
            return Cow::Borrowed(target);
        }
        let mut kept = String::with_capacity(target.len());
        self.write_target(target, &mut kept);
        Cow::Owned(kept)
    }

    /// Writes a target without the parameters that the rules drop at the end of `out`.
    pub fn write_target(&self, target: &str, out: &mut String) {
        let begin = out.len();
        out.push_str(target);
        // The front comes by here with every request: without a query, or with one of which
        // everything is kept, this is all that happens.
        if self.dropped(target).next().is_none() {
            return;
        }
        let Some((path, query)) = target.split_once('?') else {
            return;
        };
        out.truncate(begin + path.len());
        let mut before = '?';
        for parameter in parameters(query).filter(|parameter| !self.drops(parameter)) {
            out.push(before);
            out.push_str(parameter);
            before = '&';
        }
        if out.ends_with('?') && out.len() == begin + path.len() + 1 {
            out.pop();
        }
    }

    /// The parameters of a target that the rules drop, as they stand in it.
    pub fn dropped<'t>(&self, target: &'t str) -> impl Iterator<Item = &'t str> {
        let query = match target.split_once('?') {
            Some((_, query)) if !self.dropped.is_empty() => query,
            _ => "",
        };
        let some = !query.is_empty();
        parameters(query).filter(move |parameter| some && self.drops(parameter))
    }

    fn drops(&self, parameter: &str) -> bool {
        let name = parameter.split('=').next().unwrap_or(parameter);
        self.dropped.iter().any(|pattern| match pattern {
            ParameterPattern::Exact(exact) => name == exact,
            ParameterPattern::Prefix(beginning) => name.starts_with(beginning.as_str()),
        })
    }

    /// The cookies that count, where the rules name any.
    #[must_use]
    pub fn cookies(&self) -> Option<&[String]> {
        self.cookies.as_deref()
    }

    /// What the Cookie field of a request becomes; the field is to go when nothing of it is left.
    #[must_use]
    pub fn cookie_field(&self, fields: &impl Fields) -> CookieField {
        let Some(counting) = &self.cookies else {
            return CookieField::AsItIs;
        };
        let mut kept = Vec::new();
        for line in fields.lines("cookie") {
            for pair in line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
                let name = pair.split(|byte| *byte == b'=').next().unwrap_or(pair);
                if counting.iter().any(|one| one.as_bytes() == name) {
                    if !kept.is_empty() {
                        kept.extend_from_slice(b"; ");
                    }
                    kept.extend_from_slice(pair);
                }
            }
        }
        if kept.is_empty() {
            CookieField::Absent
        } else {
            CookieField::Of(kept)
        }
    }

    /// A request's fields as what is stored is selected by them.
    pub fn seen<'f, F: Fields>(&self, fields: &'f F) -> Seen<'f, F> {
        Seen {
            cookie: self.cookie_field(fields),
            fields,
        }
    }
}

/// The Cookie field under a site's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CookieField {
    /// No rule concerns it.
    AsItIs,
    /// There is none, or no cookie in it counts.
    Absent,
    /// One line with the cookies that count, in the reader's order.
    Of(Vec<u8>),
}

/// A request's fields with the Cookie field as the rules leave it.
#[derive(Debug)]
pub struct Seen<'f, F> {
    fields: &'f F,
    cookie: CookieField,
}

impl<F: Fields> Fields for Seen<'_, F> {
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let reduced = name == "cookie" && self.cookie != CookieField::AsItIs;
        let own = match &self.cookie {
            CookieField::Of(value) if reduced => Some(value.as_slice()),
            _ => None,
        };
        let others = (!reduced).then(|| self.fields.lines(name));
        own.into_iter().chain(others.into_iter().flatten())
    }
}

/// Parameters of a query, as they stand between the ampersands.
fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.split('&')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use proptest::prelude::*;

    fn dropping(names: &[&str]) -> Rules {
        Rules::dropping(names)
    }

    fn counting(names: &[&str]) -> Rules {
        Rules {
            cookies: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            ..Rules::default()
        }
    }

    #[test]
    fn noise_goes_and_the_rest_keeps_its_order_and_spelling() {
        let rules = dropping(&["utm_*", "gclid"]);
        for (target, expected) in [
            ("/", "/"),
            ("/?", "/?"),
            ("/?b=2&a=1", "/?b=2&a=1"),
            ("/?utm_source=x", "/"),
            ("/?utm_source=x&utm_medium=y", "/"),
            ("/?utm_source", "/"),
            ("/a?b=%E3%81%82&gclid=1&a=+", "/a?b=%E3%81%82&a=+"),
            ("/a?gclid=1&", "/a"),
            ("/a?gclid=1&&b", "/a?&b"),
            ("/a?b?c&gclid=1", "/a?b?c"),
            (
                "/a?GCLID=1&gclid2=1&g%63lid=1",
                "/a?GCLID=1&gclid2=1&g%63lid=1",
            ),
            ("/utm_source=x", "/utm_source=x"),
        ] {
            assert_eq!(rules.target(target), expected, "{target}");
        }
        assert_eq!(
            rules.dropped("/?a&gclid=1&utm_x").collect::<Vec<_>>(),
            ["gclid=1", "utm_x"]
        );
        assert_eq!(dropping(&["*"]).target("/a?b=1&&c"), "/a");
        assert_eq!(dropping(&[]).target("/a?utm_x=1"), "/a?utm_x=1");
    }

    #[test]
    fn cookies_that_do_not_count_are_not_seen() {
        let rules = counting(&["lang", "size"]);
        let mut fields = HeaderMap::new();
        assert_eq!(rules.cookie_field(&fields), CookieField::Absent);
        fields.append("cookie", "sid=1; lang=ja;theme=x".parse().unwrap());
        fields.append("cookie", "size=2".parse().unwrap());
        fields.append("accept", "text/html".parse().unwrap());
        let seen = rules.seen(&fields);
        assert_eq!(
            seen.lines("cookie").collect::<Vec<_>>(),
            [b"lang=ja; size=2"]
        );
        assert_eq!(seen.first("accept"), Some("text/html"));
        let untouched = Rules::default();
        assert_eq!(untouched.seen(&fields).lines("cookie").count(), 2);
        assert_eq!(counting(&["none"]).seen(&fields).lines("cookie").count(), 0);
    }

    proptest! {
        #[test]
        fn a_target_is_normalised_once_and_for_all(
            target in "/[a-b/]{0,4}\\?{0,2}((utm_[a-c]?|a|gclid|b)(=[a-z&?=%]{0,3})?&{0,2}){0,6}"
        ) {
            let rules = dropping(&["utm_*", "gclid"]);
            let once = rules.target(&target).into_owned();
            prop_assert_eq!(rules.target(&once), once.as_str());
            // What is kept stands in the same order.
            let kept: Vec<&str> = target.split_once('?').map_or("", |(_, query)| query)
                .split('&').filter(|parameter| !rules.drops(parameter)).collect();
            let left: Vec<&str> = once.split_once('?').map_or("", |(_, query)| query).split('&').collect();
            prop_assert_eq!(kept.join("&"), left.join("&"));
            let mut key = "town\n\n".to_owned();
            rules.write_target(&target, &mut key);
            prop_assert_eq!(key.strip_prefix("town\n\n"), Some(once.as_str()));
        }

        #[test]
        fn a_target_without_noise_is_left_as_it_is(target in "\\PC{0,60}") {
            prop_assert_eq!(dropping(&["\u{1}*"]).target(&target), target.as_str());
            let _no_panic = dropping(&["*"]).target(&target);
        }

        #[test]
        fn no_cookie_makes_it_panic(value in "[ -~]{0,60}") {
            let mut fields = HeaderMap::new();
            fields.append("cookie", value.parse().unwrap());
            let field = counting(&["a", "b"]).cookie_field(&fields);
            if let CookieField::Of(reduced) = &field {
                // Once more changes nothing.
                fields.insert("cookie", http::HeaderValue::from_bytes(reduced).unwrap());
                prop_assert_eq!(&counting(&["a", "b"]).cookie_field(&fields), &field);
            }
        }
    }
}

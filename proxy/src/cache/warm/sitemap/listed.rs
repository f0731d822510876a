//! From the URLs of a sitemap to what a warmer does: pure.

use std::collections::BTreeMap;

use url::Url;
use yagura_config::settings::HostPattern;

use super::read::Entry;

/// Targets of the site with the dates of their last change, as the sitemap tells them.
pub type Listed = BTreeMap<String, Option<String>>;

/// Path and query of a URL, if it is one of the site's; as browsers ask for it.
#[must_use]
pub fn target(url: &str, hosts: &[HostPattern]) -> Option<String> {
    let url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let host = url.host_str()?;
    let is_own = |own: &HostPattern| matches!(own, HostPattern::Exact(name) if name == host);
    if !hosts.iter().any(is_own) {
        return None;
    }
    let query = url.query().map(|query| format!("?{query}"));
    Some(format!("{}{}", url.path(), query.unwrap_or_default()))
}

/// Adds the site's own URLs of a file, up to `most` in all; gives how many were left out.
pub fn add(listed: &mut Listed, entries: Vec<Entry>, hosts: &[HostPattern], most: usize) -> usize {
    let mut left_out = 0;
    for entry in entries {
        match target(&entry.url, hosts) {
            Some(target) if listed.len() < most || listed.contains_key(&target) => {
                listed.insert(target, entry.changed);
            }
            _ => left_out += 1,
        }
    }
    left_out
}

/// The targets to fetch: those that are new, or that changed by their dates.
#[must_use]
pub fn changed(listed: &Listed, held: &Listed) -> Vec<String> {
    let is_new = |target: &String, date: &Option<String>| held.get(target) != Some(date);
    listed
        .iter()
        .filter(|(target, date)| is_new(target, date))
        .map(|(target, _)| target.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hosts() -> [HostPattern; 2] {
        ["town.example", "www.town.example"].map(|name| HostPattern::Exact(name.to_owned()))
    }

    #[test]
    fn only_urls_of_the_site_are_its_targets() {
        for (url, expected) in [
            ("https://town.example/a.html?x=1#top", Some("/a.html?x=1")),
            ("http://WWW.town.example:8080", Some("/")),
            (
                "https://town.example/暮らし",
                Some("/%E6%9A%AE%E3%82%89%E3%81%97"),
            ),
            ("https://town.example/a/../b", Some("/b")),
            ("https://evil.example/a", None),
            ("https://town.example.evil.example/a", None),
            ("https://evil.example@town.example.org/", None),
            ("ftp://town.example/a", None),
            ("/a.html", None),
        ] {
            assert_eq!(target(url, &hosts()).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_beyond_the_limit_or_of_others_is_left_out() {
        let entries = |urls: &[&str]| {
            let entry = |url: &&str| Entry {
                url: (*url).to_owned(),
                changed: None,
            };
            urls.iter().map(entry).collect::<Vec<_>>()
        };
        let mut listed = Listed::new();
        let urls = [
            "https://town.example/1",
            "https://evil.example/",
            "https://town.example/2",
            "https://town.example/1",
            "https://town.example/3",
        ];
        assert_eq!(add(&mut listed, entries(&urls), &hosts(), 2), 2);
        assert_eq!(listed.keys().collect::<Vec<_>>(), ["/1", "/2"]);
    }

    proptest! {
        #[test]
        fn what_is_new_or_changed_is_fetched_and_the_rest_is_not(
            listed in proptest::collection::btree_map("/[a-e]", proptest::option::of("[12]"), 0..5),
            held in proptest::collection::btree_map("/[a-e]", proptest::option::of("[12]"), 0..5),
        ) {
            let changed = changed(&listed, &held);
            for (target, date) in &listed {
                prop_assert_eq!(changed.contains(target), held.get(target) != Some(date));
            }
            prop_assert!(changed.iter().all(|target| listed.contains_key(target)));
        }

        #[test]
        fn no_url_makes_it_panic(url in ".{0,60}") {
            let found = target(&url, &hosts());
            prop_assert!(found.is_none_or(|target| target.starts_with('/')));
        }
    }
}

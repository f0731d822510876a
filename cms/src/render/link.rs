//! Where a link of a document may lead, read from its `href`.
//!
//! The closed set keeps code out of links: whatever is not one of these is shown as plain text,
//! also when it got past the check that runs before saving.

use crate::domain::PageId;

/// A link's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A page of this CMS; its path is looked up when rendering.
    Page(PageId),
    /// An absolute path of this site.
    Path(&'a str),
    /// Another site.
    Elsewhere(&'a str),
    /// A mail address or a telephone number.
    Person(&'a str),
}

impl<'a> Target<'a> {
    /// Reads an `href`; `None` when it is none of ours.
    #[must_use]
    pub fn read(href: &'a str) -> Option<Self> {
        if href.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        if let Some(id) = href.strip_prefix("page:") {
            return id.parse().ok().map(|id| Self::Page(PageId(id)));
        }
        // A second slash, or a backslash that browsers take for one, would name another host
        // (WHATWG URL, "relative slash state").
        if href.starts_with('/') {
            return (!href.starts_with("//") && !href.contains('\\')).then_some(Self::Path(href));
        }
        let scheme = href.split_once(':')?.0.to_ascii_lowercase();
        match scheme.as_str() {
            "http" | "https" => Some(Self::Elsewhere(href)),
            "mailto" | "tel" => Some(Self::Person(href)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_target_is_known() {
        assert_eq!(Target::read("page:12"), Some(Target::Page(PageId(12))));
        assert_eq!(
            Target::read("/kurashi/a.html"),
            Some(Target::Path("/kurashi/a.html"))
        );
        assert_eq!(
            Target::read("HTTPS://a.example/"),
            Some(Target::Elsewhere("HTTPS://a.example/"))
        );
        assert_eq!(
            Target::read("tel:000-000-0000"),
            Some(Target::Person("tel:000-000-0000"))
        );
    }

    #[test]
    fn what_runs_code_or_hides_a_host_is_no_target() {
        let refused = [
            "javascript:alert(1)",
            "java\nscript:x",
            "data:text/html,x",
            "//evil.example/",
            "/\\evil.example",
            "a.html",
            "page:x",
            "",
        ];
        for href in refused {
            assert_eq!(Target::read(href), None, "{href:?}");
        }
    }
}

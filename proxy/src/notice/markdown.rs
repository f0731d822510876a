//! From the Markdown of a notice to HTML that can do no harm: raw HTML is shown as text, links lead
//! to few schemes, images are those that came with the notice, headings follow one another without
//! a gap below the page's own. Pure.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Where the files of a notice are answered.
pub const FILES: &str = "/.yagura/notice/";

/// Schemes that links may have; a link without one is relative.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// A text, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The words of its first heading, when nothing stands before that; then it is not in `html`.
    pub title: Option<String>,
    /// The rest.
    pub html: String,
}

/// Renders a text. Its headings begin below `level` (1 to 5). `files` are the names of the notice's
/// files; `titled` texts have a title already, and keep their first heading.
#[must_use]
pub fn render(markdown: &str, level: u8, files: &[&str], titled: bool) -> Rendered {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, options).collect();
    let title = if titled {
        None
    } else {
        first_heading(&mut events)
    };
    let mut walk = Walk {
        base: level,
        last: level,
        files,
        links: Vec::new(),
        images: Vec::new(),
    };
    let safe: Vec<Event<'_>> = events
        .into_iter()
        .filter_map(|one| walk.safe(one))
        .collect();
    let mut html = String::new();
    html::push_html(&mut html, safe.into_iter());
    Rendered { title, html }
}

/// Takes the first heading away, if the text begins with one.
fn first_heading(events: &mut Vec<Event<'_>>) -> Option<String> {
    if !matches!(events.first(), Some(Event::Start(Tag::Heading { .. }))) {
        return None;
    }
    let is_end = |event: &Event<'_>| matches!(event, Event::End(TagEnd::Heading(_)));
    let end = events.iter().position(is_end)?;
    let mut words = String::new();
    for event in events.drain(..=end) {
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            _ => {}
        }
    }
    let words = words.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

struct Walk<'f> {
    /// The level of the heading above the text.
    base: u8,
    /// The level of the heading before.
    last: u8,
    files: &'f [&'f str],
    /// Of each link that is open, whether it is kept.
    links: Vec<bool>,
    /// Of each image that is open, whether it is kept.
    images: Vec<bool>,
}

impl<'e> Walk<'_> {
    fn safe(&mut self, event: Event<'e>) -> Option<Event<'e>> {
        Some(match event {
            // What would be HTML is shown as what was typed.
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Heading { level, .. }) => {
                self.last = self.level(level);
                Event::Start(Tag::Heading {
                    level: heading(self.last),
                    id: None,
                    classes: Vec::new(),
                    attrs: Vec::new(),
                })
            }
            Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(heading(self.last))),
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                id,
                ..
            }) => {
                let url = self.link(&dest_url);
                self.links.push(url.is_some());
                Event::Start(Tag::Link {
                    link_type,
                    dest_url: url?.into(),
                    title: CowStr::Borrowed(""),
                    id,
                })
            }
            Event::End(TagEnd::Link) => {
                let kept = self.links.pop().unwrap_or(false);
                return kept.then_some(Event::End(TagEnd::Link));
            }
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                id,
                ..
            }) => {
                let kept = self.files.contains(&dest_url.as_ref());
                self.images.push(kept);
                if !kept {
                    // The words that describe it stay.
                    return None;
                }
                Event::Start(Tag::Image {
                    link_type,
                    dest_url: format!("{FILES}{dest_url}").into(),
                    title: CowStr::Borrowed(""),
                    id,
                })
            }
            Event::End(TagEnd::Image) => {
                let kept = self.images.pop().unwrap_or(false);
                return kept.then_some(Event::End(TagEnd::Image));
            }
            // The name of a code block's language would become a class.
            Event::Start(Tag::CodeBlock(_)) => {
                Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented))
            }
            other => other,
        })
    }

    /// The level of a heading on the page: below the title, and at most one below the heading before
    /// (WCAG 2.2, success criterion 1.3.1).
    fn level(&self, level: HeadingLevel) -> u8 {
        let wanted = (level as u8).max(2) - 1 + self.base;
        wanted.min(self.last + 1).min(6).max(self.base + 1)
    }

    /// Where a link leads, if it may.
    fn link(&self, url: &str) -> Option<String> {
        if self.files.contains(&url) {
            return Some(format!("{FILES}{url}"));
        }
        if url.chars().any(|c| c.is_control() || c == '\\') || url.trim() != url {
            return None;
        }
        let before = url.split(['/', '?', '#']).next().unwrap_or_default();
        match before.split_once(':') {
            None => Some(url.to_owned()),
            Some((scheme, _)) => {
                let mut known = SCHEMES.iter();
                let is_known = known.any(|one| scheme.eq_ignore_ascii_case(one));
                is_known.then(|| url.to_owned())
            }
        }
    }
}

const fn heading(level: u8) -> HeadingLevel {
    match level {
        0..=2 => HeadingLevel::H2,
        3 => HeadingLevel::H3,
        4 => HeadingLevel::H4,
        5 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(markdown: &str) -> String {
        render(markdown, 1, &["map.png", "plan.pdf"], false).html
    }

    #[test]
    fn a_text_is_rendered_below_its_title() {
        let text = "# 停電のお知らせ\n\n本文\n\n#### 場所\n\n# 時間\n\n- 一\n- 二\n";
        let rendered = render(text, 1, &[], false);
        assert_eq!(rendered.title.as_deref(), Some("停電のお知らせ"));
        assert_eq!(
            rendered.html,
            "<p>本文</p>\n<h2>場所</h2>\n<h2>時間</h2>\n<ul>\n<li>一</li>\n<li>二</li>\n</ul>\n"
        );
        let levels = html("a\n\n## b\n\n#### c\n\n###### d\n\n# e\n");
        let expected = ["<h2>b</h2>", "<h3>c</h3>", "<h4>d</h4>", "<h2>e</h2>"];
        assert!(expected.iter().all(|one| levels.contains(one)), "{levels}");
        assert_eq!(render("# b", 1, &[], true).html, "<h2>b</h2>\n");
        assert!(
            render("a\n\n# b", 2, &[], false)
                .html
                .contains("<h3>b</h3>")
        );
    }

    #[test]
    fn raw_html_is_shown_as_text() {
        assert_eq!(
            html("a <b onclick=x>c</b>\n\n<script>alert(1)</script>\n"),
            "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;\n</p>\n"
        );
    }

    #[test]
    fn links_and_images_lead_to_what_is_allowed() {
        for kept in [
            "https://a.example/",
            "http://a",
            "mailto:a@b.example",
            "tel:119",
            "/x",
            "#y",
            "x?a:b",
        ] {
            assert!(
                html(&format!("[t](<{kept}>)")).contains("<a href="),
                "{kept}"
            );
        }
        for dropped in [
            "javascript:x",
            "JavaScript:x",
            "data:text/html,x",
            "java&#x0A;script:x",
            "vbscript:x",
            "file:/x",
            "\\\\x",
        ] {
            assert_eq!(
                html(&format!("[t](<{dropped}>)")),
                "<p>t</p>\n",
                "{dropped}"
            );
        }
        assert!(html("[p](plan.pdf)").contains("href=\"/.yagura/notice/plan.pdf\""));
        assert_eq!(
            html("![地図](map.png)"),
            "<p><img src=\"/.yagura/notice/map.png\" alt=\"地図\" /></p>\n"
        );
        assert_eq!(
            html("![track](https://evil.example/x.png)"),
            "<p>track</p>\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_written_gives_no_element_but_those_of_a_text(
            markdown in "([<>/a-z\"'=&;:#*_`!\\[\\]() \n\t|-]|script|onload=|javascript:|<b>|<!--|\\PC){0,120}"
        ) {
            const ELEMENTS: [&str; 27] = [
                "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "a", "em", "strong", "code",
                "pre", "blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "img",
                "del", "sup", "div",
            ];
            const ATTRIBUTES: [&str; 5] = ["href", "src", "alt", "start", "style"];
            let html = html(&markdown);
            for part in html.split('<').skip(1) {
                let (tag, _) = part.split_once('>').unwrap();
                let tag = tag.trim_start_matches('/').trim_end_matches('/').trim();
                let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
                prop_assert!(ELEMENTS.contains(&name), "{name} in {html}");
                // Values are quoted, and quotes in them are escaped: what stands outside is a name.
                for (index, outside) in attributes.split('"').enumerate() {
                    let name = outside.trim().trim_end_matches('=').trim();
                    if index % 2 == 0 && !name.is_empty() {
                        prop_assert!(ATTRIBUTES.contains(&name), "{name} in {html}");
                    } else if index % 2 == 1 {
                        let value = outside.to_ascii_lowercase();
                        prop_assert!(!value.starts_with("javascript:"), "{html}");
                    }
                }
            }
        }
    }
}

//! The contents of a page: its headings of the second and third level, as a nested list of links.

use super::html::{Html, Writer};

/// From this many headings on, a page begins with its contents.
pub const FEWEST_HEADINGS: usize = 3;

/// One heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// 2, 3 or 4.
    pub level: u8,
    /// The id its element carries.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// A list of links to the headings, third levels inside their second; `None` when the page is
/// short enough to do without.
#[must_use]
pub fn contents(headings: &[Heading]) -> Option<Html> {
    let listed: Vec<&Heading> = headings
        .iter()
        .filter(|heading| heading.level <= 3)
        .collect();
    if listed.len() < FEWEST_HEADINGS {
        return None;
    }
    let mut writer = Writer::new();
    writer.element("ol", &[("class", "contents-list")], |list| {
        let mut rest = listed.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let inner = after
                .iter()
                .take_while(|heading| heading.level > first.level)
                .count();
            let (inside, next) = after.split_at(inner);
            list.element("li", &[], |item| {
                link(item, first);
                if !inside.is_empty() {
                    item.element("ol", &[], |nested| {
                        for heading in inside {
                            nested.element("li", &[], |item| link(item, heading));
                        }
                    });
                }
            });
            rest = next;
        }
    });
    Some(writer.finish())
}

fn link(writer: &mut Writer, heading: &Heading) {
    let target = format!("#{}", heading.id);
    writer.element("a", &[("href", &target)], |a| a.text(&heading.text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(level: u8, text: &str) -> Heading {
        Heading {
            level,
            id: format!("id-{text}"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn third_levels_stand_inside_their_second() {
        let headings = [
            heading(2, "a"),
            heading(3, "b"),
            heading(4, "hidden"),
            heading(2, "c"),
        ];
        assert_eq!(
            contents(&headings).unwrap().as_str(),
            "<ol class=\"contents-list\"><li><a href=\"#id-a\">a</a><ol><li><a href=\"#id-b\">b</a></li></ol></li>\
             <li><a href=\"#id-c\">c</a></li></ol>"
        );
    }

    #[test]
    fn a_short_page_has_no_contents() {
        assert_eq!(
            contents(&[heading(2, "a"), heading(2, "b"), heading(4, "c")]),
            None
        );
    }
}

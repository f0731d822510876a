//! The light page itself: no script, nothing from anywhere else, and small enough to arrive with
//! the first flight of a connection (ten segments, RFC 6928), over whatever is left of a network.
//! Posts that do not fit go to further pages. Pure.

use std::fmt::Write;

use yagura_config::settings::LookSettings;
use yagura_control::Timestamp;
use yagura_control::order::{DisasterPost, RaiseDisaster};

use super::{OLDER, USUAL_HOME};
use crate::notice::markdown::{self, Rendered};
use crate::notice::page::{beginning, escaped, languages, parts, sections, time_element};

/// Most bytes of a page; with the fields of the response it is below 14 KiB.
pub const MOST_BYTES: usize = 13 << 10;

/// What stands for a title where none was given.
const TITLE: &str = "災害情報";
const OLDER_TITLE: &str = "これまでの情報";

/// The pages: the first one with the texts and the newest posts, then those of older ones. The posts
/// are in order, the newest first. A page is larger than [`MOST_BYTES`] only where one post, or what
/// stands above the posts, is.
#[must_use]
pub fn pages(disaster: &RaiseDisaster, look: &LookSettings, newest_at: Timestamp) -> Vec<String> {
    let posts: Vec<String> = disaster.posts.iter().map(post).collect();
    let mut rest = posts.as_slice();
    let mut pages = Vec::new();
    loop {
        let (before, heading) = match pages.len() {
            0 => (first(disaster, look, newest_at), "最新情報"),
            number => (older(look, number), OLDER_TITLE),
        };
        let heading = match (pages.len(), rest.is_empty()) {
            (0, false) => format!("<h2 id=\"posts\" lang=\"ja\">{heading}</h2>\n"),
            _ => String::new(),
        };
        let size = |posts: &[String]| posts.iter().map(String::len).sum::<usize>();
        let around = before.len() + heading.len() + end(pages.len(), true).len();
        let fits = |count: &usize| around + size(rest.get(..*count).unwrap_or(rest)) <= MOST_BYTES;
        // The first page may be without a post; the others make no sense so.
        let least = usize::from(!pages.is_empty()).min(rest.len());
        let count = (least..=rest.len()).rev().find(fits).unwrap_or(least);
        let (here, later) = rest.split_at(count);
        let end = end(pages.len(), !later.is_empty());
        pages.push(format!("{before}{heading}{}{end}", here.concat()));
        rest = later;
        if rest.is_empty() {
            return pages;
        }
    }
}

fn first(disaster: &RaiseDisaster, look: &LookSettings, newest_at: Timestamp) -> String {
    let parts = parts(&disaster.texts, &[], TITLE);
    let lang = parts.first().map_or("ja", |part| part.lang);
    let title = parts.first().map_or(TITLE, |part| part.title.as_str());
    let mut page = beginning(lang, title, look);
    page.push_str(&languages(&parts));
    let to_posts = match disaster.posts.is_empty() {
        true => "",
        false => "<a href=\"#posts\">最新情報</a>　",
    };
    push(
        &mut page,
        format_args!(
            "<main>\n<p lang=\"ja\">最終更新 {}<br>{to_posts}<a href=\"{USUAL_HOME}\">通常のトップページ</a></p>\n",
            time_element(newest_at)
        ),
    );
    page.push_str(&sections(&parts));
    page
}

fn older(look: &LookSettings, number: usize) -> String {
    let mut page = beginning("ja", OLDER_TITLE, look);
    push(
        &mut page,
        format_args!("<main>\n<h1>{OLDER_TITLE} ({})</h1>\n", number + 1),
    );
    page
}

/// The end of a page; `more` when an older one follows.
fn end(number: usize, more: bool) -> String {
    let mut page = "</main>\n<footer><p lang=\"ja\">".to_owned();
    if number > 0 {
        let newer = match number {
            1 => "/".to_owned(),
            number => format!("{OLDER}{number}"),
        };
        push(
            &mut page,
            format_args!("<a href=\"{newer}\">新しい情報</a>　"),
        );
    }
    if more {
        let next = number + 2;
        push(
            &mut page,
            format_args!("<a href=\"{OLDER}{next}\">{OLDER_TITLE}</a>"),
        );
    }
    page.push_str("</p></footer>\n</body>\n</html>\n");
    page
}

/// One post, with its time.
fn post(post: &DisasterPost) -> String {
    let Rendered { title, html } = markdown::render(&post.markdown, 3, &[], false);
    let (number, lang) = (post.number, &post.lang);
    let title = title.map(|title| format!(" {}", escaped(&title)));
    format!(
        "<article id=\"p{number}\" lang=\"{lang}\">\n<h3>{}{}</h3>\n{html}</article>\n",
        time_element(post.at()),
        title.unwrap_or_default(),
    )
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    let _memory_is_there = text.write_fmt(more);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yagura_control::order::NoticeText;

    use super::*;

    fn disaster(posts: Vec<DisasterPost>) -> RaiseDisaster {
        RaiseDisaster {
            site: "town".into(),
            texts: vec![NoticeText {
                lang: "ja".into(),
                title: Some("地震について".into()),
                markdown: "落ち着いて行動してください。".into(),
            }],
            until: None,
            posts,
        }
    }

    fn written(number: u64, markdown: &str) -> DisasterPost {
        DisasterPost {
            number,
            lang: "ja".into(),
            markdown: markdown.to_owned(),
            who: "test".into(),
        }
    }

    fn look() -> LookSettings {
        LookSettings {
            name: "町".into(),
            is_drill: false,
            colour: "#0b5394".into(),
        }
    }

    #[test]
    fn posts_stand_below_the_text_with_their_time() {
        let posts = vec![
            written(1_795_410_187_123, "# 給水\n\n市役所で行います。"),
            written(1_795_400_000_000, "避難所を開きました。"),
        ];
        let pages = pages(&disaster(posts), &look(), Timestamp(1_795_410_187_123));
        assert_eq!(pages.len(), 1);
        for part in [
            "<h1>地震について</h1>",
            "<h2 id=\"posts\" lang=\"ja\">最新情報</h2>\n<article id=\"p1795410187123\"",
            "2026年11月23日 14:03</time> (JST) 給水</h3>\n<p>市役所",
            "<a href=\"/?usual-home\">",
        ] {
            assert!(pages[0].contains(part), "{part} is not in\n{}", pages[0]);
        }
    }

    proptest! {
        #[test]
        fn every_post_is_on_one_page_and_every_page_is_light(
            lengths in prop::collection::vec(0usize..600, 0..80),
        ) {
            let count = lengths.len();
            let posts = lengths.iter().enumerate().map(|(index, length)| {
                written((count - index) as u64, &"水".repeat(*length))
            });
            let pages = pages(&disaster(posts.collect()), &look(), Timestamp(0));
            let all = pages.concat();
            for number in 1..=count {
                prop_assert_eq!(all.matches(&format!("id=\"p{number}\"")).count(), 1);
            }
            for (index, page) in pages.iter().enumerate() {
                prop_assert!(page.len() <= MOST_BYTES, "{} bytes", page.len());
                prop_assert_eq!(page.matches("<h1").count(), 1);
                let next = format!("{OLDER}{}", index + 2);
                prop_assert_eq!(page.contains(&next), index + 1 < pages.len());
            }
        }
    }
}

//! The page of a notice: one document with every language, readable without script, style sheet or
//! picture of anybody else's. Pure.
//!
//! WCAG 2.2: the language of page and parts (3.1.1, 3.1.2), one h1 and headings in order (1.3.1),
//! landmarks and a way between languages (2.4.1), contrast in light and dark (1.4.3), no time limit.

use std::fmt::Write;

use yagura_config::settings::LookSettings;
use yagura_control::Timestamp;
use yagura_control::order::{NoticeText, RaiseNotice};

use super::markdown::{self, Rendered};

/// What stands for a title where none was given.
const TITLE: &str = "お知らせ";
/// What stands on every page of a drill.
const DRILL: &str = "<p class=\"drill\" role=\"note\"><strong>訓練</strong> これは訓練用のページです。 <span lang=\"en\">This is a drill.</span></p>\n";

/// One language, ready.
pub struct Part<'n> {
    /// Its language.
    pub lang: &'n str,
    /// Its title, as text.
    pub title: String,
    /// What stands below the title.
    pub html: String,
}

/// The page as HTML; `at` is when the notice was put up.
#[must_use]
pub fn html(notice: &RaiseNotice, look: &LookSettings, at: Timestamp) -> String {
    let parts = parts_of(notice);
    let lang = parts.first().map_or("ja", |part| part.lang);
    let title = parts.first().map_or(TITLE, |part| part.title.as_str());
    let mut page = beginning(lang, title, look);
    page.push_str(&languages(&parts));
    page.push_str("<main>\n");
    page.push_str(&sections(&parts));
    page.push_str("</main>\n<footer><p>");
    push(&mut page, format_args!("{}", time_element(at)));
    page.push_str("</p></footer>\n</body>\n</html>\n");
    page
}

/// A page up to what is particular to it: its head, and whose site it is.
pub fn beginning(lang: &str, title: &str, look: &LookSettings) -> String {
    let name = escaped(&look.name);
    let drill = if look.is_drill { DRILL } else { "" };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{} | {name}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n<header><p>{name}</p></header>\n{drill}",
        escaped(title),
        style(&look.colour),
    )
}

/// The way between languages, where there are several.
pub fn languages(parts: &[Part<'_>]) -> String {
    let mut page = String::new();
    if parts.len() > 1 {
        page.push_str("<nav aria-label=\"Languages\"><ul>\n");
        for Part { lang, title, .. } in parts {
            let title = escaped(title);
            push(
                &mut page,
                format_args!(
                    "<li><a href=\"#{lang}\" lang=\"{lang}\" hreflang=\"{lang}\">{title}</a></li>\n"
                ),
            );
        }
        page.push_str("</ul></nav>\n");
    }
    page
}

/// Every language, one below the other; the first has the page's heading.
pub fn sections(parts: &[Part<'_>]) -> String {
    let mut page = String::new();
    for (index, Part { lang, title, html }) in parts.iter().enumerate() {
        let level = if index == 0 { "h1" } else { "h2" };
        let title = escaped(title);
        push(
            &mut page,
            format_args!(
                "<section id=\"{lang}\" lang=\"{lang}\">\n<{level}>{title}</{level}>\n{html}</section>\n"
            ),
        );
    }
    page
}

/// The notice as plain text.
#[must_use]
pub fn plain(notice: &RaiseNotice) -> String {
    let mut text = String::new();
    for (part, source) in parts_of(notice).iter().zip(&notice.texts) {
        let body = source.markdown.trim();
        if source.title.is_some() {
            push(&mut text, format_args!("{}\n\n", part.title));
        }
        push(&mut text, format_args!("{body}\n\n"));
    }
    text
}

/// The notice as JSON.
#[must_use]
pub fn json(notice: &RaiseNotice) -> String {
    let texts: Vec<_> = parts_of(notice)
        .iter()
        .zip(&notice.texts)
        .map(|(part, source)| {
            serde_json::json!({"lang": part.lang, "title": part.title, "text": source.markdown})
        })
        .collect();
    let until = notice.until.map(Timestamp::rfc3339);
    serde_json::json!({"status": 503, "notice": texts, "until": until}).to_string()
}

fn parts_of(notice: &RaiseNotice) -> Vec<Part<'_>> {
    let files: Vec<&str> = notice.files.iter().map(|file| file.name.as_str()).collect();
    parts(&notice.texts, &files, TITLE)
}

/// The languages of a text, which may link to these files; `untitled` stands for a title where none
/// is given.
pub fn parts<'n>(texts: &'n [NoticeText], files: &[&str], untitled: &str) -> Vec<Part<'n>> {
    let part = |(index, text): (usize, &'_ NoticeText)| {
        let level = if index == 0 { 1 } else { 2 };
        let Rendered { title, html } =
            markdown::render(&text.markdown, level, files, text.title.is_some());
        (text.title.clone().or(title), html)
    };
    let rendered = texts.iter().enumerate().map(part);
    rendered
        .zip(texts)
        .map(|((title, html), text)| Part {
            lang: &text.lang,
            title: title.unwrap_or_else(|| untitled.to_owned()),
            html,
        })
        .collect()
}

/// A point in time, for people and programs.
pub fn time_element(at: Timestamp) -> String {
    let local = at.in_japan();
    let (year, month, day) = (local.year(), u8::from(local.month()), local.day());
    let (hour, minute) = (local.hour(), local.minute());
    format!("<time datetime=\"{at}\">{year}年{month}月{day}日 {hour}:{minute:02}</time> (JST)")
}

/// The colour is six hexadecimal digits on which white can be read; the configuration has seen to
/// it.
fn style(colour: &str) -> String {
    format!(
        ":root {{ color-scheme: light dark; }}\n\
         body {{ margin: 0; font-family: \"Hiragino Sans\", \"Noto Sans JP\", \"Noto Sans CJK JP\", Meiryo, system-ui, sans-serif; line-height: 1.8; background: Canvas; color: CanvasText; overflow-wrap: anywhere; }}\n\
         header {{ background: {colour}; color: #fff; padding: .75rem 1.25rem; font-weight: bold; }}\n\
         header p {{ margin: 0 auto; max-width: 44rem; }}\n\
         .drill {{ margin: 0; padding: .5rem 1.25rem; background: #ffdd00; color: #000; text-align: center; }}\n\
         nav, main, footer {{ max-width: 44rem; margin: 0 auto; padding: .5rem 1.25rem; }}\n\
         nav ul {{ display: flex; flex-wrap: wrap; gap: 0 1.5rem; list-style: none; padding: 0; margin: 0; }}\n\
         nav a {{ display: inline-block; padding: .5rem 0; }}\n\
         a {{ color: LinkText; }}\na:focus-visible {{ outline: 3px solid; outline-offset: 2px; }}\n\
         h1 {{ font-size: 1.6rem; line-height: 1.4; }}\nh2 {{ font-size: 1.3rem; line-height: 1.4; }}\n\
         img {{ max-width: 100%; height: auto; }}\n\
         table {{ border-collapse: collapse; display: block; overflow-x: auto; }}\n\
         th, td {{ border: 1px solid; padding: .25rem .5rem; text-align: start; }}\n\
         section + section {{ border-top: 1px solid; margin-top: 2rem; }}\n\
         article {{ border-top: 1px solid; }}\nh3 {{ font-size: 1.1rem; }}\n"
    )
}

/// A text as it stands in HTML.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    let _memory_is_there = text.write_fmt(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_on_one_page_with_one_first_heading() {
        let text = |lang: &str, title: Option<&str>, markdown: &str| NoticeText {
            lang: lang.into(),
            title: title.map(str::to_owned),
            markdown: markdown.into(),
        };
        let notice = RaiseNotice {
            site: "town".into(),
            texts: vec![
                text("ja", None, "# 休止 <中>\n\n## 理由\n\n点検"),
                text("en", Some("Closed"), "## Why\n\nWorks"),
            ],
            until: None,
            except: Vec::new(),
            files: Vec::new(),
        };
        let look = LookSettings {
            name: "A & B 市".into(),
            is_drill: false,
            colour: "#0b5394".into(),
        };
        let page = html(&notice, &look, Timestamp(1_795_410_187_123));
        for part in [
            "<html lang=\"ja\">",
            "<title>休止 &lt;中&gt; | A &amp; B 市</title>",
            "<h1>休止 &lt;中&gt;</h1>\n<h2>理由</h2>",
            "<section id=\"en\" lang=\"en\">\n<h2>Closed</h2>\n<h3>Why</h3>\n<p>Works",
            "<a href=\"#en\" lang=\"en\"",
            "2026年11月23日 14:03</time>",
            "background: #0b5394",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert_eq!(page.matches("<h1>").count(), 1);
        assert!(!page.contains("<script") && !page.contains("http"));
        assert_eq!(
            plain(&notice),
            "# 休止 <中>\n\n## 理由\n\n点検\n\nClosed\n\n## Why\n\nWorks\n\n"
        );
        assert!(json(&notice).contains("\"title\":\"Closed\""));
    }
}

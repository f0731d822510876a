//! A filled sheet as an HTML page that prints on A4.

use pulldown_cmark::{Event, Options, Parser, html};

/// What of Markdown is understood beside CommonMark.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
}

/// The page. HTML in the sheet is shown as text.
pub(super) fn page(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, options()).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        event => event,
    });
    let mut body = String::new();
    html::push_html(&mut body, events);
    let title = markdown.lines().find_map(|line| line.strip_prefix("# "));
    let mut heading = String::new();
    let title = Event::Text(title.unwrap_or("申請書").to_owned().into());
    html::push_html(&mut heading, std::iter::once(title));
    format!(
        "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

const STYLE: &str = "@page{size:A4;margin:20mm}\
body{font-family:serif;line-height:1.6;max-width:48rem;margin:2rem auto;padding:0 1rem}\
h1{text-align:center;font-size:1.4rem}h2{font-size:1.1rem}\
table{border-collapse:collapse;width:100%}\
th,td{border:1px solid #333;padding:.3rem .6rem;text-align:left;overflow-wrap:anywhere}\
         th:first-child,td:first-child:not(:last-child){min-width:12em}";

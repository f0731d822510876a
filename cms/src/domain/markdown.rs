//! From the Markdown of a post that was written at an edge to a document of the closed schema. What
//! the schema has no place for stays as its words; nothing that was written is lost. Pure.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::document::{Block, Document, HeadingAttrs, Inline, LinkAttrs, ListItem, Mark};
use super::document_check::is_allowed;

/// A post, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The words of the heading that it begins with.
    pub title: Option<String>,
    /// The rest.
    pub document: Document,
}

/// Reads a post.
#[must_use]
pub fn read(markdown: &str) -> Post {
    let mut reader = Reader {
        events: Parser::new_ext(markdown, Options::empty())
            .collect::<Vec<_>>()
            .into_iter(),
        level: 1,
        title: None,
        is_beginning: true,
        lists: 0,
        quotes: 0,
        flat_items: 0,
    };
    let content = reader.blocks(None);
    Post {
        title: reader.title,
        document: Document::new(content),
    }
}

struct Reader<'m> {
    events: std::vec::IntoIter<Event<'m>>,
    /// The level of the heading before.
    level: u8,
    title: Option<String>,
    is_beginning: bool,
    /// Open lists that have a place.
    lists: usize,
    /// Open quotes, and open items of lists that have none.
    quotes: usize,
    flat_items: usize,
}

/// Lists within lists that keep their shape; the schema takes a few more. In those further within,
/// the items stand one after another: two thousand bytes can hold a thousand lists.
const DEEPEST_LIST: usize = 6;

impl Reader<'_> {
    /// Blocks until the end of what they are in.
    fn blocks(&mut self, end: Option<TagEnd>) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut loose = Vec::new();
        while let Some(event) = self.events.next() {
            let is_beginning = std::mem::replace(&mut self.is_beginning, false);
            match event {
                // Quotes have no place of their own.
                Event::Start(Tag::BlockQuote(_)) => {
                    settle(&mut loose, &mut blocks);
                    self.quotes += 1;
                }
                Event::End(TagEnd::BlockQuote(_)) => {
                    settle(&mut loose, &mut blocks);
                    self.quotes = self.quotes.saturating_sub(1);
                }
                Event::Start(Tag::Item) => {
                    settle(&mut loose, &mut blocks);
                    self.flat_items += 1;
                }
                Event::End(TagEnd::Item) if self.flat_items > 0 => {
                    settle(&mut loose, &mut blocks);
                    self.flat_items -= 1;
                }
                Event::End(tag) if Some(tag) == end => break,
                Event::Start(Tag::Heading { level, .. }) => {
                    settle(&mut loose, &mut blocks);
                    let content = self.inlines(TagEnd::Heading(level), &[]);
                    if is_beginning {
                        self.title = Some(words(&content)).filter(|title| !title.is_empty());
                    } else if end.is_none() && self.quotes == 0 {
                        blocks.extend(self.heading(level, content));
                    } else {
                        blocks.extend(paragraph(content));
                    }
                }
                Event::Start(Tag::Paragraph) => {
                    settle(&mut loose, &mut blocks);
                    let content = self.inlines(TagEnd::Paragraph, &[]);
                    blocks.extend(paragraph(content));
                }
                Event::Start(Tag::List(start)) if self.lists < DEEPEST_LIST => {
                    settle(&mut loose, &mut blocks);
                    self.lists += 1;
                    blocks.extend(self.list(start.is_some()));
                    self.lists -= 1;
                }
                Event::Start(Tag::CodeBlock(_)) => {
                    settle(&mut loose, &mut blocks);
                    let content = self.inlines(TagEnd::CodeBlock, &[]);
                    blocks.extend(paragraph(content));
                }
                Event::Start(Tag::HtmlBlock) => {
                    settle(&mut loose, &mut blocks);
                    let content = self.inlines(TagEnd::HtmlBlock, &[]);
                    blocks.extend(paragraph(content));
                }
                // A line without a paragraph of its own, in a list.
                other => loose.extend(self.inline(other, &[])),
            }
        }
        settle(&mut loose, &mut blocks);
        blocks
    }

    /// Headings below the page's title, none skipped.
    fn heading(&mut self, level: HeadingLevel, content: Vec<Inline>) -> Option<Block> {
        if words(&content).is_empty() {
            return None;
        }
        let level = (level as u8).clamp(2, 4).min(self.level + 1);
        self.level = level;
        Some(Block::Heading {
            attrs: HeadingAttrs { level },
            content,
        })
    }

    fn list(&mut self, is_ordered: bool) -> Option<Block> {
        let mut content = Vec::new();
        while let Some(event) = self.events.next() {
            match event {
                Event::End(TagEnd::List(_)) => break,
                Event::Start(Tag::Item) => {
                    let mut blocks = self.blocks(Some(TagEnd::Item));
                    if !matches!(blocks.first(), Some(Block::Paragraph { .. })) {
                        let content = Vec::new();
                        blocks.insert(0, Block::Paragraph { content });
                    }
                    content.push(ListItem::new(blocks));
                }
                _ => {}
            }
        }
        match (content.is_empty(), is_ordered) {
            (true, _) => None,
            (false, true) => Some(Block::OrderedList { content }),
            (false, false) => Some(Block::BulletList { content }),
        }
    }

    fn inlines(&mut self, end: TagEnd, marks: &[Mark]) -> Vec<Inline> {
        let mut inlines = Vec::new();
        while let Some(event) = self.events.next() {
            if matches!(&event, Event::End(tag) if *tag == end) {
                break;
            }
            inlines.extend(self.inline(event, marks));
        }
        inlines
    }

    fn inline(&mut self, event: Event<'_>, marks: &[Mark]) -> Vec<Inline> {
        let with = |mark: Mark| {
            let mut marks = marks.to_vec();
            if !marks.contains(&mark) {
                marks.push(mark);
            }
            marks
        };
        let text = |text: &str| match text.is_empty() {
            true => Vec::new(),
            false => {
                let mut marks = marks.to_vec();
                // A blank or a line end in a link leads nowhere by itself.
                if text.trim().is_empty() {
                    marks.retain(|mark| !matches!(mark, Mark::Link { .. }));
                }
                let text = text.to_owned();
                vec![Inline::Text { text, marks }]
            }
        };
        match event {
            Event::Text(words)
            | Event::Code(words)
            | Event::Html(words)
            | Event::InlineHtml(words) => text(&words),
            Event::SoftBreak => text("\n"),
            Event::HardBreak => vec![Inline::HardBreak],
            Event::Start(Tag::Strong) => self.inlines(TagEnd::Strong, &with(Mark::Strong)),
            Event::Start(Tag::Emphasis) => self.inlines(TagEnd::Emphasis, &with(Mark::Em)),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let href = dest_url.to_string();
                // Away from this site only: an address of the edge means nothing here.
                let is_known = ["https://", "http://", "mailto:", "tel:"]
                    .iter()
                    .any(|scheme| href.starts_with(scheme));
                let is_known = is_known && is_allowed(&href);
                let within = marks.iter().any(|mark| matches!(mark, Mark::Link { .. }));
                let marks = match is_known && !within {
                    true => with(Mark::Link {
                        attrs: LinkAttrs { href },
                    }),
                    false => marks.to_vec(),
                };
                self.inlines(TagEnd::Link, &marks)
            }
            // A picture stays as its words.
            Event::Start(Tag::Image { .. }) => self.inlines(TagEnd::Image, marks),
            _ => Vec::new(),
        }
    }
}

fn settle(loose: &mut Vec<Inline>, blocks: &mut Vec<Block>) {
    blocks.extend(paragraph(std::mem::take(loose)));
}

fn paragraph(content: Vec<Inline>) -> Option<Block> {
    (!words(&content).is_empty()).then_some(Block::Paragraph { content })
}

fn words(content: &[Inline]) -> String {
    let words = content.iter().map(|inline| match inline {
        Inline::Text { text, .. } => text.as_str(),
        _ => " ",
    });
    words.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_post_becomes_blocks_of_the_schema() {
        let markdown = "# 給水所\n\n市役所で**給水**します。\n\n#### 持ち物\n\n- 容器\n- [地図](https://a.example/)\n  1. 北\n\n> 引用\n\n<b>x</b>";
        let post = read(markdown);
        assert_eq!(post.title.as_deref(), Some("給水所"));
        let json = serde_json::to_string(&post.document).unwrap();
        for part in [
            r#"{"type":"text","text":"給水","marks":[{"type":"strong"}]}"#,
            r#"{"type":"heading","attrs":{"level":2}"#,
            r#"{"type":"bullet_list""#,
            r#"{"type":"ordered_list""#,
            r#""href":"https://a.example/""#,
            "引用",
            "<b>",
        ] {
            assert!(json.contains(part), "{part} is not in {json}");
        }
        assert!(!json.contains("給水所"), "the title is told once");
    }

    #[test]
    fn a_post_of_nothing_but_depth_is_read() {
        for deep in [
            "- ".repeat(1_000) + "x",
            ">".repeat(1_999) + "x",
            "1. ".repeat(600) + "x",
            "- > ".repeat(500) + "x",
            "*a ".repeat(300) + &"b*".repeat(300),
            "![".repeat(300) + &"](x)".repeat(300) + "x",
            // And a link that is broken over two lines, or holds nothing but a blank.
            "[a\nb](https://a.example) [ ](https://a.example) x".to_owned(),
            // And one that leads nowhere.
            "[x](https://) [x](mailto:)".to_owned(),
        ] {
            let document = read(&deep).document;
            assert_eq!(document.check(), [], "{}", deep.get(..20).unwrap());
            let json = serde_json::to_string(&document).unwrap();
            assert!(json.contains('x'));
            assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
        }
    }

    proptest! {
        #[test]
        fn whatever_was_written_passes_the_check(
            markdown in "([#>*0-9.`<a\\[\\]()! -]|https://a\\.example|javascript:x|あ|\n|\n\n|  ){0,60}",
        ) {
            let post = read(&markdown);
            let faults = post.document.check();
            prop_assert!(faults.is_empty(), "{faults:?}");
        }
    }
}

//! The plain markup of `content/`, made into documents.
//!
//! A line is a block: `## ` and `### ` headings, `- ` and `+ ` items of unordered and ordered lists,
//! `! ` and `!! ` callouts, `表: ` the caption of the table whose rows `| a | b |` follow, anything
//! else a paragraph. Inside a line: `**strong**`, `[words](target)`, `《漢字|かんじ》`.

use crate::domain::Document;
use crate::domain::document::{
    Block, CalloutAttrs, HeadingAttrs, Inline, LinkAttrs, ListItem, Mark, RubyAttrs, TableAttrs,
    TableCell, TableRow, Tone,
};

/// Where a target of the markup leads; none when there is no such page.
pub(super) type Resolve<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The blocks of a text.
pub(super) fn blocks(text: &str, resolve: &Resolve<'_>) -> Vec<Block> {
    let mut made = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let inlines = |words: &str| inlines(words, resolve);
        if let Some(words) = line.strip_prefix("### ") {
            made.push(heading(3, inlines(words)));
        } else if let Some(words) = line.strip_prefix("## ") {
            made.push(heading(2, inlines(words)));
        } else if let Some(words) = line.strip_prefix("- ") {
            let item = ListItem::new(vec![Block::Paragraph {
                content: inlines(words),
            }]);
            match made.last_mut() {
                Some(Block::BulletList { content }) => content.push(item),
                _ => made.push(Block::BulletList {
                    content: vec![item],
                }),
            }
        } else if let Some(words) = line.strip_prefix("+ ") {
            let item = ListItem::new(vec![Block::Paragraph {
                content: inlines(words),
            }]);
            match made.last_mut() {
                Some(Block::OrderedList { content }) => content.push(item),
                _ => made.push(Block::OrderedList {
                    content: vec![item],
                }),
            }
        } else if let Some(words) = line.strip_prefix("!! ") {
            made.push(callout(Tone::Warning, inlines(words)));
        } else if let Some(words) = line.strip_prefix("! ") {
            made.push(callout(Tone::Info, inlines(words)));
        } else if let Some(caption) = line.strip_prefix("表: ") {
            made.push(Block::Table {
                attrs: TableAttrs {
                    caption: caption.to_owned(),
                },
                content: Vec::new(),
            });
        } else if let (Some(cells), Some(Block::Table { content, .. })) =
            (line.strip_prefix('|'), made.last_mut())
        {
            content.push(row(cells, content.is_empty(), resolve));
        } else {
            made.push(Block::Paragraph {
                content: inlines(line),
            });
        }
    }
    made
}

/// A document of these blocks.
pub(super) const fn document(blocks: Vec<Block>) -> Document {
    Document::new(blocks)
}

/// A heading.
pub(super) const fn heading(level: u8, content: Vec<Inline>) -> Block {
    Block::Heading {
        attrs: HeadingAttrs { level },
        content,
    }
}

/// Words without marks.
pub(super) fn plain(text: &str) -> Inline {
    Inline::Text {
        text: text.to_owned(),
        marks: Vec::new(),
    }
}

/// An item that is a link.
pub(super) fn linked_item(words: &str, href: String) -> ListItem {
    ListItem::new(vec![Block::Paragraph {
        content: vec![link(words, href)],
    }])
}

fn link(words: &str, href: String) -> Inline {
    Inline::Text {
        text: words.to_owned(),
        marks: vec![Mark::Link {
            attrs: LinkAttrs { href },
        }],
    }
}

fn callout(tone: Tone, content: Vec<Inline>) -> Block {
    Block::Callout {
        attrs: CalloutAttrs { tone },
        content: vec![Block::Paragraph { content }],
    }
}

/// A row: headings alone when it is the first, otherwise its first cell is the heading of the row.
fn row(cells: &str, first: bool, resolve: &Resolve<'_>) -> TableRow {
    let cells = cells
        .trim()
        .trim_end_matches('|')
        .split('|')
        .enumerate()
        .map(|(column, words)| {
            let content = vec![Block::Paragraph {
                content: inlines(words.trim(), resolve),
            }];
            if first || column == 0 {
                TableCell::TableHeader { content }
            } else {
                TableCell::TableCell { content }
            }
        });
    TableRow::new(cells.collect())
}

fn inlines(text: &str, resolve: &Resolve<'_>) -> Vec<Inline> {
    let mut made = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', '《', '*']) {
        let (before, marked) = rest.split_at(at);
        let Some((inline, after)) = marked_piece(marked, resolve) else {
            // A sign that marks nothing stands for itself.
            let width = marked.chars().next().map_or(1, char::len_utf8);
            let (words, after) = rest.split_at(at + width);
            made.push(plain(words));
            rest = after;
            continue;
        };
        if !before.is_empty() {
            made.push(plain(before));
        }
        made.push(inline);
        rest = after;
    }
    if !rest.is_empty() {
        made.push(plain(rest));
    }
    made
}

fn marked_piece<'a>(text: &'a str, resolve: &Resolve<'_>) -> Option<(Inline, &'a str)> {
    if let Some(inner) = text.strip_prefix("**") {
        let (words, after) = inner.split_once("**")?;
        return Some((
            Inline::Text {
                text: words.to_owned(),
                marks: vec![Mark::Strong],
            },
            after,
        ));
    }
    if let Some(inner) = text.strip_prefix('《') {
        let (pair, after) = inner.split_once('》')?;
        let (base, reading) = pair.split_once('|')?;
        let attrs = RubyAttrs {
            base: base.to_owned(),
            reading: reading.to_owned(),
        };
        return Some((Inline::Ruby { attrs }, after));
    }
    let (words, more) = text.strip_prefix('[')?.split_once("](")?;
    let (target, after) = more.split_once(')')?;
    Some((
        resolve(target).map_or_else(|| plain(words), |href| link(words, href)),
        after,
    ))
}

//! A document as semantic HTML.
//!
//! Readers with a screen reader are the measure: headings can be jumped to, tables announce their
//! caption and the heading of each cell, files say what they are before they are opened. A link to
//! a page that is not public, or of a kind we do not know, is shown as its text: a reader must
//! never be led to an error we could have foreseen.

use std::collections::{BTreeMap, BTreeSet};

use super::file_facts::FileFacts;
use super::html::{Html, Writer};
use super::link::Target;
use super::outline::Heading;
use super::phrases::Phrases;
use crate::domain::document::{
    AttachmentAttrs, Block, Document, ImageAttrs, Inline, LinkAttrs, ListItem, Mark, TableCell,
    TableRow, Tone,
};
use crate::domain::{MediaId, PageId, PagePath};

/// What a document needs to know of the world around it, looked up before rendering.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Paths of the live pages it links to; a page that is not live is not among them.
    pub pages: BTreeMap<PageId, PagePath>,
    /// Files it shows.
    pub files: BTreeMap<MediaId, FileFacts>,
    /// The words of its language.
    pub phrases: &'static Phrases,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The document.
    pub body: Html,
    /// Its headings in order.
    pub headings: Vec<Heading>,
    /// Pages whose path is in it; when one of them is withdrawn, this page must be rendered again.
    pub linked_pages: BTreeSet<PageId>,
}

/// Renders a document.
#[must_use]
pub fn render(document: &Document, surroundings: &Surroundings) -> Rendered {
    let mut rendering = Rendering {
        surroundings,
        headings: Vec::new(),
        linked_pages: BTreeSet::new(),
        tables: 0,
    };
    let mut writer = Writer::new();
    rendering.blocks(&mut writer, &document.content);
    Rendered {
        body: writer.finish(),
        headings: rendering.headings,
        linked_pages: rendering.linked_pages,
    }
}

struct Rendering<'a> {
    surroundings: &'a Surroundings,
    headings: Vec<Heading>,
    linked_pages: BTreeSet<PageId>,
    tables: usize,
}

impl Rendering<'_> {
    fn blocks(&mut self, writer: &mut Writer, blocks: &[Block]) {
        let mut rest = blocks;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                Block::Heading { attrs, content } => self.heading(writer, attrs.level, content),
                Block::Paragraph { content } => {
                    writer.element("p", &[], |p| self.inlines(p, content))
                }
                Block::BulletList { content } => {
                    writer.element("ul", &[], |list| self.items(list, content))
                }
                Block::OrderedList { content } => {
                    writer.element("ol", &[], |list| self.items(list, content))
                }
                Block::Table { attrs, content } => self.table(writer, &attrs.caption, content),
                Block::Image { attrs } => self.image(writer, attrs),
                Block::Attachment { attrs } => {
                    // Files in a row are one list, so that a screen reader says how many there are.
                    let following = after.iter().map_while(attachment);
                    let files: Vec<&AttachmentAttrs> =
                        std::iter::once(attrs).chain(following).collect();
                    rest = after.get(files.len() - 1..).unwrap_or_default();
                    self.attachments(writer, &files);
                }
                Block::Callout { attrs, content } => self.callout(writer, attrs.tone, content),
            }
        }
    }

    fn heading(&mut self, writer: &mut Writer, level: u8, content: &[Inline]) {
        let id = format!("section-{}", self.headings.len() + 1);
        let name = match level {
            0..=2 => "h2",
            3 => "h3",
            _ => "h4",
        };
        writer.element(name, &[("id", &id)], |h| self.inlines(h, content));
        self.headings.push(Heading {
            level,
            id,
            text: plain(content),
        });
    }

    fn items(&mut self, writer: &mut Writer, items: &[ListItem]) {
        for item in items {
            writer.element("li", &[], |li| self.tight(li, &item.content));
        }
    }

    /// Blocks without the paragraph around the first, where the frame already is one.
    fn tight(&mut self, writer: &mut Writer, blocks: &[Block]) {
        match blocks.split_first() {
            Some((Block::Paragraph { content }, rest)) => {
                self.inlines(writer, content);
                self.blocks(writer, rest);
            }
            _ => self.blocks(writer, blocks),
        }
    }

    fn table(&mut self, writer: &mut Writer, caption: &str, rows: &[TableRow]) {
        self.tables += 1;
        let caption_id = format!("table-{}", self.tables);
        // A wide table scrolls inside its region; the region takes the focus so that it can be
        // scrolled with the keyboard alone (WCAG 2.2, 2.1.1).
        let region = [
            ("class", "table-region"),
            ("role", "region"),
            ("tabindex", "0"),
            ("aria-labelledby", caption_id.as_str()),
        ];
        writer.element("div", &region, |region| {
            region.element("table", &[], |table| {
                table.element("caption", &[("id", &caption_id)], |c| c.text(caption));
                let (head, body) = match rows.split_first() {
                    Some((first, rest)) if is_head(first) && !rest.is_empty() => {
                        (Some(first), rest)
                    }
                    _ => (None, rows),
                };
                if let Some(head) = head {
                    table.element("thead", &[], |thead| self.row(thead, head, "col"));
                }
                table.element("tbody", &[], |tbody| {
                    for row in body {
                        self.row(tbody, row, "row");
                    }
                });
            });
        });
    }

    fn row(&mut self, writer: &mut Writer, row: &TableRow, scope: &str) {
        writer.element("tr", &[], |tr| {
            for cell in &row.content {
                match cell {
                    TableCell::TableHeader { content } => {
                        tr.element("th", &[("scope", scope)], |th| self.tight(th, content));
                    }
                    TableCell::TableCell { content } => {
                        tr.element("td", &[], |td| self.tight(td, content))
                    }
                }
            }
        });
    }

    fn image(&mut self, writer: &mut Writer, attrs: &ImageAttrs) {
        let alt = if attrs.decorative {
            ""
        } else {
            attrs.alt.as_str()
        };
        let Some(file) = self.file(&attrs.media) else {
            // The picture is gone; what it told is not.
            if !alt.is_empty() {
                writer.element("p", &[("class", "lost-image")], |p| p.text(alt));
            }
            return;
        };
        writer.element("figure", &[], |figure| {
            let (width, height) = file.pixels.unwrap_or((0, 0));
            let (width, height) = (width.to_string(), height.to_string());
            let mut attributes = vec![
                ("src", file.url.as_str()),
                ("alt", alt),
                ("loading", "lazy"),
                ("decoding", "async"),
            ];
            if file.pixels.is_some() {
                attributes.extend([("width", width.as_str()), ("height", height.as_str())]);
            }
            figure.void("img", &attributes);
            if !attrs.caption.is_empty() {
                figure.element("figcaption", &[], |caption| caption.text(&attrs.caption));
            }
        });
    }

    fn attachments(&mut self, writer: &mut Writer, files: &[&AttachmentAttrs]) {
        writer.element("ul", &[("class", "files")], |list| {
            for attrs in files {
                list.element("li", &[], |item| match self.file(&attrs.media) {
                    Some(file) => {
                        let link = [
                            ("href", file.url.as_str()),
                            ("type", file.content_type.as_str()),
                        ];
                        item.element("a", &link, |a| {
                            a.text(&attrs.label);
                            a.text(" ");
                            a.element("span", &[("class", "file-facts")], |facts| {
                                facts.text(&format!("({})", file.kind_and_size()));
                            });
                        });
                    }
                    None => item.text(&attrs.label),
                });
            }
        });
    }

    fn file(&self, media: &str) -> Option<&FileFacts> {
        self.surroundings.files.get(&MediaId(media.to_owned()))
    }

    fn callout(&mut self, writer: &mut Writer, tone: Tone, content: &[Block]) {
        let (class, label) = match tone {
            Tone::Info => ("callout callout-info", self.surroundings.phrases.note),
            Tone::Warning => ("callout callout-warning", self.surroundings.phrases.caution),
        };
        writer.element("div", &[("class", class), ("role", "note")], |note| {
            note.element("p", &[("class", "callout-label")], |p| p.text(label));
            self.blocks(note, content);
        });
    }

    fn inlines(&mut self, writer: &mut Writer, content: &[Inline]) {
        let mut rest = content;
        while let Some(first) = rest.first() {
            let link = link_of(first);
            // Pieces of one link that differ in their other marks are one element: two links side
            // by side to the same place are read out twice.
            let alike = rest
                .iter()
                .take_while(|inline| link_of(inline) == link)
                .count();
            let (run, after) = rest.split_at(alike);
            match link {
                Some(attrs) => self.link(writer, attrs, run),
                None => run.iter().for_each(|inline| piece(writer, inline)),
            }
            rest = after;
        }
    }

    fn link(&mut self, writer: &mut Writer, attrs: &LinkAttrs, run: &[Inline]) {
        let surroundings = self.surroundings;
        let inside = |writer: &mut Writer| run.iter().for_each(|inline| piece(writer, inline));
        match Target::read(&attrs.href) {
            Some(Target::Page(id)) => {
                if let Some(path) = surroundings.pages.get(&id) {
                    self.linked_pages.insert(id);
                    writer.element("a", &[("href", path.as_str())], inside);
                } else {
                    inside(writer);
                }
            }
            Some(Target::Path(href) | Target::Person(href)) => {
                writer.element("a", &[("href", href)], inside)
            }
            Some(Target::Elsewhere(href)) => {
                writer.element("a", &[("href", href), ("rel", "external noopener")], |a| {
                    inside(a);
                    a.element("span", &[("class", "elsewhere")], |span| {
                        span.text(surroundings.phrases.elsewhere)
                    });
                });
            }
            None => inside(writer),
        }
    }
}

/// The link an inline is part of. A second link on the same text is left out: HTML has no link
/// inside a link.
fn link_of(inline: &Inline) -> Option<&LinkAttrs> {
    let Inline::Text { marks, .. } = inline else {
        return None;
    };
    marks.iter().find_map(|mark| match mark {
        Mark::Link { attrs } => Some(attrs),
        Mark::Strong | Mark::Em => None,
    })
}

/// One inline without its link.
fn piece(writer: &mut Writer, inline: &Inline) {
    match inline {
        Inline::Text { text, marks } => marked(writer, text, marks),
        Inline::HardBreak => writer.void("br", &[]),
        Inline::Ruby { attrs } => writer.element("ruby", &[], |ruby| {
            ruby.text(&attrs.base);
            // The parentheses are for readers whose browser or voice knows no ruby.
            ruby.element("rp", &[], |rp| rp.text("("));
            ruby.element("rt", &[], |rt| rt.text(&attrs.reading));
            ruby.element("rp", &[], |rp| rp.text(")"));
        }),
    }
}

fn marked(writer: &mut Writer, text: &str, marks: &[Mark]) {
    match marks.split_first() {
        None => writer.text(text),
        Some((Mark::Strong, rest)) => {
            writer.element("strong", &[], |strong| marked(strong, text, rest))
        }
        Some((Mark::Em, rest)) => writer.element("em", &[], |em| marked(em, text, rest)),
        Some((Mark::Link { .. }, rest)) => marked(writer, text, rest),
    }
}

fn attachment(block: &Block) -> Option<&AttachmentAttrs> {
    match block {
        Block::Attachment { attrs } => Some(attrs),
        _ => None,
    }
}

/// Whether a row holds the headings of the columns: more than one cell, all of them headings.
fn is_head(row: &TableRow) -> bool {
    row.content
        .iter()
        .all(|cell| matches!(cell, TableCell::TableHeader { .. }))
}

fn plain(content: &[Inline]) -> String {
    let mut text = String::new();
    for inline in content {
        match inline {
            Inline::Text { text: piece, .. } => text.push_str(piece),
            Inline::HardBreak => text.push(' '),
            Inline::Ruby { attrs } => text.push_str(&attrs.base),
        }
    }
    text
}

#[cfg(test)]
mod tests;

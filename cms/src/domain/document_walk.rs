//! What a text says and uses: its words, the pages it links to, the files it shows.

use std::collections::BTreeSet;

use super::document::{Block, Document, Inline, Mark, TableCell};
use super::{MediaId, PageId};

impl Document {
    /// The words alone, one line a block, for searching.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let mut text = String::new();
        self.visit(&mut |piece| match piece {
            Piece::Inline(Inline::Text { text: words, .. }) => text.push_str(words),
            Piece::Inline(Inline::Ruby { attrs }) => text.push_str(&attrs.base),
            Piece::Inline(Inline::HardBreak) => text.push('\n'),
            Piece::Block(block) => {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                match block {
                    Block::Table { attrs, .. } => text.push_str(&attrs.caption),
                    Block::Image { attrs } => text.push_str(&attrs.alt),
                    Block::Attachment { attrs } => text.push_str(&attrs.label),
                    _ => {}
                }
            }
        });
        text
    }

    /// Files it shows.
    #[must_use]
    pub fn media(&self) -> BTreeSet<MediaId> {
        let mut media = BTreeSet::new();
        self.visit(&mut |piece| {
            let id = match piece {
                Piece::Block(Block::Image { attrs }) => &attrs.media,
                Piece::Block(Block::Attachment { attrs }) => &attrs.media,
                _ => return,
            };
            media.insert(MediaId(id.clone()));
        });
        media
    }

    /// Pages of this CMS it links to (`page:ID`).
    #[must_use]
    pub fn linked_pages(&self) -> BTreeSet<PageId> {
        let mut pages = BTreeSet::new();
        self.visit(&mut |piece| {
            if let Piece::Inline(Inline::Text { marks, .. }) = piece {
                pages.extend(marks.iter().filter_map(|mark| match mark {
                    Mark::Link { attrs } => {
                        attrs.href.strip_prefix("page:")?.parse().ok().map(PageId)
                    }
                    _ => None,
                }));
            }
        });
        pages
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(Piece<'a>)) {
        visit_blocks(&self.content, visitor);
    }
}

enum Piece<'a> {
    Block(&'a Block),
    Inline(&'a Inline),
}

fn visit_blocks<'a>(blocks: &'a [Block], visitor: &mut dyn FnMut(Piece<'a>)) {
    for block in blocks {
        visitor(Piece::Block(block));
        match block {
            Block::Heading { content, .. } | Block::Paragraph { content } => {
                content
                    .iter()
                    .for_each(|inline| visitor(Piece::Inline(inline)));
            }
            Block::BulletList { content } | Block::OrderedList { content } => {
                content
                    .iter()
                    .for_each(|item| visit_blocks(&item.content, visitor));
            }
            Block::Table { content, .. } => {
                let cells = content.iter().flat_map(|row| &row.content);
                for TableCell::TableHeader { content } | TableCell::TableCell { content } in cells {
                    visit_blocks(content, visitor);
                }
            }
            Block::Callout { content, .. } => visit_blocks(content, visitor),
            Block::Image { .. } | Block::Attachment { .. } => {}
        }
    }
}

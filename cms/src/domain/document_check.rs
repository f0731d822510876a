//! What the schema's types cannot say: rules on a text as a whole, each with where it is broken.

use super::document::{Block, Document, Inline, Mark, TableCell, TableRow};

/// Deepest nesting of lists, cells and callouts.
const DEEPEST: usize = 8;
/// Most blocks in a text, those in lists and cells counted.
const MOST_BLOCKS: usize = 5_000;

/// One rule that a text breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFault {
    /// Number of the top block it is in, from 1.
    pub block: usize,
    /// Which rule.
    pub kind: FaultKind,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A heading is not 2, 3 or 4.
    HeadingLevel,
    /// A heading is more than one level below the one before it.
    HeadingSkipped,
    /// A heading without words.
    HeadingEmpty,
    /// A picture has no alternative text and is not marked as decoration.
    AltMissing,
    /// A table without caption.
    CaptionMissing,
    /// A table whose rows differ in length, or that has none.
    TableShape,
    /// A table without heading cells in its first row or column.
    TableHeadings,
    /// An attachment without label.
    LabelMissing,
    /// A link of a kind that is not allowed.
    LinkKind,
    /// A link on no words.
    LinkEmpty,
    /// A list without items, or an item that does not begin with a paragraph.
    ListShape,
    /// A reading without base or reading.
    RubyEmpty,
    /// A heading inside a list, a cell or a callout.
    HeadingInside,
    /// Too deep or too long.
    TooLarge,
}

impl FaultKind {
    /// What is wrong and what to do, for staff.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::HeadingLevel => "見出しは「見出し2」から「見出し4」までを使ってください。",
            Self::HeadingSkipped => {
                "見出しの段階が飛んでいます。一つ上の見出しを先に置いてください。"
            }
            Self::HeadingEmpty => {
                "文字のない見出しがあります。文字を入れるか、見出しを消してください。"
            }
            Self::AltMissing => {
                "画像に代替テキストがありません。画像の内容を書くか、「装飾」を選んでください。"
            }
            Self::CaptionMissing => "表に題名がありません。何の表かを題名に書いてください。",
            Self::TableShape => "表の行ごとに列の数が違います。列の数をそろえてください。",
            Self::TableHeadings => {
                "表に見出しのセルがありません。1行目か1列目を見出しにしてください。"
            }
            Self::LabelMissing => {
                "添付ファイルに名前がありません。何のファイルかを書いてください。"
            }
            Self::LinkKind => {
                "使えない種類のリンクがあります。ページか、https:// で始まるアドレスを指定してください。"
            }
            Self::LinkEmpty => "文字のないリンクがあります。リンクを消すか、文字を入れてください。",
            Self::ListShape => {
                "箇条書きに文のない項目があります。文を入れるか、項目を消してください。"
            }
            Self::RubyEmpty => "ふりがなの文字か読みが空です。両方を入れてください。",
            Self::HeadingInside => {
                "箇条書き、表、囲みの中には見出しを置けません。外に出してください。"
            }
            Self::TooLarge => "文書が大きすぎるか、入れ子が深すぎます。ページを分けてください。",
        }
    }
}

impl Document {
    /// Every rule that the text breaks, in its order; empty when it may be published.
    #[must_use]
    pub fn check(&self) -> Vec<DocumentFault> {
        let mut check = Check {
            block: 0,
            blocks: 0,
            heading: 1,
            faults: Vec::new(),
        };
        for (index, block) in self.content.iter().enumerate() {
            check.block = index + 1;
            check.block(block, 0);
        }
        check.faults
    }
}

struct Check {
    block: usize,
    blocks: usize,
    heading: u8,
    faults: Vec<DocumentFault>,
}

impl Check {
    fn fault_if(&mut self, broken: bool, kind: FaultKind) {
        let fault = DocumentFault {
            block: self.block,
            kind,
        };
        // Those of one block are the last ones.
        let mut own = (self.faults.iter().rev()).take_while(|told| told.block == self.block);
        if broken && !own.any(|told| *told == fault) {
            self.faults.push(fault);
        }
    }

    fn block(&mut self, block: &Block, depth: usize) {
        self.blocks += 1;
        let too_large = depth > DEEPEST || self.blocks > MOST_BLOCKS;
        self.fault_if(too_large, FaultKind::TooLarge);
        if too_large {
            return;
        }
        match block {
            Block::Heading { attrs, content } => {
                self.fault_if(depth > 0, FaultKind::HeadingInside);
                self.fault_if(!(2..=4).contains(&attrs.level), FaultKind::HeadingLevel);
                self.fault_if(
                    attrs.level > self.heading.saturating_add(1),
                    FaultKind::HeadingSkipped,
                );
                self.heading = attrs.level;
                self.fault_if(is_blank(content), FaultKind::HeadingEmpty);
                self.inlines(content);
            }
            Block::Paragraph { content } => self.inlines(content),
            Block::BulletList { content } | Block::OrderedList { content } => {
                self.fault_if(content.is_empty(), FaultKind::ListShape);
                for item in content {
                    let begins = matches!(item.content.first(), Some(Block::Paragraph { .. }));
                    self.fault_if(!begins, FaultKind::ListShape);
                    item.content
                        .iter()
                        .for_each(|block| self.block(block, depth + 1));
                }
            }
            Block::Table { attrs, content } => {
                self.fault_if(attrs.caption.trim().is_empty(), FaultKind::CaptionMissing);
                self.table(content, depth);
            }
            Block::Image { attrs } => {
                self.fault_if(
                    attrs.alt.trim().is_empty() && !attrs.decorative,
                    FaultKind::AltMissing,
                );
            }
            Block::Attachment { attrs } => {
                self.fault_if(attrs.label.trim().is_empty(), FaultKind::LabelMissing);
            }
            Block::Callout { content, .. } => {
                content
                    .iter()
                    .for_each(|block| self.block(block, depth + 1));
            }
        }
    }

    fn table(&mut self, rows: &[TableRow], depth: usize) {
        let width = rows.first().map_or(0, |row| row.content.len());
        let even = width > 0 && rows.iter().all(|row| row.content.len() == width);
        self.fault_if(!even, FaultKind::TableShape);
        let is_header =
            |cell: Option<&TableCell>| matches!(cell, Some(TableCell::TableHeader { .. }));
        let first_row = rows
            .first()
            .is_some_and(|row| row.content.iter().all(|cell| is_header(Some(cell))));
        let first_column = rows.iter().all(|row| is_header(row.content.first()));
        self.fault_if(
            even && !first_row && !first_column,
            FaultKind::TableHeadings,
        );
        for TableCell::TableHeader { content } | TableCell::TableCell { content } in
            rows.iter().flat_map(|row| &row.content)
        {
            content
                .iter()
                .for_each(|block| self.block(block, depth + 1));
        }
    }

    fn inlines(&mut self, inlines: &[Inline]) {
        for inline in inlines {
            match inline {
                Inline::Text { text, marks } => {
                    for mark in marks {
                        if let Mark::Link { attrs } = mark {
                            self.fault_if(!is_allowed(&attrs.href), FaultKind::LinkKind);
                            self.fault_if(text.trim().is_empty(), FaultKind::LinkEmpty);
                        }
                    }
                }
                Inline::Ruby { attrs } => {
                    let empty = attrs.base.trim().is_empty() || attrs.reading.trim().is_empty();
                    self.fault_if(empty, FaultKind::RubyEmpty);
                }
                Inline::HardBreak => {}
            }
        }
    }
}

fn is_blank(inlines: &[Inline]) -> bool {
    inlines.iter().all(|inline| match inline {
        Inline::Text { text, .. } => text.trim().is_empty(),
        Inline::Ruby { attrs } => attrs.base.trim().is_empty(),
        Inline::HardBreak => true,
    })
}

/// Links that lead somewhere and run nothing.
pub(super) fn is_allowed(href: &str) -> bool {
    if href
        .chars()
        .any(|letter| letter.is_control() || letter.is_whitespace())
    {
        return false;
    }
    let page = href
        .strip_prefix("page:")
        .is_some_and(|id| id.parse::<i64>().is_ok());
    let path = href.starts_with('/') && !href.starts_with("//") && !href.starts_with("/\\");
    let scheme = ["https://", "http://", "mailto:", "tel:"]
        .iter()
        .any(|scheme| {
            href.strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty())
        });
    page || path || scheme
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn faults(json: &str) -> Vec<FaultKind> {
        let document: Document = serde_json::from_str(json).unwrap();
        document
            .check()
            .into_iter()
            .map(|fault| fault.kind)
            .collect()
    }

    fn of_block(block: &str) -> Vec<FaultKind> {
        faults(&format!(r#"{{"type":"doc","content":[{block}]}}"#))
    }

    #[test]
    fn an_empty_text_and_a_plain_one_are_right() {
        assert_eq!(faults(r#"{"type":"doc"}"#), []);
        assert_eq!(
            of_block(r#"{"type":"paragraph","content":[{"type":"text","text":"本文"}]}"#),
            []
        );
    }

    #[test]
    fn every_rule_is_found_where_it_is_broken() {
        use FaultKind::{
            AltMissing, CaptionMissing, HeadingEmpty, HeadingLevel, HeadingSkipped, LabelMissing,
            LinkKind, ListShape, RubyEmpty, TableHeadings, TableShape,
        };
        let heading = |level: u8| {
            format!(
                r#"{{"type":"heading","attrs":{{"level":{level}}},"content":[{{"type":"text","text":"見出し"}}]}}"#
            )
        };
        assert_eq!(of_block(&heading(1)), [HeadingLevel]);
        assert_eq!(of_block(&heading(3)), [HeadingSkipped]);
        assert_eq!(
            of_block(&format!(
                "{},{},{},{}",
                heading(2),
                heading(3),
                heading(4),
                heading(2)
            )),
            []
        );
        assert_eq!(
            of_block(r#"{"type":"heading","attrs":{"level":2}}"#),
            [HeadingEmpty]
        );
        assert_eq!(
            of_block(r#"{"type":"image","attrs":{"media":"m","alt":" "}}"#),
            [AltMissing]
        );
        assert_eq!(
            of_block(r#"{"type":"image","attrs":{"media":"m","alt":"","decorative":true}}"#),
            []
        );
        assert_eq!(
            of_block(r#"{"type":"attachment","attrs":{"media":"m","label":""}}"#),
            [LabelMissing]
        );
        assert_eq!(
            of_block(r#"{"type":"table","attrs":{"caption":""},"content":[]}"#),
            [CaptionMissing, TableShape]
        );
        let cell = r#"{"type":"table_cell","content":[]}"#;
        let row = format!(r#"{{"type":"table_row","content":[{cell}]}}"#);
        let table = format!(r#"{{"type":"table","attrs":{{"caption":"表"}},"content":[{row}]}}"#);
        assert_eq!(of_block(&table), [TableHeadings]);
        assert_eq!(
            of_block(r#"{"type":"bullet_list","content":[{"type":"list_item","content":[]}]}"#),
            [ListShape]
        );
        let link = |href: &str| {
            let marks = format!(r#"[{{"type":"link","attrs":{{"href":"{href}"}}}}]"#);
            of_block(&format!(
                r#"{{"type":"paragraph","content":[{{"type":"text","text":"字","marks":{marks}}}]}}"#
            ))
        };
        for href in [
            "javascript:alert(1)",
            "//evil.example",
            "data:x",
            "relative.html",
            "page:x",
            "",
        ] {
            assert_eq!(link(href), [LinkKind], "{href}");
        }
        for href in [
            "page:12",
            "/kurashi/",
            "https://example.jp/",
            "mailto:a@b.example",
            "tel:000-0000",
        ] {
            assert_eq!(link(href), [], "{href}");
        }
        let ruby = r#"{"type":"paragraph","content":[{"type":"ruby","attrs":{"base":"櫓","reading":""}}]}"#;
        assert_eq!(of_block(ruby), [RubyEmpty]);
    }

    #[test]
    fn unknown_kinds_attributes_and_marks_are_refused() {
        for block in [
            r#"{"type":"script"}"#,
            r#"{"type":"paragraph","onclick":"x"}"#,
            r#"{"type":"paragraph","content":[{"type":"text","text":"x","marks":[{"type":"underline"}]}]}"#,
            r#"{"type":"bullet_list","content":[{"type":"table_row","content":[]}]}"#,
        ] {
            let json = format!(r#"{{"type":"doc","content":[{block}]}}"#);
            assert!(serde_json::from_str::<Document>(&json).is_err(), "{block}");
        }
    }

    /// The editor's tests read the same file; so both sides have one schema.
    #[test]
    fn a_document_of_every_kind_is_the_editors_too() {
        let json = include_str!("../../../editor/test/every-kind.json");
        let document: Document = serde_json::from_str(json).unwrap();
        assert_eq!(document.check(), []);
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_value(&document).unwrap(), json);
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(text in "[\\[\\]{}\",:a-z0-9_ ]{0,200}") {
            if let Ok(document) = serde_json::from_str::<Document>(&text) {
                let _ = document.check();
            }
        }
    }
}

//! The page's text as a closed schema: what cannot be said here cannot be published.
//!
//! The editor works on the same schema (`editor/src/schema.js`); its JSON is ProseMirror's, so a
//! saved document is `{"type":"doc","content":[...]}`. The server parses it into these types, which
//! refuse unknown kinds, attributes and marks, then checks what types cannot say (`document_check.rs`),
//! and renders the HTML itself. No HTML is ever stored.
//!
//! Made impossible here: a first-level heading in the body (levels are 2 to 4), an image without
//! alternative text that is not marked decorative, a table without caption and heading cells, an
//! attachment without label, a link with a scheme that runs code.

use serde::{Deserialize, Serialize};

/// A page's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    #[serde(rename = "type")]
    kind: DocumentKind,
    /// The blocks in reading order.
    #[serde(default)]
    pub content: Vec<Block>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum DocumentKind {
    #[default]
    #[serde(rename = "doc")]
    Doc,
}

impl Document {
    /// A text of these blocks.
    #[must_use]
    pub const fn new(content: Vec<Block>) -> Self {
        Self {
            kind: DocumentKind::Doc,
            content,
        }
    }
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// A heading below the page's title.
    Heading {
        attrs: HeadingAttrs,
        #[serde(default)]
        content: Vec<Inline>,
    },
    /// A paragraph.
    Paragraph {
        #[serde(default)]
        content: Vec<Inline>,
    },
    /// An unordered list.
    BulletList { content: Vec<ListItem> },
    /// An ordered list; the steps of a procedure.
    OrderedList { content: Vec<ListItem> },
    /// A table with caption and heading cells.
    Table {
        attrs: TableAttrs,
        content: Vec<TableRow>,
    },
    /// A picture of the media library.
    Image { attrs: ImageAttrs },
    /// A file of the media library.
    Attachment { attrs: AttachmentAttrs },
    /// A boxed remark.
    Callout {
        attrs: CalloutAttrs,
        content: Vec<Block>,
    },
}

/// Attributes of a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadingAttrs {
    /// 2, 3 or 4; the page's title is level 1.
    pub level: u8,
}

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListItem {
    #[serde(rename = "type")]
    kind: ListItemKind,
    /// Its blocks, of which the first is a paragraph.
    pub content: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ListItemKind {
    #[serde(rename = "list_item")]
    ListItem,
}

impl ListItem {
    /// An item of these blocks.
    #[must_use]
    pub const fn new(content: Vec<Block>) -> Self {
        Self {
            kind: ListItemKind::ListItem,
            content,
        }
    }
}

/// Attributes of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableAttrs {
    /// What the table shows; never empty.
    pub caption: String,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    #[serde(rename = "type")]
    kind: TableRowKind,
    /// Its cells, as many as every other row has.
    pub content: Vec<TableCell>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum TableRowKind {
    #[serde(rename = "table_row")]
    TableRow,
}

impl TableRow {
    /// A row of these cells.
    #[must_use]
    pub const fn new(content: Vec<TableCell>) -> Self {
        Self {
            kind: TableRowKind::TableRow,
            content,
        }
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TableCell {
    /// A heading of its column (first row) or its row (first column).
    TableHeader { content: Vec<Block> },
    /// Data.
    TableCell { content: Vec<Block> },
}

/// Attributes of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageAttrs {
    /// Which item of the media library.
    pub media: String,
    /// What the picture tells; empty only when `decorative`.
    pub alt: String,
    /// The picture tells nothing that the text does not.
    #[serde(default)]
    pub decorative: bool,
    /// A line below the picture; may be empty.
    #[serde(default)]
    pub caption: String,
}

/// Attributes of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentAttrs {
    /// Which item of the media library.
    pub media: String,
    /// What the link says; the kind and size of the file are added to it.
    pub label: String,
}

/// Attributes of a callout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalloutAttrs {
    /// Which kind of remark.
    pub tone: Tone,
}

/// What a callout says of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// お知らせ
    Info,
    /// 注意
    Warning,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Inline {
    /// Text with marks.
    Text {
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        marks: Vec<Mark>,
    },
    /// A line break inside a block.
    HardBreak,
    /// Characters with their reading.
    Ruby { attrs: RubyAttrs },
}

/// Attributes of a ruby annotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RubyAttrs {
    /// The characters.
    pub base: String,
    /// Their reading.
    pub reading: String,
}

/// What is special about a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mark {
    /// Strong importance.
    Strong,
    /// Stress.
    Em,
    /// A link.
    Link { attrs: LinkAttrs },
}

/// Attributes of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkAttrs {
    /// `page:ID` of this CMS, an absolute path of this site, or an http(s), mailto or tel URL.
    pub href: String,
}

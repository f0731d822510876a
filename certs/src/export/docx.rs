//! A filled sheet as DOCX (ECMA-376): headings, paragraphs, lists and tables, which is what a form
//! has. Word and LibreOffice open it; the city may go on writing in it.

use std::io::{Cursor, Write};

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The whole file.
pub(super) fn document(markdown: &str) -> Result<Vec<u8>, ZipError> {
    let body = Body::of(markdown);
    let document = format!("{HEAD}<w:document {NAMES}><w:body>{body}{PAGE}</w:body></w:document>");
    let styles = format!("{HEAD}{STYLES}");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, content) in [
        ("[Content_Types].xml", format!("{HEAD}{TYPES}")),
        ("_rels/.rels", format!("{HEAD}{PACKAGE}")),
        ("word/document.xml", document),
        ("word/_rels/document.xml.rels", format!("{HEAD}{PARTS}")),
        ("word/styles.xml", styles),
    ] {
        zip.start_file(name, stored)?;
        zip.write_all(content.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const NAMES: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"";
/// A4 with margins of 20 mm, in twentieths of a point.
const PAGE: &str = "<w:sectPr><w:pgSz w:w=\"11906\" w:h=\"16838\"/>\
<w:pgMar w:top=\"1134\" w:right=\"1134\" w:bottom=\"1134\" w:left=\"1134\" w:header=\"567\" \
w:footer=\"567\" w:gutter=\"0\"/></w:sectPr>";
/// The width between the margins.
const WIDTH: usize = 11_906 - 2 * 1_134;
const TYPES: &str = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
<Default Extension=\"xml\" ContentType=\"application/xml\"/>\
<Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/>\
<Override PartName=\"/word/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml\"/>\
</Types>";
const PACKAGE: &str = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/>\
</Relationships>";
const PARTS: &str = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/>\
</Relationships>";
const STYLES: &str = "<w:styles xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">\
<w:docDefaults><w:rPrDefault><w:rPr>\
<w:rFonts w:ascii=\"Times New Roman\" w:hAnsi=\"Times New Roman\" w:eastAsia=\"MS Mincho\"/>\
<w:sz w:val=\"21\"/><w:lang w:val=\"en-US\" w:eastAsia=\"ja-JP\"/></w:rPr></w:rPrDefault></w:docDefaults>\
<w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/></w:style>\
<w:style w:type=\"paragraph\" w:styleId=\"Heading1\"><w:name w:val=\"heading 1\"/><w:basedOn w:val=\"Normal\"/>\
<w:pPr><w:spacing w:after=\"240\"/><w:jc w:val=\"center\"/><w:outlineLvl w:val=\"0\"/></w:pPr>\
<w:rPr><w:b/><w:sz w:val=\"32\"/></w:rPr></w:style>\
<w:style w:type=\"paragraph\" w:styleId=\"Heading2\"><w:name w:val=\"heading 2\"/><w:basedOn w:val=\"Normal\"/>\
<w:pPr><w:spacing w:before=\"240\" w:after=\"120\"/><w:outlineLvl w:val=\"1\"/></w:pPr>\
<w:rPr><w:b/><w:sz w:val=\"24\"/></w:rPr></w:style>\
</w:styles>";

/// The document's XML as far as it is written.
#[derive(Default)]
struct Body {
    xml: String,
    /// Runs of the paragraph that is open.
    runs: String,
    style: Option<&'static str>,
    is_bold: bool,
    /// How many columns the table has that is open.
    columns: usize,
    /// The numbers of the lists that are open; `None` for those without numbers.
    lists: Vec<Option<u64>>,
}

impl Body {
    fn of(markdown: &str) -> String {
        let mut body = Self::default();
        for event in Parser::new_ext(markdown, super::html::options()) {
            body.take(event);
        }
        body.end_paragraph();
        body.xml
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.text(&text)
            }
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.runs.push_str("<w:r><w:br/></w:r>"),
            Event::Rule => self.end_paragraph(),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.end_paragraph();
                self.style = Some(match level {
                    HeadingLevel::H1 => "Heading1",
                    _ => "Heading2",
                });
            }
            Tag::Paragraph => {}
            Tag::Strong => self.is_bold = true,
            Tag::List(first) => {
                self.end_paragraph();
                self.lists.push(*first);
            }
            Tag::Item => {
                let number = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "・".to_owned(),
                };
                self.text(&number);
            }
            Tag::Table(columns) => {
                self.end_paragraph();
                self.columns = columns.len().max(1);
                let width = WIDTH / self.columns;
                self.xml.push_str("<w:tbl><w:tblPr>");
                self.xml.push_str(&format!(
                    "<w:tblW w:w=\"{WIDTH}\" w:type=\"dxa\"/><w:tblBorders>"
                ));
                for side in ["top", "left", "bottom", "right", "insideH", "insideV"] {
                    let border = format!(
                        "<w:{side} w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"333333\"/>"
                    );
                    self.xml.push_str(&border);
                }
                self.xml.push_str("</w:tblBorders></w:tblPr><w:tblGrid>");
                let column = format!("<w:gridCol w:w=\"{width}\"/>");
                self.xml.push_str(&column.repeat(self.columns));
                self.xml.push_str("</w:tblGrid>");
            }
            Tag::TableHead => {
                self.is_bold = true;
                self.xml.push_str("<w:tr>");
            }
            Tag::TableRow => self.xml.push_str("<w:tr>"),
            Tag::TableCell => {
                let width = WIDTH / self.columns.max(1);
                let cell =
                    format!("<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/></w:tcPr>");
                self.xml.push_str(&cell);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::Item | TagEnd::CodeBlock => {
                self.end_paragraph();
            }
            TagEnd::Strong => self.is_bold = false,
            TagEnd::List(_) => {
                self.end_paragraph();
                self.lists.pop();
            }
            TagEnd::TableCell => {
                // A cell ends in a paragraph, if an empty one.
                self.paragraph();
                self.xml.push_str("</w:tc>");
            }
            TagEnd::TableHead => {
                self.is_bold = false;
                self.xml.push_str("</w:tr>");
            }
            TagEnd::TableRow => self.xml.push_str("</w:tr>"),
            // Two tables that touch would become one.
            TagEnd::Table => self.xml.push_str("</w:tbl><w:p/>"),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let bold = if self.is_bold {
            "<w:rPr><w:b/></w:rPr>"
        } else {
            ""
        };
        let run = format!("<w:r>{bold}<w:t xml:space=\"preserve\">");
        self.runs.push_str(&run);
        for c in text.chars() {
            match c {
                '&' => self.runs.push_str("&amp;"),
                '<' => self.runs.push_str("&lt;"),
                '>' => self.runs.push_str("&gt;"),
                // XML 1.0, section 2.2: these are no characters.
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => self.runs.push(' '),
                c => self.runs.push(c),
            }
        }
        self.runs.push_str("</w:t></w:r>");
    }

    fn end_paragraph(&mut self) {
        if !self.runs.is_empty() {
            self.paragraph();
        }
    }

    fn paragraph(&mut self) {
        let style = self.style.take().map_or_else(String::new, |style| {
            format!("<w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr>")
        });
        let runs = std::mem::take(&mut self.runs);
        self.xml.push_str(&format!("<w:p>{style}{runs}</w:p>"));
    }
}

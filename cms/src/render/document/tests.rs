//! What the rendering promises, by example and for any document at all.

use proptest::prelude::*;

use super::*;
use crate::domain::document::{CalloutAttrs, HeadingAttrs, RubyAttrs, TableAttrs};

fn surroundings() -> Surroundings {
    Surroundings {
        pages: BTreeMap::from([(
            PageId(7),
            PagePath::new(crate::domain::Language::Ja, "gomi", "sodai").unwrap(),
        )]),
        files: BTreeMap::from([(
            MediaId("f1".to_owned()),
            FileFacts {
                url: "/media/f1/form.pdf".to_owned(),
                content_type: "application/pdf".to_owned(),
                bytes: 319_000,
                pixels: None,
            },
        )]),
        phrases: Phrases::of(crate::domain::Language::Ja),
    }
}

fn html(blocks: Vec<Block>) -> String {
    render(&Document::new(blocks), &surroundings())
        .body
        .to_string()
}

fn text(words: &str) -> Inline {
    Inline::Text {
        text: words.to_owned(),
        marks: Vec::new(),
    }
}

fn linked(words: &str, href: &str, more: &[Mark]) -> Inline {
    let mut marks = vec![Mark::Link {
        attrs: LinkAttrs {
            href: href.to_owned(),
        },
    }];
    marks.extend_from_slice(more);
    Inline::Text {
        text: words.to_owned(),
        marks,
    }
}

fn paragraph(content: Vec<Inline>) -> Block {
    Block::Paragraph { content }
}

#[test]
fn a_table_announces_its_caption_and_the_heading_of_each_cell() {
    let header = |words| TableCell::TableHeader {
        content: vec![paragraph(vec![text(words)])],
    };
    let data = |words| TableCell::TableCell {
        content: vec![paragraph(vec![text(words)])],
    };
    let table = Block::Table {
        attrs: TableAttrs {
            caption: "収集日".to_owned(),
        },
        content: vec![
            TableRow::new(vec![header("地区"), header("曜日")]),
            TableRow::new(vec![header("本町"), data("月")]),
        ],
    };
    assert_eq!(
        html(vec![table]),
        "<div class=\"table-region\" role=\"region\" tabindex=\"0\" aria-labelledby=\"table-1\">\
         <table><caption id=\"table-1\">収集日</caption>\
         <thead><tr><th scope=\"col\">地区</th><th scope=\"col\">曜日</th></tr></thead>\
         <tbody><tr><th scope=\"row\">本町</th><td>月</td></tr></tbody></table></div>"
    );
}

#[test]
fn files_in_a_row_are_one_list_and_say_kind_and_size() {
    let file = |media: &str, label: &str| Block::Attachment {
        attrs: AttachmentAttrs {
            media: media.to_owned(),
            label: label.to_owned(),
        },
    };
    assert_eq!(
        html(vec![
            file("f1", "申請書"),
            file("lost", "記入例"),
            paragraph(vec![text("以上")])
        ]),
        "<ul class=\"files\"><li><a href=\"/media/f1/form.pdf\" type=\"application/pdf\">申請書 \
         <span class=\"file-facts\">(PDF 312KB)</span></a></li><li>記入例</li></ul><p>以上</p>"
    );
}

#[test]
fn a_link_to_a_page_that_is_not_public_is_its_text() {
    let rendered = render(
        &Document::new(vec![paragraph(vec![
            linked("粗大ごみ", "page:7", &[]),
            linked("準備中", "page:8", &[]),
        ])]),
        &surroundings(),
    );
    assert_eq!(
        rendered.body.as_str(),
        "<p><a href=\"/gomi/sodai.html\">粗大ごみ</a>準備中</p>"
    );
    assert_eq!(rendered.linked_pages, BTreeSet::from([PageId(7)]));
}

#[test]
fn pieces_of_one_link_are_one_link() {
    let pieces = vec![
        linked("粗大", "page:7", &[Mark::Strong]),
        linked("ごみ", "page:7", &[]),
    ];
    assert_eq!(
        html(vec![paragraph(pieces)]),
        "<p><a href=\"/gomi/sodai.html\"><strong>粗大</strong>ごみ</a></p>"
    );
}

#[test]
fn a_link_that_would_run_code_is_its_text() {
    assert_eq!(
        html(vec![paragraph(vec![linked(
            "x",
            "javascript:alert(1)",
            &[]
        )])]),
        "<p>x</p>"
    );
}

#[test]
fn a_lost_picture_leaves_what_it_told() {
    let image = Block::Image {
        attrs: ImageAttrs {
            media: "lost".to_owned(),
            alt: "避難所の地図".to_owned(),
            decorative: false,
            caption: String::new(),
        },
    };
    assert_eq!(
        html(vec![image]),
        "<p class=\"lost-image\">避難所の地図</p>"
    );
}

#[test]
fn readings_stand_in_parentheses_where_ruby_is_unknown() {
    let ruby = Inline::Ruby {
        attrs: RubyAttrs {
            base: "櫓".to_owned(),
            reading: "やぐら".to_owned(),
        },
    };
    assert_eq!(
        html(vec![paragraph(vec![ruby])]),
        "<p><ruby>櫓<rp>(</rp><rt>やぐら</rt><rp>)</rp></ruby></p>"
    );
}

#[test]
fn headings_can_be_jumped_to() {
    let heading = Block::Heading {
        attrs: HeadingAttrs { level: 3 },
        content: vec![text("持ち物")],
    };
    let rendered = render(&Document::new(vec![heading]), &surroundings());
    assert_eq!(rendered.body.as_str(), "<h3 id=\"section-1\">持ち物</h3>");
    assert_eq!(
        rendered.headings,
        [Heading {
            level: 3,
            id: "section-1".to_owned(),
            text: "持ち物".to_owned()
        }]
    );
}

/// Reads markup the strict way: every `<` must begin a tag of ours, every element must be closed in
/// order. Gives the text outside tags, still escaped.
fn text_of_balanced(markup: &str) -> Result<String, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut text = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        // Attribute values are escaped, so the first `>` ends the tag.
        let (tag, next) = after.split_once('>').ok_or("a tag without end")?;
        rest = next;
        if let Some(name) = tag.strip_prefix('/') {
            let opened = open
                .pop()
                .ok_or_else(|| format!("</{name}> closes nothing"))?;
            if opened != name {
                return Err(format!("</{name}> closes <{opened}>"));
            }
            continue;
        }
        let name = tag.split(' ').next().unwrap_or_default();
        let ours = [
            "h2",
            "h3",
            "h4",
            "p",
            "ul",
            "ol",
            "li",
            "div",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "figure",
            "figcaption",
            "img",
            "br",
            "a",
            "span",
            "strong",
            "em",
            "ruby",
            "rp",
            "rt",
        ];
        if !ours.contains(&name) {
            return Err(format!("<{tag}> is none of our elements"));
        }
        if name == "a" && open.contains(&"a") {
            return Err("a link inside a link".to_owned());
        }
        if !matches!(name, "img" | "br") {
            open.push(name);
        }
    }
    text.push_str(rest);
    if open.is_empty() && !text.contains('>') {
        Ok(text)
    } else {
        Err(format!("left open: {open:?}"))
    }
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[<>&\"'a-zごみ ]{0,12}",
        Just("<script>alert(1)</script>".to_owned()),
        Just("\" onload=\"x".to_owned())
    ]
}

fn inline() -> impl Strategy<Value = Inline> {
    let href = prop_oneof![
        Just("page:7".to_owned()),
        Just("https://a.example/?q=\"><b>".to_owned()),
        words()
    ];
    let mark = prop_oneof![
        Just(Mark::Strong),
        Just(Mark::Em),
        href.prop_map(|href| Mark::Link {
            attrs: LinkAttrs { href }
        })
    ];
    prop_oneof![
        (words(), prop::collection::vec(mark, 0..4))
            .prop_map(|(text, marks)| Inline::Text { text, marks }),
        Just(Inline::HardBreak),
        (words(), words()).prop_map(|(base, reading)| Inline::Ruby {
            attrs: RubyAttrs { base, reading }
        }),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    let inlines = || prop::collection::vec(inline(), 0..4);
    let media = prop_oneof![Just("f1".to_owned()), words()];
    let leaf = prop_oneof![
        (any::<u8>(), inlines()).prop_map(|(level, content)| Block::Heading {
            attrs: HeadingAttrs { level },
            content
        }),
        inlines().prop_map(|content| Block::Paragraph { content }),
        (media.clone(), words(), any::<bool>(), words()).prop_map(
            |(media, alt, decorative, caption)| Block::Image {
                attrs: ImageAttrs {
                    media,
                    alt,
                    decorative,
                    caption
                }
            }
        ),
        (media, words()).prop_map(|(media, label)| Block::Attachment {
            attrs: AttachmentAttrs { media, label }
        }),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let blocks = prop::collection::vec(inner, 0..4);
        let items = prop::collection::vec(blocks.clone().prop_map(ListItem::new), 0..3);
        let cell = (any::<bool>(), blocks.clone()).prop_map(|(header, content)| {
            if header {
                TableCell::TableHeader { content }
            } else {
                TableCell::TableCell { content }
            }
        });
        let rows = prop::collection::vec(
            prop::collection::vec(cell, 0..3).prop_map(TableRow::new),
            0..3,
        );
        prop_oneof![
            items
                .clone()
                .prop_map(|content| Block::BulletList { content }),
            items.prop_map(|content| Block::OrderedList { content }),
            (words(), rows).prop_map(|(caption, content)| Block::Table {
                attrs: TableAttrs { caption },
                content
            }),
            blocks.prop_map(|content| Block::Callout {
                attrs: CalloutAttrs {
                    tone: Tone::Warning
                },
                content
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_comes_out_balanced_and_escaped(blocks in prop::collection::vec(block(), 0..6)) {
        let markup = html(blocks);
        let text = text_of_balanced(&markup).map_err(|fault| TestCaseError::fail(format!("{fault} in {markup}")))?;
        prop_assert!(!text.contains('"') && !text.contains('\''));
    }

    #[test]
    fn words_come_out_as_they_went_in(written in words()) {
        let markup = html(vec![paragraph(vec![text(&written)])]);
        let shown = text_of_balanced(&markup).unwrap()
            .replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        prop_assert_eq!(shown, written);
    }
}

//! Application forms as PDF files (ISO 32000-1): one A4 page of lines, boxes and Japanese text.
//!
//! The font is not embedded; readers bring one for Japanese, as with most forms of that time.

use std::fmt::Write;

/// The left edge of everything, the right edge, and where the boxes of the labels end.
const LEFT: i32 = 60;
const RIGHT: i32 = 535;
const LABELS_END: i32 = 190;

/// A form with that title and a box for each item, as a PDF file.
pub(super) fn form(title: &str, department: &str, items: &[&str]) -> Vec<u8> {
    let content = page_content(title, department, items);
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R /Lang (ja-JP) /ViewerPreferences << /DisplayDocTitle true >> >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 7 0 R \
         /Resources << /Font << /F1 4 0 R >> >> >>"
            .to_owned(),
        "<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiKakuGo-W5-UniJIS-UTF16-H \
         /Encoding /UniJIS-UTF16-H /DescendantFonts [5 0 R] >>"
            .to_owned(),
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiKakuGo-W5 \
         /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 5 >> \
         /FontDescriptor 6 0 R /DW 1000 /W [1 95 500] >>"
            .to_owned(),
        "<< /Type /FontDescriptor /FontName /HeiseiKakuGo-W5 /Flags 4 /FontBBox [-92 -250 1010 922] \
         /ItalicAngle 0 /Ascent 752 /Descent -221 /CapHeight 737 /StemV 114 >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        format!("<< /Title <FEFF{}> /Producer (Yagura demo) >>", utf16(title)),
    ];
    file(&objects)
}

/// The objects one after another, the table of where each begins, and the trailer.
fn file(objects: &[String]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(objects) {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        file.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let start = file.len();
    file.extend_from_slice(table.as_bytes());
    let trailer = format!(
        "trailer\n<< /Size {} /Root 1 0 R /Info {} 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1,
        objects.len()
    );
    file.extend_from_slice(trailer.as_bytes());
    file
}

fn page_content(title: &str, department: &str, items: &[&str]) -> String {
    let mut page = "0.8 w\n".to_owned();
    let title_width = 18 * i32::try_from(title.chars().count()).unwrap_or(0);
    text(&mut page, (595 - title_width) / 2, 780, 18, title);
    text(&mut page, LEFT, 735, 11, "サンプル市長　様");
    text(&mut page, 400, 735, 11, "年　　月　　日");
    text(
        &mut page,
        LEFT,
        708,
        10,
        "次のとおり届け出（申請し）ます。太わくの中を記入してください。",
    );
    let mut top = 690;
    page.push_str("1.6 w\n");
    boxed(
        &mut page,
        LEFT,
        top - 34 * i32::try_from(items.len()).unwrap_or(0),
        RIGHT,
        top,
    );
    page.push_str("0.8 w\n");
    for item in items {
        boxed(&mut page, LEFT, top - 34, LABELS_END, top);
        boxed(&mut page, LABELS_END, top - 34, RIGHT, top);
        text(&mut page, LEFT + 8, top - 21, 11, item);
        top -= 34;
    }
    top -= 28;
    for note in [
        "記入上の注意",
        "1　黒のボールペンで、はっきりと書いてください。",
        "2　代理の方が手続きをするときは、委任状が必要です。",
        "3　本人確認のため、運転免許証やマイナンバーカードをお持ちください。",
    ] {
        text(&mut page, LEFT, top, 10, note);
        top -= 18;
    }
    for (index, office) in (0..).zip(["受付", "確認", "処理"]) {
        boxed(&mut page, 355 + index * 60, 80, 415 + index * 60, 140);
        text(&mut page, 373 + index * 60, 126, 10, office);
    }
    text(
        &mut page,
        LEFT,
        60,
        10,
        &format!("提出先　サンプル市役所 {department}"),
    );
    page
}

fn boxed(page: &mut String, left: i32, bottom: i32, right: i32, top: i32) {
    let _ = writeln!(
        page,
        "{left} {bottom} {} {} re S",
        right - left,
        top - bottom
    );
}

fn text(page: &mut String, x: i32, y: i32, size: i32, words: &str) {
    let _ = writeln!(page, "BT /F1 {size} Tf {x} {y} Td <{}> Tj ET", utf16(words));
}

/// UTF-16 with the high byte first, in hexadecimal digits.
fn utf16(words: &str) -> String {
    words
        .encode_utf16()
        .fold(String::new(), |digits, unit| format!("{digits}{unit:04X}"))
}

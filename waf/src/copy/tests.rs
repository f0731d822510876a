//! The copy as a whole.

use encoding_rs::SHIFT_JIS;
use proptest::prelude::*;

use super::*;

fn get(target: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        target: target.as_bytes().to_vec(),
        ..Request::default()
    }
}

fn post(kind: &str, body: &[u8]) -> Request {
    Request {
        method: "POST".to_owned(),
        target: b"/form".to_vec(),
        headers: vec![
            ("Content-Type".to_owned(), kind.into()),
            ("Content-Length".to_owned(), body.len().to_string().into()),
        ],
        body: body.to_vec(),
        ..Request::default()
    }
}

fn target_of(request: &Request) -> String {
    String::from_utf8(of(request).target).unwrap()
}

#[test]
fn an_encoded_question_mark_hides_nothing() {
    assert_eq!(
        target_of(&get("/a%3fb%3F../etc?q=%3f")),
        "/a%253fb%253F../etc?q=%3f"
    );
}

#[test]
fn queries_of_old_sites_are_read() {
    let (bytes, ..) = SHIFT_JIS.encode("能登の表");
    let escapes: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let copy = target_of(&get(&format!("/search?q={escapes}&x=1")));
    assert_eq!(copy, "/search?q=%E8%83%BD%E7%99%BB%E3%81%AE%E8%A1%A8&x=1");
}

#[test]
fn a_form_that_is_cut_ends_with_a_whole_escape() {
    let mut long = b"q=".to_vec();
    long.extend(b"%e3%81%82".repeat(3000));
    let copy = of(&post("application/x-www-form-urlencoded", &long));
    assert!(copy.body.len() <= TEXT_BYTES && copy.body.len() > TEXT_BYTES - 3);
    assert_eq!(copy.body.len() % 3, 2);
    let length = copy.header("content-length").unwrap();
    assert_eq!(length, copy.body.len().to_string().as_bytes());
}

#[test]
fn texts_of_any_kind_are_read_as_one_argument() {
    let copy = of(&post("text/plain", b"<script>alert(1)</script>"));
    assert_eq!(copy.body, b"body=%3Cscript%3Ealert%281%29%3C/script%3E");
    assert!(copy.header(TEXT_FIELD).is_some());
    let forged = Request {
        headers: vec![(SITE_FIELD.to_owned(), b"staff".to_vec())],
        site: "town".to_owned(),
        ..get("/")
    };
    let copy = of(&forged);
    let said: Vec<_> = copy
        .headers
        .iter()
        .filter(|(name, _)| name == SITE_FIELD)
        .collect();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].1, b"town");
}

#[test]
fn an_upload_is_cut_to_a_whole_one() {
    let mut body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.pdf\"\r\n\r\n".to_vec();
    body.extend(b"%PDF".repeat(50_000));
    let mut request = post("multipart/form-data; boundary=x", &body);
    request.cut = true;
    let copy = of(&request);
    let text = String::from_utf8(copy.body).unwrap();
    assert!(text.ends_with("\r\n\r\n\r\n--x--\r\n"), "{text}");
    assert!(text.contains("hello") && !text.contains("PDF\r\n") && text.len() < 400);
}

#[test]
fn multipart_that_no_browser_writes_goes_as_it_is() {
    let odd = b"preamble--x\r\n\r\nhello\n--x--";
    let copy = of(&post("multipart/form-data; boundary=x", odd));
    assert_eq!(copy.body, odd);
}

#[test]
fn no_delimiter_is_made_of_blanks() {
    // Shortened to eight, these blanks would end in a line end, and what follows be a file's head.
    let field = "Content-Disposition: form-data; name=\"q\"";
    let file = "Content-Disposition: form-data; name=\"f\"; filename=\"a\"";
    let content = format!("\n\n\n\n\n\n\r\n --x\r\n{file}\r\n\r\n<script>");
    let body = format!("--x\r\n{field}\r\n\r\n{content}\r\n--x--\r\n");
    let copy = of(&post("multipart/form-data; boundary=x", body.as_bytes()));
    let read = multipart::parts(&copy.body, b"x", false).unwrap();
    assert_eq!(read.len(), 1);
    assert!(String::from_utf8(copy.body).unwrap().contains("<script>"));
}

#[test]
fn a_field_is_inspected_whatever_else_its_head_says() {
    let head = "Content-Disposition: form-data; name=\"q\"\r\nX-Not: filename=\"a\"";
    let body = format!("--x\r\n{head}\r\n\r\n<script>\r\n--x--\r\n");
    let copy = of(&post("multipart/form-data; boundary=x", body.as_bytes()));
    assert_eq!(String::from_utf8(copy.body).unwrap(), body);
}

/// A body as readers split it that take half a line end for a whole one.
fn pieces(body: &[u8]) -> usize {
    let lines = body.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.filter(|line| line.starts_with(b"--x")).count()
}

fn multipart_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "--x", "--x\r\n", "\r\n--x\r\n", "\r\n--x--\r\n", "\n--x", "\r--x", "\r\n\r\n",
            "Content-Disposition: form-data; name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"b\"",
            "\r\n", "\n", "\r", " ", "\t", "        ", "-", "x", "\u{3042}",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| {
        let begun = b"--x\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n".to_vec();
        [begun, pieces.concat()].concat()
    })
}

proptest! {
    #[test]
    fn the_copy_has_the_parts_that_were_sent(body in multipart_bytes(), ends in any::<bool>()) {
        let body = if ends { [body, b"\r\n--x--\r\n".to_vec()].concat() } else { body };
        let copy = of(&post("multipart/form-data; boundary=x", &body)).body;
        if let Some(sent) = multipart::parts(&body, b"x", false) {
            let read = multipart::parts(&copy, b"x", false).unwrap();
            let heads = |parts: &[multipart::Part<'_>]| parts.iter().map(|part| part.head.to_vec()).collect::<Vec<_>>();
            prop_assert_eq!(heads(&read), heads(&sent));
            prop_assert_eq!(pieces(&copy), pieces(&body));
        } else {
            prop_assert_eq!(copy, body);
        }
    }

    #[test]
    fn no_request_makes_it_panic(
        target in any::<Vec<u8>>(),
        kind in "(application/json|text/plain|application/x-www-form-urlencoded; charset=shift_jis|multipart/form-data; boundary=x)",
        body in any::<Vec<u8>>(),
        cut in any::<bool>(),
    ) {
        let mut request = post(&kind, &body);
        (request.target, request.cut) = (target, cut);
        let copy = of(&request);
        // One byte of a half-width kana is three in UTF-8, and each of these an escape of three.
        prop_assert!(copy.body.len() <= 9 * body.len() + 40);
    }

    #[test]
    fn plain_requests_stay_as_they_are(path in "(/[a-z0-9._-]{1,8}){1,4}", query in "[a-z]{1,5}=[a-z0-9あ-ん]{0,9}") {
        let target = format!("{path}?{query}");
        prop_assert_eq!(target_of(&get(&target)), target);
    }
}

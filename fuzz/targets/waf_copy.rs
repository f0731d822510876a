//! The inspected copy of a request, and the bounds that are counted before it: a reader's bytes, in
//! an engine's way. The first byte says what the body is announced as, the second whether it was cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_waf::request::Request;
use yagura_waf::{bounds, copy, kind, multipart};

const KINDS: [&str; 6] = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=shift_jis",
    "application/json",
    "text/plain; charset=euc-jp",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=--a",
];

fuzz_target!(|bytes: &[u8]| {
    let [kind, cut, rest @ ..] = bytes else {
        return;
    };
    let announced = KINDS[usize::from(*kind) % KINDS.len()];
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (target, body) = rest.split_at(end.unwrap_or(0));
    let request = Request {
        method: "POST".to_owned(),
        target: target.to_vec(),
        headers: vec![("content-type".to_owned(), announced.into())],
        body: body.get(1..).unwrap_or_default().to_vec(),
        cut: cut & 1 == 1,
        ..Request::default()
    };
    let _ = bounds::exceeded(&request);
    let copy = copy::of(&request);
    assert!(copy.body.len() <= 9 * request.body.len() + 64);
    assert!(copy.target.len() <= 9 * request.target.len() + 64);
    let kind = kind::Kind::announced(Some(announced.as_bytes()));
    if let (kind::Kind::Multipart(boundary), false) = (kind, request.cut) {
        same_parts(&request.body, &copy.body, &boundary);
    }
});

/// The copy has the parts that were sent, also for a reader that takes half a line end for a whole.
fn same_parts(sent: &[u8], copy: &[u8], boundary: &[u8]) {
    if sent.len() > kind::MULTIPART_BYTES {
        return;
    }
    let Some(parts) = multipart::parts(sent, boundary, false) else {
        assert_eq!(sent, copy);
        return;
    };
    let read = multipart::parts(copy, boundary, false).expect("the copy is well written");
    assert_eq!(parts.len(), read.len());
    assert!(
        parts
            .iter()
            .zip(&read)
            .all(|(one, other)| one.head == other.head)
    );
    let mark = [b"--", boundary].concat();
    let lines = |body: &[u8]| {
        let lines = body.split(|byte| matches!(byte, b'\r' | b'\n'));
        lines.filter(|line| line.starts_with(&mark)).count()
    };
    assert_eq!(lines(sent), lines(copy));
}

//! Text goes out in the coding that the reader likes best, made once and never while he waits.

use crate::town::alone::{Alone, Answer};
use crate::town::eventually;

const PAGE: &str = "/page?cc=max-age%3D600&etag=one&type=text%2Fhtml&long";

async fn accepting(alone: &Alone, codings: &str, more: &str) -> Answer {
    let fields = format!("Accept-Encoding: {codings}\r\n{more}");
    alone.ask(&format!("GET {PAGE}"), &fields, "").await
}

/// Waits until a hit comes in that coding.
async fn encoded(alone: &Alone, coding: &str) -> Answer {
    eventually("the page is there in the coding", || async {
        let answer = accepting(alone, coding, "").await;
        (answer.field("content-encoding") == coding).then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_encoded_once_for_everybody_who_accepts_it() {
    let alone = Alone::start().await;
    // The first reader has it as it comes, and knows that others may have it otherwise.
    let first = accepting(&alone, "br", "").await;
    assert_eq!(
        (first.status.as_u16(), first.field("content-encoding")),
        (200, "")
    );
    assert_eq!(first.field("vary"), "accept-encoding");
    assert_eq!(
        first.field("seen-accept-encoding"),
        "",
        "the origin is asked for the plain body"
    );
    let plain = first.body;

    for (coding, tag) in [
        ("br", "\"one-br\""),
        ("zstd", "\"one-zstd\""),
        ("gzip", "\"one-gzip\""),
    ] {
        let answer = encoded(&alone, coding).await;
        assert_eq!(
            (answer.field("etag"), answer.field("vary")),
            (tag, "accept-encoding")
        );
        assert_eq!(decoded(coding, &answer.bytes), plain.as_bytes(), "{coding}");
        assert!(answer.bytes.len() < plain.len() / 2);
        // He has it already, in this coding or as it came first.
        for had in [tag, "\"one\""] {
            let again = accepting(&alone, coding, &format!("If-None-Match: {had}\r\n")).await;
            assert_eq!((again.status.as_u16(), again.field("etag")), (304, had));
            assert_eq!(again.field("vary"), "accept-encoding");
        }
    }
    let picky = accepting(&alone, "gzip;q=0.5, br;q=0", "").await;
    assert_eq!(picky.field("content-encoding"), "gzip");
    let silent = alone.get(PAGE).await;
    assert_eq!(
        (silent.field("content-encoding"), silent.body == plain),
        ("", true)
    );
    let part = accepting(&alone, "br", "Range: bytes=0-9\r\n").await;
    assert_eq!(
        (part.status.as_u16(), part.field("content-encoding")),
        (206, "")
    );
    assert_eq!(part.body, plain[..10]);
    let asked = alone.origin().seen();
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_transformed_is_not() {
    let alone = Alone::start().await;
    let target = "/raw?cc=max-age%3D600%2C+no-transform&type=text%2Fhtml&long";
    for _ in 0..3 {
        let answer = alone
            .ask(&format!("GET {target}"), "Accept-Encoding: br\r\n", "")
            .await;
        assert_eq!(
            (answer.field("content-encoding"), answer.field("vary")),
            ("", "")
        );
    }
    // A page that is encoded shows that the threads had their time.
    let _first = accepting(&alone, "br", "").await;
    let _page = encoded(&alone, "br").await;
    let answer = alone
        .ask(&format!("GET {target}"), "Accept-Encoding: br\r\n", "")
        .await;
    assert_eq!(answer.field("content-encoding"), "");
}

fn decoded(coding: &str, mut body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match coding {
        "br" => brotli::BrotliDecompress(&mut body, &mut decoded).unwrap(),
        "zstd" => decoded = zstd::stream::decode_all(body).unwrap(),
        _ => {
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut decoded)
                .unwrap();
        }
    }
    decoded
}

//! An operator puts a notice in place of a site, with everything behind the edge dead.

use std::time::Instant;

use crate::town::Town;
use crate::town::lone_edge::{CITY, LoneEdge};

const TEXT: &str = "# 断水のお知らせ\n\n<script>alert(1)</script>\n\n[地図](map.png) ![地図](map.png)\n\n\
                    ## 給水所\n\n- 市役所\n";
const ENGLISH: &str = "Water is cut off. <b>Sorry.</b>\n";

/// A picture of one point.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n not for looking at";

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_the_notice_in_the_form_they_want_and_nothing_else() {
    let look = "look = { name = \"サンプル市\", colour = \"#7a1f1f\" }";
    let mut lone = LoneEdge::start(look).await;
    let stored = "/stored?cc=max-age%3D1000";
    lone.get(stored).await;
    let (japanese, english) = (lone.file("ja.md", TEXT), lone.file("en.md", ENGLISH));
    let picture = lone.file("map.png", "");
    std::fs::write(&picture, PICTURE).unwrap();
    let english = format!("en={english}");
    let up = [
        "notice",
        "up",
        "city",
        "--text",
        &japanese,
        "--text",
        &english,
        "--title",
        "en=Water is cut off",
        "--until",
        "+2h",
        "--except",
        "/bosai/",
        "--attach",
        &picture,
        "--reason",
        "a burst pipe",
    ];
    let told = lone.told(&[&up[..], &["--dry-run"]].concat());
    assert!(told.contains("to notice: ordered by"), "{told}");
    assert_eq!(lone.get(stored).await.status, 200);
    lone.stop_primary().await;
    lone.told(&up);

    for restarted in [false, true] {
        if restarted {
            lone.restart().await;
        }
        let page = lone.ask("GET", CITY, stored, "Accept: text/html\r\n").await;
        assert_eq!(page.status, 503, "before what is stored");
        assert_eq!(page.field("cache-control"), "no-store");
        assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
        let retry: u64 = page.field("retry-after").parse().unwrap();
        assert!((7_000..=7_200).contains(&retry), "{retry}");
        for part in [
            "<html lang=\"ja\">",
            "<title>断水のお知らせ | サンプル市</title>",
            "<h1>断水のお知らせ</h1>",
            "<h2>給水所</h2>",
            "&lt;script&gt;",
            "lang=\"en\">\n<h2>Water is cut off</h2>",
            "background: #7a1f1f",
            "src=\"/.yagura/notice/map.png\"",
        ] {
            assert!(page.body.contains(part), "{part} is not in {}", page.body);
        }
        assert!(!page.body.contains("<script") && !page.body.contains("://"));
        let image = lone.raw_body("/.yagura/notice/map.png").await;
        assert_eq!(image, PICTURE);
    }

    let head = lone.ask("HEAD", CITY, "/any", "").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (503, ""));
    let plain = lone.ask("GET", CITY, "/", "Accept: text/plain\r\n").await;
    assert!(plain.body.starts_with("# 断水のお知らせ"), "{}", plain.body);
    let json = lone
        .ask("GET", CITY, "/", "Accept: application/json\r\n")
        .await;
    let json: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(json["notice"][1]["title"], "Water is cut off");
    let posted = lone
        .ask("POST", CITY, "/form", "Content-Length: 0\r\n")
        .await;
    assert_eq!(posted.status, 503);
    assert!(posted.body.contains("断水のお知らせ"));

    // What is left out is answered as usual; paths that pretend to be are not.
    lone.start_primary().await;
    assert_eq!(lone.get("/bosai/a").await.status, 200);
    assert_eq!(lone.get("/bosai/../a").await.status, 503);
    assert_eq!(lone.ask("GET", "other.example", "/", "").await.status, 200);

    let shown = lone.told(&["notice", "show", "city"]);
    assert!(
        shown.contains("attached: map.png") && shown.contains("as usual: /bosai/"),
        "{shown}"
    );
    let why = lone.told(&["cache", "show", "/", "--site", "city"]);
    assert!(why.contains("503 with the notice"), "{why}");
    let status = lone.told(&["status"]);
    assert!(
        status.contains("way        notice: ordered by") && status.contains("(a burst pipe)"),
        "{status}"
    );

    lone.told(&["notice", "down", "city"]);
    assert_eq!(lone.get(stored).await.status, 200);
    assert!(
        lone.told(&["notice", "show", "city"])
            .contains("no notice is up")
    );
    // Taken down by mistake: it comes back with its picture.
    lone.told(&["undo", "3"]);
    assert_eq!(lone.get(stored).await.status, 503);
    assert_eq!(lone.raw_body("/.yagura/notice/map.png").await, PICTURE);
    let journal = lone.journal();
    assert!(
        journal.len() < 20_000 && journal.contains("a burst pipe"),
        "{journal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_meant_is_refused() {
    let lone = LoneEdge::start("").await;
    let text = lone.file("ja.md", TEXT);
    let empty = lone.file("empty.md", " \n");
    let page = lone.file("page.html", "<p>");
    let large = lone.file("large.txt", "a".repeat((2 << 20) + 1));
    for (arguments, expected) in [
        (&["city", "--text", &empty][..], "is empty or longer"),
        (&["town", "--text", &text], "there is no site \"town\""),
        (
            &["city", "--text", &text, "--lang", "日本語"],
            "is no language",
        ),
        (
            &["city", "--text", &text, "--text", &text],
            "two texts in ja",
        ),
        (
            &["city", "--text", &text, "--except", "bosai"],
            "is no path",
        ),
        (
            &["city", "--text", &text, "--attach", &page],
            "cannot be attached",
        ),
        (
            &["city", "--text", &text, "--attach", &large],
            "is larger than",
        ),
        (&["city", "--text", "none.md"], "cannot read none.md"),
        (
            &["city", "--text", &text, "--until", "1999-01-01 00:00"],
            "is over",
        ),
    ] {
        let output = lone.yagura(&[&["notice", "up"], arguments].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{expected}: {told}"
        );
    }
    assert!(lone.told(&["status"]).contains("generation 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notice_is_up_at_once_over_http2_with_the_cms_dead_and_printed_codes_still_lead() {
    let mut town = Town::open().await;
    town.kill("cms");
    let text = town.data().join("notice.md");
    std::fs::write(&text, TEXT).unwrap();
    let text = text.display().to_string();
    let table = std::fs::read_to_string(town.data().join("redirects.csv")).unwrap();
    let printed = table
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    let mut reader = town.reader();
    assert_eq!(reader.get("/").await.status, 200);
    let began = Instant::now();
    let output = town.yagura(&["notice", "up", "town", "--text", &text]);
    assert!(output.status.success(), "{output:?}");
    let answer = reader.get("/").await;
    println!("the notice was up within {:?}", began.elapsed());
    assert_eq!(answer.status, 503);
    assert_eq!(answer.field("retry-after"), "300");
    assert!(answer.text().contains("断水のお知らせ"));
    let mut connection = reader.http2().await.ready().await.unwrap();
    let request = http::Request::get(format!("https://localhost:{}/", town.place.https));
    let (response, _) = connection
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    let response = response.await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["retry-after"]
        ),
        (503, &"300".parse().unwrap())
    );
    let path = printed
        .split_once("://")
        .map_or(printed.as_str(), |(_, rest)| {
            &rest[rest.find('/').unwrap_or(0)..]
        });
    assert!(reader.get(path).await.status.is_redirection(), "{path}");
    let output = town.yagura(&["notice", "down", "town"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(reader.get("/").await.status, 200);
}

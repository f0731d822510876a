//! What of a request makes no difference, by the site's rules: a printed code or a decorated link
//! is the page that it leads to, and a reader's session is no page of its own.

use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};

const KEPT: &str = "cc=max-age%3D600";

#[tokio::test(flavor = "multi_thread")]
async fn a_url_with_tracking_parameters_is_the_same_page() {
    let lone = LoneEdge::start("").await;
    let page = format!("/p?{KEPT}&id=1");
    let first = lone.get(&format!("{page}&utm_source=paper")).await;
    assert!(
        first
            .cache()
            .contains("fwd=uri-miss; fwd-status=200; stored")
    );
    for noisy in [
        page.clone(),
        format!("{page}&utm_source=x&gclid=1"),
        format!("/p?fbclid=2&{KEPT}&utm_medium=qr&id=1"),
    ] {
        let answer = lone.get(&noisy).await;
        assert!(answer.cache().contains("; hit"), "{noisy}");
        assert_eq!(answer.body, first.body, "{noisy}");
    }
    // Order and spelling of the rest make another URL, as they may for the origin.
    for other in [format!("/p?id=1&{KEPT}"), format!("{page}&UTM_source=x")] {
        assert!(!lone.get(&other).await.cache().contains("; hit"), "{other}");
    }
    // The origin was asked for what is stored, and for nothing else.
    let seen = lone.seen();
    assert_eq!(seen[0], format!("GET {page}"));
    assert_eq!(seen.len(), 3, "{seen:?}");
    lone.get("/plain?utm_source=x").await;
    assert_eq!(lone.seen()[3], "GET /plain");

    // What changes something is passed on as it is, and makes the page old for every spelling.
    let changing = format!("{page}&utm_source=form");
    lone.ask("POST", CITY, &changing, "Content-Length: 0\r\n")
        .await;
    assert_eq!(lone.seen()[4], format!("POST {changing}"));
    assert!(lone.get(&page).await.cache().contains("fwd=stale"));

    // A purge names any of the spellings. (What is asked for within the millisecond of a change
    // counts as older than it.)
    eventually("the page is kept again", || async {
        let answer = lone.get(&page).await;
        answer.cache().contains("; hit").then_some(())
    })
    .await;
    lone.told(&["purge", &format!("http://{CITY}{page}&gclid=5")]);
    assert!(lone.get(&page).await.cache().contains("fwd=stale"));

    // A redirect is found through the noise; one that names it goes first.
    let table = "from,to,status\n/a?id=1,/one,302\n/a?id=1&utm_source=tv,/tv,302\n/q/x,/code,302\n";
    let table = lone.file("table.csv", table);
    lone.told(&["redirect", "import", &table, "--site", "city"]);
    for (target, to) in [
        ("/a?id=1", "/one"),
        ("/a?utm_medium=qr&id=1&utm_source=x", "/one"),
        ("/a?id=1&utm_source=tv", "/tv"),
        ("/q/x?utm_source=x", "/code"),
    ] {
        assert_eq!(lone.get(target).await.field("location"), to, "{target}");
    }
    assert_eq!(lone.get("/a?id=2&utm_source=x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_says_itself_which_parameters_and_cookies_count() {
    let keys = "drop_query = [\"ref\"]\nvary_cookies = [\"lang\"]";
    let lone = LoneEdge::start(keys).await;
    let hit = |cookie: &'static str, target: String| {
        let lone = &lone;
        async move {
            let field = format!("Cookie: {cookie}\r\n");
            let answer = lone.ask("GET", CITY, &target, &field).await;
            let seen = answer.field("seen-cookie").to_owned();
            (answer.cache().contains("; hit"), seen)
        }
    };
    let page = || format!("/v?{KEPT}&vary=cookie");
    let japanese = "lang=ja".to_owned();
    assert_eq!(
        hit("sid=1; lang=ja", page()).await,
        (false, japanese.clone())
    );
    assert_eq!(
        hit("lang=ja; sid=2", page() + "&ref=1").await,
        (true, japanese.clone())
    );
    assert_eq!(hit("lang=en", page()).await, (false, "lang=en".into()));
    assert_eq!(hit("theme=dark", page()).await, (false, String::new()));
    assert_eq!(hit("sid=3", page()).await, (true, String::new()));
    assert_eq!(
        hit("lang=ja", page()).await,
        (true, japanese),
        "kept beside the others"
    );
    assert_eq!(
        hit("sid=4", page() + "&utm_source=x").await,
        (false, String::new()),
        "the site's own list replaces the usual one"
    );
    let url = format!("http://{CITY}{}", page());
    let cookie = "Cookie: sid=6; lang=en";
    let shown = lone.outcome(&["cache", "show", &url, "--header", cookie]);
    assert_eq!(shown["answer"]["kind"], "hit", "{shown}");
    assert_eq!(shown["stored"]["vary"][0]["stored"], "lang=en");
    // What changes something keeps its session.
    let answer = lone
        .ask(
            "POST",
            CITY,
            "/form",
            "Cookie: sid=5\r\nContent-Length: 0\r\n",
        )
        .await;
    assert_eq!(answer.field("seen-cookie"), "sid=5");
}

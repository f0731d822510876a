//! What an operator asks of the cache: pages are purged by URL, prefix, tag and site, what would
//! happen to a request is told, and what happened is counted.

use serde_json::Value;

use crate::town::lone_edge::{CITY, LoneEdge};
use crate::town::site::Site;
use crate::town::{Town, eventually};

const KEPT: &str = "cc=max-age%3D600";

/// Asks for every page of both sites; those that were not answered from memory, by host and path.
async fn not_kept(lone: &LoneEdge, pages: &[String]) -> Vec<String> {
    let mut not_kept = Vec::new();
    for page in pages {
        for host in [CITY, "any.example"] {
            let answer = lone.ask("GET", host, page, "").await;
            if !answer.cache().contains("; hit") {
                not_kept.push(format!("{host}{}", page.split('?').next().unwrap()));
            }
        }
    }
    not_kept
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_purged_by_url_prefix_tag_and_site() {
    let mut lone = LoneEdge::start("").await;
    let page = |path: &str| format!("{path}?{KEPT}&tag=page-{}", path.len());
    let paths = ["/k/", "/k/a.html", "/kk", "/other/page"];
    let pages = paths.map(page);
    let city = format!("http://{CITY}");
    let [k, a, kk, _] = &pages;
    assert_eq!(not_kept(&lone, &pages).await.len(), 8, "nothing was stored");
    assert_eq!(
        not_kept(&lone, &pages).await.len(),
        0,
        "everything is stored"
    );
    let url = format!("{city}{k}");
    for (arguments, purged) in [
        (vec!["purge", &url], vec!["/k/"]),
        (
            vec!["purge", k, a, "--site", "city"],
            vec!["/k/", "/k/a.html"],
        ),
        (
            vec!["purge", "page-3", "--site", "city"],
            vec!["/k/", "/kk"],
        ),
        (
            vec!["purge", "--tag", "page-9", "--site", "city"],
            vec!["/k/a.html"],
        ),
        (
            vec!["purge", "--prefix", "/k/", "--site", "city"],
            vec!["/k/", "/k/a.html"],
        ),
        (
            vec!["purge", "--prefix", "/k", "--site", "city", "--refresh"],
            vec!["/k/", "/k/a.html", "/kk"],
        ),
        (
            vec!["purge", "--prefix", "http://city.example/k"],
            vec!["/k/", "/k/a.html", "/kk"],
        ),
        (
            vec!["purge", "--everything", "--site", "city"],
            paths.to_vec(),
        ),
        (vec!["purge", "/none", "--site", "city"], vec![]),
    ] {
        lone.told(&arguments);
        let expected: Vec<String> = purged.iter().map(|path| format!("{CITY}{path}")).collect();
        assert_eq!(not_kept(&lone, &pages).await, expected, "{arguments:?}");
    }
    lone.told(&["purge", &format!("http://any.example{kk}")]);
    assert_eq!(not_kept(&lone, &pages).await, ["any.example/kk"]);
    let refused = lone.yagura(&["purge", &format!("{city}/a"), "http://any.example/a"]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("of one site at a time"), "{words}");

    // A folder is taken down: it is gone while the origin is dead, and after a restart.
    lone.told(&[
        "purge",
        "--withdraw",
        "--prefix",
        &format!("{city}/k/"),
        "--reason",
        "names",
    ]);
    assert!(lone.journal().contains(r#""withdraw":[{"prefix":"/k/"}]"#));
    lone.origin.take().unwrap().stop().await;
    for _ in 0..2 {
        let mut seen = Vec::new();
        for target in [k, a, &page("/k/never-read"), kk] {
            seen.push(lone.get(target).await.status.as_u16());
        }
        assert_eq!(seen, [410, 410, 410, 200]);
        lone.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_prefixes_than_can_be_kept_are_refused_whole() {
    let lone = LoneEdge::start("").await;
    let prefixes: Vec<String> = (0..1_001).map(|number| format!("/{number}/")).collect();
    let mut arguments = vec!["purge", "--site", "city"];
    for prefix in &prefixes {
        arguments.extend(["--prefix", prefix]);
    }
    let refused = lone.yagura(&arguments);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("more than 1000 prefixes"), "{words}");
    arguments.truncate(arguments.len() - 2);
    assert!(lone.told(&arguments).contains("1000 refreshed"));
}

/// What `cache show` says would be answered, in one word or two.
fn predicted(lone: &LoneEdge, target: &str, header: &str) -> String {
    let url = format!("http://{CITY}{target}");
    let mut arguments = vec!["cache", "show", &url];
    if !header.is_empty() {
        arguments.extend(["--header", header]);
    }
    let shown = lone.outcome(&arguments);
    let answer = &shown["answer"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, fails) = (word(&answer["kind"]), word(&answer["if_origin_fails"]));
    if fails.is_empty() {
        kind
    } else {
        format!("{kind}, else {fails}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_a_request_is_what_happens_to_it() {
    let mut lone = LoneEdge::start("").await;
    let table = lone.file("table.csv", "from,to,status\n/code,/page,302\n");
    lone.told(&["redirect", "import", &table, "--site", "city"]);
    let etag = "etag=one";
    let asked = format!("/asked?cc=no-cache&{etag}");
    let swr = "/swr?cc=max-age%3D1%2C+stale-while-revalidate%3D600".to_owned();
    let purged = format!("/purged?{KEPT}&{etag}");
    let plain = format!("/plain?{KEPT}");
    let other = format!("/other?{KEPT}&vary=accept-language");
    let never = "/never?cc=max-age%3D0".to_owned();
    let withdrawn = format!("/withdrawn?{KEPT}");
    let stored = [&asked, &swr, &purged, &plain, &other, &never, &withdrawn];
    for target in stored {
        assert_eq!(
            predicted(&lone, target, ""),
            "fetch, else unavailable",
            "{target}"
        );
        assert!(
            lone.get(target)
                .await
                .cache()
                .contains("fwd=uri-miss; fwd-status=200; stored"),
            "{target}"
        );
    }
    lone.told(&["purge", &format!("http://{CITY}{purged}")]);
    lone.told(&["purge", "--withdraw", &format!("http://{CITY}{withdrawn}")]);
    eventually("the stored response grows stale", || async {
        (predicted(&lone, &swr, "") == "stale_while_revalidate").then_some(())
    })
    .await;

    let count = lone.seen().len();
    let before = lone.outcome(&["cache", "stats"]);
    let cases = [
        ("/code", "", "redirect", 302, ""),
        ("/code?utm_source=x", "", "redirect", 302, ""),
        (
            "/absent",
            "",
            "fetch, else unavailable",
            200,
            "fwd=uri-miss",
        ),
        (
            "/absent",
            "Cache-Control: only-if-cached",
            "nothing_suitable",
            504,
            "",
        ),
        (&plain, "", "hit", 200, "; hit"),
        (&plain, "If-Match: \"x\"", "pass", 200, "fwd=method"),
        (
            &plain,
            "Cache-Control: no-cache",
            "fetch, else last_good",
            200,
            "fwd=stale; fwd-status=200; stored",
        ),
        (
            &other,
            "Accept-Language: ja",
            "fetch, else unavailable",
            200,
            "fwd=uri-miss; fwd-status=200; stored",
        ),
        (&other, "", "hit", 200, "; hit"),
        (
            &asked,
            "",
            "confirm, else unavailable",
            200,
            "fwd=stale; fwd-status=304",
        ),
        (
            &purged,
            "",
            "confirm, else last_good",
            200,
            "fwd=stale; fwd-status=304",
        ),
        (&purged, "", "hit", 200, "; hit"),
        (
            &never,
            "",
            "fetch, else last_good",
            200,
            "fwd=stale; fwd-status=200; stored",
        ),
        (
            &withdrawn,
            "",
            "fetch, else gone",
            200,
            "fwd=uri-miss; fwd-status=200; stored",
        ),
        (
            &swr,
            "",
            "stale_while_revalidate",
            200,
            "detail=revalidating",
        ),
    ];
    for (target, header, _, _, _) in &cases {
        predicted(&lone, target, header);
    }
    assert_eq!(lone.seen().len(), count, "the origin was asked");
    let requests = |stats: &Value| stats["sites"][0]["requests"].clone();
    let after = lone.outcome(&["cache", "stats"]);
    assert_eq!(requests(&before), requests(&after), "readers were counted");
    for (target, header, expected, status, cache) in cases {
        assert_eq!(
            predicted(&lone, target, header),
            expected,
            "{target} {header}"
        );
        let line = if header.is_empty() {
            String::new()
        } else {
            format!("{header}\r\n")
        };
        let answer = lone.ask("GET", CITY, target, &line).await;
        assert_eq!(answer.status.as_u16(), status, "{target} {header}");
        assert!(
            answer.cache().contains(cache),
            "{target} {header}: {}",
            answer.cache()
        );
    }

    // After a restart the copies are on disk, and looking at one does not take it into memory.
    lone.restart().await;
    let url = format!("http://{CITY}{plain}");
    for _ in 0..2 {
        let shown = lone.outcome(&["cache", "show", &url]);
        assert_eq!(
            (&shown["level"], &shown["on_disk"]),
            (&"last_good".into(), &true.into())
        );
        assert_eq!(shown["answer"]["kind"], "hit", "{shown}");
    }
    assert!(lone.get(&plain).await.cache().contains("; hit"));
    assert_eq!(lone.outcome(&["cache", "show", &url])["level"], "hot");

    // While the origin is dead, old copies are told as what they are.
    lone.origin.take().unwrap().stop().await;
    eventually("the origin is known to be dead", || async {
        let answer = lone.get(&never).await;
        assert!(
            answer.cache().contains("detail=last-good"),
            "{}",
            answer.cache()
        );
        (predicted(&lone, &never, "") == "last_good").then_some(())
    })
    .await;
    let words = lone.told(&[
        "cache",
        "show",
        &format!("http://{CITY}{never}&utm_source=x"),
    ]);
    for word in [
        "the stale copy, as last-good",
        "it is never fresh by itself, and the origin was found dead just now",
        "city; its origin DOES NOT ANSWER",
        "/never?cc=max-age%3D0; dropped: utm_source=x",
        "in memory, and on disk as last-good",
        "max-age of Cache-Control",
        "shown when the origin fails",
    ] {
        assert!(words.contains(word), "{word} is not in {words}");
    }
    let nobody = lone.yagura(&["cache", "show", "/a", "--site", "nobody"]);
    let words = String::from_utf8(nobody.stderr).unwrap();
    assert!(
        words.contains("no site named \"nobody\"") && words.contains("city"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_requests_is_counted_by_site() {
    let mut lone = LoneEdge::start("").await;
    let table = lone.file("table.csv", "from,to,status\n/code,/page,302\n");
    lone.told(&["redirect", "import", &table, "--site", "city"]);
    let plain = format!("/plain?{KEPT}");
    for _ in 0..4 {
        lone.get(&plain).await;
    }
    let asked = "/asked?cc=no-cache&etag=one";
    lone.get(asked).await;
    lone.get(asked).await;
    lone.get("/code").await;
    lone.ask("POST", CITY, "/form", "Content-Length: 0\r\n")
        .await;
    lone.ask("GET", "any.example", "/", "").await;
    lone.told(&["purge", &plain, "--site", "city"]);
    lone.get(&plain).await;
    lone.origin.take().unwrap().stop().await;
    lone.told(&["purge", &plain, "--site", "city"]);
    lone.get(&plain).await;
    lone.get("/none").await;
    lone.told(&["purge", "--withdraw", "/gone", "--site", "city"]);
    lone.get("/gone").await;

    // A reader has the answer before it is counted.
    let stats = eventually("everything is counted", || async {
        let stats = lone.outcome(&["cache", "stats"]);
        (stats["sites"][0]["requests"]["gone"] == 1).then_some(stats)
    })
    .await;
    let counted = serde_json::json!({
        "hit": 3, "stale": 0, "confirmed": 1, "renewed": 1, "miss": 2, "last_good": 1,
        "redirect": 1, "pass": 1, "unavailable": 1, "gone": 1, "not_cached": 0, "refused": 0,
    });
    assert_eq!(stats["sites"][0]["requests"], counted);
    assert_eq!(stats["sites"][1]["name"], "rest");
    assert_eq!(stats["sites"][1]["requests"]["miss"], 1);
    assert_eq!(stats["sites"][0]["fetching"], 0);
    assert!(stats["hot"]["capacity_bytes"].as_u64() > Some(0), "{stats}");
    assert!(
        stats["last_good"]["quota_bytes"].as_u64() > Some(0),
        "{stats}"
    );
    let words = lone.told(&["cache", "stats"]);
    for word in [
        "since",
        "site city",
        "fresh copy",
        "of 256 MiB",
        "under way now",
    ] {
        assert!(words.contains(word), "{word} is not in {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_wait_for_one_answer_are_counted() {
    let lone = LoneEdge::start("").await;
    let page = format!("/held?held&{KEPT}");
    let asking = futures_util::future::join_all((0..5).map(|_| lone.get(&page)));
    let counting = async {
        eventually("four wait with the first", || async {
            let stats = lone.outcome(&["cache", "stats"]);
            let site = &stats["sites"][0];
            (site["coalesced"] == 4 && site["fetching"] == 1).then_some(())
        })
        .await;
        lone.origin.as_ref().unwrap().open();
    };
    let (answers, ()) = tokio::join!(asking, counting);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(lone.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_redirected_or_refused_never_makes_the_origin_be_asked() {
    let lone = LoneEdge::start("").await;
    let asked = "/asked?cc=no-cache&etag=one";
    lone.get(asked).await;
    assert!(lone.get(asked).await.cache().contains("fwd-status=304"));
    let count = lone.seen().len();
    let table = lone.file("table.csv", "from,to,status\n/asked,/page,302\n");
    lone.told(&["redirect", "import", &table, "--site", "city"]);
    assert_eq!(lone.get(asked).await.status, 302);
    lone.change(
        "last_good = true",
        "last_good = true\nallow_from = [\"192.0.2.0/24\"]",
    );
    lone.told(&["reload"]);
    assert_eq!(lone.get(asked).await.status, 403);
    assert_eq!(lone.seen().len(), count, "{:?}", lone.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_the_town_is_taken_off_and_every_page_says_why() {
    let mut town = Town::open().await;
    let site = Site::read(&mut town.reader()).await;
    let page = site.page(3).to_owned();
    let url = format!(
        "https://localhost:{}{page}?utm_source=paper",
        town.place.https
    );
    assert!(
        town.reader()
            .get(&page)
            .await
            .field("cache-status")
            .contains("hit")
    );
    let show = |town: &Town, url: &str| {
        let shown = town.yagura(&["cache", "show", url]);
        assert!(shown.status.success(), "{shown:?}");
        String::from_utf8(shown.stdout).unwrap()
    };
    let words = show(&town, &url);
    for word in [
        "the copy, from memory",
        "fresh for another",
        "dropped: utm_source=paper",
        "tags",
    ] {
        assert!(words.contains(word), "{word} is not in {words}");
    }
    let (folder, _) = page.rsplit_once('/').unwrap();
    let prefix = format!("https://localhost/{}/", folder.trim_matches('/'));
    town.kill("cms");
    let purged = town.yagura(&["purge", "--withdraw", "--prefix", &prefix]);
    assert!(purged.status.success(), "{purged:?}");
    for _ in 0..2 {
        assert_eq!(town.reader().get(&page).await.status, 410);
        assert_eq!(town.reader().get("/").await.status, 200);
        let words = show(&town, &url);
        for word in [
            "if the origin fails, 410 Gone",
            "it was withdrawn on",
            "prefix /",
        ] {
            assert!(words.contains(word), "{word} is not in {words}");
        }
        town.kill("edge");
        town.start("edge");
        town.edge_is_ready().await;
    }
}

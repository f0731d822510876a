//! An operator puts the disaster page in place of the home page, and posts to it, with everything
//! behind the edge dead; the CMS gets the posts when it lives again. And the same as a drill.

use std::time::Instant;

use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::town::lone_edge::LoneEdge;
use crate::town::staff::Staff;
use crate::town::{Town, eventually};

const TEXT: &str = "# 地震について\n\n落ち着いて行動してください。\n";
/// The host of drills.
const DRILL: &str = "drill.example";

#[tokio::test(flavor = "multi_thread")]
async fn the_home_page_is_light_and_the_rest_of_the_site_stays() {
    let mut lone = LoneEdge::start("look = { name = \"サンプル市\" }").await;
    let page = "/page?cc=max-age%3D1000";
    assert_eq!(lone.get(page).await.status, 200);
    assert_eq!(lone.get("/").await.status, 200);
    let (text, english) = (
        lone.file("ja.md", TEXT),
        lone.file("en.md", "# Earthquake\n\nStay calm.\n"),
    );
    let english = format!("en={english}");
    let refused = lone.yagura(&["disaster", "post", "-m", "早い", "city"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("no disaster page is up"), "{told}");

    lone.stop_primary().await;
    let began = Instant::now();
    lone.told(&[
        "disaster", "up", "--text", &text, "--text", &english, "city",
    ]);
    let home = lone.get("/").await;
    println!("the page was up within {:?}", began.elapsed());
    assert_eq!(home.status, 200);
    assert!(home.body.contains("<h1>地震について</h1>"), "{}", home.body);
    assert!(
        home.body.contains("lang=\"en\">\n<h2>Earthquake"),
        "{}",
        home.body
    );
    assert_eq!(lone.get(page).await.status, 200, "the rest stays");

    let long = "避難所の情報です。".repeat(20);
    let mut numbers = Vec::new();
    for number in 0..30 {
        let words = format!("# 第{number}報\n\n{long}");
        let told = lone.outcome(&["disaster", "post", "-m", &words, "city"]);
        numbers.push(told["status"]["newest_at"].clone());
    }
    for restarted in [false, true] {
        if restarted {
            lone.restart().await;
        }
        let home = lone.get("/?utm_source=x").await;
        let head = home.headers.iter();
        let head: usize = head
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        assert!(
            head + home.bytes.len() < 14 << 10,
            "{head} and {} bytes",
            home.bytes.len()
        );
        let newest = home.body.find("第29報").unwrap();
        assert!(
            home.body.find("第28報").unwrap() > newest,
            "the newest first"
        );
        assert!(!home.body.contains("<script") && !home.body.contains("://"));
        let older = lone.get("/.yagura/disaster/2").await;
        assert_eq!(older.status, 200);
        assert!(!home.body.contains("第0報"));
        let usual = lone.get("/?usual-home").await;
        assert!(
            usual.cache().contains("stale") || usual.status == 200,
            "{}",
            usual.cache()
        );
        assert!(!usual.body.contains("地震について"));
    }
    let why = lone.told(&["cache", "show", "/", "--site", "city"]);
    assert!(why.contains("the disaster page"), "{why}");
    let shown = lone.told(&["disaster", "show", "city"]);
    assert!(
        shown.contains("30 posts") && shown.contains("第29報"),
        "{shown}"
    );
    assert!(
        !shown.contains("wait for the CMS"),
        "there is none: {shown}"
    );

    // A slip of the hand is taken off, and comes back.
    let generation = lone.outcome(&["status"])["sites"][0]["disaster"]["posts"].clone();
    assert_eq!(generation, 30);
    let last = numbers.last().unwrap().to_string();
    lone.told(&["disaster", "drop", &last, "city"]);
    assert!(!lone.get("/").await.body.contains("第29報"));
    let history = lone.told(&["history", "city"]);
    assert!(
        history.contains(&format!("post {last} taken off")),
        "{history}"
    );
    lone.told(&["disaster", "down", "city"]);
    assert!(!lone.get("/").await.body.contains("地震について"));
    // Down by mistake: undo brings it back with its posts.
    let number = history.lines().count();
    let newest = lone.outcome(&["history", "city"])["lines"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()["number"]
        .to_string();
    assert!(number > 30);
    lone.told(&["undo", &newest]);
    let home = lone.get("/").await;
    assert!(
        home.body.contains("第28報") && !home.body.contains("第29報"),
        "{}",
        home.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_seen_on_its_host_alone_and_by_those_who_take_part() {
    let drill = format!("[site.drill]\nhosts = [\"{DRILL}\"]\nallow_from = [\"127.0.0.0/8\"]\n");
    let lone = LoneEdge::start(&drill).await;
    let text = lone.file("ja.md", TEXT);
    lone.told(&["disaster", "up", "--drill", "--text", &text, "city"]);
    lone.told(&["disaster", "post", "--drill", "-m", "訓練の投稿", "city"]);
    let seen = lone.ask("GET", DRILL, "/", "").await;
    assert_eq!(seen.status, 200);
    assert!(seen.body.contains("訓練の投稿"), "{}", seen.body);
    assert!(seen.body.contains("This is a drill."), "{}", seen.body);
    let public = lone.get("/").await;
    assert!(!public.body.contains("訓練"), "{}", public.body);
    lone.told(&["notice", "up", "--drill", "--text", &text, "city"]);
    let seen = lone.ask("GET", DRILL, "/any", "").await;
    assert_eq!(seen.status, 503);
    assert!(seen.body.contains("【訓練】"), "{}", seen.body);
    assert_eq!(lone.get("/any").await.status, 200);

    lone.told(&["notice", "down", "--drill", "city"]);
    lone.told(&["disaster", "down", "--drill", "city"]);

    // The whole of it, with a record.
    let record: serde_json::Value =
        serde_json::from_str(&lone.told(&["drill", "city", "--json"])).unwrap();
    assert_eq!(record["passed"], true, "{record}");
    let steps = record["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 5);
    println!("{record}");
    let history = lone.told(&["history", "city-drill"]);
    assert!(history.contains("a drill"), "{history}");

    // Nobody else sees it.
    lone.change("127.0.0.0/8", "192.0.2.0/24");
    lone.told(&["reload"]);
    assert_eq!(lone.ask("GET", DRILL, "/", "").await.status, 403);
    lone.change("192.0.2.0/24", "0.0.0.0/0");
    let refused = lone.yagura(&["reload"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains("a drill must not be seen by everybody"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cms_gets_the_posts_when_it_lives_again() {
    let mut town = Town::open().await;
    town.kill("cms");
    let text = town.data().join("disaster.md");
    std::fs::write(&text, TEXT).unwrap();
    let text = text.display().to_string();
    let told = |town: &Town, arguments: &[&str]| {
        let output = town.yagura(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    told(&town, &["disaster", "up", "--text", &text, "town"]);
    let first = "# 給水所を開きました\n\n**市役所**で給水します。\n\n- 容器\n";
    told(&town, &["disaster", "post", "-m", first, "town"]);
    told(&town, &["disaster", "post", "-m", "二つ目", "town"]);
    let shown = told(&town, &["disaster", "show", "town"]);
    assert!(shown.contains("2 posts wait for the CMS"), "{shown}");
    // Even those of a page that is down again are not lost, nor by a kill.
    told(&town, &["disaster", "down", "town"]);
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    town.start("cms");
    let socket = town.data().join("run/cms-feed.sock");
    eventually("the CMS lives", || async {
        UnixStream::connect(&socket).await.ok()
    })
    .await;
    let staff = Mutex::new(Staff::sign_in(&town, "hanako").await);
    let listing = |words: &'static str| {
        let staff = &staff;
        async move {
            let path = format!("/pages/?q={words}");
            staff.lock().await.get(&path).await.text().to_owned()
        }
    };
    let listed = eventually("staff find the post as a draft", || async {
        let text = listing("saigai").await;
        text.contains("給水所を開きました").then_some(text)
    })
    .await;
    assert!(listed.contains("下書き"), "{listed}");
}

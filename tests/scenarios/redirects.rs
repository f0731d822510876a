//! Printed codes and legacy URLs: a table as a city keeps it in Excel, what an import finds in it,
//! and what readers are led by.

use serde_json::Value;

use crate::town::lone_edge::{CITY, LoneEdge};

/// What a subcommand that must fail says.
fn refused(lone: &LoneEdge, arguments: &[&str]) -> String {
    let output = lone.yagura(arguments);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn import<'a>(file: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    [&["redirect", "import", file, "--site", "city"], flags].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_from_excel_is_taken_over_in_either_encoding() {
    let lone = LoneEdge::start("").await;
    let table = "転送元,転送先,ステータス,担当課,印刷物,部数,期限,クエリ引継ぎ,備考\r\n\
                 /q/a1,/くらし/ごみ.html,302,環境課,\"広報, 4月号\",\"48,000\",,,\"表①\r\n二行目\"\r\n\
                 /くらし,/kurashi/,308,,,,,はい,\r\n\
                 /soshiki/{課}/x,/,,,,,,,\r\n"
        .replace("{課}", "{ka}");
    let (shift_jis, _, lost) = encoding_rs::SHIFT_JIS.encode(&table);
    assert!(!lost);
    let file = lone.file("sjis.csv", &shift_jis);
    let told = lone.told(&import(&file, &[]));
    assert!(told.contains("3 added"), "{told}");
    let answer = lone.get("/q/a1?utm_source=paper").await;
    let location = answer.field("location");
    assert_eq!(answer.status, 302);
    assert_eq!(
        location,
        "/%E3%81%8F%E3%82%89%E3%81%97/%E3%81%94%E3%81%BF.html"
    );
    assert_eq!(answer.field("cache-control"), "public, max-age=60");
    let answer = lone
        .get("/%E3%81%8F%E3%82%89%E3%81%97?utm_source=tv&a=1")
        .await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.field("location"), "/kurashi/?utm_source=tv&a=1");
    assert_eq!(lone.get("/soshiki/12/x").await.status, 301);

    let with_mark = format!(
        "\u{feff}{}",
        table.replace(',', ";").replace("広報;", "広報,")
    );
    let file = lone.file("utf8.csv", with_mark.replace("48;000", "48,000"));
    let told = lone.told(&import(&file, &[]));
    assert!(told.contains("0 added, 0 changed"), "{told}");

    // What goes out comes back the same, through the file that Excel opens.
    let file = lone.file("export.csv", "");
    lone.told(&["redirect", "export", "--site", "city", "--output", &file]);
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with("\u{feff}from,".as_bytes()));
    let told = lone.told(&import(&file, &["--replace"]));
    assert!(told.contains("0 added, 0 changed, 0 removed; 3"), "{told}");
    let shown = lone.told(&["redirect", "show", "/q/a1", "--site", "city"]);
    for word in ["環境課", "広報, 4月号", "48000", "二行目", "1 (since "] {
        assert!(shown.contains(word), "{word}: {shown}");
    }

    let mixed = [
        table.as_bytes(),
        &encoding_rs::SHIFT_JIS.encode("/x,/町\n").0,
    ]
    .concat();
    let file = lone.file("mixed.csv", mixed);
    let told = refused(&lone, &import(&file, &[]));
    assert!(told.contains("line 6") && told.contains("UTF-8"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_everything_that_is_wrong_and_takes_nothing() {
    let lone = LoneEdge::start("redirect_targets = [\"*.lg.example\"]").await;
    let file = lone.file("present.csv", "from,to\n/end,/page\n/back,/there\n");
    lone.told(&import(&file, &[]));
    let faulty = "from,to,status,until\n/a,/b,301,\n/b,/a,301,\n/c,/c2,200,\n/d,https://evil.example/,,\n\
                  /there,/back,,\n/e,/f,,\n/e,/g,,\n/{x},/{y},,\n/ok,https://www.lg.example/,,\n\"/open,/x,,\n";
    let file = lone.file("faulty.csv", faulty);
    for flags in [&["--dry-run"][..], &[]] {
        let told = refused(&lone, &import(&file, flags));
        assert!(
            told.contains("faulty.csv") && told.contains("8 faults"),
            "{told}"
        );
        for line in [2, 3, 4, 5, 6, 8, 9, 11] {
            assert!(told.contains(&format!("line {line}:")), "{line}: {told}");
        }
    }
    assert_eq!(lone.get("/ok").await.status, 200, "nothing was taken");

    // What is only to be looked at is told with its line, and taken.
    let odd = "from,to,until\n/chain,/end,\n/old,/page,2020-01-01\n/s/**,/page,\n/s/{x},/page,\n\
               https://gone.example/,/page,\n/out,https://www.pref.example/,\n";
    let file = lone.file("odd.csv", odd);
    let allowed = ["--allow-external", "--dry-run"];
    let told = lone.told(&import(&file, &allowed));
    for line in [2, 3, 5, 6, 7] {
        assert!(told.contains(&format!("line {line}:")), "{line}: {told}");
    }
    assert!(
        told.contains("write /page, or import with --flatten"),
        "{told}"
    );
    assert_eq!(lone.get("/chain").await.status, 200, "a dry run");
    refused(&lone, &import(&file, &[]));
    let told = lone.told(&import(&file, &["--allow-external", "--flatten"]));
    assert!(told.contains("1 led to the end at once"), "{told}");
    assert_eq!(lone.get("/chain").await.field("location"), "/page");
    assert_eq!(lone.get("/old").await.status, 200, "expired");
    let listed = lone.told(&["redirect", "list", "--site", "city"]);
    assert!(listed.contains("expired 2020-01-01"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_redirect_leads_where_its_record_says_also_after_a_restart() {
    let mut lone = LoneEdge::start("").await;
    let table = "from,to,status,keep_query,until\n\
                 /see,/other,303,,\n/tmp,/other,307,,\n\
                 /soshiki/{s}/{p}.html,/section/{s}/{p},301,,\n\
                 /p?id={id},/page/{id},302,yes,\n\
                 /go/{rest**},/{rest},302,,\n\
                 /today,/other,301,,{today}\n";
    let today = lone.told(&["status"]);
    let day = today.split("since ").nth(1).unwrap().get(..10).unwrap();
    let file = lone.file("table.csv", table.replace("{today}", day));
    lone.told(&import(&file, &[]));
    for round in 0..2 {
        for (target, status, to) in [
            ("/see", 303, "/other"),
            ("/tmp", 307, "/other"),
            ("/soshiki/12/a.b.html", 301, "/section/12/a.b"),
            ("/p?utm_source=qr&id=7", 302, "/page/7?utm_source=qr"),
            ("/go//evil.example/", 302, "/evil.example/"),
        ] {
            let answer = lone.get(target).await;
            assert_eq!(answer.status, status, "{target}");
            assert_eq!(answer.field("location"), to, "{target}");
        }
        assert_eq!(lone.get("/p?id=7&other=1").await.status, 200);
        assert_eq!(lone.get("/soshiki/12/.html").await.status, 200);
        // A form that was posted stays posted.
        let posted = lone
            .ask("POST", CITY, "/tmp", "Content-Length: 0\r\n")
            .await;
        assert_eq!(posted.status, 307);
        if round == 0 {
            lone.restart().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_says_what_is_used_and_what_leads_nowhere() {
    let lone = LoneEdge::start("").await;
    let table = "from,to,status,department,printed,copies,until\n\
                 /q/used,/page?cc=max-age%3D600,302,環境課,広報 4月号,48000,\n\
                 /q/never,/page?cc=max-age%3D600,302,環境課,広報 5月号,50000,\n\
                 /q/broken,/none?status=404,302,福祉課,ちらし,300,\n\
                 /q/chain,/q/broken,302,福祉課,ちらし,300,\n\
                 /q/taken,/taken,302,福祉課,,,\n\
                 /q/out,https://www.pref.example/,302,,,,\n\
                 /q/over,/page,302,,,,2020-01-01\n\
                 /d/{x},/page/{x},302,,,,\n";
    let file = lone.file("table.csv", table);
    lone.told(&import(&file, &["--allow-external"]));
    lone.told(&["purge", "--withdraw", "/taken", "--site", "city"]);
    for _ in 0..3 {
        lone.get("/q/used?utm_source=qr").await;
    }
    lone.get("/d/1").await;
    let report = ["redirect", "report", "--site", "city"];
    let told = lone.told(&[&report[..], &["--json"]].concat());
    let read: Value = serde_json::from_str(&told).unwrap();
    let of = |source: &str| {
        let redirects = read["redirects"].as_array().unwrap().iter();
        let mut own = redirects.filter(|one| one["redirect"]["path"] == source);
        let one = own.next().unwrap();
        let word = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        (word("use"), word("target"), one["hits"].as_u64().unwrap())
    };
    let expected = |state: &str, target: &str, hits| (state.to_owned(), target.to_owned(), hits);
    assert_eq!(of("/q/used"), expected("used", "well", 3), "{told}");
    assert_eq!(of("/q/never"), expected("unused", "well", 0));
    assert_eq!(of("/q/broken"), expected("unused", "broken", 0));
    assert_eq!(
        of("/q/chain"),
        expected("unused", "broken", 0),
        "its end is"
    );
    assert_eq!(of("/q/taken"), expected("unused", "broken", 0));
    assert_eq!(
        of("/q/out"),
        expected("unused", "unknown", 0),
        "nobody asked it"
    );
    assert_eq!(of("/q/over"), expected("expired", "unknown", 0));
    assert_eq!(of("/d/{x}"), expected("used", "unknown", 1));
    // Each page was asked for once, and no redirect by the report itself.
    let asked = lone
        .seen()
        .iter()
        .filter(|line| line.contains("/page?cc"))
        .count();
    assert_eq!(asked, 1, "{:?}", lone.seen());

    let told = lone.told(&[&report[..], &["--days", "1"]].concat());
    for words in [
        "2 still used, 5 never used, 1 expired, 3 with a broken target",
        "環境課",
        "BROKEN: 404",
        "BROKEN: 410",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = lone.told(&[&report[..], &["--csv", "--no-check"]].concat());
    assert_eq!(told.lines().count(), 9, "{told}");
    assert!(told.contains("広報 4月号,48000,,,used,3,"), "{told}");
}

//! Which redirect is taken, what a large table costs, and a measurement for a release build.

use proptest::prelude::*;

use yagura_config::settings::HostPattern;
use yagura_control::order::{ImportRedirects, Order};

use super::*;
use crate::cache::normalise::Rules;
use crate::routing::history::Change;
use crate::routing::import_check::{Surroundings, check};
use crate::routing::record::Record;

const NOW: Timestamp = Timestamp(1_795_410_187_123);

fn redirect(host: Option<&str>, path: &str, to: &str) -> Redirect {
    Redirect {
        host: host.map(str::to_owned),
        ..Redirect::new(path, to)
    }
}

fn led(table: &Redirects, host: &str, target: &str) -> Option<String> {
    let rules = Rules::dropping(&["utm_*"]);
    let found = table.find(host, target, &rules, NOW)?;
    Some(found.location(target, &rules))
}

/// As a city of 300,000 has them after four systems in twenty years.
fn large(exact: u32, patterns: u32) -> Redirects {
    let department = |number: u32| format!("市民生活部 第{}課", number % 120);
    let exact = (0..exact).map(|number| {
        let (path, printed, copies) = match number % 4 {
            0 => (
                format!("/q/{number:06x}"),
                format!(
                    "広報サンプル 令和{}年{}月号 {}ページ",
                    number % 8 + 1,
                    number % 12 + 1,
                    number % 32
                ),
                Some(98_000),
            ),
            1 => (
                format!("/soshiki/{}/{number}.html", number % 120),
                String::new(),
                None,
            ),
            2 => (
                format!(
                    "/cgi-bin/odb-get.exe?wit_template=AC020000&WIT_oid=icityv2::Content::{number}"
                ),
                String::new(),
                None,
            ),
            _ => (
                format!("/www/contents/1{number:012}/index.html"),
                String::new(),
                None,
            ),
        };
        Redirect {
            department: department(number),
            printed,
            copies,
            note: format!("平成24年からの旧サイト 移行番号{number}"),
            ..Redirect::new(
                path,
                format!(
                    "/kurashi/tetsuzuki/todokede/{}/page-{number}.html",
                    number % 400
                ),
            )
        }
    });
    let patterns = (0..patterns).map(|number| {
        let from = match number % 4 {
            0 => format!("/soshiki/{}/kakuka/{{page}}.html", 200 + number),
            1 => format!("/index.cfm/{number},{{page}},{{folder}},html"),
            2 => format!("/{}/dl/{{file}}.pdf", 2000 + number),
            _ => format!("/old{number}/{{rest**}}"),
        };
        Redirect::new(from, format!("/archive/{number}/"))
    });
    Redirects::new(exact.chain(patterns).collect())
}

#[test]
fn the_most_particular_redirect_is_taken() {
    let table = Redirects::new(vec![
        redirect(None, "/a?id=1", "/with-query"),
        redirect(None, "/a", "/without-query"),
        redirect(Some("b.example"), "/a", "/of-host"),
        redirect(None, "/{x}", "/first"),
        redirect(None, "/c{x}", "/second"),
        redirect(Some("b.example"), "/c{x}", "/pattern-of-host"),
        redirect(None, "/d?id={id}", "/d/{id}"),
        redirect(Some("b.example"), "/%E3%81%82", "/encoded"),
        redirect(None, "/%E3%81%84/{x}", "/encoded/{x}"),
    ]);
    for (host, target, to) in [
        ("x.example", "/a?id=1", "/with-query"),
        ("x.example", "/a?id=1&utm_source=qr", "/with-query"),
        ("x.example", "/a?id=2", "/without-query"),
        ("b.example", "/a?id=2", "/of-host"),
        ("b.example", "/a", "/of-host"),
        ("x.example", "/cd", "/first"),
        ("b.example", "/%e3%81%82", "/encoded"),
        ("x.example", "/%e3%81%84/a", "/encoded/a"),
        ("b.example", "/cd", "/pattern-of-host"),
        ("x.example", "/d?id=1&utm_source=qr", "/first"),
    ] {
        assert_eq!(
            led(&table, host, target).as_deref(),
            Some(to),
            "{host}{target}"
        );
    }
    assert_eq!(led(&table, "b.example", "/a/"), None);
}

#[test]
fn an_expired_redirect_is_passed_over() {
    let until = |day: &str, path: &str, to: &str| Redirect {
        until: Some(day.parse().unwrap()),
        ..Redirect::new(path, to)
    };
    let table = Redirects::new(vec![
        until("2026-11-22", "/a", "/yesterday"),
        until("2026-11-23", "/b", "/today"),
        until("2026-11-22", "/c{x}", "/yesterday"),
        Redirect::new("/{x}", "/pattern"),
    ]);
    let at = |target| led(&table, "x.example", target).unwrap();
    assert_eq!(
        (at("/a").as_str(), at("/b").as_str(), at("/cd").as_str()),
        ("/pattern", "/today", "/pattern")
    );
    let rules = Rules::default();
    let midnight = table.iter().nth(1).unwrap().until.unwrap().end();
    let found = |now| {
        table
            .find("x", "/b", &rules, now)
            .unwrap()
            .location("/b", &rules)
    };
    assert_eq!(found(Timestamp(midnight.0 - 1)), "/today");
    assert_eq!(found(midnight), "/pattern");
}

#[test]
fn a_query_is_carried_where_the_record_says_so() {
    let keeping = |path: &str, to: &str| Redirect {
        keep_query: true,
        ..Redirect::new(path, to)
    };
    let table = Redirects::new(vec![
        keeping("/a", "/b"),
        keeping("/c?id=1", "/d?x=1#top"),
        keeping("/e/{x}?id={id}", "/f/{x}/{id}"),
        keeping("/g/{x}", "/h/{x}"),
        Redirect::new("/i", "/j"),
    ]);
    for (target, to) in [
        ("/a", "/b"),
        ("/a?id=2&utm_source=qr", "/b?id=2&utm_source=qr"),
        ("/a?x=\\\"", "/b?x=%5C%22"),
        ("/c?id=1", "/d?x=1#top"),
        ("/c?utm_source=qr&id=1", "/d?x=1&utm_source=qr#top"),
        ("/e/1?id=2&utm_source=qr", "/f/1/2?utm_source=qr"),
        ("/g/1?id=2", "/h/1?id=2"),
        ("/i?id=2&utm_source=qr", "/j"),
    ] {
        assert_eq!(led(&table, "x", target).as_deref(), Some(to), "{target}");
    }
}

#[test]
fn an_import_tells_what_it_changes() {
    let table = Redirects::new(vec![
        redirect(None, "/a", "/1"),
        redirect(None, "/{b}", "/2"),
    ]);
    let new = vec![
        redirect(None, "/a", "/1"),
        redirect(None, "/{b}", "/3"),
        redirect(None, "/c", "/4"),
    ];
    let changes = |added, changed, removed| Changes {
        added,
        changed,
        removed,
    };
    let (merged, told) = table.with(new.clone(), false);
    assert_eq!((merged.len(), told), (3, changes(1, 1, 0)));
    assert_eq!(merged.iter().collect::<Vec<_>>(), new);
    let (replaced, told) = merged.with(vec![redirect(None, "/a", "/1")], true);
    assert_eq!((replaced.len(), told), (1, changes(0, 0, 2)));
}

#[test]
fn what_a_replaced_table_counted_is_not_lost() {
    let tally = Arc::new(Tally::default());
    let table = Redirects::new(vec![
        redirect(None, "/a", "/1"),
        redirect(Some("h"), "/b", "/2"),
    ]);
    let table = table.counted_by(tally.clone());
    let rules = Rules::default();
    let answer = |host, target| table.find(host, target, &rules, NOW).unwrap().count();
    answer("h", "/a");
    answer("h", "/b");
    answer("h", "/b");
    assert_eq!(
        table.take_counts(),
        [("/a".into(), 1), ("https://h/b".into(), 2)]
    );
    answer("h", "/a");
    drop(table);
    assert_eq!(tally.take(), [("/a".into(), 1)]);
    assert!(tally.take().is_empty());
}

#[test]
fn a_large_table_is_small_in_memory_and_compares_little() {
    let table = large(100_000, 200);
    assert_eq!(table.len(), 100_200);
    // The promise is 60 MiB.
    assert!(table.bytes() < 32 << 20, "{}", table.bytes());
    for path in [
        "/",
        "/kurashi/gomi.html",
        "/soshiki/5/kakuka/a.html",
        "/index.cfm/9,1,2,html",
        "/zzz/",
        "/soshiki/2",
    ] {
        let compared = table.patterns_compared(path);
        assert!(compared <= 3, "{path}: {compared}");
    }
    assert_eq!(
        led(&table, "x", "/index.cfm/9,1,2,html?utm_x=1").as_deref(),
        Some("/archive/9/")
    );
}

/// Measures what the tests above cannot promise: `cargo test -p yagura-proxy --release -- --ignored`.
#[test]
#[ignore = "a measurement, for a release build"]
fn measure_a_large_table() {
    use yagura_control::clock::monotonic;
    let redirects: Vec<Redirect> = large(100_000, 200).iter().collect();
    let order = Order::ImportRedirects(ImportRedirects {
        site: "town".into(),
        csv: yagura_control::redirect::to_csv(&redirects),
        ..ImportRedirects::default()
    });
    let record = Record::Order {
        generation: 2,
        at: NOW,
        who: "test".into(),
        reason: None,
        order,
        change: Change::default(),
        undoes: None,
        request: None,
        ingress: None,
    };
    let journal = yagura_control::journal::encode(&record).unwrap();
    drop(record);
    let began = monotonic();
    let mut replay = yagura_control::journal::decode::<Record>(&journal).unwrap();
    let Some(Record::Order {
        order: Order::ImportRedirects(import),
        ..
    }) = replay.records.pop()
    else {
        panic!("another record");
    };
    let decoded = began.elapsed();
    let rows = yagura_control::redirect::parse_csv(&import.csv).unwrap();
    let read = began.elapsed();
    let table = Redirects::new(rows);
    println!(
        "load: {} bytes of journal; decoded {decoded:?}, read {read:?}, all {:?}; {} bytes in memory",
        journal.len(),
        began.elapsed(),
        table.bytes()
    );
    let (rows, _) = yagura_control::redirect::read(&import.csv);
    let began = monotonic();
    let hosts = [HostPattern::Exact("www.town.example".into())];
    let findings = check(
        &table,
        &rows,
        &Surroundings {
            hosts: &hosts,
            allowed: &[],
            allow_external: false,
            rules: &Rules::default(),
            now: NOW,
        },
    );
    println!(
        "look through an import: {:?}, {} warnings",
        began.elapsed(),
        findings.warnings.len()
    );
    let rules = Rules::dropping(&["utm_*", "gclid", "fbclid"]);
    let hits: Vec<String> = redirects
        .iter()
        .step_by(7)
        .map(|redirect| redirect.path.clone())
        .filter(|path| !Pattern::is_meant(path))
        .collect();
    let noisy: Vec<String> = hits
        .iter()
        .map(|path| {
            path.clone()
                + if path.contains('?') {
                    "&utm_source=qr"
                } else {
                    "?utm_source=qr"
                }
        })
        .collect();
    let misses: Vec<String> = (0..20_000)
        .map(|number| format!("/kurashi/page-{number}.html"))
        .collect();
    let queried: Vec<String> = (0..20_000)
        .map(|number| format!("/search?q={number}&page=2"))
        .collect();
    let patterned: Vec<String> = (0..20_000)
        .map(|number| format!("/old{}/a/{number}.html", (number % 50) * 4 + 3))
        .collect();
    let near: Vec<String> = (0..20_000)
        .map(|number| format!("/soshiki/{}/kakuka/{number}.htm", 200 + number % 200))
        .collect();
    for (name, targets) in [
        ("hit", hits),
        ("hit with noise", noisy),
        ("miss", misses),
        ("miss with query", queried),
        ("pattern", patterned),
        ("pattern missed nearly", near),
    ] {
        let mut times: Vec<u128> = targets
            .iter()
            .map(|target| {
                let began = monotonic();
                let found = std::hint::black_box(
                    table
                        .find("www.town.example", target, &rules, NOW)
                        .is_some(),
                );
                let _ = std::hint::black_box(found);
                began.elapsed().as_nanos()
            })
            .collect();
        times.sort_unstable();
        println!(
            "{name}: median {} ns, p99 {} ns, longest {} ns of {}",
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            times[times.len() - 1],
            times.len()
        );
    }
}

proptest! {
    #[test]
    fn patterns_are_found_as_by_trying_each(
        sources in proptest::collection::vec("(/([ab]{1,2}|\\{x\\}|[ab]\\{x\\})){1,2}(/\\*\\*)?", 1..12),
        path in "(/[ab]{0,3}){1,3}"
    ) {
        let redirects = (0..).zip(&sources).filter(|(_, source)| Pattern::is_meant(source) && Pattern::parse(source).is_ok());
        let redirects: Vec<Redirect> = redirects.map(|(number, source): (u32, _)| Redirect::new(source.clone(), format!("/{number}"))).collect();
        let table = Redirects::new(redirects);
        let tried = table.iter().find(|redirect| Pattern::parse(&redirect.path).unwrap().captures(&path, None).is_some());
        prop_assert_eq!(led(&table, "x", &path), tried.map(|redirect| redirect.to));
    }

    #[test]
    fn a_table_gives_back_what_it_was_made_of(
        sources in proptest::collection::btree_set("(https://[ab]\\.example)?/[ab?=]{0,6}(\\{x\\})?", 0..12)
    ) {
        let csv = sources.iter().fold("from,to\n".to_owned(), |csv, source| csv + source + ",/to\n");
        let (rows, _) = yagura_control::redirect::read(&csv);
        let redirects: Vec<Redirect> = rows.into_iter().map(|row| row.redirect).collect();
        let table = Redirects::new(redirects.clone());
        for (row, redirect) in (0..).zip(&redirects) {
            prop_assert_eq!(table.row_of(redirect.host.as_deref(), &redirect.path), Some(row));
        }
        prop_assert_eq!(table.iter().collect::<Vec<_>>(), redirects);
    }

    #[test]
    fn no_target_makes_it_panic(target in "/\\PC{0,40}") {
        let table = large(40, 8);
        let _ = led(&table, "x", &target);
    }
}

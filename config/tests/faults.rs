//! A faulty file is told everything that is wrong with it, at once.

use std::path::Path;

use yagura_config::settings::{
    BodyRule, ExpectedStatus, HostPattern, LimitSettings, Origin, ParameterPattern, PlainHttp,
    RequestRules,
};
use yagura_config::{Faults, Settings, parse};

fn read(text: &str) -> Result<Settings, Faults> {
    parse(text, Path::new("/srv/yagura/yagura.toml"))
}

const TEN_FAULTS: &str = include_str!("ten-faults.toml");

#[test]
fn ten_faults_are_all_told_with_key_line_and_hint() {
    let faults = read(TEN_FAULTS).unwrap_err();
    let seen: Vec<(usize, &str)> = faults
        .all()
        .iter()
        .map(|f| (f.line, f.key.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (2, "edge.threads"),
            (3, "edge.hot"),
            (4, "edge.grace"),
            (5, "edge.colour"),
            (8, "edge.listen[0].address"),
            (10, "edge.listen[1].address"),
            (11, "edge.listen[1].adress"),
            (14, "site[0].name"),
            (15, "site[0].hosts[0]"),
            (16, "site[0].origin"),
        ]
    );
    assert!(faults.all().iter().all(|fault| !fault.hint.is_empty()));
}

#[test]
fn a_mistyped_key_is_guessed() {
    let faults = read(TEN_FAULTS).unwrap_err();
    let mistyped = faults
        .all()
        .iter()
        .find(|fault| fault.key.ends_with("adress"))
        .unwrap();
    assert_eq!(mistyped.hint, "did you mean `address`?");
}

#[test]
fn what_no_single_table_can_see_is_seen() {
    let faults = read(
        r#"
[edge]
[[edge.listen]]
address = "127.0.0.1:1"
tls = true
[[edge.listen]]
address = "127.0.0.1:1"
[[site]]
name = "a"
hosts = ["x.example"]
origin = "http://127.0.0.1:2"
last_good = true
cache = false
[[site]]
name = "a"
hosts = ["x.example"]
origin = "http://127.0.0.1:2"
feed_socket = "feed.sock"
[[site]]
name = "b"
hosts = ["*"]
origin = "http://127.0.0.1:2"
feed_socket = "feed.sock"
sitemap = "sitemap.xml"
"#,
    )
    .unwrap_err();
    let text = faults.to_string();
    for expected in [
        "listen[1] has the address of listen[0]",
        "a listener with tls needs a data folder",
        "last-good copies need a data folder",
        "a site that stores nothing has no last-good copies",
        "another site is named \"a\"",
        "\"x.example\" already belongs to the site \"a\"",
        "the warmer has nowhere to put its copies",
        "\"sitemap.xml\" cannot be asked for",
        "the site has a change feed already",
        "the warmer cannot know which host's pages are meant",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let faults = read("[edge]\nname = \n").unwrap_err();
    assert_eq!(faults.all().first().map(|fault| fault.line), Some(2));
}

#[test]
fn a_password_in_a_database_url_is_never_repeated() {
    let faults = read("[cms]\ndatabase = \"mysql://u:secret@h/d\"\n").unwrap_err();
    assert!(!faults.to_string().contains("secret"));
    assert!(!format!("{:?}", faults.all()).contains("secret"));
}

#[test]
fn the_examples_are_right() {
    let plain = read(include_str!("../examples/plain-proxy.toml")).unwrap();
    let edge = plain.edge.unwrap();
    let site = plain.sites.first().unwrap();
    assert_eq!((edge.data, edge.control_socket), (None, None));
    assert_eq!(site.hosts, [HostPattern::Any]);
    assert_eq!(site.origin, Origin::Tcp("127.0.0.1:8000".parse().unwrap()));
    assert_eq!(site.http, PlainHttp::Serve);

    let town = read(include_str!("../examples/whole-town.toml")).unwrap();
    assert_eq!(
        town.sites.first().unwrap().http,
        PlainHttp::RedirectToHttps { port: 443 }
    );
    assert_eq!(town.cms.unwrap().media, Path::new("/srv/yagura/data/media"));
    assert_eq!(town.ops.unwrap().probes.len(), 1);
}

#[test]
fn the_example_shows_every_limit_with_its_default() {
    let town = read(include_str!("../examples/whole-town.toml")).unwrap();
    let written = LimitSettings {
        is_written: true,
        ..LimitSettings::default()
    };
    assert_eq!(town.edge.unwrap().limits, written);
    let rules = &town.sites.first().unwrap().requests;
    let form = BodyRule {
        path: "/form/".into(),
        limit_bytes: 10 << 20,
    };
    let expected = RequestRules {
        body: vec![form],
        ..RequestRules::default()
    };
    assert_eq!(*rules, expected);
}

#[test]
fn figures_are_told_to_this_machine_alone() {
    for address in ["0.0.0.0:9090", "192.0.2.1:9090", "[::]:9090", "127.0.0.1:1"] {
        let text = SITE.replace("[edge]\n", &format!("[edge]\nmetrics = \"{address}\"\n"));
        let faults = read(&text).unwrap_err();
        let keys: Vec<&str> = faults
            .all()
            .iter()
            .map(|fault| fault.key.as_str())
            .collect();
        assert_eq!(keys, ["edge.metrics"], "{address}");
    }
}

#[test]
fn an_access_log_is_a_file_or_a_table() {
    let log = |lines: &str| {
        let text = SITE.replace("[edge]\n", &format!("[edge]\n{lines}\n"));
        read(&text).map(|settings| settings.edge.unwrap().access_log)
    };
    assert_eq!(log("").unwrap(), None);
    let short = log("access_log = \"a.jsonl\"").unwrap().unwrap();
    let long = log("[edge.access_log]\nfile = \"a.jsonl\"").unwrap();
    assert_eq!(long, Some(short));
    for lines in [
        "access_log = 1",
        "[edge.access_log]",
        "[edge.access_log]\nfile = \"a\"\naddresses = \"some\"",
        "[edge.access_log]\nfile = \"a\"\nquery = \"values\"",
        "[edge.access_log]\nfile = \"a\"\nhide_below = [\"reset\"]",
        "[edge.access_log]\nfile = \"a\"\nrotate_at = \"1KiB\"",
        "[edge.access_log]\nfile = \"a\"\nkeep_files = 0",
        "[edge.access_log]\nfile = \"a\"\nkeep = \"long\"",
    ] {
        assert_eq!(log(lines).unwrap_err().all().len(), 1, "{lines}");
    }
}

#[test]
fn limits_that_contradict_themselves_are_faults() {
    for (limits, site) in [
        ("fields = 129", ""),
        ("connections = 0", ""),
        ("connections = 100\nconnections_per_network = 101", ""),
        ("line = \"8KiB\"\nhead = \"4KiB\"", ""),
        ("head = \"1MiB\"", ""),
        ("exempt = [\"everybody\"]", ""),
        ("", "methods = []"),
        ("", "methods = [\"TRACE\"]"),
        ("", "methods = [\"get\"]"),
        ("", "duplicate_slashes = \"drop\""),
        ("", "refuse_in_path = [\"slash\"]"),
        ("", "[[site.body]]\npath = \"form\"\nlimit = \"1MiB\""),
        ("", "[[site.body]]\npath = \"/form\""),
    ] {
        let text = SITE.replace("[edge]\n", &format!("[edge]\n[edge.limits]\n{limits}\n"));
        let faults = read(&format!("{text}{site}\n")).unwrap_err();
        assert_eq!(faults.all().len(), 1, "{limits} {site}: {faults}");
    }
}

const SITE: &str = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[site]]\nname = \"a\"\n\
                    hosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n";

#[test]
fn tracking_parameters_are_dropped_unless_the_file_says_otherwise() {
    let dropped = |line: &str| {
        let sites = read(&format!("{SITE}{line}\n")).unwrap().sites;
        sites.into_iter().next().unwrap().drop_query
    };
    let utm = ParameterPattern::Prefix("utm_".into());
    assert!(dropped("").contains(&utm));
    assert_eq!(dropped("drop_query = []"), []);
    let own = [utm, ParameterPattern::Exact("ref".into())];
    assert_eq!(dropped("drop_query = [\"utm_*\", \"ref\"]"), own);
}

#[test]
fn rules_that_no_url_or_cookie_could_meet_are_faults() {
    let many = format!("drop_query = [{}]", "\"a\", ".repeat(65));
    for line in [
        "drop_query = [\"a*b\"]",
        "drop_query = [\"a=b\"]",
        "drop_query = [\"\"]",
        "drop_query = \"utm_*\"",
        "vary_cookies = [\"a b\"]",
        "vary_cookies = [\"a\"]\ncache = false",
        &many,
    ] {
        let faults = read(&format!("{SITE}{line}\n")).unwrap_err();
        assert_eq!(faults.all().len(), 1, "{line}: {faults}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[|\\]|[a-z_.=\"0-9: \n*-]){0,200}") {
        let _ = read(&text);
    }
}

#[test]
fn upstreams_and_their_checks_are_read_or_their_faults_told() {
    let site = |lines: &str| {
        let settings = read(&format!("{SITE}{lines}\n"))?;
        Ok::<_, Faults>(settings.sites.into_iter().next().unwrap())
    };
    assert_eq!(site("").unwrap().check, None);
    let two = site("standby = [\"http://127.0.0.1:3\", \"unix:x.sock\"]").unwrap();
    let unix = Origin::Unix("/srv/yagura/x.sock".into());
    assert_eq!(
        two.standby,
        [Origin::Tcp("127.0.0.1:3".parse().unwrap()), unix]
    );
    let check = two.check.unwrap();
    assert_eq!((check.path.as_str(), check.interval.as_secs()), ("/", 5));
    let own = site("[site.health]\npath = \"/up\"\nstatus = 204\ncontains = \"ok\"\n").unwrap();
    let own = own.check.unwrap();
    assert_eq!(
        (own.status, own.contains.as_deref()),
        (ExpectedStatus::Exactly(204), Some("ok"))
    );
    for (lines, expected) in [
        ("standby = [\"ftp://x\"]", "\"ftp://x\" is no origin"),
        ("standby = [\"http://127.0.0.1:2\"]", "is named twice"),
        ("[site.health]\npath = \"up\"", "cannot be asked for"),
        ("[site.health]\ninterval = \"100ms\"", "asked too often"),
        ("[site.health]\nstatus = 99", "no status of an answer"),
        (
            "look = { colour = \"#ffff00\" }",
            "has a contrast of 1.1 to 1",
        ),
        ("look = { colour = \"yellow\" }", "is no colour"),
        ("look = { color = \"#000000\" }", "did you mean `colour`?"),
        ("[site.health]\nport = 1", "`port` is not a key"),
    ] {
        let told = site(lines).unwrap_err().to_string();
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
}

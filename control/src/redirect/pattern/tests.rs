//! Patterns and the targets they fill, against a search with going back.

use super::super::Template;
use super::*;
use proptest::prelude::*;

fn led(from: &str, to: &str, target: &str) -> Option<String> {
    let pattern = Pattern::parse(from).unwrap();
    let template = Template::parse(to, Some(&pattern)).unwrap();
    let (path, query) = halves(target);
    Some(template.filled(&pattern.captures(path, query)?))
}

#[test]
fn what_is_captured_comes_into_the_target() {
    for (from, to, target, expected) in [
        (
            "/soshiki/{s}/{p}.html",
            "/section/{s}?p={p}",
            "/soshiki/12/a.b.html",
            Some("/section/12?p=a.b"),
        ),
        ("/soshiki/{s}/{p}.html", "/x", "/soshiki/12/.html", None),
        ("/soshiki/{s}/{p}.html", "/x", "/soshiki/12/a.htm", None),
        ("/soshiki/{s}/{p}.html", "/x", "/soshiki/1/2/a.html", None),
        (
            "/i/{a},{b},{c},html",
            "/{c}/{a}",
            "/i/1,,2,3,html",
            Some("/3/1"),
        ),
        (
            "/old/*/index.html",
            "/new",
            "/old/a/index.html",
            Some("/new"),
        ),
        ("/old/*/index.html", "/new", "/old//index.html", None),
        ("/2012/**", "/archive", "/2012/", Some("/archive")),
        ("/2012/**", "/archive", "/2012/a/b?x", Some("/archive")),
        ("/2012/**", "/archive", "/2012", None),
        (
            "/2012/{rest**}",
            "/archive/{rest}",
            "/2012/a/b",
            Some("/archive/a/b"),
        ),
        ("/**", "/", "/", Some("/")),
        (
            "/p?id={id}&x=1",
            "/page/{id}",
            "/p?id=7&x=1",
            Some("/page/7"),
        ),
        ("/p?id={id}", "/page/{id}", "/p?id=7&x=1", None),
        ("/p?id={id}", "/page/{id}", "/p", None),
        ("/p/{a}", "/q/{a}", "/p/b?x=1", Some("/q/b")),
    ] {
        assert_eq!(
            led(from, to, target).as_deref(),
            expected,
            "{from} {target}"
        );
    }
}

#[test]
fn no_captured_text_leads_off_the_site() {
    for (target, expected) in [
        ("/go//evil.example/", "/evil.example/"),
        ("/go/\\evil.example/", "/%5Cevil.example/"),
        ("/go///evil.example", "/evil.example"),
        ("/go/a\"#b", "/a%22%23b"),
    ] {
        let led = led("/go/{rest**}", "/{rest}", target);
        assert_eq!(led.as_deref(), Some(expected), "{target}");
    }
    let pattern = Pattern::parse("/go/{h}").unwrap();
    for text in [
        "https://{h}/",
        "https://a.{h}",
        "{h}",
        "https://a.example:{h}/",
    ] {
        assert!(Template::parse(text, Some(&pattern)).is_err(), "{text}");
    }
}

#[test]
fn faulty_patterns_are_told() {
    for text in [
        "/{a}{b}",
        "/{a",
        "/a}",
        "/{}",
        "/{A}",
        "/{a}/{a}",
        "/**/x",
        "/{r**}/x",
        "/{a}?{a}",
        "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
    ] {
        assert!(Pattern::is_meant(text) || text == "/a}", "{text}");
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
    for text in ["/a*b", "/**a", "/a?x=*", "/index.cfm/7,1,2,html"] {
        assert!(!Pattern::is_meant(text), "{text}");
    }
}

#[test]
fn a_pattern_that_takes_all_that_another_takes_is_known() {
    let covers = |a: &str, b: &str| {
        let [a, b] = [a, b].map(|text| Pattern::parse(text).unwrap());
        a.covers(&b)
    };
    for (a, b) in [
        ("/a/**", "/a/{x}"),
        ("/a/**", "/a/{x}/b/**"),
        ("/a/{x}", "/a/{y}"),
        ("/a/*", "/a/{y}.html"),
        ("/a/{x}", "/a/{x}?id={id}"),
        ("/{x}/b", "/a/b?{q}"),
        ("/**", "/{x**}"),
    ] {
        assert!(covers(a, b), "{a} {b}");
    }
    for (a, b) in [
        ("/a/{x}", "/a/**"),
        ("/a/{x}.html", "/a/{y}"),
        ("/a/{x}?id={id}", "/a/{x}"),
        ("/a/b/**", "/a/{x}"),
    ] {
        assert!(!covers(a, b), "{a} {b}");
    }
}

const PIECES: &str = "(/(\\*|[ab]{0,2}|\\{x\\}|[ab]\\{y\\}[ab]?|\\{z\\}b\\{w\\})){0,3}(/\\*\\*|/\\{r\\*\\*\\})?(\\?q=\\{q\\})?";

proptest! {
    #[test]
    fn a_match_is_what_a_search_with_going_back_finds(
        pattern in "/([ab]|\\{x\\}){1,2}[ab]{0,2}(\\{y\\}[ab]{0,2})?", text in "/[ab]{0,6}"
    ) {
        fn slow(pattern: &str, text: &str) -> bool {
            match pattern.chars().next() {
                None => text.is_empty(),
                Some('{') => (1..=text.len()).any(|end| slow(&pattern[3..], &text[end..])),
                Some(c) => text.starts_with(c) && slow(&pattern[1..], &text[1..]),
            }
        }
        if let Ok(read) = Pattern::parse(&pattern) {
            prop_assert_eq!(read.captures(&text, None).is_some(), slow(&pattern, &text));
        }
    }

    #[test]
    fn its_example_matches_and_what_covers_it_matches_that(a in PIECES, b in PIECES) {
        if let (Ok(a), Ok(b)) = (Pattern::parse(&a), Pattern::parse(&b)) {
            let example = a.example();
            let (path, query) = halves(&example);
            prop_assert!(a.captures(path, query).is_some());
            prop_assert!(path.starts_with(a.prefix()));
            if b.covers(&a) {
                prop_assert!(b.captures(path, query).is_some());
            }
        }
    }

    #[test]
    fn a_filled_target_stays_on_its_site(text in "/go/\\PC{0,12}") {
        let led = led("/go/{rest**}", "/{rest}", &text);
        if let Some(led) = led {
            prop_assert!(led.starts_with('/') && !led.starts_with("//") && !led.contains('\\'));
            prop_assert!(led.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn no_text_makes_it_panic(from in "/[a{}*/?&]{0,12}", to in "[/a{}:]{0,8}", target in "/\\PC{0,12}") {
        if let Ok(pattern) = Pattern::parse(&from) {
            let (path, query) = halves(&target);
            if let (Some(captured), Ok(to)) =
                (pattern.captures(path, query), Template::parse(&to, Some(&pattern)))
            {
                let _ = to.filled(&captured);
            }
        }
    }
}

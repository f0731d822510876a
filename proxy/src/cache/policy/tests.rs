//! What is stored, on which terms, and when it is used again.

use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn stored(response: &[(&'static str, &str)]) -> Result<Terms, NotStored> {
    decide(
        &Method::GET,
        &fields(&[]),
        StatusCode::OK,
        &fields(response),
        NOW,
        NOW,
    )
}

fn lifetime(response: &[(&'static str, &str)]) -> u64 {
    stored(response).unwrap().lifetime_s
}

fn at(offset_s: i64) -> String {
    let seconds = NOW.seconds().saturating_add_signed(offset_s);
    httpdate::fmt_http_date(Timestamp(seconds * 1000).into())
}

#[test]
fn a_shared_lifetime_goes_before_a_private_one_and_both_before_expires() {
    assert_eq!(
        lifetime(&[
            ("cache-control", "max-age=10, s-maxage=20"),
            ("expires", &at(99))
        ]),
        20
    );
    assert_eq!(
        lifetime(&[("cache-control", "max-age=10"), ("expires", &at(99))]),
        10
    );
    assert_eq!(lifetime(&[("date", &at(0)), ("expires", &at(99))]), 99);
}

#[test]
fn a_targeted_field_replaces_cache_control_and_expires() {
    let both = [
        ("cdn-cache-control", "max-age=5"),
        ("cache-control", "no-store"),
        ("expires", &at(99)),
    ];
    assert_eq!(lifetime(&both), 5);
    let reverse = [
        ("cdn-cache-control", "no-store"),
        ("cache-control", "max-age=60"),
    ];
    assert_eq!(stored(&reverse), Err(NotStored::NoStore));
}

#[test]
fn an_expires_that_is_no_date_is_in_the_past() {
    for expires in ["0", "-1", "tomorrow", "Thu, 18 Aug 2050 02:01:18 XXX"] {
        assert_eq!(lifetime(&[("expires", expires)]), 0, "{expires}");
    }
}

#[test]
fn what_is_not_for_everyone_is_not_stored() {
    let never = |response: &[(&'static str, &str)]| stored(response).unwrap_err();
    assert_eq!(
        never(&[("cache-control", "private, max-age=60")]),
        NotStored::Private
    );
    assert_eq!(never(&[("cache-control", "no-store")]), NotStored::NoStore);
    assert_eq!(never(&[("cache-control", "no-cache")]), NotStored::NoCache);
    let asked = stored(&[("cache-control", "no-cache, max-age=60"), ("etag", "\"1\"")]).unwrap();
    assert_eq!((asked.lifetime_s, asked.must_revalidate), (0, true));
    assert_eq!(
        never(&[("cache-control", "max-age=60"), ("set-cookie", "a=b")]),
        NotStored::SetCookie
    );
    assert_eq!(
        never(&[("cache-control", "max-age=60"), ("vary", "accept, *")]),
        NotStored::VaryStar
    );
}

#[test]
fn an_authorised_response_needs_permission_to_be_shared() {
    let request = fields(&[("authorization", "Basic eA==")]);
    let with = |value: &str| {
        let response = fields(&[("cache-control", value)]);
        decide(&Method::GET, &request, StatusCode::OK, &response, NOW, NOW)
    };
    assert_eq!(with("max-age=60").unwrap_err(), NotStored::Authorization);
    for value in [
        "max-age=60, public",
        "s-maxage=60",
        "max-age=60, must-revalidate",
    ] {
        assert!(with(value).is_ok(), "{value}");
    }
}

#[test]
fn heuristics_are_for_statuses_that_allow_them() {
    let changed = [("date", &*at(0)), ("last-modified", &*at(-1000))];
    assert_eq!(lifetime(&changed), 100);
    let other = decide(
        &Method::GET,
        &fields(&[]),
        StatusCode::CREATED,
        &fields(&changed),
        NOW,
        NOW,
    );
    assert_eq!(other, Err(NotStored::Status));
}

#[test]
fn age_counts_what_upstream_caches_and_the_way_took() {
    let response = fields(&[("cache-control", "max-age=100"), ("age", "30")]);
    let later = Timestamp(NOW.0 + 5000);
    let terms = decide(
        &Method::GET,
        &fields(&[]),
        StatusCode::OK,
        &response,
        NOW,
        later,
    )
    .unwrap();
    assert_eq!(terms.initial_age_s, 35);
}

#[test]
fn readers_may_ask_for_more_or_less() {
    let terms = stored(&[("cache-control", "max-age=100, stale-while-revalidate=50")]).unwrap();
    let reuse_for = |age_s, value: &str| {
        let request = Directives::read(&fields(&[("cache-control", value)]), "cache-control");
        reuse(&terms, age_s, &request, 0)
    };
    assert_eq!(reuse_for(99, ""), Reuse::Fresh);
    assert_eq!(reuse_for(100, ""), Reuse::WhileRevalidating);
    assert_eq!(reuse_for(150, ""), Reuse::WhileRevalidating);
    assert_eq!(reuse_for(151, ""), Reuse::OnError);
    assert_eq!(reuse_for(151, "max-stale=60"), Reuse::Fresh);
    assert_eq!(reuse_for(1, "no-cache"), Reuse::OnError);
    assert_eq!(reuse_for(11, "max-age=10"), Reuse::OnError);
    assert_eq!(reuse_for(60, "min-fresh=50"), Reuse::OnError);
}

#[test]
fn must_revalidate_is_never_served_stale() {
    let terms = stored(&[(
        "cache-control",
        "max-age=10, must-revalidate, stale-while-revalidate=99",
    )])
    .unwrap();
    assert_eq!(reuse(&terms, 10, &Directives::default(), 99), Reuse::Never);
}

#[test]
fn the_origin_may_limit_how_long_errors_are_hidden() {
    let allows = |value: &str, age_s| {
        let terms = stored(&[("cache-control", value)]).unwrap();
        terms.allows_on_error(age_s)
    };
    assert!(allows("max-age=10", 1_000_000));
    assert!(allows("max-age=10, stale-if-error=60", 70));
    assert!(!allows("max-age=10, stale-if-error=60", 71));
    assert!(!allows("s-maxage=10", 11));
    assert!(allows("s-maxage=10, stale-if-error=60", 70));
}

#[test]
fn a_variant_is_for_requests_with_the_same_fields() {
    let response = fields(&[("cache-control", "max-age=10"), ("vary", "Accept-Language")]);
    let request = fields(&[("accept-language", "ja, en")]);
    let terms = decide(&Method::GET, &request, StatusCode::OK, &response, NOW, NOW).unwrap();
    assert!(vary::selects(
        &terms,
        &fields(&[("accept-language", "ja,en")])
    ));
    assert!(!vary::selects(
        &terms,
        &fields(&[("accept-language", "en")])
    ));
    assert!(!vary::selects(&terms, &fields(&[])));
}

proptest! {
    #[test]
    fn the_basis_is_what_the_lifetime_was_decided_by(
        words in proptest::collection::vec("(max-age=11|s-maxage=22|no-cache|public)", 0..4),
        targeted in proptest::option::of("(max-age=33|s-maxage=44|public|no-cache)"),
        own: bool, expires: bool, modified: bool,
    ) {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: String| {
            headers.insert(name, value.parse().unwrap());
        };
        set("date", at(0));
        set("etag", "\"1\"".to_owned());
        if !words.is_empty() {
            set("cache-control", words.join(", "));
        }
        if let Some(value) = targeted {
            set(if own { OWN_TARGETED_FIELD } else { "cdn-cache-control" }, value);
        }
        if expires {
            set("expires", at(55));
        }
        if modified {
            set("last-modified", at(-660));
        }
        let request = HeaderMap::new();
        let terms = decide(&Method::GET, &request, StatusCode::OK, &headers, NOW, NOW).unwrap();
        let expected_s = match terms.basis {
            Basis::MaxAge => 11,
            Basis::SharedMaxAge => 22,
            Basis::TargetedMaxAge => 33,
            Basis::TargetedSharedMaxAge => 44,
            Basis::Expires => 55,
            Basis::Heuristic => 66,
            Basis::NoCache | Basis::TargetedNoCache | Basis::Nothing | Basis::Unknown => 0,
        };
        prop_assert_eq!(terms.lifetime_s, expected_s);
        prop_assert_ne!(terms.basis, Basis::Unknown);
    }

    #[test]
    fn no_fields_make_it_panic_and_nothing_private_is_stored(
        control in "[a-z=0-9, \"-]{0,40}",
        expires in "[ -~]{0,30}",
        age in "[ -~]{0,12}",
    ) {
        let response = fields(&[("cache-control", &format!("{control},private")), ("expires", &expires), ("age", &age)]);
        let result = decide(&Method::GET, &fields(&[]), StatusCode::OK, &response, NOW, NOW);
        // A quote left open swallows the word, and then nothing else may be trusted either.
        if control.matches('"').count() % 2 == 0 {
            prop_assert!(result.is_err());
        }
    }

    #[test]
    fn older_is_never_fresher(lifetime_s in 0u64..1000, window in 0u64..1000, age in 0u64..3000) {
        let terms = Terms { lifetime_s, initial_age_s: 0, stale_while_revalidate_s: Some(window), must_revalidate: false, shared_must_revalidate: false, stale_if_error_s: None, basis: Basis::default(), vary: vec![] };
        let rank = |reuse| match reuse { Reuse::Fresh => 0, Reuse::WhileRevalidating => 1, Reuse::OnError => 2, Reuse::Never => 3 };
        let request = Directives::default();
        prop_assert!(rank(reuse(&terms, age, &request, 0)) <= rank(reuse(&terms, age + 1, &request, 0)));
    }
}

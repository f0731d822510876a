//! What may be stored, for how long it is fresh, and when it may be reused: pure functions of
//! request, response and time, as RFC 9111 says for a shared cache, with RFC 5861 and RFC 9213.
//!
//! Not here: purges (`purges.rs`) and the contract's own rule that last-good copies are served
//! beyond every window when the origin is dead (`mod.rs`).

use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

use super::directives::{Directives, Fields, Seconds};
use super::vary;

/// Longest heuristic freshness, in seconds.
const LONGEST_HEURISTIC_S: u64 = 86_400;

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Only GET is stored (RFC 9111, section 3).
    Method,
    /// A status that may not be stored without explicit freshness, or never (206, 304).
    Status,
    /// `no-store` in request or response.
    NoStore,
    /// `private`.
    Private,
    /// `no-cache` without a validator: it could never be used.
    NoCache,
    /// The request was authorised and nothing allows sharing (section 3.5).
    Authorization,
    /// The response sets a cookie and nothing says that it is for everyone.
    SetCookie,
    /// `Vary: *` (section 4.1).
    VaryStar,
    /// Neither fresh for any time nor safe to keep as last-good.
    NeverFresh,
}

/// On which terms a response is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Seconds it is fresh, counted in age (section 4.2.1).
    pub lifetime_s: u64,
    /// Its age when it was received (section 4.2.3).
    pub initial_age_s: u64,
    /// Seconds beyond freshness in which it may be served while a new one is fetched (RFC 5861).
    pub stale_while_revalidate_s: u64,
    /// It must not be served stale (`must-revalidate`, `proxy-revalidate`).
    pub must_revalidate: bool,
    /// The same by `s-maxage` (section 5.2.2.10), where no `stale-if-error` allows it. A site that
    /// asks for last-good copies has said otherwise.
    #[serde(default)]
    pub shared_must_revalidate: bool,
    /// Request fields named by Vary, with the values of the request it answers (section 4.1).
    pub vary: Vec<(String, Option<String>)>,
}

/// Decides whether a response is stored, and on which terms.
///
/// # Errors
/// Why it is not.
pub fn decide(
    method: &Method,
    request: &HeaderMap,
    status: StatusCode,
    response: &HeaderMap,
    requested_at: Timestamp,
    received_at: Timestamp,
) -> Result<Terms, NotStored> {
    if method != Method::GET {
        return Err(NotStored::Method);
    }
    if status.is_informational() || matches!(status.as_u16(), 206 | 304) {
        return Err(NotStored::Status);
    }
    let targeted = Directives::read(response, "cdn-cache-control");
    // RFC 9213, section 2.2: a targeted field replaces Cache-Control and Expires.
    let own = if targeted.present {
        targeted
    } else {
        Directives::read(response, "cache-control")
    };
    if Directives::read(request, "cache-control").no_store
        || (own.no_store && !(own.must_understand && is_understood(status)))
    {
        return Err(NotStored::NoStore);
    }
    if own.must_understand && !is_understood(status) {
        return Err(NotStored::Status);
    }
    if own.private {
        return Err(NotStored::Private);
    }
    let has_validator = response.has("etag") || response.has("last-modified");
    if own.no_cache && !has_validator {
        return Err(NotStored::NoCache);
    }
    let shared = own.public || own.s_maxage != Seconds::Absent;
    if request.has("authorization") && !(shared || own.must_revalidate) {
        return Err(NotStored::Authorization);
    }
    if response.has("set-cookie") && !shared {
        return Err(NotStored::SetCookie);
    }
    let vary = vary::nominated(request, response)?;
    let expires = if targeted.present {
        None
    } else {
        response.first("expires")
    };
    let date = response
        .first("date")
        .and_then(http_date)
        .unwrap_or(received_at);
    let explicit = own
        .s_maxage
        .or_stale()
        .or(own.max_age.or_stale())
        .or_else(|| {
            expires.map(|expires| {
                http_date(expires).map_or(0, |expires| expires.since(date).as_secs())
            })
        });
    if explicit.is_none() && !(is_heuristically_cacheable(status) || own.public) {
        return Err(NotStored::Status);
    }
    if own.no_cache {
        // Stored, and asked about each time (section 5.2.2.4).
        return Ok(Terms {
            lifetime_s: 0,
            initial_age_s: 0,
            stale_while_revalidate_s: 0,
            must_revalidate: true,
            shared_must_revalidate: true,
            vary,
        });
    }
    let lifetime_s = explicit.unwrap_or_else(|| heuristic(response, date));
    // A response that is never fresh is worth keeping only as last-good or to be asked about, and
    // only when nothing hints that it was made for one person.
    if lifetime_s == 0 && (status != StatusCode::OK || (request.has("cookie") && !shared)) {
        return Err(NotStored::NeverFresh);
    }
    Ok(Terms {
        lifetime_s,
        initial_age_s: initial_age_s(response, date, requested_at, received_at),
        stale_while_revalidate_s: own.stale_while_revalidate.or_stale().unwrap_or(0),
        must_revalidate: own.must_revalidate,
        shared_must_revalidate: own.s_maxage != Seconds::Absent
            && own.stale_if_error == Seconds::Absent,
        vary,
    })
}

/// How a stored response may be used now, purges apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// As it is.
    Fresh,
    /// As it is, while a new one is fetched (RFC 5861, section 3).
    WhileRevalidating,
    /// Only when the origin does not answer.
    OnError,
    /// Not without asking the origin, in no case.
    Never,
}

/// Decides how a stored response of that age may be used for a request (sections 4.2 and 5.2.1).
#[must_use]
pub fn reuse(terms: &Terms, age_s: u64, request: &Directives) -> Reuse {
    let stale = if terms.must_revalidate {
        Reuse::Never
    } else {
        Reuse::OnError
    };
    if request.no_cache {
        return stale;
    }
    let too_old = matches!(request.max_age.or_stale(), Some(limit) if age_s > limit);
    let wanted_s = request.min_fresh.or_stale().unwrap_or(0);
    if !too_old && age_s.saturating_add(wanted_s) < terms.lifetime_s {
        return Reuse::Fresh;
    }
    if terms.must_revalidate || too_old || wanted_s > 0 {
        return stale;
    }
    let staleness_s = age_s.saturating_sub(terms.lifetime_s);
    if matches!(request.max_stale, Seconds::Some(accepted) if staleness_s <= accepted) {
        return Reuse::Fresh;
    }
    if terms.lifetime_s > 0
        && staleness_s <= terms.stale_while_revalidate_s
        && terms.stale_while_revalidate_s > 0
    {
        return Reuse::WhileRevalidating;
    }
    stale
}

/// Section 4.2.2: a tenth of the time since the last change, a day at most.
fn heuristic(response: &HeaderMap, date: Timestamp) -> u64 {
    let changed = response.first("last-modified").and_then(http_date);
    changed.map_or(0, |changed| {
        (date.since(changed).as_secs() / 10).min(LONGEST_HEURISTIC_S)
    })
}

/// Section 4.2.3.
fn initial_age_s(
    response: &HeaderMap,
    date: Timestamp,
    requested_at: Timestamp,
    received_at: Timestamp,
) -> u64 {
    let apparent_s = received_at.since(date).as_secs();
    let told_s = told_age_s(response);
    let delay_s = received_at.since(requested_at).as_secs();
    apparent_s.max(told_s.saturating_add(delay_s))
}

/// What Age says: its first member; what is no number is passed over (RFC 9111, section 5.1).
fn told_age_s(response: &HeaderMap) -> u64 {
    const LONGEST_S: u64 = 1 << 31;
    let first = response
        .first("age")
        .map(|age| age.split(',').next().unwrap_or("").trim());
    match first {
        Some(age) if !age.is_empty() && age.bytes().all(|byte| byte.is_ascii_digit()) => {
            age.parse().unwrap_or(LONGEST_S).min(LONGEST_S)
        }
        _ => 0,
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    httpdate::parse_http_date(text).ok().map(Timestamp::from)
}

/// RFC 9110, section 15.1.
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Statuses whose caching rules this cache follows (`must-understand`, section 5.2.2.3).
fn is_understood(status: StatusCode) -> bool {
    is_heuristically_cacheable(status) || matches!(status.as_u16(), 302 | 303 | 307)
}

#[cfg(test)]
mod tests {
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
        let asked =
            stored(&[("cache-control", "no-cache, max-age=60"), ("etag", "\"1\"")]).unwrap();
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
            reuse(&terms, age_s, &request)
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
        assert_eq!(reuse(&terms, 10, &Directives::default()), Reuse::Never);
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
            let terms = Terms { lifetime_s, initial_age_s: 0, stale_while_revalidate_s: window, must_revalidate: false, shared_must_revalidate: false, vary: vec![] };
            let rank = |reuse| match reuse { Reuse::Fresh => 0, Reuse::WhileRevalidating => 1, Reuse::OnError => 2, Reuse::Never => 3 };
            let request = Directives::default();
            prop_assert!(rank(reuse(&terms, age, &request)) <= rank(reuse(&terms, age + 1, &request)));
        }
    }
}

//! What may be stored, for how long it is fresh, and when it may be reused: pure functions of
//! request, response and time, as RFC 9111 says for a shared cache, with RFC 5861 and RFC 9213.
//!
//! Not here: purges (`purges.rs`) and the contract's own rule that last-good copies are served
//! beyond every window when the origin is dead (`mod.rs`).

use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
use yagura_control::order::Basis;

use super::directives::{Directives, Fields, Seconds};
use super::{date, vary};

/// Targeted fields (RFC 9213) in the order in which they are looked for: for Yagura alone, for
/// every content delivery network.
const TARGETED: [&str; 2] = [OWN_TARGETED_FIELD, "cdn-cache-control"];

/// Cache directives for this edge and nobody else; not passed on.
pub const OWN_TARGETED_FIELD: &str = "yagura-cache-control";

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
    /// Seconds beyond freshness in which it may be served while a new one is fetched (RFC 5861),
    /// where the origin says so.
    pub stale_while_revalidate_s: Option<u64>,
    /// It must not be served stale (`must-revalidate`, `proxy-revalidate`).
    pub must_revalidate: bool,
    /// The same by `s-maxage` (section 5.2.2.10), where no `stale-if-error` allows it. A site that
    /// asks for last-good copies has said otherwise.
    #[serde(default)]
    pub shared_must_revalidate: bool,
    /// What said for how long it is fresh.
    #[serde(default)]
    pub basis: Basis,
    /// Seconds beyond freshness in which it may be served when the origin fails, where the origin
    /// says so (RFC 5861, section 4). A site that asks for last-good copies has said otherwise.
    #[serde(default)]
    pub stale_if_error_s: Option<u64>,
    /// Request fields named by Vary, with the values of the request it answers (section 4.1).
    pub vary: Vec<(String, Option<String>)>,
}

impl Terms {
    /// Whether the origin lets a response of that age be served when it fails.
    #[must_use]
    pub fn allows_on_error(&self, age_s: u64) -> bool {
        let staleness_s = age_s.saturating_sub(self.lifetime_s);
        let within = self
            .stale_if_error_s
            .is_none_or(|limit_s| staleness_s <= limit_s);
        within && !self.shared_must_revalidate
    }

    /// Seconds beyond freshness in which it may be served while a new one is fetched; `site_s` where
    /// the origin does not say. By `s-maxage` it forbids staleness that it does not allow itself.
    #[must_use]
    pub fn window_s(&self, site_s: u64) -> u64 {
        let by_site_s = if self.shared_must_revalidate {
            0
        } else {
            site_s
        };
        self.stale_while_revalidate_s.unwrap_or(by_site_s)
    }
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
    // RFC 9213, section 2.2: a targeted field replaces Cache-Control and Expires.
    let targeted = TARGETED
        .into_iter()
        .find_map(|name| Directives::read_targeted(response, name));
    let own = targeted.unwrap_or_else(|| Directives::read(response, "cache-control"));
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
    let expires = response.first("expires").filter(|_| targeted.is_none());
    let date = response
        .first("date")
        .and_then(date::read)
        .unwrap_or(received_at);
    let explicit = own
        .s_maxage
        .or_stale()
        .or(own.max_age.or_stale())
        .or_else(|| {
            expires.map(|expires| {
                date::read(expires).map_or(0, |expires| expires.since(date).as_secs())
            })
        });
    if explicit.is_none() && !(is_heuristically_cacheable(status) || own.public) {
        return Err(NotStored::Status);
    }
    let basis = basis(&own, targeted.is_some(), response);
    if own.no_cache {
        // Stored, and asked about each time (section 5.2.2.4).
        return Ok(Terms {
            lifetime_s: 0,
            initial_age_s: 0,
            stale_while_revalidate_s: Some(0),
            must_revalidate: true,
            shared_must_revalidate: true,
            stale_if_error_s: None,
            basis,
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
        stale_while_revalidate_s: own.stale_while_revalidate.or_stale(),
        must_revalidate: own.must_revalidate,
        stale_if_error_s: own.stale_if_error.or_stale(),
        shared_must_revalidate: own.s_maxage != Seconds::Absent
            && own.stale_if_error == Seconds::Absent,
        basis,
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
/// `window_s`: seconds beyond freshness in which it may be served while a new one is fetched, where
/// the origin does not say.
#[must_use]
pub fn reuse(terms: &Terms, age_s: u64, request: &Directives, window_s: u64) -> Reuse {
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
    let fresh = age_s < terms.lifetime_s;
    // No less than the age plus the time wanted (section 5.2.1.3).
    let fresh_enough = age_s.saturating_add(wanted_s) <= terms.lifetime_s;
    if !too_old && fresh && fresh_enough {
        return Reuse::Fresh;
    }
    if terms.must_revalidate || too_old || wanted_s > 0 {
        return stale;
    }
    let staleness_s = age_s.saturating_sub(terms.lifetime_s);
    if matches!(request.max_stale, Seconds::Some(accepted) if staleness_s <= accepted) {
        return Reuse::Fresh;
    }
    let window_s = terms.window_s(window_s);
    if terms.lifetime_s > 0 && window_s > 0 && staleness_s <= window_s {
        return Reuse::WhileRevalidating;
    }
    stale
}

/// What says for how long a response is fresh, in the order in which [`decide`] goes by it.
fn basis(own: &Directives, targeted: bool, response: &HeaderMap) -> Basis {
    let of = |by_targeted, by_general| if targeted { by_targeted } else { by_general };
    if own.no_cache {
        of(Basis::TargetedNoCache, Basis::NoCache)
    } else if own.s_maxage != Seconds::Absent {
        of(Basis::TargetedSharedMaxAge, Basis::SharedMaxAge)
    } else if own.max_age != Seconds::Absent {
        of(Basis::TargetedMaxAge, Basis::MaxAge)
    } else if !targeted && response.has("expires") {
        Basis::Expires
    } else if response.has("last-modified") {
        Basis::Heuristic
    } else {
        Basis::Nothing
    }
}

/// Section 4.2.2: a tenth of the time since the last change, a day at most.
fn heuristic(response: &HeaderMap, date: Timestamp) -> u64 {
    let changed = response.first("last-modified").and_then(date::read);
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
mod oracle;
#[cfg(test)]
mod tests;

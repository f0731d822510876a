//! What an edge's cache would do with a request, and what it has done with all of them.
//!
//! These are facts, not sentences: the edge tells what it sees and decides, and whoever asked puts
//! it into words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HotStatus, LastGoodStatus, Target};
use crate::Timestamp;

/// A GET of which an edge is to tell what would become of it now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowCache {
    /// The site's name; the site of the host when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The host, lower case without port; the site's first when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Path and query, percent-encoded.
    pub target: String,
    /// Whether it comes over plain HTTP.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain_http: bool,
    /// Further fields of the request, name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// What would become of a request, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheShown {
    /// The site it is for.
    pub site: String,
    /// Path and query under which it is stored.
    pub target: String,
    /// The host under which it is stored; `None` where all hosts of the site share one copy.
    pub host: Option<String>,
    /// Query parameters that the site's rules drop.
    pub dropped: Vec<String>,
    /// Cookies that count, where the site's rules name them.
    pub cookies: Option<Vec<String>>,
    /// Whether addresses are excluded from the site; then this holds for the others.
    pub restricted: bool,
    /// Whether the site stores anything.
    pub stores: bool,
    /// Whether the site keeps last-good copies.
    pub keeps_last_good: bool,
    /// Whether a reader's `Cache-Control` is heeded.
    pub honours_reload: bool,
    /// Whether the origin answered when last asked; `None` before the first request.
    pub origin_up: Option<bool>,
    /// Where the response lies that was looked at.
    pub level: Level,
    /// Whether a sound copy is on disk, of whatever variant.
    pub on_disk: bool,
    /// The response that was looked at, if there is one.
    pub stored: Option<StoredShown>,
    /// Purges that address it, whether they came before or after it was requested.
    pub purges: Vec<PurgeShown>,
    /// What would be answered.
    pub answer: AnswerShown,
}

/// Where a stored response lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// In memory.
    Hot,
    /// On disk alone.
    LastGood,
    /// On disk, damaged; it is removed when a reader asks for it.
    Damaged,
    /// Nowhere.
    Nowhere,
}

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredShown {
    /// Its status.
    pub status: u16,
    /// Length of its body.
    pub body_bytes: u64,
    /// When the origin was asked for it.
    pub requested_at: Timestamp,
    /// When it came or was last confirmed.
    pub received_at: Timestamp,
    /// Seconds since the origin made or confirmed it.
    pub age_s: u64,
    /// Seconds it is fresh, counted in age.
    pub lifetime_s: u64,
    /// What says so.
    pub basis: Basis,
    /// Seconds beyond freshness in which it is shown while a new one is fetched.
    pub stale_while_revalidate_s: u64,
    /// Why it is not shown when the origin fails; `None`: it is.
    pub not_on_error: Option<NotOnError>,
    /// Request fields that select it.
    pub vary: Vec<VaryShown>,
    /// Its entity tag.
    pub etag: Option<String>,
    /// When it was changed, as the origin says.
    pub last_modified: Option<String>,
    /// Names under which it is purged.
    pub tags: Vec<String>,
}

/// What says for how long a response is fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// It was not noted: the copy is of an older version.
    #[default]
    Unknown,
    /// `s-maxage` of a targeted field (RFC 9213).
    TargetedSharedMaxAge,
    /// `max-age` of a targeted field.
    TargetedMaxAge,
    /// `no-cache` of a targeted field.
    TargetedNoCache,
    /// `s-maxage` of `Cache-Control`.
    SharedMaxAge,
    /// `max-age` of `Cache-Control`.
    MaxAge,
    /// `no-cache` of `Cache-Control`: asked about each time.
    NoCache,
    /// `Expires`.
    Expires,
    /// A tenth of the time since it was last changed, a day at most (RFC 9111, section 4.2.2).
    Heuristic,
    /// Nothing: it is never fresh.
    Nothing,
}

/// Why a stored response is not shown when the origin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotOnError {
    /// The origin said `must-revalidate`, `proxy-revalidate` or `no-cache`.
    MustRevalidate,
    /// The origin said `s-maxage` without `stale-if-error` (RFC 9111, section 5.2.2.10), and the
    /// site keeps no last-good copies.
    SharedMaxAge,
    /// It was withdrawn.
    Withdrawn,
    /// The request's fields select another variant.
    OtherVariant,
}

/// A request field that selects a stored response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VaryShown {
    /// Its name, lower case.
    pub field: String,
    /// Its value in the request that the stored response answers, without what makes no
    /// difference; `None` where the field was not there.
    pub stored: Option<String>,
    /// Whether the request's value is the same.
    pub same: bool,
}

/// A purge that addresses a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurgeShown {
    /// What was purged.
    pub target: Target,
    /// When it was last refreshed.
    pub refreshed_at: Option<Timestamp>,
    /// When it was last withdrawn.
    pub withdrawn_at: Option<Timestamp>,
    /// Whether what is stored came before that.
    pub concerns_stored: bool,
}

/// What a request would be answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerShown {
    /// A redirect of the table.
    Redirect(RedirectShown),
    /// A redirect to https.
    ToHttps,
    /// The notice that an operator put in place of the site.
    Notice,
    /// The disaster page, in place of the home page.
    Disaster,
    /// The origin's answer, without a look into the cache: the site stores nothing, or the request
    /// has conditions that only the origin can judge.
    Pass,
    /// The stored response, which is fresh.
    Hit,
    /// The stored response, while a new one is fetched.
    StaleWhileRevalidate,
    /// The stored response, because the origin was found dead just now.
    LastGood,
    /// The stored response if the origin confirms it, else what the origin says.
    Confirm {
        /// What is answered when the origin fails.
        if_origin_fails: IfOriginFails,
    },
    /// What the origin says.
    Fetch {
        /// What is answered when the origin fails.
        if_origin_fails: IfOriginFails,
    },
    /// 504: the request is `only-if-cached`, and nothing suitable is stored.
    NothingSuitable,
}

/// What is answered when the origin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfOriginFails {
    /// The stored response.
    LastGood,
    /// 410, because it was withdrawn.
    Gone,
    /// 503 with the notice.
    Unavailable,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedirectShown {
    /// 301, 302, 307 or 308.
    pub status: u16,
    /// The URL or path.
    pub to: String,
    /// The redirect's source in the table, as it matched.
    pub from: String,
    /// What it is for.
    pub note: String,
}

/// What a cache has done since the process started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheStats {
    /// Since when it counts.
    pub since: Timestamp,
    /// One entry a site.
    pub sites: Vec<SiteStats>,
    /// The hot cache.
    pub hot: HotStatus,
    /// The last-good store; none when the configuration gives it no folder.
    pub last_good: Option<LastGoodStatus>,
    /// What comes and goes, whatever site it is for.
    #[serde(default)]
    pub traffic: TrafficShown,
}

/// What comes to an edge, whatever site it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficShown {
    /// Requests that are being answered now.
    pub under_way: u64,
    /// Connections of readers that are open now.
    pub connections: u64,
    /// Connections that were let in since the start.
    pub admitted: u64,
    /// How often a limit was met since the start: connections and requests that were refused.
    pub refused: u64,
    /// TLS handshakes that failed since the start.
    pub handshakes_failed: u64,
}

/// What was done for one site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SiteStats {
    /// Its name in the configuration.
    pub name: String,
    /// Requests by what became of them.
    pub requests: RequestCounts,
    /// Readers who waited for an answer of the origin that another one had asked for.
    pub coalesced: u64,
    /// Questions to the origin under way now.
    pub fetching: u64,
    /// What went out to readers.
    #[serde(default)]
    pub answers: AnswerCounts,
    /// Questions to the origin that failed, as readers met them.
    #[serde(default)]
    pub origin_errors: u64,
}

/// Answers by the first digit of their status, and their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerCounts {
    /// 1xx.
    pub informational: u64,
    /// 2xx.
    pub successful: u64,
    /// 3xx.
    pub redirection: u64,
    /// 4xx.
    pub client_error: u64,
    /// 5xx.
    pub server_error: u64,
    /// Bytes of bodies.
    pub bytes: u64,
}

impl AnswerCounts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.informational
            + self.successful
            + self.redirection
            + self.client_error
            + self.server_error
    }
}

/// Requests by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestCounts {
    /// Answered with a fresh stored response.
    pub hit: u64,
    /// Answered with a stale one while a new one was fetched.
    pub stale: u64,
    /// Answered with a stale one that the origin confirmed.
    pub confirmed: u64,
    /// Answered with what the origin gave in place of a stale one.
    pub renewed: u64,
    /// Not found in the cache, and asked for at the origin.
    pub miss: u64,
    /// Answered with a stored response because the origin failed.
    pub last_good: u64,
    /// Answered with a redirect of the table, or to https.
    pub redirect: u64,
    /// Passed to the origin without a look into the cache.
    pub pass: u64,
    /// Answered with 503 because the origin failed and nothing was stored.
    pub unavailable: u64,
    /// Answered with 410 because the origin failed and the page was withdrawn.
    pub gone: u64,
    /// Answered with 504: `only-if-cached`, and nothing suitable was stored.
    #[serde(default)]
    pub not_cached: u64,
    /// Refused, because the address is not one that may.
    pub refused: u64,
}

impl RequestCounts {
    /// Of a hundred requests that were looked up in the cache, how many did not wait for the
    /// origin; `None` before the first.
    #[must_use]
    pub fn hit_percent(&self) -> Option<f64> {
        let without_waiting = self.hit + self.stale + self.last_good;
        let waiting = self.confirmed + self.renewed + self.miss + self.unavailable + self.gone;
        let looked_up = without_waiting + waiting;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share is told with one digit after the point"
        )]
        (looked_up > 0).then(|| 100.0 * without_waiting as f64 / looked_up as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_hits_is_that_of_requests_that_were_looked_up() {
        assert_eq!(RequestCounts::default().hit_percent(), None);
        let counts = RequestCounts {
            hit: 6,
            stale: 1,
            last_good: 1,
            miss: 1,
            confirmed: 1,
            redirect: 50,
            pass: 50,
            ..RequestCounts::default()
        };
        assert_eq!(counts.hit_percent(), Some(80.0));
    }
}

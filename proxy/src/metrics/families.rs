//! Every figure there is, with what it means. docs/metrics.md is made from this.

/// A figure, or one for each of its labels' values.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What Prometheus calls its kind.
    pub kind: &'static str,
    /// Its labels.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the documentation is made by a test")
    )]
    pub labels: &'static str,
    /// What it means.
    pub help: &'static str,
}

const fn family(
    name: &'static str,
    kind: &'static str,
    labels: &'static str,
    help: &'static str,
) -> Family {
    Family {
        name,
        kind,
        labels,
        help,
    }
}

/// 1, with the version of the program.
pub const BUILD: Family = family(
    "yagura_build_info",
    "gauge",
    "version",
    "1, with the version of the program.",
);
/// When the edge started, in seconds since 1970.
pub const STARTED: Family = family(
    "yagura_start_time_seconds",
    "gauge",
    "",
    "When the edge started, in seconds since 1970.",
);
/// The generation in force: how many orders changed the edge.
pub const GENERATION: Family = family(
    "yagura_generation",
    "gauge",
    "",
    "The generation in force: how many orders changed the edge.",
);
/// Requests that are being answered now.
pub const UNDER_WAY: Family = family(
    "yagura_requests_under_way",
    "gauge",
    "",
    "Requests that are being answered now.",
);
/// Lines that stand in the access log.
pub const LOG_LINES: Family = family(
    "yagura_access_log_lines_total",
    "counter",
    "",
    "Lines that stand in the access log.",
);
/// Lines of the access log that were lost.
pub const LOG_DROPPED: Family = family(
    "yagura_access_log_dropped_total",
    "counter",
    "because",
    "Lines of the access log that were lost: the queue was full (the disk is slower than the readers), or the disk took nothing.",
);
/// 1 while the access log cannot be written.
pub const LOG_FAILING: Family = family(
    "yagura_access_log_failing",
    "gauge",
    "",
    "1 while the access log cannot be written, otherwise 0.",
);
/// Spans by what became of them: sent to the collector, lost.
pub const SPANS: Family = family(
    "yagura_spans_total",
    "counter",
    "result",
    "Spans of traces by what became of them: sent to the collector, or lost because it was slow or dead; left out without traces.",
);
/// Until when the certificate is valid, in seconds since 1970; left out without TLS.
pub const CERTIFICATE: Family = family(
    "yagura_certificate_end_seconds",
    "gauge",
    "certificate (local: the local authority's)",
    "Until when the certificate that is served is valid, in seconds since 1970.",
);
/// Until when certificates elsewhere are valid.
pub const CERTIFICATE_ELSEWHERE: Family = family(
    "yagura_watched_certificate_end_seconds",
    "gauge",
    "certificate (control, holder: what this edge shows to operators and other edges)",
    "Until when a certificate that the site depends on and that is not served here is valid, as it was last seen, in seconds since 1970.",
);
/// Certificates elsewhere with which something is wrong.
pub const ELSEWHERE_TROUBLE: Family = family(
    "yagura_watched_certificate_trouble",
    "gauge",
    "certificate",
    "1 while such a certificate is not seen, not believed, or ends soon, otherwise 0.",
);
/// Certificates that are not what they should be.
pub const CERTIFICATE_ALARM: Family = family(
    "yagura_certificate_alarm",
    "gauge",
    "certificate",
    "1 while something else is served than a valid present version, otherwise 0.",
);
/// Orders of certificates that failed.
pub const RENEWAL_FAILURES: Family = family(
    "yagura_certificate_renewal_failures_total",
    "counter",
    "certificate",
    "Orders of the certificate that failed.",
);
/// Orders that failed since the last success.
pub const RENEWAL_FAILING: Family = family(
    "yagura_certificate_renewal_failing",
    "gauge",
    "certificate",
    "1 while the last order of the certificate has failed, otherwise 0.",
);
/// Connections of readers that are open now.
pub const CONNECTIONS: Family = family(
    "yagura_connections",
    "gauge",
    "",
    "Connections of readers that are open now.",
);
/// Connections that were let in.
pub const ADMITTED: Family = family(
    "yagura_connections_total",
    "counter",
    "",
    "Connections that were let in.",
);
/// TLS handshakes: done, failed.
pub const HANDSHAKES: Family = family(
    "yagura_handshakes_total",
    "counter",
    "result",
    "TLS handshakes: done, failed.",
);
/// How often each limit was met, by its key in the configuration; see the runbook on floods.
pub const REFUSED: Family = family(
    "yagura_refused_total",
    "counter",
    "limit",
    "How often each limit was met, by its key in the configuration; see the runbook on floods.",
);
/// Bans in force.
pub const BANS: Family = family("yagura_bans", "gauge", "", "Bans in force.");
/// Inspections by what was found and done.
pub const WAF_REQUESTS: Family = family(
    "yagura_waf_requests_total",
    "counter",
    "site, mode (shadow, on), found, done (pass, refuse, later)",
    "Inspected requests by what was found and what was done; left out without [waf].",
);
/// 1 while the rules are loaded and judge every canary as they must, otherwise 0.
pub const WAF_READY: Family = family(
    "yagura_waf_ready",
    "gauge",
    "",
    "1 while the rules are loaded and judge every canary as they must, otherwise 0; left out without [waf].",
);
/// Workers that are at a request now.
pub const WAF_BUSY: Family = family(
    "yagura_waf_workers_busy",
    "gauge",
    "",
    "Workers that are at a request now.",
);
/// Workers that ended.
pub const WAF_ENDS: Family = family(
    "yagura_waf_worker_ends_total",
    "counter",
    "because (deadline, forbidden, lost, recycled)",
    "Workers that ended: by a deadline, by a call of the system that they may not make, of themselves or killed by somebody, to make room for a new one.",
);
/// CPU time of verdicts.
pub const WAF_CPU: Family = family(
    "yagura_waf_cpu_microseconds_total",
    "counter",
    "",
    "CPU time that verdicts took in the workers.",
);
/// Findings that are not on disk.
pub const WAF_UNWRITTEN: Family = family(
    "yagura_waf_findings_unwritten_total",
    "counter",
    "because (queue, disk)",
    "Findings that were lost to the disk: the queue was full, or the disk took nothing. The newest are told from memory all the same.",
);
/// Responses in memory.
pub const HOT_ENTRIES: Family = family("yagura_hot_entries", "gauge", "", "Responses in memory.");
/// Bytes of responses in memory.
pub const HOT_BYTES: Family = family(
    "yagura_hot_bytes",
    "gauge",
    "",
    "Bytes of responses in memory.",
);
/// Most bytes of responses in memory.
pub const HOT_CAPACITY: Family = family(
    "yagura_hot_capacity_bytes",
    "gauge",
    "",
    "Most bytes of responses in memory.",
);
/// Responses that made room for others.
pub const HOT_EVICTIONS: Family = family(
    "yagura_hot_evictions_total",
    "counter",
    "",
    "Responses that made room for others.",
);
/// Last-good copies on disk.
pub const KEPT_ENTRIES: Family = family(
    "yagura_last_good_entries",
    "gauge",
    "",
    "Last-good copies on disk.",
);
/// Bytes of last-good copies on disk.
pub const KEPT_BYTES: Family = family(
    "yagura_last_good_bytes",
    "gauge",
    "",
    "Bytes of last-good copies on disk.",
);
/// Most bytes of last-good copies on disk.
pub const KEPT_QUOTA: Family = family(
    "yagura_last_good_quota_bytes",
    "gauge",
    "",
    "Most bytes of last-good copies on disk.",
);
/// Copies that were found damaged, and dropped.
pub const KEPT_DAMAGED: Family = family(
    "yagura_last_good_damaged_total",
    "counter",
    "",
    "Copies that were found damaged, and dropped.",
);
/// 1 while last-good takes nothing new (disk full or failing), otherwise 0.
pub const KEPT_DEGRADED: Family = family(
    "yagura_last_good_degraded",
    "gauge",
    "",
    "1 while last-good takes nothing new (disk full or failing), otherwise 0.",
);
/// Requests by what became of them, in the words of `yagura cache stats`.
pub const REQUESTS: Family = family(
    "yagura_requests_total",
    "counter",
    "site, outcome",
    "Requests by what became of them, in the words of `yagura cache stats`.",
);
/// Answers by the first digit of their status.
pub const RESPONSES: Family = family(
    "yagura_responses_total",
    "counter",
    "site, class",
    "Answers by the first digit of their status.",
);
/// Bytes of bodies that were sent.
pub const BYTES: Family = family(
    "yagura_response_bytes_total",
    "counter",
    "site",
    "Bytes of bodies that were sent.",
);
/// How long requests took from their first byte to the last of the answer, but for those answered straight from memory, which take microseconds and are not timed.
pub const SECONDS: Family = family(
    "yagura_request_seconds",
    "histogram",
    "site",
    "How long requests took from their first byte to the last of the answer, but for those answered straight from memory, which take microseconds and are not timed.",
);
/// Readers who waited for an answer that another one had asked for.
pub const COALESCED: Family = family(
    "yagura_coalesced_total",
    "counter",
    "site",
    "Readers who waited for an answer that another one had asked for.",
);
/// Questions to the origin that are under way now.
pub const FETCHING: Family = family(
    "yagura_origin_requests",
    "gauge",
    "site",
    "Questions to the origin that are under way now.",
);
/// Questions to the origin that failed, as readers met them.
pub const ORIGIN_ERRORS: Family = family(
    "yagura_origin_errors_total",
    "counter",
    "site, kind",
    "Questions to the origin that failed, as readers met them.",
);
/// 1 while the origin answers, otherwise 0; left out before it was asked.
pub const ORIGIN_UP: Family = family(
    "yagura_origin_up",
    "gauge",
    "site",
    "1 while the origin answers, otherwise 0; left out before it was asked.",
);
/// 1 while an upstream of a site counts as answering, otherwise 0.
pub const UPSTREAM_UP: Family = family(
    "yagura_upstream_up",
    "gauge",
    "site, upstream (primary, standby1 ...)",
    "1 while an upstream counts as answering, by its checks and by real requests, otherwise 0.",
);
/// Seconds since the newest post of a disaster page.
pub const DISASTER_AGE: Family = family(
    "yagura_disaster_newest_post_age_seconds",
    "gauge",
    "site",
    "Seconds since the newest post of the disaster page; left out where none is up.",
);
/// The way in which a site is answered.
pub const WAY: Family = family(
    "yagura_site_way",
    "gauge",
    "site, way (primary, standby1 ..., last-good, notice)",
    "1 for the way in which the site is answered.",
);
/// 1 while a site behind clouds admits those who come directly.
pub const DOOR: Family = family(
    "yagura_door_open",
    "gauge",
    "site",
    "1 while a site that is behind security clouds admits readers who come directly, otherwise 0; left out for other sites, as the five below.",
);
/// Requests by how they came.
pub const COMINGS: Family = family(
    "yagura_comings_total",
    "counter",
    "site, from (direct, city-hall, monitor, cloud), cloud (its name, where it is one)",
    "Requests that were let in, by the way they came.",
);
/// Requests that were not let in.
pub const TURNED_AWAY: Family = family(
    "yagura_turned_away_total",
    "counter",
    "site",
    "Requests that came directly while the door was closed.",
);
/// Direct requests of the last minute.
pub const DIRECT_RATE: Family = family(
    "yagura_direct_requests_last_minute",
    "gauge",
    "site",
    "Direct requests that were let in within the last minute, but for the city hall's and monitors'.",
);
/// The most of them since the door was opened.
pub const DIRECT_PEAK: Family = family(
    "yagura_direct_requests_peak_minute",
    "gauge",
    "site",
    "The most of them in one minute since the door was last opened.",
);
/// When the last of them came.
pub const DIRECT_LAST: Family = family(
    "yagura_direct_request_last_seconds",
    "gauge",
    "site",
    "When the last of them came, in seconds since 1970; left out before the first.",
);
/// 1 while the outside is admitted to a site for staff.
pub const OUTSIDE: Family = family(
    "yagura_staff_open",
    "gauge",
    "site",
    "1 while everybody is admitted to a site for staff, otherwise 0; left out for other sites.",
);
/// Redirects in force.
pub const REDIRECTS: Family = family("yagura_redirects", "gauge", "site", "Redirects in force.");
/// How far the warmer is.
pub const WARMER_POSITION: Family = family(
    "yagura_warmer_position",
    "gauge",
    "site",
    "How far the warmer is.",
);
/// How far it could be.
pub const WARMER_HEAD: Family = family(
    "yagura_warmer_head",
    "gauge",
    "site",
    "How far it could be.",
);
/// 1 when last-good holds everything that is published, otherwise 0.
pub const WARMER_COMPLETE: Family = family(
    "yagura_warmer_complete",
    "gauge",
    "site",
    "1 when last-good holds everything that is published, otherwise 0.",
);
/// Pages that the warmer could not fetch.
pub const WARMER_FAILING: Family = family(
    "yagura_warmer_failing",
    "gauge",
    "site",
    "Pages that the warmer could not fetch.",
);

/// Whether each path to a site works.
pub const PATH_UP: Family = family(
    "yagura_path_up",
    "gauge",
    "site, path (direct, or the cloud's name)",
    "1 while the path to a site that is behind a cloud works, 0 while it fails; left out before that is known.",
);
/// How long answers over each path take.
pub const PATH_SECONDS: Family = family(
    "yagura_path_seconds",
    "gauge",
    "site, path (direct, or the cloud's name)",
    "The median of the last sixty answers of probes over the path, in seconds.",
);
/// When the certificates on the direct path end.
pub const PATH_CERTIFICATE: Family = family(
    "yagura_path_certificate_end_seconds",
    "gauge",
    "site, name",
    "Until when the certificate of the name is valid that is shown on the direct path, in seconds since 1970.",
);
/// For how long caches may keep the records of names that can be switched.
pub const NAMES_TTL: Family = family(
    "yagura_names_ttl_seconds",
    "gauge",
    "site",
    "For how long caches may keep the records of the site's names, as its DNS servers give them.",
);
/// Announcements by what became of them.
pub const HOOKS: Family = family(
    "yagura_hook_announcements_total",
    "counter",
    "hook, result",
    "Announcements by what became of them: told, lost because the hook was dead for too long; failed counts attempts.",
);
/// Announcements that wait.
pub const HOOKS_WAITING: Family = family(
    "yagura_hook_waiting",
    "gauge",
    "hook",
    "Announcements that the hook has not taken yet.",
);

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Family; 63] = [
        &BUILD,
        &STARTED,
        &GENERATION,
        &UNDER_WAY,
        &LOG_LINES,
        &LOG_DROPPED,
        &LOG_FAILING,
        &SPANS,
        &CERTIFICATE,
        &CERTIFICATE_ALARM,
        &CERTIFICATE_ELSEWHERE,
        &ELSEWHERE_TROUBLE,
        &RENEWAL_FAILURES,
        &RENEWAL_FAILING,
        &CONNECTIONS,
        &ADMITTED,
        &HANDSHAKES,
        &REFUSED,
        &BANS,
        &WAF_REQUESTS,
        &WAF_READY,
        &WAF_BUSY,
        &WAF_ENDS,
        &WAF_CPU,
        &WAF_UNWRITTEN,
        &HOT_ENTRIES,
        &HOT_BYTES,
        &HOT_CAPACITY,
        &HOT_EVICTIONS,
        &KEPT_ENTRIES,
        &KEPT_BYTES,
        &KEPT_QUOTA,
        &KEPT_DAMAGED,
        &KEPT_DEGRADED,
        &REQUESTS,
        &RESPONSES,
        &BYTES,
        &SECONDS,
        &COALESCED,
        &FETCHING,
        &ORIGIN_ERRORS,
        &ORIGIN_UP,
        &UPSTREAM_UP,
        &DISASTER_AGE,
        &WAY,
        &DOOR,
        &COMINGS,
        &TURNED_AWAY,
        &DIRECT_RATE,
        &DIRECT_PEAK,
        &DIRECT_LAST,
        &OUTSIDE,
        &REDIRECTS,
        &WARMER_POSITION,
        &WARMER_HEAD,
        &WARMER_COMPLETE,
        &WARMER_FAILING,
        &PATH_UP,
        &PATH_SECONDS,
        &PATH_CERTIFICATE,
        &NAMES_TTL,
        &HOOKS,
        &HOOKS_WAITING,
    ];

    fn documentation() -> String {
        let mut text =
            "# Metrics\n\nMade from `proxy/src/metrics/families.rs` by a test; do not edit. \
            Prometheus reads them at `/metrics` of the address in `metrics` of `[edge]`.\n\n\
            | Name | Kind | Labels | Meaning |\n|---|---|---|---|\n"
                .to_owned();
        for family in ALL {
            let Family {
                name,
                kind,
                labels,
                help,
            } = family;
            text.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
        }
        text
    }

    #[test]
    fn the_documentation_is_what_the_code_says() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        let present = std::fs::read_to_string(&file).unwrap_or_default();
        if present != documentation() {
            std::fs::write(&file, documentation()).unwrap();
            panic!(
                "docs/metrics.md was not up to date and was written anew: look at it and commit it"
            );
        }
    }

    #[test]
    fn names_are_formed_as_prometheus_wants_them() {
        for family in ALL {
            let counts = family.name.ends_with("_total");
            assert_eq!(counts, family.kind == "counter", "{family:?}");
            assert!(
                family.name.starts_with("yagura_") && family.help.ends_with('.'),
                "{family:?}"
            );
        }
        let mut names = ALL.map(|family| family.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

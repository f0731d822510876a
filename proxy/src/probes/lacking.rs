//! What stands in the way of a switch, as far as both paths, the certificates and the DNS show it,
//! and how to get it. Pure.

use std::time::Duration;

use yagura_config::settings::BypassSettings;
use yagura_control::Timestamp;
use yagura_control::order::Missing;

use super::facts::{Facts, NameSeen, PathSeen, ServerSeen};
use super::window::Standing;

/// A record that caches may keep longer than this moves readers too slowly.
const LONGEST_TTL: Duration = Duration::from_secs(300);
/// A certificate that ends sooner than this may end in the middle of it.
const SHORTEST_CERTIFICATE: Duration = Duration::from_secs(3 * 86_400);

/// What is missing; nothing: the site is ready to be published directly.
#[must_use]
pub fn lacking(
    facts: Option<&Facts>,
    bypass: Option<&BypassSettings>,
    interval: Duration,
    now: Timestamp,
) -> Vec<Missing> {
    let Some(bypass) = bypass else {
        return vec![missing(
            "how the site is published directly is not configured",
            "add [site.bypass] with the direct addresses, and reload",
        )];
    };
    let Some(facts) = facts.filter(|facts| facts.are_fresh(interval, now)) else {
        return vec![missing(
            "the paths were not asked just now",
            "wait a moment; if it stays so, look into the log of the edge",
        )];
    };
    let mut lacking = Vec::new();
    lacking.extend(facts.direct.iter().filter_map(no_path));
    if facts.direct.is_empty() {
        lacking.push(missing(
            "the direct records name no address",
            "add A or AAAA records to `direct` of [site.bypass]",
        ));
    } else if lacking.is_empty() && !facts.direct_standing.is_sound() {
        lacking.push(unsteady(facts.direct_standing));
    }
    lacking.extend(
        facts
            .names
            .iter()
            .filter_map(|name| no_certificate(name, now)),
    );
    if facts.servers.is_empty() {
        lacking.push(missing(
            "no server answers for the names as far as is known",
            "write them into `servers` of [site.bypass]",
        ));
    }
    lacking.extend(facts.servers.iter().filter_map(silent));
    lacking.extend(facts.ttl().and_then(too_long));
    lacking.extend(neither_here_nor_there(facts, bypass));
    lacking
}

fn missing(what: impl Into<String>, hint: impl Into<String>) -> Missing {
    Missing {
        what: what.into(),
        hint: hint.into(),
    }
}

fn no_path(path: &PathSeen) -> Option<Missing> {
    let why = path.answer.as_ref().err()?;
    let what = format!("the direct path to {} fails: {why}", path.address);
    let hint = "look at the firewall, the edge's listener and its certificate at this address";
    Some(missing(what, hint))
}

fn unsteady(standing: Standing) -> Missing {
    match standing {
        Standing::Failing { since } => missing(
            format!("the direct path answers again, and failed since {since}"),
            "wait until it has answered for a minute and a half",
        ),
        Standing::Unknown | Standing::Sound { .. } => missing(
            "the direct path was not asked often enough",
            "wait until it has answered three times",
        ),
    }
}

fn no_certificate(name: &NameSeen, now: Timestamp) -> Option<Missing> {
    let host = &name.name;
    let hint = format!(
        "order one by ACME ([[certificate]] with this name), or install one: `yagura certs install`; \
         `yagura certs list` shows what there is for {host}"
    );
    if let Err(why) = name.believed(now) {
        return Some(missing(
            format!("no certificate for {host} that readers believe: {why}"),
            hint,
        ));
    }
    let left = name.not_after?.since(now);
    (left < SHORTEST_CERTIFICATE).then(|| {
        let hours = left.as_secs() / 3_600;
        missing(
            format!("the certificate for {host} ends in {hours} hours"),
            hint,
        )
    })
}

fn silent(server: &ServerSeen) -> Option<Missing> {
    let why = server.fault.as_ref()?;
    let what = format!(
        "the server {} tells nothing of the names: {why}",
        server.server
    );
    let hint =
        "look whether it runs and answers for the zone, and whether port 53 is open from here";
    Some(missing(what, hint))
}

fn too_long(ttl: Duration) -> Option<Missing> {
    (ttl > LONGEST_TTL).then(|| {
        let seconds = ttl.as_secs();
        missing(
            format!("caches may keep the names for {seconds} s"),
            format!(
                "lower the TTL of all records of the names to 60 s to 300 s now; it counts after \
                 {seconds} s"
            ),
        )
    })
}

/// What the names hold is to be changed by comparing it with what is known.
fn neither_here_nor_there(facts: &Facts, bypass: &BypassSettings) -> Option<Missing> {
    let answers = facts.servers.iter().filter(|it| it.fault.is_none());
    let mut strange = answers.flat_map(|server| &server.held).filter(|held| {
        let known = bypass.behind.values().flatten().chain(&bypass.direct);
        !known.into_iter().any(|record| *record == held.record)
    });
    let strange = strange.next()?;
    Some(missing(
        format!(
            "{} holds {}, which is neither a cloud's record nor a direct one",
            strange.name, strange.record
        ),
        "put it right in the DNS, or write it into [site.bypass.cloud]",
    ))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use yagura_config::settings::DnsRecord;

    use super::*;
    use crate::probes::facts::HeldRecord;
    use crate::probes::judge::tests::bypass;

    const NOW: Timestamp = Timestamp(1_795_410_187_123);
    const INTERVAL: Duration = Duration::from_secs(10);

    fn facts() -> Facts {
        Facts {
            at: NOW,
            direct: vec![PathSeen {
                address: SocketAddr::from(([203, 0, 113, 5], 443)),
                answer: Ok(31),
                edge: None,
            }],
            direct_standing: Standing::Sound { since: NOW },
            direct_ms: Some(31),
            clouds: Vec::new(),
            names: vec![NameSeen {
                name: "www.town.example".to_owned(),
                not_after: Some(NOW.plus(61 * Duration::from_secs(86_400))),
                fault: None,
            }],
            servers_at: NOW,
            servers: vec![ServerSeen {
                server: "198.51.100.53:53".to_owned(),
                held: vec![HeldRecord {
                    name: "www.town.example".to_owned(),
                    record: DnsRecord::Cname("town.cloud.example".to_owned()),
                }],
                ttl: Some(Duration::from_secs(120)),
                serial: Some(7),
                fault: None,
            }],
        }
    }

    fn told(facts: &Facts) -> Vec<String> {
        let lacking = lacking(Some(facts), Some(&bypass()), INTERVAL, NOW);
        assert!(lacking.iter().all(|missing| !missing.hint.is_empty()));
        lacking.into_iter().map(|missing| missing.what).collect()
    }

    #[test]
    fn a_site_of_which_all_is_well_lacks_nothing() {
        assert_eq!(told(&facts()), [""; 0]);
    }

    #[test]
    fn each_thing_that_is_missing_is_told_with_what_to_do() {
        type Spoil = fn(&mut Facts);
        let spoils: [(Spoil, &str); 10] = [
            (
                |facts| facts.direct[0].answer = Err("connection refused".to_owned()),
                "the direct path to 203.0.113.5:443 fails: connection refused",
            ),
            (
                |facts| facts.direct.clear(),
                "the direct records name no address",
            ),
            (
                |facts| facts.direct_standing = Standing::Unknown,
                "the direct path was not asked often enough",
            ),
            (
                |facts| facts.names[0].fault = Some("expired".to_owned()),
                "no certificate for www.town.example that readers believe: expired",
            ),
            (
                |facts| facts.names[0].not_after = Some(NOW.plus(Duration::from_secs(7_300))),
                "the certificate for www.town.example ends in 2 hours",
            ),
            (
                |facts| facts.servers.clear(),
                "no server answers for the names as far as is known",
            ),
            (
                |facts| facts.servers[0].fault = Some("silent".to_owned()),
                "the server 198.51.100.53:53 tells nothing of the names: silent",
            ),
            (
                |facts| facts.servers[0].ttl = Some(Duration::from_secs(3_600)),
                "caches may keep the names for 3600 s",
            ),
            (
                |facts| facts.servers[0].held[0].record = DnsRecord::A([192, 0, 2, 9].into()),
                "www.town.example holds A 192.0.2.9, which is neither a cloud's record nor a direct \
                 one",
            ),
            (
                |facts| facts.at = Timestamp(NOW.0 - 61_000),
                "the paths were not asked just now",
            ),
        ];
        for (spoil, what) in spoils {
            let mut facts = facts();
            spoil(&mut facts);
            assert_eq!(told(&facts), [what]);
        }
    }

    #[test]
    fn without_settings_or_facts_nothing_is_ready() {
        assert_eq!(lacking(Some(&facts()), None, INTERVAL, NOW).len(), 1);
        assert_eq!(lacking(None, Some(&bypass()), INTERVAL, NOW).len(), 1);
    }
}

//! What stands in the way of a bypass, as far as both paths, the certificates, the DNS and our own
//! guards show it, and how to get it. Pure, and the one source for it: the machine goes by what stops
//! here, and `yagura cloud status` tells all of it.
//!
//! Little stops a bypass: that which would lead readers to something that does not work, or that is
//! not guarded. A long TTL, a certificate that ends in two days, a name server that is silent are worse
//! on the day when it is needed, and none of it is a reason to leave the site dark.

use std::time::Duration;

use yagura_config::settings::BypassSettings;
use yagura_control::Timestamp;
use yagura_control::order::Missing;

use super::guards::Guards;
use crate::probes::facts::{Facts, NameSeen, PathSeen, ServerSeen};
use crate::probes::window::Standing;

/// A record that caches may keep longer than this moves readers too slowly.
const LONGEST_TTL: Duration = Duration::from_secs(300);
/// A certificate that ends sooner than this may end in the middle of it.
const SHORTEST_CERTIFICATE: Duration = Duration::from_secs(3 * 86_400);

/// What is known of a site.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// How it is published directly.
    pub bypass: Option<&'a BypassSettings>,
    /// What was seen of both ways.
    pub facts: Option<&'a Facts>,
    /// How often they are asked.
    pub interval: Duration,
    /// What of ours stands where the cloud stood.
    pub guards: &'a Guards,
}

/// What is missing, what stops it first; nothing: the site is ready to be published directly.
#[must_use]
pub fn lacking(known: &Known<'_>, now: Timestamp) -> Vec<Missing> {
    let Some(bypass) = known.bypass else {
        return vec![Missing::stopping(
            "how the site is published directly is not configured",
            "add [site.bypass] with the direct addresses, and reload",
        )];
    };
    let mut lacking: Vec<Missing> = known.guards.lacking().cloned().collect();
    let fresh = |facts: &&Facts| facts.are_fresh(known.interval, now);
    match known.facts.filter(fresh) {
        Some(facts) => lacking.extend(of_facts(facts, bypass, now)),
        None => lacking.push(Missing::stopping(
            "the paths were not asked just now",
            "wait a moment; if it stays so, look into the log of the edge",
        )),
    }
    lacking.sort_by_key(|missing| !missing.stops);
    lacking
}

/// Whether anything of it keeps the door from being opened.
#[must_use]
pub fn stops(lacking: &[Missing]) -> bool {
    lacking.iter().any(|missing| missing.stops)
}

fn of_facts(facts: &Facts, bypass: &BypassSettings, now: Timestamp) -> Vec<Missing> {
    let mut lacking: Vec<Missing> = facts.direct.iter().filter_map(no_path).collect();
    if facts.direct.is_empty() {
        lacking.push(Missing::stopping(
            "the direct records name no address",
            "add A or AAAA records to `direct` of [site.bypass]",
        ));
    } else if lacking.is_empty() && !facts.direct_standing.is_sound() {
        lacking.push(unsteady(facts.direct_standing));
    }
    let names = facts.names.iter();
    lacking.extend(names.filter_map(|name| no_certificate(name, now)));
    if facts.servers.is_empty() {
        lacking.push(Missing::new(
            "no server answers for the names as far as is known",
            "write them into `servers` of [site.bypass]",
        ));
    }
    lacking.extend(facts.servers.iter().filter_map(silent));
    lacking.extend(facts.ttl().and_then(too_long));
    lacking.extend(neither_here_nor_there(facts, bypass));
    lacking
}

fn no_path(path: &PathSeen) -> Option<Missing> {
    let why = path.answer.as_ref().err()?;
    Some(Missing::stopping(
        format!("the direct path to {} fails: {why}", path.address),
        "look at the firewall, the listener and its certificate at this address; or take it out of \
         `direct` of [site.bypass] and reload",
    ))
}

fn unsteady(standing: Standing) -> Missing {
    match standing {
        Standing::Failing { since } => Missing::new(
            format!("the direct path answers again, and failed since {since}"),
            "wait until it has answered for a minute and a half",
        ),
        Standing::Unknown | Standing::Sound { .. } => Missing::new(
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
        let what = format!("no certificate for {host} that readers believe: {why}");
        return Some(Missing::stopping(what, hint));
    }
    let left = name.not_after?.since(now);
    (left < SHORTEST_CERTIFICATE).then(|| {
        let hours = left.as_secs() / 3_600;
        Missing::new(
            format!("the certificate for {host} ends in {hours} hours"),
            hint,
        )
    })
}

fn silent(server: &ServerSeen) -> Option<Missing> {
    let why = server.fault.as_ref()?;
    Some(Missing::new(
        format!(
            "the server {} tells nothing of the names: {why}",
            server.server
        ),
        "look whether it runs and answers for the zone, and whether port 53 is open from here",
    ))
}

fn too_long(ttl: Duration) -> Option<Missing> {
    (ttl > LONGEST_TTL).then(|| {
        let seconds = ttl.as_secs();
        Missing::new(
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
    Some(Missing::new(
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
    use crate::bypass::guards::Guard;
    use crate::probes::facts::HeldRecord;
    use crate::probes::judge::tests::bypass;

    const NOW: Timestamp = Timestamp(1_795_410_187_123);
    const INTERVAL: Duration = Duration::from_secs(10);

    fn guards(lacks: &[Missing]) -> Guards {
        let stands = || Guard::Stands("as it must".to_owned());
        Guards {
            waf: lacks.first().cloned().map_or_else(stands, Guard::Lacks),
            limits: stands(),
        }
    }

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
                server: SocketAddr::from(([198, 51, 100, 53], 53)),
                held: vec![HeldRecord {
                    name: "www.town.example".to_owned(),
                    record: DnsRecord::Cname("town.cloud.example".to_owned()),
                }],
                ttl: Some(Duration::from_secs(120)),
                fault: None,
            }],
        }
    }

    fn all(facts: Option<&Facts>, lacks: &[Missing]) -> Vec<Missing> {
        let known = Known {
            bypass: Some(&bypass()),
            facts,
            interval: INTERVAL,
            guards: &guards(lacks),
        };
        let lacking = lacking(&known, NOW);
        assert!(lacking.iter().all(|missing| !missing.hint.is_empty()));
        lacking
    }

    #[test]
    fn a_site_of_which_all_is_well_lacks_nothing() {
        assert_eq!(all(Some(&facts()), &[]), []);
    }

    #[test]
    fn each_thing_that_is_missing_is_told_once_and_few_of_them_stop_it() {
        type Spoil = fn(&mut Facts);
        let spoils: [(Spoil, bool, &str); 10] = [
            (
                |facts| facts.direct[0].answer = Err("connection refused".to_owned()),
                true,
                "the direct path to 203.0.113.5:443 fails: connection refused",
            ),
            (
                |facts| facts.direct.clear(),
                true,
                "the direct records name no address",
            ),
            (
                |facts| facts.direct_standing = Standing::Unknown,
                false,
                "the direct path was not asked often enough",
            ),
            (
                |facts| facts.names[0].fault = Some("expired".to_owned()),
                true,
                "no certificate for www.town.example that readers believe: expired",
            ),
            (
                |facts| facts.names[0].not_after = Some(NOW.plus(Duration::from_secs(7_300))),
                false,
                "the certificate for www.town.example ends in 2 hours",
            ),
            (
                |facts| facts.servers.clear(),
                false,
                "no server answers for the names as far as is known",
            ),
            (
                |facts| facts.servers[0].fault = Some("silent".to_owned()),
                false,
                "the server 198.51.100.53:53 tells nothing of the names: silent",
            ),
            (
                |facts| facts.servers[0].ttl = Some(Duration::from_secs(3_600)),
                false,
                "caches may keep the names for 3600 s",
            ),
            (
                |facts| facts.servers[0].held[0].record = DnsRecord::A([192, 0, 2, 9].into()),
                false,
                "www.town.example holds A 192.0.2.9, which is neither a cloud's record nor a direct \
                 one",
            ),
            (
                |facts| facts.at = Timestamp(NOW.0 - 61_000),
                true,
                "the paths were not asked just now",
            ),
        ];
        for (spoil, is_stop, what) in spoils {
            let mut facts = facts();
            spoil(&mut facts);
            let lacking = all(Some(&facts), &[]);
            assert_eq!(stops(&lacking), is_stop, "{what}");
            let told: Vec<String> = lacking.into_iter().map(|it| it.what).collect();
            assert_eq!(told, [what]);
        }
    }

    #[test]
    fn without_settings_facts_or_guards_it_is_stopped_and_that_stands_first() {
        let no_waf = Missing::stopping("no WAF", "install one");
        let known = Known {
            bypass: None,
            facts: Some(&facts()),
            interval: INTERVAL,
            guards: &guards(&[]),
        };
        assert!(stops(&lacking(&known, NOW)));
        assert!(stops(&all(None, &[])));
        let mut slow = facts();
        slow.servers[0].ttl = Some(Duration::from_secs(3_600));
        let lacking = all(Some(&slow), std::slice::from_ref(&no_waf));
        assert_eq!((lacking.len(), &lacking[0]), (2, &no_waf));
    }
}

//! What answers mean for a path. Pure.

use std::net::SocketAddr;

use http::StatusCode;
use yagura_control::Timestamp;

use super::ask::{Answer, NoAnswer};
use super::facts::{DoorSeen, NameSeen, PathSeen};

/// One answer of the direct path.
#[derive(Debug)]
pub struct DirectAnswer {
    /// Which address was asked.
    pub address: SocketAddr,
    /// In which name.
    pub name: String,
    /// What came back.
    pub answer: Result<Answer, NoAnswer>,
}

/// What an answer through a cloud means: the page came, or an edge wrote the answer, so that
/// whatever is wrong is not the cloud's. `is_ours` says that this edge answers with an error just now,
/// on purpose.
///
/// # Errors
/// Why the path does not work.
pub fn through_cloud(answer: &Result<Answer, NoAnswer>, is_ours: bool) -> Result<u32, String> {
    let answer = answer.as_ref().map_err(ToString::to_string)?;
    let status = answer.status;
    let is_page = status.is_success() || status.is_redirection();
    let is_notice = is_ours && status == StatusCode::SERVICE_UNAVAILABLE;
    match is_page || is_notice || answer.is_of_an_edge {
        true => Ok(answer.ms),
        false => Err(format!("the cloud answers {}", status.as_u16())),
    }
}

/// What the answers of the direct path mean, by address, and by name for the certificates. An address
/// works when it answers in every name.
#[must_use]
pub fn direct(
    site: &str,
    answers: &[DirectAnswer],
    now: Timestamp,
) -> (Vec<PathSeen>, Vec<NameSeen>) {
    let (mut paths, mut names): (Vec<PathSeen>, Vec<NameSeen>) = (Vec::new(), Vec::new());
    for asked in answers {
        let (seen, edge) = door(site, asked);
        match paths.iter_mut().find(|path| path.address == asked.address) {
            None => paths.push(PathSeen {
                address: asked.address,
                answer: seen,
                edge,
            }),
            // The slowest name counts, and the first fault.
            Some(path) => match (&mut path.answer, seen) {
                (Ok(ms), Ok(other)) => *ms = (*ms).max(other),
                (Ok(_), Err(why)) => path.answer = Err(why),
                (Err(_), _) => {}
            },
        }
        let certificate = certificate(asked, now);
        match names.iter_mut().find(|name| name.name == asked.name) {
            None => names.push(certificate),
            Some(name) => worse(name, certificate),
        }
    }
    (paths, names)
}

/// How long the slowest of several addresses took; `None` when one does not work.
#[must_use]
pub fn of_all(paths: &[PathSeen]) -> Option<u32> {
    let times = paths.iter().map(|path| path.answer.as_ref().ok().copied());
    times.collect::<Option<Vec<u32>>>()?.into_iter().max()
}

/// How long the fastest of several addresses took; `None` when none works.
#[must_use]
pub fn of_any(paths: &[PathSeen]) -> Option<u32> {
    let times = paths.iter().filter_map(|path| path.answer.as_ref().ok());
    times.min().copied()
}

/// Why addresses do not work.
#[must_use]
pub fn why(paths: &[PathSeen]) -> String {
    let faults = paths.iter().filter_map(|path| {
        let why = path.answer.as_ref().err()?;
        Some(format!("{}: {why}", path.address))
    });
    faults.collect::<Vec<_>>().join("; ")
}

/// Whether the path to an address works, and which edge answers there.
fn door(site: &str, asked: &DirectAnswer) -> (Result<u32, String>, Option<String>) {
    let name = &asked.name;
    let answer = match &asked.answer {
        Ok(answer) => answer,
        Err(why) => return (Err(format!("{name}: {why}")), None),
    };
    let door: Option<DoorSeen> = serde_json::from_slice(&answer.body).ok();
    let seen = match (&door, answer.status) {
        (Some(door), StatusCode::OK) if door.site == site => Ok(answer.ms),
        (Some(door), StatusCode::OK) => {
            Err(format!("{name}: it answers for the site \"{}\"", door.site))
        }
        (_, StatusCode::FORBIDDEN) => Err(format!(
            "{name}: this edge is refused there; write the address that it comes from into \
             `monitors` of [ingress]"
        )),
        (_, status) => Err(format!(
            "{name}: {} from something that is no edge",
            status.as_u16()
        )),
    };
    (seen, door.map(|door| door.edge))
}

fn certificate(asked: &DirectAnswer, now: Timestamp) -> NameSeen {
    let (not_after, fault) = match &asked.answer {
        Ok(answer) if answer.not_after.is_some_and(|end| end <= now) => {
            (answer.not_after, Some("it is over".to_owned()))
        }
        Ok(answer) => (answer.not_after, None),
        Err(why) => (None, Some(format!("{}: {why}", asked.address))),
    };
    NameSeen {
        name: asked.name.clone(),
        not_after,
        fault,
    }
}

/// Keeps the worse of two.
fn worse(name: &mut NameSeen, other: NameSeen) {
    if name.fault.is_none() && other.fault.is_some() {
        *name = other;
    } else if name.fault.is_none() && other.not_after < name.not_after {
        name.not_after = other.not_after;
    }
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use yagura_config::settings::{BypassSettings, DnsChanger, DnsRecord, Share, Without};

    use super::*;

    /// Settings of a site with one direct address and one cloud.
    pub fn bypass() -> BypassSettings {
        let cloud = vec![DnsRecord::Cname("town.cloud.example".to_owned())];
        BypassSettings {
            dns: DnsChanger::Manual,
            names: vec!["www.town.example".to_owned()],
            direct: vec![DnsRecord::A([203, 0, 113, 5].into())],
            behind: BTreeMap::from([("prefecture".to_owned(), cloud)]),
            ttl: Duration::from_secs(60),
            servers: Vec::new(),
            direct_port: 443,
            quiet: Share(10),
            drill_name: None,
            without: Without::default(),
        }
    }

    const NOW: Timestamp = Timestamp(1_795_410_187_123);

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            ms: 31,
            status: StatusCode::from_u16(status).unwrap(),
            is_of_an_edge: false,
            body: body.to_owned().into(),
            not_after: Some(Timestamp(NOW.0 + 1)),
        }
    }

    fn asked(last: u8, name: &str, answer: Result<Answer, NoAnswer>) -> DirectAnswer {
        DirectAnswer {
            address: SocketAddr::from(([203, 0, 113, last], 443)),
            name: name.to_owned(),
            answer,
        }
    }

    const DOOR: &str = r#"{"edge":"e1","site":"town","door":"closed","stage":"cloud"}"#;

    #[test]
    fn a_cloud_works_that_gives_the_page_or_passes_on_what_an_edge_says() {
        for (status, of_an_edge, is_ours, works) in [
            (200, false, false, true),
            (304, false, false, true),
            (301, false, false, true),
            (404, false, false, false),
            (403, false, false, false),
            (502, false, false, false),
            (503, false, false, false),
            (404, true, false, true),
            (502, true, false, true),
            (503, false, true, true),
            (502, false, true, false),
        ] {
            let mut given = answer(status, "");
            given.is_of_an_edge = of_an_edge;
            let judged = through_cloud(&Ok(given), is_ours);
            assert_eq!(judged.is_ok(), works, "{status} {of_an_edge} {is_ours}");
        }
        let late = Err(NoAnswer::Late(Duration::from_secs(5)));
        let why = through_cloud(&late, true).unwrap_err();
        assert_eq!(why, "no answer within 5s");
    }

    #[test]
    fn an_address_works_when_it_answers_for_the_site_in_every_name() {
        let good = || Ok(answer(200, DOOR));
        let tls = || Err(NoAnswer::Tls("expired".to_owned()));
        let (paths, names) = direct(
            "town",
            &[
                asked(5, "a.example", good()),
                asked(5, "b.example", tls()),
                asked(6, "a.example", good()),
                asked(6, "b.example", good()),
            ],
            NOW,
        );
        assert_eq!(paths[0].answer, Err("b.example: expired".to_owned()));
        assert_eq!(paths[1].answer, Ok(31));
        assert_eq!(paths[1].edge.as_deref(), Some("e1"));
        assert_eq!(of_all(&paths), None);
        assert_eq!(of_any(&paths), Some(31));
        assert!(names[0].is_good(NOW) && !names[1].is_good(NOW));
        assert_eq!(names[1].fault.as_deref(), Some("203.0.113.5:443: expired"));
        assert_eq!(why(&paths), "203.0.113.5:443: b.example: expired");
    }

    #[test]
    fn what_is_no_edge_of_the_site_is_no_direct_path() {
        for (given, said) in [
            (answer(200, "<html>"), "200 from something that is no edge"),
            (answer(403, "<html>"), "this edge is refused there"),
            (answer(503, DOOR), "503 from something that is no edge"),
            (
                answer(200, &DOOR.replace("town", "museum")),
                "it answers for the site \"museum\"",
            ),
        ] {
            let (paths, _) = direct("town", &[asked(5, "a.example", Ok(given))], NOW);
            let why = paths[0].answer.clone().unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn the_certificate_that_ends_first_counts() {
        let ends = |after_ms: u64| {
            let mut given = answer(200, DOOR);
            given.not_after = Some(Timestamp(NOW.0 + after_ms));
            Ok(given)
        };
        let (_, names) = direct(
            "town",
            &[
                asked(5, "a.example", ends(500)),
                asked(6, "a.example", ends(100)),
                asked(7, "a.example", ends(900)),
            ],
            NOW,
        );
        assert_eq!(names[0].not_after, Some(Timestamp(NOW.0 + 100)));
        let (_, over) = direct("town", &[asked(5, "a.example", ends(0))], NOW);
        assert!(!over[0].is_good(NOW));
    }
}

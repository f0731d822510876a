//! Asks every direct address, over the very way that readers would come, whether its door is open and
//! its edge stands by it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde::Deserialize;
use tokio::task::JoinSet;
use yagura_config::settings::BypassSettings;
use yagura_control::order::{BypassStage, Missing};

use crate::ingress::DOOR_PATH;
use crate::probes::ask::{self, Answer, NoAnswer, Question};

/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// What an edge tells of a site's door.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// Which edge.
    pub edge: String,
    /// Which site.
    pub site: String,
    /// `open` or `closed`.
    pub door: String,
    /// How far it is.
    pub stage: BypassStage,
}

impl Told {
    /// Whether the door of this site is open, and is meant to stay so.
    #[must_use]
    pub fn stands_by(&self, site: &str) -> bool {
        self.site == site && self.door == "open" && self.stage.stands_by()
    }
}

impl Told {
    /// Why the DNS does not lead to this door yet, and what to do there.
    fn lacks(&self, site: &str, address: SocketAddr) -> Missing {
        let Self {
            edge, door, stage, ..
        } = self;
        if self.site != site {
            let what = format!("{edge} answers at {address} for the site {}", self.site);
            let hint = "take the address out of `direct` of [site.bypass], or the names there";
            return Missing::stopping(what, hint);
        }
        let what = format!("the DNS waits for the door of {edge} at {address}: {door}, {stage}");
        let hint = match stage {
            BypassStage::Cloud => {
                "that edge has not got the order: give request and approval again there (`yagura \
                 approve`, with --config or --edge of that edge); or take its address out of \
                 `direct` and reload"
            }
            BypassStage::Armed => "`yagura cloud status` of that edge says what stops it",
            _ if stage.returns() => {
                "that edge is on its way back: order the bypass there again, or abort it here"
            }
            _ => "it opens by itself; if it stays so, look into the log of that edge",
        };
        Missing::stopping(what, hint)
    }
}

/// What all of them told, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors(pub BTreeMap<SocketAddr, Result<Told, String>>);

impl Doors {
    /// Whether the DNS may lead to them.
    #[must_use]
    pub fn all_stand_by(&self, site: &str) -> bool {
        let stand_by =
            |told: &Result<Told, String>| told.as_ref().is_ok_and(|told| told.stands_by(site));
        !self.0.is_empty() && self.0.values().all(stand_by)
    }

    /// What each of them lacks for the DNS to lead there; of those that `is_told` about already, that
    /// nobody answers there is not told again.
    #[must_use]
    pub fn missing(&self, site: &str, is_told: impl Fn(&SocketAddr) -> bool) -> Vec<Missing> {
        let lacks = self.0.iter().filter_map(|(address, told)| match told {
            Ok(told) if told.stands_by(site) => None,
            Ok(told) => Some(told.lacks(site, *address)),
            Err(_) if is_told(address) => None,
            Err(why) => Some(Missing::stopping(
                format!("the direct path to {address} fails: {why}"),
                "look at that edge, its listener and the firewall; or take the address out of \
                 `direct` of [site.bypass] and reload",
            )),
        });
        lacks.collect()
    }

    /// A line each.
    #[must_use]
    pub fn evidence(&self) -> Vec<String> {
        let line = |(address, told): (&SocketAddr, &Result<Told, String>)| match told {
            Ok(told) => format!(
                "door of {} at {address}: {}, {}",
                told.edge, told.door, told.stage
            ),
            Err(why) => format!("door at {address}: {why}"),
        };
        self.0.iter().map(line).collect()
    }
}

/// Asks all of them at once.
pub async fn ask(bypass: &BypassSettings, tls: &Arc<ClientConfig>) -> Doors {
    let Some(name) = bypass.names.first() else {
        return Doors::default();
    };
    let mut asking = JoinSet::new();
    for address in bypass.direct_addresses() {
        let question = Question {
            address,
            tls: Some(tls.clone()),
            host: name.clone(),
            path: DOOR_PATH.to_owned(),
        };
        asking.spawn(async move { (address, told(ask::ask(&question, PATIENCE).await)) });
    }
    let mut doors = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        doors.extend(answered);
    }
    Doors(doors)
}

fn told(answer: Result<Answer, NoAnswer>) -> Result<Told, String> {
    let answer = answer.map_err(|why| why.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("it answers {}", answer.status.as_u16()));
    }
    serde_json::from_slice(&answer.body).map_err(|_| "it tells nothing of a door".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::dns_view::tests::settings;
    use super::*;

    fn told(site: &str, door: &str, stage: &str) -> Told {
        let text =
            format!(r#"{{"edge":"edge-1","site":"{site}","door":"{door}","stage":"{stage}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_dns_may_lead_to_doors_that_are_open_and_stay_so() {
        let address = |last| SocketAddr::from(([203, 0, 113, last], 443));
        let doors = |told: &[Result<Told, String>]| {
            let told = told
                .iter()
                .zip(1..)
                .map(|(told, last)| (address(last), told.clone()));
            Doors(told.collect())
        };
        let open = || Ok(told("town", "open", "open"));
        assert!(doors(&[open(), Ok(told("town", "open", "bypass"))]).all_stand_by("town"));
        for other in [
            Ok(told("town", "closed", "cloud")),
            Ok(told("town", "open", "draining")),
            Ok(told("town", "closed", "open")),
            Ok(told("museum", "open", "open")),
            Err("it does not answer".to_owned()),
        ] {
            let doors = doors(&[open(), other]);
            assert!(!doors.all_stand_by("town"), "{:?}", doors.evidence());
        }
        assert!(!doors(&[]).all_stand_by("town"));
    }

    #[test]
    fn whose_door_is_waited_for_is_told_with_what_to_do_there() {
        let doors = Doors(
            [
                (5, Ok(told("town", "open", "open"))),
                (6, Ok(told("town", "closed", "cloud"))),
                (7, Err("connection refused".to_owned())),
                (8, Ok(told("town", "open", "draining"))),
                (9, Ok(told("museum", "open", "open"))),
            ]
            .map(|(last, told)| (SocketAddr::from(([203, 0, 113, last], 443)), told))
            .into(),
        );
        let missing = doors.missing("town", |_| false);
        assert!(missing.iter().all(|it| it.stops && !it.hint.is_empty()));
        let what: Vec<&str> = missing.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(
            what,
            [
                "the DNS waits for the door of edge-1 at 203.0.113.6:443: closed, cloud",
                "the direct path to 203.0.113.7:443 fails: connection refused",
                "the DNS waits for the door of edge-1 at 203.0.113.8:443: open, draining",
                "edge-1 answers at 203.0.113.9:443 for the site museum",
            ]
        );
        // What readiness tells of a path is not told twice.
        assert_eq!(
            doors
                .missing("town", |it| it.ip().to_string().ends_with('7'))
                .len(),
            3
        );
    }

    #[test]
    fn only_addresses_are_asked() {
        let settings = settings();
        let asked = settings.direct_addresses();
        let texts: Vec<String> = asked.map(|address| address.to_string()).collect();
        assert_eq!(texts, ["203.0.113.5:443", "203.0.113.6:443"]);
    }
}

//! Asks both ways of every site that is behind a cloud, in regular intervals, until the task is
//! dropped. A site that a new configuration brings is taken up, and one that is gone is let go.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use url::Url;
use yagura_config::settings::{BypassSettings, CloudSettings, DnsRecord};
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;
use yagura_control::order::{IngressEvent, Route};

use super::ask::{self, Answer, NoAnswer, Question};
use super::facts::PathSeen;
use super::judge::{self, DirectAnswer};
use super::window::Standing;
use super::{Round, Turn, records};
use crate::ingress::DOOR_PATH;
use crate::state::Edge;

/// How often the plan is looked at for sites to be watched.
const LOOK: Duration = Duration::from_millis(500);
/// The clouds' names are looked up once in so many rounds, …
const RECORDS_EVERY: u32 = 6;
/// … but no more often than this.
const RECORDS_LEAST: Duration = Duration::from_secs(2);
/// How long the authorities that are believed stay in memory before their file is read again.
const TRUST_KEPT: Duration = Duration::from_secs(3600);

/// The addresses behind each cloud's records.
type Places = BTreeMap<String, Vec<SocketAddr>>;

/// Watches every site.
pub async fn run(edge: Arc<Edge>) {
    let mut tasks = JoinSet::new();
    let mut watching: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        watching.retain(|_, task| !task.is_finished());
        while tasks.try_join_next().is_some() {}
        let plan = edge.switchboard.plan().clone();
        let with_ways = plan
            .sites()
            .iter()
            .filter(|it| it.settings.bypass.is_some());
        for site in with_ways {
            let name = site.settings.name.clone();
            let (edge, to_watch) = (edge.clone(), name.clone());
            watching
                .entry(name)
                .or_insert_with(|| tasks.spawn(async move { watch(&edge, &to_watch).await }));
        }
        let is_watched = |site: &str| watching.contains_key(site);
        edge.probes.retain(is_watched);
        tokio::time::sleep(LOOK).await;
    }
}

/// Watches one site as long as there is something to be watched.
async fn watch(edge: &Edge, site: &str) {
    let (tell, places) = watch::channel(Places::new());
    tokio::select! {
        () = watch_records(edge, site, &tell) => {}
        () = watch_paths(edge, site, &places) => {}
    }
}

/// What is watched of a site, as it is configured now.
struct Watch {
    bypass: BypassSettings,
    interval: Duration,
    patience: Duration,
}

impl Watch {
    fn of(edge: &Edge, site: &str) -> Option<Self> {
        let plan = edge.switchboard.plan();
        let bypass = plan.site_named(site)?.settings.bypass.clone()?;
        let settings = edge.switchboard.settings();
        Some(Self {
            bypass,
            interval: settings.ingress.probe_interval,
            patience: settings.ingress.probe_timeout,
        })
    }
}

async fn watch_records(edge: &Edge, site: &str, places: &watch::Sender<Places>) {
    while let Some(Watch {
        bypass,
        interval,
        patience,
    }) = Watch::of(edge, site)
    {
        let settings = edge.switchboard.settings();
        // The machine looks at the servers of the zone, for both.
        let facts = edge.probes.facts(site).unwrap_or_default();
        let mut records = bypass.behind.values().flatten();
        let asks = records.any(|record| matches!(record, DnsRecord::Cname(_)));
        if asks && facts.servers_at == Timestamp::ZERO {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let answers = facts.servers.iter().filter(|it| it.fault.is_none());
        let servers: Vec<SocketAddr> = answers.map(|it| it.server).collect();
        let mut found = Places::new();
        for (cloud, behind) in &bypass.behind {
            let port = probe_of(&settings.clouds, cloud, &bypass).port;
            let addresses = records::addresses(behind, port, &servers, patience).await;
            // What was found before is asked on: the cloud's own DNS may be what fails.
            let known = || places.borrow().get(cloud).cloned().unwrap_or_default();
            let addresses = match addresses.is_empty() {
                true => known(),
                false => addresses,
            };
            found.insert(cloud.clone(), addresses);
        }
        places.send_replace(found);
        tokio::time::sleep((interval * RECORDS_EVERY).max(RECORDS_LEAST)).await;
    }
}

async fn watch_paths(edge: &Edge, site: &str, places: &watch::Receiver<Places>) {
    let mut trust = Trust::default();
    while let Some(watched) = Watch::of(edge, site) {
        let began = monotonic();
        let file = edge.switchboard.settings().ingress.trust.clone();
        match trust.tls(file).await {
            Err(why) => {
                tracing::error!(site, why, "the paths cannot be asked");
            }
            Ok(tls) => {
                let found = places.borrow().clone();
                let round = round(edge, site, (&watched, &tls), &found).await;
                let now = edge.clock.now();
                let of = (&watched.bypass, watched.interval);
                for turn in edge.probes.note(site, of, round, now) {
                    tell(edge, site, turn);
                }
            }
        }
        tokio::time::sleep(watched.interval.saturating_sub(began.elapsed())).await;
    }
}

/// What was asked, to know an answer by.
enum Asked {
    Direct { address: SocketAddr, name: String },
    Cloud { address: SocketAddr, cloud: String },
}

/// Asks every address of every path, all at once.
async fn round(
    edge: &Edge,
    site: &str,
    (watched, tls): (&Watch, &Arc<ClientConfig>),
    places: &Places,
) -> Round {
    let settings = edge.switchboard.settings();
    let (bypass, patience) = (&watched.bypass, watched.patience);
    let mut asking = JoinSet::new();
    let mut put = |asked: Asked, question: Question| {
        asking.spawn(async move { (asked, ask::ask(&question, patience).await) });
    };
    for address in bypass.direct_addresses() {
        for name in &bypass.names {
            let question = Question {
                address,
                tls: Some(tls.clone()),
                host: name.clone(),
                path: DOOR_PATH.to_owned(),
            };
            let name = name.clone();
            put(Asked::Direct { address, name }, question);
        }
    }
    for (cloud, addresses) in places {
        let probe = probe_of(&settings.clouds, cloud, bypass);
        for address in addresses {
            let question = Question {
                address: *address,
                tls: probe.tls.then(|| tls.clone()),
                host: probe.host.clone(),
                path: probe.path.clone(),
            };
            let (address, cloud) = (*address, cloud.clone());
            put(Asked::Cloud { address, cloud }, question);
        }
    }
    let answers = asking.join_all().await;
    judged(edge, site, places, answers)
}

fn judged(
    edge: &Edge,
    site: &str,
    places: &Places,
    answers: Vec<(Asked, Result<Answer, NoAnswer>)>,
) -> Round {
    let plan = edge.switchboard.plan();
    let way = plan.site_named(site).map(|site| site.decided.shown().way);
    // A page of this edge that says that the site is not there is no fault of the cloud's.
    let is_ours = way == Some(Route::Notice);
    let mut clouds: Vec<(String, Vec<PathSeen>)> = places
        .keys()
        .map(|cloud| (cloud.clone(), Vec::new()))
        .collect();
    let mut direct = Vec::new();
    for (asked, answer) in answers {
        match asked {
            Asked::Direct { address, name } => direct.push(DirectAnswer {
                address,
                name,
                answer,
            }),
            Asked::Cloud { address, cloud } => {
                let seen = PathSeen {
                    address,
                    answer: judge::through_cloud(&answer, is_ours),
                    edge: None,
                };
                let of_it = clouds.iter_mut().find(|(name, _)| *name == cloud);
                of_it
                    .into_iter()
                    .for_each(|(_, paths)| paths.push(seen.clone()));
            }
        }
    }
    // They came in any order.
    direct.sort_by(|a, b| (a.address, &a.name).cmp(&(b.address, &b.name)));
    clouds
        .iter_mut()
        .for_each(|(_, paths)| paths.sort_by_key(|path| path.address));
    let (direct, names) = judge::direct(site, &direct, edge.clock.now());
    Round {
        direct,
        names,
        clouds,
    }
}

/// Tells of a path that stands otherwise: in the log, and in the journal, where the story of an
/// outage is read afterwards.
fn tell(edge: &Edge, site: &str, turn: Turn) {
    let (works, since) = match turn.after {
        Standing::Sound { since } => (true, since),
        Standing::Failing { since } => (false, since),
        Standing::Unknown => return,
    };
    let (cloud, why) = (turn.cloud.as_deref().unwrap_or("none"), &turn.why);
    match works {
        true => tracing::warn!(site, cloud, "the path works again"),
        false => tracing::error!(site, cloud, why, "the path fails"),
    }
    let seen = IngressEvent::Path {
        cloud: turn.cloud,
        works,
        since,
        why: turn.why,
    };
    let (switchboard, site) = (edge.switchboard.clone(), site.to_owned());
    // The journal may wait for the disk; the paths are asked on meanwhile.
    tokio::task::spawn_blocking(move || switchboard.note_path(&site, seen));
}

/// How a cloud is asked.
struct Probe {
    tls: bool,
    host: String,
    port: u16,
    path: String,
}

/// As its `probe` says; without one, the home page of the site's first name.
fn probe_of(clouds: &[CloudSettings], cloud: &str, bypass: &BypassSettings) -> Probe {
    let settings = clouds.iter().find(|settings| settings.name == cloud);
    let url = settings.and_then(|settings| settings.probe.as_deref());
    let url = url.and_then(|url| Url::parse(url).ok());
    let plain = || Probe {
        tls: true,
        host: bypass.names.first().cloned().unwrap_or_default(),
        port: 443,
        path: "/".to_owned(),
    };
    url.and_then(|url| {
        let query = url.query().map(|query| format!("?{query}"));
        Some(Probe {
            tls: url.scheme() == "https",
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            path: format!("{}{}", url.path(), query.unwrap_or_default()),
        })
    })
    .unwrap_or_else(plain)
}

/// Who is believed, as long as it need not be read again.
#[derive(Default)]
struct Trust {
    held: Option<(Option<PathBuf>, std::time::Instant, Arc<ClientConfig>)>,
}

impl Trust {
    async fn tls(&mut self, file: Option<PathBuf>) -> Result<Arc<ClientConfig>, String> {
        if let Some((of, since, tls)) = &self.held
            && *of == file
            && since.elapsed() < TRUST_KEPT
        {
            return Ok(tls.clone());
        }
        let path = file.clone();
        let read = tokio::task::spawn_blocking(move || ask::tls(path.as_deref())).await;
        let tls = read.map_err(|error| error.to_string())??;
        self.held = Some((file, monotonic(), tls.clone()));
        Ok(tls)
    }
}

#[cfg(test)]
mod tests {
    use yagura_config::settings::CloudWord;

    use super::*;
    use crate::probes::judge::tests::bypass;

    #[test]
    fn a_cloud_is_asked_as_its_probe_says() {
        let cloud = |probe: Option<&str>| CloudSettings {
            name: "prefecture".to_owned(),
            ranges: Vec::new(),
            word: CloudWord::XForwardedFor,
            probe: probe.map(str::to_owned),
        };
        let asked = |probe: Option<&str>| {
            let probe = probe_of(&[cloud(probe)], "prefecture", &bypass());
            let scheme = if probe.tls { "https" } else { "http" };
            format!("{scheme} {} {} {}", probe.host, probe.port, probe.path)
        };
        assert_eq!(asked(None), "https www.town.example 443 /");
        assert_eq!(
            asked(Some("https://www.town.example:8443/health?x=1")),
            "https www.town.example 8443 /health?x=1"
        );
        assert_eq!(
            asked(Some("http://cloud.example")),
            "http cloud.example 80 /"
        );
    }

    #[test]
    fn the_direct_path_has_its_port_at_every_address() {
        let mut bypass = bypass();
        bypass.direct_port = 8443;
        bypass
            .direct
            .push(DnsRecord::Aaaa("2001:db8::5".parse().unwrap()));
        let addresses: Vec<String> = bypass
            .direct_addresses()
            .map(|address| address.to_string())
            .collect();
        assert_eq!(addresses, ["203.0.113.5:8443", "[2001:db8::5]:8443"]);
    }
}

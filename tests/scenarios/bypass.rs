//! Around the security cloud and back: names of a real BIND, switched by comparing first.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretSlice;
use serde_json::Value;
use tokio_rustls::TlsConnector;
use yagura_certs::dns::{
    self, KeyAlgorithm, Name, NoAnswer, Place as ZonePlace, RecordSet, Switch, Zone,
};
use yagura_control::client::Client;
use yagura_control::order::{CloudOf, ConfirmDns, Envelope, Order, StartBypass, StartReturn};
use yagura_control::{Clock, SystemClock};

use crate::town::alone::Answer;
use crate::town::bind::{Bind, KEY_NAME, ZONE};
use crate::town::callers::{answered, from};
use crate::town::certified::{CertifiedEdge, HOST};
use crate::town::place::Place;
use crate::town::{PATIENCE, eventually};

const KINDS: &str = "A AAAA HTTPS CNAME";
const BEHIND: &str = "www IN CNAME town.cloud.example.\nmobile IN CNAME town.cloud.example.\n";
const NAMES: [&str; 2] = ["www.city.example", "mobile.city.example"];
const CLOUD: [&str; 1] = ["CNAME town.cloud.example."];
const DIRECT: [&str; 3] = ["A 203.0.113.5", "AAAA 2001:db8::5", "HTTPS 1 . alpn=h2"];

fn zone(bind: &Bind) -> Zone {
    let text = std::fs::read_to_string(bind.key_file()).unwrap();
    let secret: SecretSlice<u8> = dns::secret(&text).unwrap();
    let place = ZonePlace {
        zone: ZONE.to_owned(),
        server: bind.address(),
        answering: vec![bind.address()],
        key_name: KEY_NAME.to_owned(),
        algorithm: KeyAlgorithm::HmacSha256,
        secret,
    };
    Zone::new(place, Arc::new(SystemClock)).unwrap()
}

fn set(texts: &[&str]) -> RecordSet {
    RecordSet::parse(texts.iter().copied()).unwrap()
}

fn switch(from: &[&str], to: &[&str]) -> Switch {
    let names = NAMES.map(|name| Name::from_ascii(format!("{name}.")).unwrap());
    Switch {
        names: names.into(),
        from: set(from),
        to: set(to),
        ttl_s: 30,
    }
}

/// What each name holds, with one TTL of all.
async fn held(bind: &Bind) -> Vec<(u32, RecordSet)> {
    let mut held = Vec::new();
    for name in switch(&[], &[]).names {
        let records = dns::held(bind.address(), &name).await.unwrap();
        let ttl_s = records.iter().map(|(ttl_s, _)| *ttl_s).max().unwrap_or(0);
        held.push((
            ttl_s,
            RecordSet::of(records.into_iter().map(|(_, data)| data)),
        ));
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn all_names_are_switched_at_once_there_and_back_and_only_from_what_is_expected() {
    let place = Place::claim();
    let bind = Bind::start_with(&place, BEHIND, KINDS).await;
    let zone = zone(&bind);
    let (out, back) = (switch(&CLOUD, &DIRECT), switch(&DIRECT, &CLOUD));
    let both = |ttl_s, texts: &[&str]| vec![(ttl_s, set(texts)); 2];

    // A trial is allowed, and changes nothing.
    zone.change(&out.trial(zone.name())).await.unwrap();
    assert_eq!(held(&bind).await, both(60, &CLOUD));

    zone.change(&out.update(zone.name())).await.unwrap();
    assert_eq!(held(&bind).await, both(30, &DIRECT));

    // Whoever comes too late changes nothing: the names hold something else by now.
    for late in [out.update(zone.name()), out.trial(zone.name())] {
        let refused = zone.change(&late).await.unwrap_err();
        assert!(matches!(refused, NoAnswer::Refused { .. }), "{refused}");
        assert!(refused.advice().contains("somebody else"), "{refused}");
    }
    assert_eq!(held(&bind).await, both(30, &DIRECT));

    zone.change(&back.trial(zone.name())).await.unwrap();
    zone.change(&back.update(zone.name())).await.unwrap();
    assert_eq!(held(&bind).await, both(30, &CLOUD));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_not_set_where_it_would_leave_the_name_empty() {
    let place = Place::claim();
    let direct = "www IN A 203.0.113.5\nwww IN TXT \"verification\"\nmobile IN A 203.0.113.5\n";
    let bind = Bind::start_with(&place, direct, KINDS).await;
    let zone = zone(&bind);
    let back = switch(&["A 203.0.113.5"], &CLOUD);
    for change in [back.trial(zone.name()), back.update(zone.name())] {
        let refused = zone.change(&change).await.unwrap_err();
        assert!(refused.to_string().contains("refuses"), "{refused}");
    }
    assert_eq!(bind.held(NAMES[0], "A"), ["203.0.113.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_refused_where_the_key_may_not_change_a_kind_of_record() {
    let place = Place::claim();
    let bind = Bind::start_with(&place, BEHIND, "A AAAA").await;
    let zone = zone(&bind);
    let out = switch(&CLOUD, &DIRECT);
    let refused = zone.change(&out.trial(zone.name())).await.unwrap_err();
    assert!(refused.advice().contains("update-policy"), "{refused}");
    assert_eq!(held(&bind).await, vec![(60, set(&CLOUD)); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_for_the_zone_is_not_believed() {
    let place = Place::claim();
    let bind = Bind::start_with(&place, BEHIND, KINDS).await;
    let name = Name::from_ascii("www.town.example.").unwrap();
    let refused = dns::held(bind.address(), &name).await.unwrap_err();
    assert!(refused.to_string().contains("refuses"), "{refused}");
}

/// The edge's way around the cloud, as its journal tells it.
struct Town {
    bind: Bind,
    edge: CertifiedEdge,
}

const CLOUD_ADDRESS: &str = "127.80.1.7";
const SITE: &str = "city";
const STRANGER: [u8; 4] = [127, 80, 9, 9];

impl Town {
    /// A site behind a cloud, whose DNS is changed by `dns`.
    async fn start(dns: &str) -> Self {
        let place = Place::claim();
        let behind = format!("www IN A {CLOUD_ADDRESS}\ndrill IN A {CLOUD_ADDRESS}\n");
        let bind = Bind::start_with(&place, &behind, KINDS).await;
        let server = bind.address();
        let lines = format!(
            "behind = [\"prefecture\"]\n\
             [site.bypass]\ndns = \"{dns}\"\nnames = [\"{HOST}\"]\ndirect = [\"A {address}\"]\n\
             ttl = \"2s\"\ndirect_port = {port}\nservers = [\"{server}\"]\n\
             drill_name = \"drill.city.example\"\n\
             without_waf = \"a story without an attack\"\nwithout_limits = \"a story with few readers\"\n\
             [site.bypass.cloud]\nprefecture = [\"A {CLOUD_ADDRESS}\"]\n\
             [[cloud]]\nname = \"prefecture\"\nranges = [\"127.80.1.0/24\"]\n\
             [ingress]\nprobe_interval = \"500ms\"\nmonitors = [\"127.0.0.1\"]\ntrust = \"edge/certs/local-ca.pem\"\n\
             [[dns]]\nname = \"zone\"\nserver = \"{server}\"\nservers = [\"{server}\"]\n\
             zone = \"{ZONE}\"\nkey_name = \"{KEY_NAME}\"\nsecret_file = \"{key}\"\n",
            address = place.address,
            port = place.https,
            key = bind.key_file().display(),
        );
        let edge = CertifiedEdge::start(place, &lines).await;
        Self { bind, edge }
    }

    /// Gives an order as somebody who can reach nobody else.
    async fn order(&self, order: Order) {
        let socket = self.edge.folder().join("edge.sock");
        let client = Client::new(socket, PATIENCE);
        let mut envelope = Envelope::of(order, "sato");
        envelope.reason = Some("nobody else can be reached".to_owned());
        client.order(&envelope).await.unwrap();
    }

    async fn bypass(&self) {
        let site = SITE.to_owned();
        self.order(Order::Bypass(StartBypass {
            site,
            asked_at: SystemClock.now(),
            break_glass: true,
        }))
        .await;
    }

    async fn goes_back(&self) {
        let site = SITE.to_owned();
        self.order(Order::Return(StartReturn {
            site,
            cloud: None,
            asked_at: SystemClock.now(),
            break_glass: true,
        }))
        .await;
    }

    /// The steps in the journal that nobody ordered: from where to where.
    fn steps(&self) -> Vec<(String, String)> {
        let path = self.edge.folder().join("edge/journal");
        let text = std::fs::read_to_string(path).unwrap();
        let records = text.lines().filter_map(|line| {
            let json = line.get(line.find('{')?..)?;
            serde_json::from_str::<Value>(json).ok()
        });
        let steps = records.filter(|record| record["record"] == "ingress");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        steps
            .filter(|step| step["from"] != step["to"])
            .map(|step| (word(&step["from"]), word(&step["to"])))
            .collect()
    }

    async fn until(&self, stage: &str) {
        eventually(&format!("the stage is {stage}"), || async {
            let steps = self.steps();
            (steps.last()?.1 == stage).then_some(())
        })
        .await;
    }

    /// The status that somebody is answered who comes directly.
    async fn strangers_status(&self) -> u16 {
        let stream = from(STRANGER, self.edge.place.https()).await;
        let reader = self
            .edge
            .reader(HOST, &self.edge.certificates().join("local-ca.pem"));
        let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
        let tls = TlsConnector::from(reader.tls());
        let stream = tls.connect(name, stream).await.unwrap();
        let request = format!("GET /page HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        Answer::read(&answered(stream, request.as_bytes()).await)
            .status
            .as_u16()
    }

    fn names_hold(&self) -> Vec<String> {
        self.bind.held(HOST, "A")
    }
}

/// What follows what, there and back.
const THERE: [(&str, &str); 5] = [
    ("armed", "open"),
    ("open", "dns_changing"),
    ("dns_changing", "verifying"),
    ("verifying", "bypass"),
    ("dns_returning", "return_verifying"),
];
const BACK: [(&str, &str); 2] = [("return_verifying", "draining"), ("draining", "cloud")];

fn whole_way() -> Vec<(String, String)> {
    let steps = THERE.iter().chain(&BACK);
    steps
        .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_leaves_its_cloud_and_comes_back_and_readers_who_follow_the_dns_lose_nothing() {
    let town = Town::start("zone").await;
    assert_eq!(town.strangers_status().await, 403);
    assert_eq!(town.names_hold(), [CLOUD_ADDRESS]);

    let following = async {
        // One who keeps each answer for as long as he may.
        let name = Name::from_ascii(format!("{HOST}.")).unwrap();
        let mut direct = 0;
        loop {
            let records = dns::held(town.bind.address(), &name).await.unwrap();
            let (ttl_s, record) = records.first().unwrap();
            let leads_here = record.to_string() == town.edge.place.address.to_string();
            let until = tokio::time::Instant::now() + Duration::from_secs(u64::from(*ttl_s));
            while leads_here && tokio::time::Instant::now() < until {
                assert_eq!(town.strangers_status().await, 200);
                direct += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            if direct > 0 && town.steps().last().is_some_and(|(_, to)| to == "draining") {
                return direct;
            }
        }
    };
    let leaving = async {
        town.bypass().await;
        town.until("bypass").await;
        assert_eq!(town.names_hold(), [town.edge.place.address.to_string()]);
        town.goes_back().await;
    };
    let (direct, ()) = tokio::join!(following, leaving);
    assert!(direct > 10, "{direct}");
    town.until("cloud").await;
    assert_eq!(town.names_hold(), [CLOUD_ADDRESS]);
    assert_eq!(town.strangers_status().await, 403);
    assert_eq!(town.steps(), whole_way());
    // What stood in for the cloud when the door was opened is part of the record.
    let path = town.edge.folder().join("edge/journal");
    let journal = std::fs::read_to_string(path).unwrap();
    for line in [
        "WITHOUT the WAF: a story without an attack",
        "WITHOUT limits: a story with few readers",
    ] {
        assert!(journal.contains(line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_is_killed_at_every_step_goes_the_same_way() {
    let mut town = Town::start("zone").await;
    town.bypass().await;
    let mut seen = 0;
    loop {
        eventually("there is another step", || async {
            (town.steps().len() > seen).then_some(())
        })
        .await;
        town.edge.restart().await;
        let steps = town.steps();
        seen = steps.len();
        match steps.last().unwrap().1.as_str() {
            "bypass" => town.goes_back().await,
            "cloud" => break,
            _ => {}
        }
    }
    assert_eq!(town.steps(), whole_way());
    assert_eq!(town.names_hold(), [CLOUD_ADDRESS]);
    assert_eq!(town.strangers_status().await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_person_changes_the_dns_the_edge_says_what_and_waits_until_it_is_seen() {
    let town = Town::start("manual").await;
    let zone = zone(&town.bind);
    let here = format!("A {}", town.edge.place.address);
    let cloud = format!("A {CLOUD_ADDRESS}");
    let by_hand = |from: &str, to: &str| Switch {
        names: vec![Name::from_ascii(format!("{HOST}.")).unwrap()],
        // Longer than was asked for; the edge waits for what it saw.
        ttl_s: 6,
        ..switch(&[from], &[to])
    };
    let request = |stage: &str| {
        let folder = town.edge.folder().join("edge/dns-requests");
        let files = std::fs::read_dir(folder).into_iter().flatten();
        let mut paths = files.map(|file| file.unwrap().path());
        let end = format!("-{stage}.txt");
        let path = paths.find(|path| path.to_str().unwrap().ends_with(&end))?;
        std::fs::read_to_string(path).ok()
    };

    town.bypass().await;
    let text = eventually("there is a request", || async { request("dns_changing") }).await;
    for line in [
        format!("- {HOST}. 2 IN {cloud}"),
        format!("+ {HOST}. 2 IN {here}"),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert_eq!(town.names_hold(), [CLOUD_ADDRESS], "nobody has done it yet");
    zone.change(&by_hand(&cloud, &here).update(zone.name()))
        .await
        .unwrap();
    town.order(Order::ConfirmDns(ConfirmDns {
        site: SITE.to_owned(),
        note: "vendor A, ticket 5678".to_owned(),
    }))
    .await;
    town.until("bypass").await;

    town.goes_back().await;
    eventually("there is a request", || async { request("dns_returning") }).await;
    zone.change(&by_hand(&here, &cloud).update(zone.name()))
        .await
        .unwrap();
    town.until("cloud").await;
    assert_eq!(town.steps(), whole_way());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_wrote_is_left_as_it_is_and_told() {
    let town = Town::start("zone").await;
    let zone = zone(&town.bind);
    let cloud = format!("A {CLOUD_ADDRESS}");
    let others = Switch {
        names: vec![Name::from_ascii(format!("{HOST}.")).unwrap()],
        ..switch(&[&cloud], &["A 127.80.66.6"])
    };
    zone.change(&others.update(zone.name())).await.unwrap();
    town.bypass().await;
    town.until("open").await;
    eventually("it is told", || async {
        town.edge
            .warnings()
            .contains("neither the cloud's nor the direct ones")
            .then_some(())
    })
    .await;
    let site = SITE.to_owned();
    town.order(Order::AbortBypass(CloudOf { site })).await;
    assert_eq!(town.names_hold(), ["127.80.66.6"]);
    // Whoever wrote it puts it right, and the edge goes back behind the cloud.
    let right = Switch {
        names: others.names.clone(),
        ..switch(&["A 127.80.66.6"], &[&cloud])
    };
    zone.change(&right.update(zone.name())).await.unwrap();
    town.until("cloud").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_goes_there_and_back_on_a_name_that_nobody_reads() {
    let town = Town::start("zone").await;
    eventually("somebody is reminded", || async {
        let warnings = town.edge.warnings();
        warnings
            .contains("the bypass was never rehearsed")
            .then_some(())
    })
    .await;
    let output = town.edge.yagura(&["cloud", "rehearse", SITE, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let rehearsal: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rehearsal["passed"], true);
    let steps = rehearsal["steps"].as_array().unwrap().iter();
    let stages: Vec<&str> = steps.map(|step| step["stage"].as_str().unwrap()).collect();
    let folder = town.edge.folder().join("edge/rehearsals");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
    assert_eq!(
        stages,
        [
            "armed",
            "open",
            "dns_changing",
            "verifying",
            "bypass",
            "dns_returning",
            "return_verifying",
            "draining",
            "cloud"
        ]
    );
    assert_eq!(town.bind.held("drill.city.example", "A"), [CLOUD_ADDRESS]);
    assert_eq!(town.names_hold(), [CLOUD_ADDRESS]);
    assert_eq!(town.strangers_status().await, 403);
}

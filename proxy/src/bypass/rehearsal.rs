//! A rehearsal: the whole sequence, there and back, on a name that nobody reads, with the real machine
//! and the real DNS servers. The doors stay as they are, and no approval is needed, because no reader
//! is touched. What comes of it is a timed record, which is evidence that the bypass works.
//!
//! The waits are as long as the drill's TTL makes them, which is a few seconds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use yagura_certs::acme::Failure;
use yagura_config::Settings;
use yagura_config::settings::{BypassSettings, DnsChanger};
use yagura_control::clock::monotonic;
use yagura_control::order::Missing;
use yagura_control::{Clock, Timestamp};

use super::doors;
use super::names::{Looked, Names};
use super::ordered::{Ordered, ordered};
use super::seen::Leads;
use super::stage::{Ingress, Permit, Stage};
use super::step::{Duty, duties, step};
use super::watch::Watch;
use crate::probes::ask;

/// The longest TTL that is written for the drill.
const TTL: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// The folder of records in the edge's own.
const FOLDER: &str = "rehearsals";
/// After so long another one is due.
const DUE: Duration = Duration::from_secs(31 * 86_400);

/// What is written down.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsal {
    /// The site.
    pub site: String,
    /// The name that was switched.
    pub name: String,
    /// When it began and ended.
    pub began: Timestamp,
    /// The same.
    pub ended: Timestamp,
    /// Whether it went the whole way, and every direct address answered.
    pub passed: bool,
    /// The TTL that was written, in seconds.
    pub ttl_s: u64,
    /// Each step.
    pub steps: Vec<Rehearsed>,
    /// What the direct addresses said.
    pub doors: Vec<String>,
    /// What went wrong, with what to do about it.
    pub failures: Vec<String>,
}

/// One step of it.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsed {
    /// The stage that was reached.
    pub stage: Stage,
    /// When.
    pub at: Timestamp,
    /// How long the stage before it lasted.
    pub after_ms: u64,
    /// Why.
    pub why: String,
    /// What the DNS servers held, a line each.
    pub evidence: Vec<String>,
}

/// Rehearses the bypass of a site.
///
/// # Errors
/// It could not be begun; then nothing was changed.
pub async fn rehearse(
    settings: &Settings,
    site: &str,
    clock: Arc<dyn Clock>,
) -> Result<Rehearsal, Failure> {
    let bypass = settings.sites.iter().find(|it| it.name == site);
    let bypass = bypass.and_then(|it| it.bypass.as_ref()).ok_or_else(|| {
        let words = format!("no site \"{site}\" has [site.bypass]");
        Failure::new(words, "name one that has")
    })?;
    let drill = drill(bypass, site)?;
    let names = Names::of(&drill, settings, &clock)?;
    let tls = ask::tls(settings.ingress.trust.as_deref());
    let advice = "correct `trust` of [ingress]";
    let tls = tls.map_err(|error| Failure::new(error, advice))?;
    let told = doors::ask(bypass, &tls).await;
    let mut failures = Vec::new();
    for (address, told) in &told.0 {
        if let Err(why) = told {
            failures.push(format!("the direct address {address}: {why}"));
        }
    }
    names.prepare().await?;
    let began = clock.now();
    let mut play = Play {
        names,
        clock: clock.clone(),
        steps: Vec::new(),
        last: began,
    };
    let went = tokio::time::timeout(PATIENCE, play.there_and_back()).await;
    match went {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => failures.push(failure.to_string()),
        Err(_) => failures.push(format!("it was not done within {} s", PATIENCE.as_secs())),
    }
    Ok(Rehearsal {
        site: site.to_owned(),
        name: drill.names.into_iter().next().unwrap_or_default(),
        began,
        ended: clock.now(),
        passed: failures.is_empty(),
        ttl_s: drill.ttl.as_secs(),
        steps: play.steps,
        doors: told.evidence(),
        failures,
    })
}

/// The same settings for the drill's name.
fn drill(bypass: &BypassSettings, site: &str) -> Result<BypassSettings, Failure> {
    let Some(name) = &bypass.drill_name else {
        let words = format!("\"{site}\" has no name for drills");
        let advice = "add `drill_name` to [site.bypass]: a name that nobody reads";
        return Err(Failure::new(words, advice));
    };
    if !matches!(bypass.dns, DnsChanger::Update(_)) {
        let words = "the DNS is not changed from here";
        let advice = "rehearse at the edge that changes it; where a person does, rehearse with him";
        return Err(Failure::new(words, advice));
    }
    Ok(BypassSettings {
        names: vec![name.clone()],
        ttl: bypass.ttl.min(TTL),
        ..bypass.clone()
    })
}

struct Play {
    names: Names,
    clock: Arc<dyn Clock>,
    steps: Vec<Rehearsed>,
    last: Timestamp,
}

impl Play {
    async fn there_and_back(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        let permit = Permit {
            request: None,
            asked_by: "rehearsal".to_owned(),
            approved_by: Vec::new(),
            at: now,
            until: now.plus(PATIENCE),
            break_glass: true,
        };
        let mut ingress = Ingress::default();
        self.order(&mut ingress, &Ordered::Bypass { permit })?;
        self.until(&mut ingress, Stage::Bypass).await?;
        self.order(&mut ingress, &Ordered::Return { cloud: None })?;
        self.until(&mut ingress, Stage::Cloud).await
    }

    fn order(&mut self, ingress: &mut Ingress, order: &Ordered) -> Result<(), Failure> {
        let next = ordered(ingress, order, self.clock.now());
        *ingress = next.map_err(|error| Failure::new(error, error.advice()))?;
        self.note(ingress.stage, "ordered".to_owned(), Vec::new());
        Ok(())
    }

    fn note(&mut self, stage: Stage, why: String, evidence: Vec<String>) {
        let at = self.clock.now();
        let after = at.since(self.last).as_millis();
        self.last = at;
        self.steps.push(Rehearsed {
            stage,
            at,
            after_ms: u64::try_from(after).unwrap_or(u64::MAX),
            why,
            evidence,
        });
    }

    /// Goes on until a stage is reached.
    async fn until(&mut self, ingress: &mut Ingress, stage: Stage) -> Result<(), Failure> {
        let began = monotonic();
        let terms = *self.names.terms();
        let mut watch = Watch::default();
        while ingress.stage != stage {
            let at = began.elapsed();
            watch.stands_at(ingress);
            watch.counted(0, at, terms.span());
            watch.checked(true, at);
            watch.asked_doors(true, at);
            let Looked { look, evidence, .. } = self.names.look().await;
            watch.looked(look, at);
            let seen = watch.seen(at, true, true);
            if let Some(transition) = step(ingress, &terms, &seen, self.clock.now()) {
                let changed = transition.to.stage != ingress.stage;
                *ingress = transition.to;
                if changed {
                    self.note(ingress.stage, transition.why.to_string(), evidence);
                }
                continue;
            }
            for duty in duties(ingress, &terms, &seen) {
                if let Duty::Lead(to) = duty {
                    self.names.lead(to, ingress.cloud.as_deref()).await?;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

/// That a rehearsal is due, by the names of the records in an edge's folder.
#[must_use]
pub fn reminder(data: &Path, site: &str, now: Timestamp) -> Option<Missing> {
    let files = std::fs::read_dir(data.join(FOLDER)).into_iter().flatten();
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let times = names.filter_map(|name| {
        let seconds = name.strip_suffix(".json")?.strip_prefix(site)?;
        seconds.strip_prefix('-')?.parse::<u64>().ok()
    });
    let last = times.max().map(|seconds| Timestamp(seconds * 1000));
    let what = match last {
        Some(last) if now.since(last) < DUE => return None,
        Some(last) => format!("the bypass was rehearsed last on {last}"),
        None => "the bypass was never rehearsed".to_owned(),
    };
    let hint = format!("run `yagura cloud rehearse {site}`; no reader is touched");
    Some(Missing::new(what, hint))
}

impl Rehearsal {
    /// Writes the record into an edge's folder, as JSON and for people; gives the latter's path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, data: &Path) -> io::Result<PathBuf> {
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let name = format!("{}-{}", self.site, self.began.seconds());
        let json = serde_json::to_vec_pretty(self)?;
        std::fs::write(folder.join(format!("{name}.json")), json)?;
        let path = folder.join(format!("{name}.txt"));
        std::fs::write(&path, self.text())?;
        Ok(path)
    }

    /// The record for people, in Japanese and English; times are Japan's.
    #[must_use]
    pub fn text(&self) -> String {
        let (ja, en) = match self.passed {
            true => ("合格", "passed"),
            false => ("不合格", "FAILED"),
        };
        let Self {
            site,
            name,
            began,
            ended,
            ttl_s,
            ..
        } = self;
        let mut text = format!(
            "迂回訓練の記録 / Record of a rehearsal of the bypass\n\n\
             サイト / site: {site}\n\
             訓練用の名前 / drill name: {name} (TTL {ttl_s} s)\n\
             開始 / began: {began}\n\
             終了 / ended: {ended}\n\
             結果 / result: {ja} / {en}\n\n"
        );
        for step in &self.steps {
            let seconds = Duration::from_millis(step.after_ms).as_secs_f64();
            text += &format!(
                "{}  {:<17} +{seconds:.1} s  {}\n",
                step.at,
                step.stage.word(),
                step.why
            );
            for line in &step.evidence {
                text += &format!("    {line}\n");
            }
        }
        text += "\n直接公開の入口 / direct addresses:\n";
        for line in &self.doors {
            text += &format!("    {line}\n");
        }
        for failure in &self.failures {
            text += &format!("\n不合格の理由 / failure: {failure}\n");
        }
        text
    }
}

impl Names {
    /// Has the names lead to the cloud before a rehearsal: one that was broken off may have left them
    /// leading here, and at first they hold nothing.
    async fn prepare(&self) -> Result<(), Failure> {
        let looked = self.look().await;
        match looked.look.primary.map(|held| held.leads) {
            Some(Leads::Cloud) => Ok(()),
            Some(Leads::Direct) => self.lead(Leads::Cloud, None).await,
            Some(Leads::Elsewhere) => self.begin().await,
            None => Err(Failure::new(
                looked.evidence.join("; "),
                "look whether the DNS server runs",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dns_view::tests::settings;
    use super::*;

    #[test]
    fn the_drill_is_of_a_name_of_its_own_with_a_short_ttl() {
        let mut bypass = settings();
        let refused = drill(&bypass, "town").unwrap_err();
        assert!(refused.advice.contains("drill_name"), "{refused}");
        bypass.drill_name = Some("drill.town.example".into());
        let drill_settings = drill(&bypass, "town").unwrap();
        assert_eq!(drill_settings.names, ["drill.town.example"]);
        assert_eq!(drill_settings.ttl, TTL);
        bypass.dns = DnsChanger::Elsewhere;
        assert!(drill(&bypass, "town").is_err());
    }

    #[test]
    fn the_record_reads_as_evidence() {
        let at = Timestamp(1_795_410_187_123);
        let rehearsal = Rehearsal {
            site: "town".into(),
            name: "drill.town.example".into(),
            began: at,
            ended: at.plus(Duration::from_secs(25)),
            passed: false,
            ttl_s: 5,
            steps: vec![Rehearsed {
                stage: Stage::Verifying,
                at,
                after_ms: 1250,
                why: "the DNS server leads here".into(),
                evidence: vec!["192.0.2.53:53 holds drill.town.example: A 203.0.113.5".into()],
            }],
            doors: vec!["door of edge-1 at 203.0.113.5:443: closed, cloud".into()],
            failures: vec!["the direct address 203.0.113.6:443: it does not answer".into()],
        };
        let text = rehearsal.text();
        for part in [
            "不合格 / FAILED",
            "2026-11-23T14:03:07+09:00  verifying         +1.2 s  the DNS server leads here\n    192",
            "203.0.113.6:443: it does not answer",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let due = |site, days: u64| {
            let now = at.plus(Duration::from_secs(days * 86_400));
            reminder(folder.path(), site, now).map(|missing| missing.what)
        };
        assert!(due("town", 0).unwrap().contains("never"));
        let saved = rehearsal.save(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(saved).unwrap(), text);
        assert_eq!(due("town", 30), None);
        assert!(due("town", 31).unwrap().contains("2026-11-23"));
        assert!(due("tow", 0).is_some() && due("museum", 0).is_some());
    }
}

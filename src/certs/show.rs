//! `yagura certs show`: everything that is known of one certificate.

use std::process::ExitCode;

use serde::Serialize;
use yagura_certs::csr::{Request, Requests};
use yagura_certs::export::{self, Taken};
use yagura_certs::register::{self, Entry, Place};
use yagura_certs::store::{About, RolledBack};
use yagura_control::{Clock, SystemClock, Timestamp};

use super::arguments::ShowArguments;
use super::{Certificates, install, words};
use crate::output;

/// All of it.
#[derive(Serialize)]
struct Everything {
    in_use: Option<Entry>,
    current: Option<u32>,
    versions: Vec<Version>,
    request: Option<Request>,
    rollbacks: Vec<RolledBack>,
    exports: Vec<Taken>,
}

#[derive(Serialize)]
struct Version {
    version: u32,
    #[serde(flatten)]
    about: Option<About>,
}

pub(crate) fn run(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = install::existing(&certificates, &arguments.name)?;
    let store = &certificates.store;
    let now = SystemClock.now();
    let entries = register::stored(store, now)?.into_iter();
    let mut own = entries.filter(|entry| entry.name == name);
    let versions = store.versions(&name)?.into_iter();
    let everything = Everything {
        in_use: own.find(|entry| matches!(entry.place, Place::Stored { .. })),
        // A damaged pointer stands in the entry's troubles.
        current: store.current(&name).ok().flatten(),
        versions: versions
            .map(|version| Version {
                version,
                about: store.about(&name, version),
            })
            .collect(),
        request: Requests::of(store).newest(&name)?,
        rollbacks: store.rollbacks(&name),
        exports: export::taken(store, &name),
    };
    if arguments.json {
        output::json(&everything)?;
    } else {
        print!("{}", told(&name, &everything, now));
    }
    Ok(ExitCode::SUCCESS)
}

fn told(name: &str, all: &Everything, now: Timestamp) -> String {
    let mut text = format!("{name}\n");
    if let Some(entry) = &all.in_use {
        if let Some(facts) = &entry.facts {
            let ends = words::instant(facts.not_after);
            let left = words::left(facts.not_after, now);
            let state = facts.stage.filter(|_| facts.warns);
            let state = state.map_or("good", |stage| stage.words());
            let rows = [
                ("hosts", facts.names.join(", ")),
                ("subject", facts.subject.clone()),
                ("issuer", facts.issuer.clone()),
                ("serial", facts.serial.clone()),
                ("key", facts.key.clone()),
                ("valid from", words::instant(facts.not_before)),
                ("valid until", format!("{ends} ({left}): {state}")),
                ("see to the next from", words::instant(facts.renew_from)),
                ("SHA-256", facts.sha256.clone()),
            ];
            let rows = rows.map(|(name, value)| vec![format!("  {name}"), value]);
            text.push_str(&words::table(&rows));
        }
        for trouble in &entry.troubles {
            text.push_str(&format!("  WRONG: {trouble}\n"));
        }
    }
    let mut section = |title: &str, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            text.push_str(&format!("{title}\n{}", words::table(&rows)));
        }
    };
    section(
        "versions",
        all.versions
            .iter()
            .map(|it| version(it, all.current))
            .collect(),
    );
    let request = all.request.iter().map(|request| {
        let made = format!("{} by {}", words::instant(request.at), request.by);
        let names = request.application.names.join(", ");
        vec![format!("  {}", request.state.words()), made, names]
    });
    section("request", request.collect());
    let rollbacks = all.rollbacks.iter().map(|line| {
        let who = format!("{} by {}", words::instant(line.brought.at), line.brought.by);
        vec![format!("  {} to {}", line.from, line.to), who]
    });
    section("rollbacks", rollbacks.collect());
    let exports = all.exports.iter().map(|taken| {
        let when = words::instant(taken.at);
        let key = format!("key: {}", taken.key);
        vec![
            format!("  {when}"),
            taken.by.clone(),
            taken.cloud.clone(),
            key,
            taken.to.clone(),
        ]
    });
    section("taken by", exports.collect());
    text
}

fn version(it: &Version, current: Option<u32>) -> Vec<String> {
    let mark = if Some(it.version) == current {
        "in use"
    } else {
        ""
    };
    let brought = it.about.as_ref().and_then(|about| about.brought.as_ref());
    let who = brought.map_or_else(
        || "nobody knows who brought it".to_owned(),
        |it| format!("{} {} by {}", words::instant(it.at), it.how.words(), it.by),
    );
    let sha256 = it.about.as_ref().map_or("", |about| &about.sha256);
    let begin = sha256.get(..16).unwrap_or_default();
    vec![
        format!("  {}", it.version),
        mark.to_owned(),
        who,
        begin.to_owned(),
    ]
}

//! `yagura certs list`: every certificate the site depends on.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use yagura_certs::register::{self, Entry, Place, calendar};
use yagura_config::settings::{CertificateSettings, WatchedCertificateSettings};
use yagura_control::{Clock, SystemClock, Timestamp};

use super::arguments::ListArguments;
use super::{Certificates, words};
use crate::output;

/// How long a server elsewhere may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let now = SystemClock.now();
    let mut entries = register::stored(&certificates.store, now)?;
    let wanted = certificates.settings.certificates.wanted.iter();
    let missing: Vec<Entry> = wanted
        .filter(|wanted| entries.iter().all(|entry| entry.name != wanted.name))
        .map(missing)
        .collect();
    entries.extend(missing);
    if !arguments.no_watch {
        let watched = &certificates.settings.watched_certificates;
        entries.extend(look_at(watched, now));
    }
    if let Some(file) = &arguments.calendar {
        std::fs::write(file, calendar::calendar(&entries, now))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if arguments.json {
        output::json(&entries)?;
    } else {
        print!("{}", told(&entries, now));
    }
    Ok(ExitCode::SUCCESS)
}

/// One that the configuration wants and nobody has got yet.
fn missing(wanted: &CertificateSettings) -> Entry {
    let trouble = match &wanted.authorities[..] {
        [] => format!(
            "there is none yet; `yagura certs csr new --name {}` makes a request for it",
            wanted.name
        ),
        [first, ..] => format!("there is none yet; the edge orders it from {first}"),
    };
    Entry {
        name: wanted.name.clone(),
        place: Place::Stored {
            version: None,
            how: None,
            by: None,
        },
        facts: None,
        troubles: vec![trouble],
    }
}

/// All of them at the same time, so that a dead one holds nobody up.
fn look_at(watched: &[WatchedCertificateSettings], now: Timestamp) -> Vec<Entry> {
    let look = |it: &WatchedCertificateSettings| {
        let of = (it.server_name.as_str(), it.trust.as_deref());
        register::from_outside(&it.name, &it.address, of, PATIENCE, now)
    };
    std::thread::scope(|scope| {
        let looking: Vec<_> = watched
            .iter()
            .map(|it| scope.spawn(move || look(it)))
            .collect();
        let entries = looking.into_iter().filter_map(|it| it.join().ok());
        entries.collect()
    })
}

fn told(entries: &[Entry], now: Timestamp) -> String {
    if entries.is_empty() {
        return "There is no certificate yet. `yagura certs csr new` makes a request for one.\n"
            .to_owned();
    }
    let heading = ["NAME", "WHERE", "HOSTS", "ENDS (in Japan)", "LEFT", "STATE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut troubles = String::new();
    for entry in entries {
        rows.push(row(entry, now));
        for trouble in &entry.troubles {
            troubles.push_str(&format!("{}: {trouble}\n", entry.name));
        }
    }
    let mut text = words::table(&rows);
    if !troubles.is_empty() {
        text.push('\n');
        text.push_str(&troubles);
    }
    text
}

fn row(entry: &Entry, now: Timestamp) -> Vec<String> {
    let place = match &entry.place {
        Place::Stored { version, how, .. } => {
            let version = version.map_or_else(|| "no version".into(), |it| format!("version {it}"));
            how.map_or_else(
                || version.clone(),
                |how| format!("{version}, {}", how.words()),
            )
        }
        Place::Requested { .. } => "at the authority".to_owned(),
        Place::Watched { address } => address.clone(),
    };
    let dash = || "-".to_owned();
    let (hosts, ends, left, mut state) = match (&entry.facts, &entry.place) {
        (Some(facts), _) => (
            words::names(&facts.names),
            words::instant(facts.not_after),
            words::left(facts.not_after, now),
            match facts.stage.filter(|_| facts.warns) {
                Some(stage) => stage.words().to_owned(),
                None => "good".to_owned(),
            },
        ),
        (None, Place::Requested { state, names, .. }) => {
            let state = state.words().to_owned();
            (words::names(names), dash(), dash(), state)
        }
        (None, _) => (dash(), dash(), dash(), "nothing is known".to_owned()),
    };
    if !entry.troubles.is_empty() {
        state.push_str("; see below");
    }
    vec![entry.name.clone(), place, hosts, ends, left, state]
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_certs::csr::State;

    #[test]
    fn the_list_says_where_each_lives_and_what_is_wrong() {
        let now = Timestamp(1_795_400_000_000);
        let entries = [
            Entry {
                name: "new".into(),
                place: Place::Requested {
                    state: State::Requested,
                    since: now.rfc3339(),
                    names: vec!["a.example".into(), "b.example".into()],
                },
                facts: None,
                troubles: vec![],
            },
            Entry {
                name: "cloud".into(),
                place: Place::Watched {
                    address: "a.example:443".into(),
                },
                facts: None,
                troubles: vec!["it does not answer".into()],
            },
        ];
        assert_eq!(
            told(&entries, now),
            "NAME   WHERE             HOSTS         ENDS (in Japan)  LEFT  STATE\n\
             new    at the authority  a.example +1  -                -     requested\n\
             cloud  a.example:443     -             -                -     nothing is known; see below\n\
             \n\
             cloud: it does not answer\n"
        );
        assert!(told(&[], now).contains("csr new"));
    }
}

//! Asks every service at every interval, and writes down each minute when it is over.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use yagura_config::settings::{OpsSettings, ProbeSettings};
use yagura_control::Clock;

use crate::error::OpsError;
use crate::ledger;
use crate::minute::Minute;
use crate::probe;

/// Answers in a row that make a change news. One lost question is no outage.
const NEWS: u32 = 3;

/// Runs the desk until `shutdown` ends.
///
/// # Errors
/// The folder of the ledgers cannot be used.
pub async fn run(
    settings: OpsSettings,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), OpsError> {
    std::fs::create_dir_all(&settings.data).map_err(OpsError::at(&settings.data))?;
    let mut watching = JoinSet::new();
    for probe in settings.probes {
        watching.spawn(watch(
            probe,
            settings.interval,
            settings.data.clone(),
            clock.clone(),
        ));
    }
    tracing::info!(probes = watching.len(), "the operations desk is up");
    shutdown.await;
    watching.shutdown().await;
    Ok(())
}

async fn watch(
    probe: ProbeSettings,
    interval: Duration,
    folder: std::path::PathBuf,
    clock: Arc<dyn Clock>,
) {
    let mut beat = tokio::time::interval(interval);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut minute = Minute::of(clock.now());
    let mut seen = Seen::default();
    loop {
        beat.tick().await;
        let asked_at = Minute::of(clock.now());
        if asked_at.number != minute.number {
            write(
                &folder,
                &probe.name,
                std::mem::replace(&mut minute, asked_at),
            );
        }
        let answer = probe::ask(&probe).await;
        minute.count(answer.is_ok());
        match (seen.count(answer.is_ok()), answer) {
            (Some(true), _) => tracing::info!(indicator = %probe.name, "answers"),
            (Some(false), Err(why)) => {
                tracing::error!(indicator = %probe.name, %why, "DOES NOT ANSWER")
            }
            _ => {}
        }
    }
}

fn write(folder: &Path, indicator: &str, minute: Minute) {
    if minute.asked == 0 {
        return;
    }
    if let Err(error) = ledger::append(folder, indicator, minute) {
        tracing::error!(indicator, %error, "a minute could not be written down");
    }
}

/// What was told last, and how many answers in a row say otherwise.
#[derive(Debug, Default)]
struct Seen {
    told: Option<bool>,
    otherwise: u32,
}

impl Seen {
    /// Counts an answer; gives what is to be told, when it is news.
    fn count(&mut self, answered: bool) -> Option<bool> {
        if self.told == Some(answered) {
            self.otherwise = 0;
            return None;
        }
        self.otherwise += 1;
        if self.otherwise < NEWS {
            return None;
        }
        *self = Self {
            told: Some(answered),
            otherwise: 0,
        };
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn one_lost_question_is_no_news() {
        let mut seen = Seen::default();
        let answers = [
            true, true, true, false, true, false, false, false, false, true, true, true,
        ];
        let told: Vec<Option<bool>> = answers
            .into_iter()
            .map(|answer| seen.count(answer))
            .collect();
        let news: Vec<(usize, bool)> = told
            .iter()
            .enumerate()
            .filter_map(|(at, news)| Some((at, (*news)?)))
            .collect();
        assert_eq!(news, [(2, true), (7, false), (11, true)]);
    }
}

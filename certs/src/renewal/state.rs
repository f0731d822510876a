//! What happened to one certificate so far.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

use crate::CertError;
use crate::acme::{Failure, Window};
use crate::store::write_private;

/// How long an authority without windows is not asked for them again.
const NO_WINDOW: Duration = Duration::from_secs(86_400);
/// How soon a window is asked for again when it could not be told.
const WINDOW_FAILED: Duration = Duration::from_secs(6 * 3600);
/// How often a window is asked for, at most and at least (RFC 9773, section 4.3.2).
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(86_400);

/// Kept in `FOLDER/NAME/renewal.json`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct State {
    /// The authority that issued the present certificate.
    pub authority: Option<String>,
    /// When that was.
    pub issued_at: Option<Timestamp>,
    /// When an order was begun last.
    pub last_attempt: Option<Timestamp>,
    /// When the next one is due, as it was decided last; for people.
    pub next_attempt: Option<Timestamp>,
    /// Failures since the last success, by authority.
    pub failed: BTreeMap<String, Failed>,
    /// How many orders have failed since the file was made.
    pub failures: u64,
    /// When the authority wants the present certificate to be renewed.
    pub suggested: Option<Suggested>,
}

/// The failures of one authority in a row.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Failed {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub at: Timestamp,
    /// The authority's words.
    pub words: String,
    /// What to do.
    pub advice: String,
    /// Whether the authority said no, and was not just out of reach.
    pub refused: bool,
    /// How long it wants not to be asked, in seconds.
    pub retry_after_s: Option<u64>,
}

/// What an authority suggested for one leaf.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Suggested {
    /// Hash of the leaf.
    pub leaf: String,
    /// From when until when; none where it suggests nothing.
    pub window: Option<(Timestamp, Timestamp)>,
    /// When it is to be asked again.
    pub ask_at: Timestamp,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// This authority issued.
    Issued(&'a str),
    /// This authority did not.
    Failed(&'a str, &'a Failure),
    /// The authority told when to renew the leaf of this hash, or that it has no windows.
    Told(&'a str, Option<Window>),
    /// It could not be asked.
    NotTold(&'a str),
}

impl State {
    /// Takes an event in.
    pub fn apply(&mut self, event: Event<'_>, now: Timestamp) {
        match event {
            Event::Issued(authority) => {
                self.authority = Some(authority.to_owned());
                self.issued_at = Some(now);
                self.last_attempt = Some(now);
                self.failed.clear();
                self.suggested = None;
            }
            Event::Failed(authority, failure) => {
                self.last_attempt = Some(now);
                self.failures = self.failures.saturating_add(1);
                let before = self.failed.get(authority).map_or(0, |failed| failed.count);
                let failed = Failed {
                    count: before.saturating_add(1),
                    at: now,
                    words: failure.words.clone(),
                    advice: failure.advice.clone(),
                    refused: failure.is_refusal(),
                    retry_after_s: failure.retry_after.map(|after| after.as_secs()),
                };
                self.failed.insert(authority.to_owned(), failed);
            }
            Event::Told(leaf, window) => {
                let wait = window.map_or(NO_WINDOW, |window| window.ask_again);
                self.suggested = Some(Suggested {
                    leaf: leaf.to_owned(),
                    window: window.map(|window| (window.start, window.end)),
                    ask_at: now.plus(wait.clamp(SOONEST, LATEST)),
                });
            }
            Event::NotTold(leaf) => {
                let kept = self.suggested.take().filter(|kept| kept.leaf == leaf);
                self.suggested = Some(Suggested {
                    leaf: leaf.to_owned(),
                    window: kept.and_then(|kept| kept.window),
                    ask_at: now.plus(WINDOW_FAILED),
                });
            }
        }
    }

    /// The newest failure since the last success, with its authority.
    #[must_use]
    pub fn newest_failure(&self) -> Option<(&str, &Failed)> {
        let newest = self.failed.iter().max_by_key(|(_, failed)| failed.at);
        newest.map(|(authority, failed)| (authority.as_str(), failed))
    }

    /// What is kept of a certificate; nothing has happened when there is no file or it is damaged,
    /// which costs an order at most.
    #[must_use]
    pub fn load(folder: &Path, name: &str) -> Self {
        let file = file(folder, name);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::warn!(%error, file = %file.display(), "what happened is not known");
                }
                return Self::default();
            }
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, file = %file.display(), "what happened is not known");
            Self::default()
        })
    }

    /// Keeps it, atomically.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, folder: &Path, name: &str) -> Result<(), CertError> {
        let file = file(folder, name);
        let parent = folder.join(name);
        fs::create_dir_all(&parent).map_err(CertError::at(parent))?;
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| CertError::Damaged {
            path: file.clone(),
            what: error.to_string(),
        })?;
        write_private(&file, &bytes)
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).join("renewal.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_400_000_000);

    fn refused() -> Failure {
        Failure::problem(
            Some("urn:ietf:params:acme:error:caa"),
            Some("CAA forbids it"),
        )
    }

    fn window() -> Window {
        Window {
            start: NOW,
            end: NOW.plus(Duration::from_secs(3600)),
            ask_again: Duration::from_secs(21_600),
        }
    }

    /// Every state that matters, by how it came to be.
    fn states() -> Vec<(&'static str, State)> {
        let failure = refused();
        let after = |events: &[Event<'_>]| {
            let mut state = State::default();
            for event in events {
                state.apply(event.clone(), NOW);
            }
            state
        };
        vec![
            ("new", after(&[])),
            ("issued", after(&[Event::Issued("a")])),
            ("failed", after(&[Event::Failed("a", &failure)])),
            (
                "told",
                after(&[Event::Issued("a"), Event::Told("leaf", Some(window()))]),
            ),
            (
                "told and failed",
                after(&[
                    Event::Issued("a"),
                    Event::Told("leaf", Some(window())),
                    Event::Failed("a", &failure),
                    Event::Failed("b", &failure),
                ]),
            ),
        ]
    }

    #[test]
    fn every_event_in_every_state_leaves_what_it_should() {
        let failure = refused();
        let later = NOW.plus(Duration::from_secs(60));
        for (name, before) in states() {
            let after = |event| {
                let mut state = before.clone();
                state.apply(event, later);
                state
            };
            let issued = after(Event::Issued("b"));
            assert_eq!(issued.authority.as_deref(), Some("b"), "{name}");
            assert!(
                issued.failed.is_empty() && issued.suggested.is_none(),
                "{name}"
            );
            assert_eq!(issued.failures, before.failures, "{name}");

            let failed = after(Event::Failed("a", &failure));
            let count = before.failed.get("a").map_or(0, |failed| failed.count);
            assert_eq!(failed.failed["a"].count, count + 1, "{name}");
            assert_eq!(failed.failed.get("b"), before.failed.get("b"), "{name}");
            assert_eq!(failed.authority, before.authority, "{name}");
            assert_eq!(failed.suggested, before.suggested, "{name}");
            assert_eq!(failed.failures, before.failures + 1, "{name}");
            assert_eq!(failed.newest_failure().unwrap().0, "a", "{name}");

            let told = after(Event::Told("leaf", Some(window())));
            assert_eq!(told.suggested.unwrap().window.unwrap().0, NOW, "{name}");
            assert_eq!(told.failed, before.failed, "{name}");

            let untold = after(Event::NotTold("leaf"));
            let kept = before.suggested.clone().and_then(|kept| kept.window);
            assert_eq!(untold.suggested.unwrap().window, kept, "{name}");
            let other = after(Event::NotTold("other leaf"));
            assert_eq!(other.suggested.unwrap().window, None, "{name}");
        }
    }

    #[test]
    fn what_happened_is_there_after_a_restart_and_damage_is_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::load(folder.path(), "town"), State::default());
        for (name, state) in states() {
            state.save(folder.path(), "town").unwrap();
            assert_eq!(State::load(folder.path(), "town"), state, "{name}");
        }
        fs::write(file(folder.path(), "town"), "{\"failed\":3").unwrap();
        assert_eq!(State::load(folder.path(), "town"), State::default());
    }
}

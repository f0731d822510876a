//! Tells those whom `[[hook]]` names that something needs a person: a command with JSON on its
//! standard input, or a POST of the same JSON.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use yagura_config::settings::{HookSettings, HookWay};
use yagura_control::Timestamp;

use super::store::rest;

/// Nobody is waited for longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// So often it is tried.
const TRIES: u32 = 3;

/// What is told.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Announcement {
    pub(crate) kind: &'static str,
    pub(crate) at: String,
    pub(crate) target: String,
    pub(crate) repository: String,
    pub(crate) words: String,
}

impl Announcement {
    pub(crate) fn new(
        kind: &'static str,
        at: Timestamp,
        place: (&str, &str),
        words: String,
    ) -> Self {
        Self {
            kind,
            at: at.rfc3339(),
            target: place.0.to_owned(),
            repository: place.1.to_owned(),
            words,
        }
    }
}

/// Tells everybody, each by itself; a hook that hangs keeps nobody else waiting.
pub(crate) fn tell(hooks: &[HookSettings], announcement: &Announcement) {
    let json = serde_json::to_vec(announcement).unwrap_or_default();
    for hook in hooks.iter().cloned() {
        let json = json.clone();
        tokio::spawn(async move {
            for attempt in 1..=TRIES {
                let telling = tokio::time::timeout(PATIENCE, once(&hook, &json));
                let told = telling
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                let Err(error) = told else { return };
                tracing::error!(hook = %hook.name, attempt, %error, "a hook could not be told");
                tokio::time::sleep(Duration::from_secs(u64::from(attempt) * 5)).await;
            }
        });
    }
}

async fn once(hook: &HookSettings, json: &[u8]) -> io::Result<()> {
    match &hook.way {
        HookWay::Command(words) => {
            let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            let mut child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()?;
            if let Some(mut input) = child.stdin.take() {
                input.write_all(json).await?;
            }
            let status = child.wait().await?;
            if status.success() {
                return Ok(());
            }
            Err(io::Error::other(format!("{program} ended with {status}")))
        }
        HookWay::Webhook { url, secret } => {
            let secret = match secret {
                None => None,
                Some((header, file)) => {
                    Some((header.clone(), tokio::fs::read_to_string(file).await?))
                }
            };
            rest::post_json(url, secret, json.to_vec().into()).await
        }
    }
}

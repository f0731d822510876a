//! Tells those whom `[[hook]]` names that something of backups needs a person. How a hook is told, and
//! when again, stands in `yagura_control::hook`.

use bytes::Bytes;
use serde::Serialize;
use yagura_config::settings::{HookSettings, HookWay};
use yagura_control::hook::queue::Queue;
use yagura_control::hook::{self, Way};
use yagura_control::{Clock, SystemClock, Timestamp};

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

/// Tells everybody, each by itself; a hook that hangs keeps nobody else waiting, and one that is back
/// within a day hears it. Alarms are few, so that each may have a queue of its own.
pub(crate) fn tell(hooks: &[HookSettings], announcement: &Announcement) {
    let body: Bytes = serde_json::to_vec(announcement).unwrap_or_default().into();
    for hook in hooks.iter().cloned() {
        tokio::spawn(told(hook, body.clone()));
    }
}

async fn told(hook: HookSettings, body: Bytes) {
    let mut queue = Queue::default();
    queue.push(body, SystemClock.now());
    while let Some(wait) = queue.wait(SystemClock.now()) {
        tokio::time::sleep(wait).await;
        let Some(body) = queue.next(SystemClock.now()) else {
            continue;
        };
        match hook::tell(way(&hook.way), body).await {
            Ok(()) => queue.done(),
            Err(why) => {
                tracing::error!(hook = %hook.name, why, "a hook could not be told");
                queue.failed(why, SystemClock.now());
            }
        }
    }
}

fn way(settings: &HookWay) -> Way<'_> {
    match settings {
        HookWay::Command(command) => Way::Command(command),
        HookWay::Webhook { url, secret, trust } => Way::Webhook {
            url,
            secret: secret.as_ref(),
            trust: trust.as_deref(),
        },
    }
}

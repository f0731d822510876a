//! One task a hook, as the settings say, until the task is dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{AbortHandle, JoinSet};
use yagura_config::settings::HookWay;
use yagura_control::hook::Way;

use super::{Hook, told};
use crate::routing::News;
use crate::state::Edge;

/// How often it is looked whether the settings changed.
const LOOK: Duration = Duration::from_millis(500);
/// How long a task sleeps when nothing waits and nobody wakes it.
const IDLE: Duration = Duration::from_secs(3_600);

/// Tells every hook what it is to be told.
pub async fn run(edge: Arc<Edge>) {
    let mut tasks = JoinSet::new();
    let mut telling: HashMap<String, (Arc<Hook>, AbortHandle)> = HashMap::new();
    // From here on nothing of a request goes unheard.
    tasks.spawn(hear(edge.clone(), edge.switchboard.news()));
    let mut settings = edge.switchboard.settings();
    edge.hooks.set(&settings.hooks);
    loop {
        let now: Vec<Arc<Hook>> = edge.hooks.all().values().cloned().collect();
        telling.retain(|_, (hook, task)| {
            let stays = now.iter().any(|it| Arc::ptr_eq(it, hook));
            if !stays {
                task.abort();
            }
            stays
        });
        for hook in now {
            let name = hook.settings.name.clone();
            telling.entry(name).or_insert_with(|| {
                let (edge, told) = (edge.clone(), hook.clone());
                (hook, tasks.spawn(async move { tell(&edge, &told).await }))
            });
        }
        tokio::time::sleep(LOOK).await;
        while tasks.try_join_next().is_some() {}
        let present = edge.switchboard.settings();
        if present.hooks != settings.hooks {
            edge.hooks.set(&present.hooks);
        }
        settings = present;
    }
}

/// Tells all hooks what happens to requests.
async fn hear(edge: Arc<Edge>, mut news: broadcast::Receiver<News>) {
    loop {
        match news.recv().await {
            Ok(news) => {
                if let Some(announcement) = told::of_news(edge.switchboard.name(), &news) {
                    edge.hooks.announce(&announcement);
                }
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "hooks were not told of some requests");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn tell(edge: &Edge, hook: &Hook) {
    let name = &hook.settings.name;
    loop {
        let now = edge.clock.now();
        let next = hook.queue().next(now);
        let Some(body) = next else {
            let wait = hook.queue().wait(now).unwrap_or(IDLE);
            tokio::select! {
                () = hook.added.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            continue;
        };
        let way = match &hook.settings.way {
            HookWay::Command(command) => Way::Command(command),
            HookWay::Webhook { url, secret, trust } => Way::Webhook {
                url,
                secret: secret.as_ref(),
                trust: trust.as_deref(),
            },
        };
        match yagura_control::hook::tell(way, body).await {
            Ok(()) => hook.queue().done(),
            Err(why) => {
                tracing::warn!(hook = name, why, "a hook did not take an announcement");
                hook.queue().failed(why, edge.clock.now());
            }
        }
    }
}

//! Posts go to the CMS, which keeps them as drafts, as soon as it lives; and operators are warned
//! when the newest post is old.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use yagura_control::Timestamp;
use yagura_control::client::Client;
use yagura_control::order::{DisasterStatus, HandedPost};

use crate::routing::{Plan, Site};
use crate::state::Edge;

/// How often it is looked whether there is something to do.
const LOOK: Duration = Duration::from_secs(2);
/// Longest time for one post.
const DEADLINE: Duration = Duration::from_secs(10);

/// How the disaster page of a site stands; none when it is not up.
#[must_use]
pub fn status(site: &Site, plan: &Plan, now: Timestamp) -> Option<DisasterStatus> {
    let raised = site.disaster.as_ref()?;
    Some(DisasterStatus {
        since: raised.since,
        posts: raised.disaster.posts.len(),
        newest_at: raised.newest_at,
        is_old: raised.is_old(now),
        not_handed_over: plan.intents.of(&site.settings.name).to_hand_over().count(),
    })
}

/// Does both until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let mut warned = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        warn(&edge, &mut warned);
        let plan = edge.switchboard.plan().clone();
        for site in plan.sites() {
            hand_over(&edge, &plan, site).await;
        }
    }
}

/// Hands over what the CMS of a site has not, one after another, the oldest first.
async fn hand_over(edge: &Arc<Edge>, plan: &Plan, site: &Site) {
    let name = &site.settings.name;
    let Some(socket) = &site.settings.feed_socket else {
        return;
    };
    let client = Client::new(socket, DEADLINE);
    let mut taken = Vec::new();
    for post in plan.intents.of(name).to_hand_over() {
        let (number, edge) = (post.number, edge.switchboard.name().to_owned());
        let handed = HandedPost {
            post: post.clone(),
            edge,
        };
        if let Err(error) = client.hand_over(&handed).await {
            tracing::debug!(site = %name, %number, %error, "the CMS did not take a post; it is tried again");
            break;
        }
        taken.push(number);
    }
    if taken.is_empty() {
        return;
    }
    tracing::info!(site = %name, posts = taken.len(), "the CMS has taken posts of the disaster page");
    let (edge, name) = (edge.clone(), name.clone());
    let noted = move || edge.switchboard.note_handed_over(&name, &taken);
    let _joined = tokio::task::spawn_blocking(noted).await;
}

/// Warns once for each newest post that has become old.
fn warn(edge: &Edge, warned: &mut HashMap<String, Timestamp>) {
    let now = edge.clock.now();
    for site in edge.switchboard.plan().sites() {
        let name = &site.settings.name;
        let Some(raised) = site.disaster.as_ref().filter(|raised| raised.is_old(now)) else {
            continue;
        };
        let newest = raised.newest_at;
        if warned.insert(name.clone(), newest) != Some(newest) {
            tracing::warn!(site = %name, newest_post = %newest, "the newest post of the disaster page is older than an hour; post how things stand, or take the page down");
        }
    }
}

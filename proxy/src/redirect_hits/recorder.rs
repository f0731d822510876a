//! Takes what was counted to the store, every so often, when it is asked for, and at the end.

use std::sync::Arc;

use crate::state::Edge;

/// Writes what every site counted since the last time. Blocks on the disk. What cannot be written
/// is kept for the next time.
pub fn record(edge: &Edge) {
    let Some(store) = &edge.redirect_hits else {
        return;
    };
    let now = edge.clock.now();
    let plan = edge.switchboard.plan().clone();
    for site in plan.sites() {
        let tally = &site.seen.redirect_hits;
        tally.add(site.redirects.take_counts());
        let counts = tally.take();
        if counts.is_empty() {
            continue;
        }
        if let Err(error) = store.append(now, &site.settings.name, &counts) {
            tracing::warn!(%error, "counts of redirects could not be written; they are kept in memory");
            tally.add(counts);
        }
    }
}

/// Records until the task is dropped, and tidies the store once a day.
pub async fn run(edge: Arc<Edge>) {
    let mut tidied = None;
    loop {
        tokio::time::sleep(super::INTERVAL).await;
        let today = yagura_control::Day::of(edge.clock.now());
        let due = tidied != Some(today);
        tidied = Some(today);
        let edge = edge.clone();
        let work = tokio::task::spawn_blocking(move || {
            record(&edge);
            if let Some(store) = edge.redirect_hits.as_ref().filter(|_| due) {
                store.tidy(edge.clock.now());
            }
        });
        let _ended = work.await;
    }
}

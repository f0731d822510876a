//! Looks at the store every second, so that whatever is saved there is served: from the keeper, from
//! a person, from another edge.

use std::sync::Arc;
use std::time::Duration;

use yagura_config::Settings;

use crate::state::Edge;
use crate::upgrade::Role;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Watches until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let mut settings = edge.switchboard.settings();
    let mut told = false;
    loop {
        tokio::time::sleep(EVERY).await;
        let new = edge.switchboard.settings();
        let again = !Arc::ptr_eq(&settings, &new) && is_about_certificates(&settings, &new);
        settings = new;
        let may_write = *edge.upgrades.role().borrow() == Role::Owner;
        let (looking, of) = (edge.clone(), settings.clone());
        // A disk that hangs holds no reader up.
        let looked = tokio::task::spawn_blocking(move || {
            let now = looking.clock.now();
            if may_write && let Err(error) = looking.certificates.tickets().turn(now) {
                tracing::warn!(%error, "keys of session tickets are not kept");
            }
            let looked = looking.certificates.look(&of, now, again, may_write);
            looking.certificates.tell_of_ends(&of, now);
            looked
        });
        match looked.await {
            Ok(Ok(())) => told = false,
            Ok(Err(error)) if !told => {
                told = true;
                tracing::error!(%error, "the local authority does not issue");
            }
            Ok(Err(_)) => {}
            Err(error) => tracing::error!(%error, "the certificates were not looked at"),
        }
    }
}

/// Whether something changed that decides what is served.
fn is_about_certificates(before: &Settings, after: &Settings) -> bool {
    let hosts = |settings: &Settings| -> Vec<_> {
        settings
            .sites
            .iter()
            .map(|site| site.hosts.clone())
            .collect()
    };
    before.certificates != after.certificates || hosts(before) != hosts(after)
}

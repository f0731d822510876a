//! Hands the demo's table of redirects to a new edge, once.

use std::time::Duration;

use yagura_control::client::Client;
use yagura_control::order::{Envelope, ImportRedirects, Order, Outcome};

use super::town::{SITE, Town};

/// How long the edge may take to open its control socket.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Waits until the edge takes orders, and gives it the table when it has no redirects yet. The
/// town runs without redirects too, so a failure is said and not fatal.
pub(crate) async fn hand_over_once(town: &Town) {
    if tokio::time::timeout(PATIENCE, hand_over(town))
        .await
        .is_err()
    {
        tracing::warn!("the edge takes no orders yet; see log/edge.log in the data folder");
    }
}

async fn hand_over(town: &Town) {
    let client = Client::new(town.control_socket(), Duration::from_secs(30));
    let present = loop {
        match client.order(&envelope(Order::Status)).await {
            Ok(reply) => break redirects_of(&reply.outcome),
            Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
        }
    };
    let Ok(csv) = std::fs::read_to_string(town.redirects()) else {
        return;
    };
    if present > 0 {
        return;
    }
    let import = ImportRedirects {
        site: SITE.to_owned(),
        csv,
        ..ImportRedirects::default()
    };
    if let Err(error) = client
        .order(&envelope(Order::ImportRedirects(import)))
        .await
    {
        tracing::warn!(%error, "the table of redirects was not taken over");
    }
}

fn envelope(order: Order) -> Envelope {
    let reason = Some("table of the demo city".to_owned());
    Envelope {
        reason,
        ..Envelope::of(order, "yagura up")
    }
}

fn redirects_of(outcome: &Outcome) -> usize {
    let Outcome::Status(status) = outcome else {
        return 0;
    };
    status
        .sites
        .iter()
        .filter(|site| site.name == SITE)
        .map(|site| site.redirects)
        .sum()
}

//! Orders to Yagura's edge during a run.

use std::time::Duration;

use yagura_control::Tag;
use yagura_control::client::Client;
use yagura_control::order::{Envelope, ImportRedirects, Order, Purge, Target};

use crate::objects;
use crate::peers::{SITE, control_socket};
use crate::place::Place;

/// Takes over the redirect.
pub async fn import_redirect(place: &Place) -> anyhow::Result<()> {
    let (from, to) = objects::REDIRECT;
    let import = ImportRedirects {
        site: SITE.to_owned(),
        csv: format!("from,to,status\n{from},{to},308\n"),
        replace: true,
        ..ImportRedirects::default()
    };
    give(place, Order::ImportRedirects(import)).await
}

/// Purges the changing object by its tag.
pub async fn purge(place: &Place) -> anyhow::Result<()> {
    let purge = Purge {
        site: SITE.to_owned(),
        refresh: vec![Target::Tag(Tag::new("notice")?)],
        withdraw: Vec::new(),
    };
    give(place, Order::Purge(purge)).await
}

async fn give(place: &Place, order: Order) -> anyhow::Result<()> {
    let client = Client::new(control_socket(place), Duration::from_secs(10));
    let envelope = Envelope::of(order, "yagura-bench");
    client.order(&envelope).await?;
    Ok(())
}

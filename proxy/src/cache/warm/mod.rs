//! Makes last-good complete, and not just what somebody happened to read.
//!
//! - `feed.rs`: follows the CMS's change feed. `sitemap/`: follows the sitemap of a foreign origin.
//! - `agenda.rs`: what is to be fetched, when, and what becomes of failures; `pace.rs`: the rate.
//!   Both are pure.
//! - `fetching.rs`: the shell that does what the agenda says.

mod agenda;
mod feed;
mod fetching;
mod pace;
pub(crate) mod sitemap;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;
use yagura_control::order::WarmerStatus;

pub use feed::FeedWarmer;
pub use fetching::Fetching;
pub use sitemap::SitemapWarmer;

/// What others may see of a warmer.
pub type SharedStatus = Arc<Mutex<WarmerStatus>>;

fn tell(shared: &SharedStatus, status: WarmerStatus) {
    *shared
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = status;
}

/// What was kept in a file, or nothing when it cannot be read: then a warmer begins at the start.
async fn load<T: DeserializeOwned + Default>(file: &Path) -> T {
    let bytes = tokio::fs::read(file).await.unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Keeps something in a file, in place of what was there.
async fn save<T: Serialize>(file: &Path, value: &T) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    let file = file.to_owned();
    let write = move || {
        let partial = file.with_extension("partial");
        let mut new = std::fs::File::create(&partial)?;
        new.write_all(&bytes)?;
        new.sync_data()?;
        std::fs::rename(&partial, &file)
    };
    tokio::task::spawn_blocking(write)
        .await
        .map_err(std::io::Error::other)?
}

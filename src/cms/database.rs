//! The database of the CMS, for commands that work on it whether the CMS runs or not.

use std::path::Path;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use yagura_cms::store::Store;

use crate::configuration;

/// The database of the CMS that this file configures. One that is not there is not made.
pub(super) async fn store(config: &Path) -> anyhow::Result<Store> {
    let settings = configuration::read(config)?.cms;
    let settings = configuration::part(settings, "cms", config)?;
    let file = settings.database.expose_secret().strip_prefix("sqlite:");
    if let Some(file) = file.map(Path::new).filter(|file| !file.exists()) {
        bail!(
            "there is no database at {}\n  start the CMS once, or name another file with --config",
            file.display()
        );
    }
    let store = Store::open(&settings.database).await;
    store.context("the CMS's database cannot be opened")
}

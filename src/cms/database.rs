//! The database of the CMS, for commands that work on it whether the CMS runs or not.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use secrecy::ExposeSecret;
use yagura_cms::CmsError;
use yagura_cms::domain::Actor;
use yagura_cms::store::Store;

use crate::{configuration, process};

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

/// Whoever gives a command, for the audit.
pub(super) fn actor() -> Actor {
    Actor {
        user: None,
        name: format!("{} (command)", process::user()),
    }
}

/// What failed about an account, and how to find the one that was meant.
pub(super) fn failed(error: CmsError, login: &str, config: &Path) -> anyhow::Error {
    match error {
        CmsError::NotFound(_) => anyhow!(
            "there is no account \"{login}\"\n  \
             yagura cms second-factor list --config {} shows those there are",
            config.display()
        ),
        error => error.into(),
    }
}

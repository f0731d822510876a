//! `yagura certs`: the certificates in the edge's folder. The commands work on the folder itself;
//! the edge looks at it every second, so that nothing has to be told to it.
//!
//! - `certs/arguments.rs`: the command line of it.
//! - `certs/list.rs`: everything the site depends on; `certs/show.rs`: one certificate.
//! - `certs/csr.rs`: requests; `certs/install.rs`: what comes back, and going back to the version
//!   before; `certs/export.rs`: the package for the security cloud.
//! - `certs/passphrase.rs`: asks for passphrases. `certs/words.rs`: dates and tables.
//!
//! What a certificate is and whether it may be served is decided in the crate `certs`.

pub(crate) mod arguments;
mod csr;
mod export;
mod install;
mod list;
mod passphrase;
mod show;
mod words;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use nix::unistd::{User, geteuid};
use yagura_certs::Store;
use yagura_certs::csr::{Requests, State};
use yagura_certs::store::is_name;
use yagura_config::Settings;
use yagura_config::settings::CertificateSettings;

use crate::configuration::{self, Faulty};
use crate::process::user;
use arguments::{CertsCommand, CsrCommand};

pub(crate) fn run(command: &CertsCommand) -> anyhow::Result<ExitCode> {
    match command {
        CertsCommand::List(arguments) => list::run(arguments),
        CertsCommand::Show(arguments) => show::run(arguments),
        CertsCommand::Csr { command } => match command {
            CsrCommand::New(arguments) => csr::new(arguments),
            CsrCommand::Show(arguments) => csr::show(arguments),
            CsrCommand::Withdraw(arguments) => csr::withdraw(arguments),
        },
        CertsCommand::Install(arguments) => install::install(arguments),
        CertsCommand::Rollback(arguments) => install::rollback(arguments),
        CertsCommand::Export(arguments) => export::run(arguments),
    }
}

/// What every one of these commands works on.
struct Certificates {
    settings: Settings,
    store: Store,
    /// Who runs the command.
    by: String,
}

impl Certificates {
    /// The certificates of the edge that this file configures.
    fn of(config: &Path) -> anyhow::Result<Self> {
        let settings = configuration::read(config)?;
        let edge = configuration::part(settings.edge.as_ref(), "edge", config)?;
        let data = configuration::part(edge.data.as_deref(), "edge] with `data", config)?;
        owned_by_us(data)?;
        let store = Store::new(&data.join("certs"));
        let by = user();
        Ok(Self {
            settings,
            store,
            by,
        })
    }

    /// What the configuration wants of a certificate.
    fn wanted(&self, name: &str) -> Option<&CertificateSettings> {
        let mut wanted = self.settings.certificates.wanted.iter();
        wanted.find(|it| it.name == name)
    }

    /// The certificate that is meant: the one that is named, else the only one with a request
    /// under way.
    fn requested(&self, name: Option<&String>) -> anyhow::Result<String> {
        if let Some(name) = name {
            return checked(name);
        }
        let requests = Requests::of(&self.store);
        let mut under_way = Vec::new();
        for name in self.store.names()? {
            if matches!(requests.state(&name)?, State::Requested | State::Received) {
                under_way.push(name);
            }
        }
        match &under_way[..] {
            [one] => Ok(one.clone()),
            [] => Err(Faulty(
                "no request is under way, so the certificate has to be named\n  \
                 `yagura certs list` shows those there are"
                    .to_owned(),
            )
            .into()),
            several => Err(Faulty(format!(
                "requests are under way for {}\n  name one of them",
                several.join(", ")
            ))
            .into()),
        }
    }
}

/// A name that a certificate may have here.
fn checked(name: &str) -> anyhow::Result<String> {
    if name == "local" {
        let what = "\"local\" is what the local authority issues by itself\n  take another name";
        return Err(Faulty(what.to_owned()).into());
    }
    if !is_name(name) {
        return Err(Faulty(format!(
            "\"{name}\" is no name for a certificate\n  \
             use letters, digits, hyphens, dots; 64 at most"
        ))
        .into());
    }
    Ok(name.to_owned())
}

/// Files of another user's would not be readable for the edge.
fn owned_by_us(data: &Path) -> anyhow::Result<()> {
    let facts = match std::fs::metadata(data) {
        Ok(facts) => facts,
        // It is made by whoever comes first.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(format!("cannot look at {}", data.display())),
    };
    if facts.uid() == geteuid().as_raw() {
        return Ok(());
    }
    let owner = User::from_uid(facts.uid().into()).ok().flatten();
    let owner = owner.map_or_else(|| format!("#{}", facts.uid()), |user| user.name);
    Err(Faulty(format!(
        "{} belongs to {owner}, and the edge could not read what {} writes there\n  \
         run it as the edge's user: sudo -u {owner} yagura certs ...",
        data.display(),
        user()
    ))
    .into())
}

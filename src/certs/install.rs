//! `yagura certs install` and `yagura certs rollback`: another version is in use afterwards.

use std::process::ExitCode;

use anyhow::Context;
use secrecy::SecretString;
use yagura_certs::csr::{self, Given, Installed};
use yagura_certs::formats::{self, Unreadable};
use yagura_certs::inspect::{Examined, Heap};
use yagura_certs::store::{Brought, How};
use yagura_control::{Clock, SystemClock};

use super::arguments::{InstallArguments, RollbackArguments};
use super::{Certificates, checked, passphrase, words};

pub(crate) fn install(arguments: &InstallArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = certificates.requested(arguments.name.as_ref())?;
    let heap = read(arguments)?;
    let given = Given {
        heap: &heap,
        names: Some(&arguments.host[..]).filter(|hosts| !hosts.is_empty()),
        configured: certificates.wanted(&name).map_or(&[], |it| &it.names[..]),
        by: &certificates.by,
        now: SystemClock.now(),
        dry_run: arguments.dry_run,
    };
    match csr::install(&certificates.store, &name, given)? {
        Installed::Version(version, examined) => {
            print!("{}", told(&examined));
            println!(
                "\n\"{name}\" is installed as version {version}. A running edge takes it up by \
                 itself within a second.\n`yagura certs rollback {name}` takes the version before \
                 again."
            );
            Ok(ExitCode::SUCCESS)
        }
        Installed::Would(examined) => {
            print!("{}", told(&examined));
            println!("\nIt can be installed. Nothing was changed.");
            Ok(ExitCode::SUCCESS)
        }
        Installed::Kept(refusals) => {
            eprintln!("yagura: {refusals}");
            eprintln!(
                "The certificate belongs to the request for \"{name}\" and is kept; run \
                 `yagura certs install --name {name}` again with what is missing, or when its day \
                 has come."
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(crate) fn rollback(arguments: &RollbackArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = &arguments.name;
    let brought = Brought {
        how: How::Rollback,
        by: certificates.by.clone(),
        at: SystemClock.now(),
    };
    let done = certificates.store.rollback(name, brought)?;
    println!(
        "\"{name}\" is version {} again, in place of version {}. A running edge takes it up by \
         itself within a second.",
        done.to, done.from
    );
    let ends = certificates.store.load_usable(name)?;
    if let Some(ends) = ends.map(|it| it.inspected.not_after()) {
        println!("It ends at {}.", words::instant(ends));
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything the files hold. One passphrase opens them all, and is asked for when it is needed.
fn read(arguments: &InstallArguments) -> anyhow::Result<Heap> {
    let mut heap = Heap::default();
    let mut secret: Option<SecretString> = None;
    for file in &arguments.files {
        let shown = file.display().to_string();
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        let first = formats::read(&shown, &bytes, secret.as_ref(), &mut heap);
        match first {
            Err(Unreadable::NeedsPassphrase { .. }) => {
                let given = arguments.passphrase_file.as_deref();
                secret = Some(passphrase::ask(&shown, given, false)?);
                formats::read(&shown, &bytes, secret.as_ref(), &mut heap)?;
            }
            other => other?,
        }
    }
    Ok(heap)
}

/// What was looked through, and what was done to it.
fn told(examined: &Examined) -> String {
    let chain = &examined.chain;
    let mut rows = Vec::new();
    for (number, one) in chain.certificates.iter().enumerate() {
        let kind = if number == 0 {
            "certificate"
        } else {
            "intermediate"
        };
        let until = format!("until {}", words::instant(one.not_after));
        let key = one.key.to_string();
        rows.push(vec![kind.to_owned(), one.subject.clone(), key, until]);
    }
    let mut text = words::table(&rows);
    if let Some(leaf) = chain.certificates.first() {
        let names: Vec<&str> = leaf.names.iter().map(String::as_str).collect();
        text.push_str(&format!("hosts: {}\n", names.join(", ")));
        text.push_str(&format!("SHA-256: {}\n", leaf.sha256()));
    }
    for note in &chain.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

/// The name of a certificate that must be there.
pub(super) fn existing(certificates: &Certificates, name: &str) -> anyhow::Result<String> {
    let name = if name == "local" {
        name.to_owned()
    } else {
        checked(name)?
    };
    let folder = certificates.store.folder(&name);
    if !folder.is_dir() {
        anyhow::bail!(
            "there is no certificate \"{name}\"\n  `yagura certs list` shows those there are"
        );
    }
    Ok(name)
}

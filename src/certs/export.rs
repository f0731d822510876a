//! `yagura certs export`: the package for whoever ends TLS in front of the edge.

use std::process::ExitCode;

use anyhow::Context;
use yagura_certs::export::{KeyForm, TEMPLATE, Taken, Wanted, hand_over, in_use, package};
use yagura_control::{Clock, SystemClock};

use super::arguments::ExportArguments;
use super::{Certificates, install, passphrase, words};

pub(crate) fn run(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    if arguments.print_template {
        print!("{TEMPLATE}");
        return Ok(ExitCode::SUCCESS);
    }
    let (Some(name), Some(cloud), Some(to)) = (&arguments.name, &arguments.cloud, &arguments.to)
    else {
        // The arguments are required unless the template is printed.
        return Ok(ExitCode::from(2));
    };
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = install::existing(&certificates, name)?;
    let template = match &arguments.template {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the template {}", file.display()))?,
        None => TEMPLATE.to_owned(),
    };
    let now = SystemClock.now();
    let examined = in_use(&certificates.store, &name, now)?;
    let key = KeyForm::from(arguments.key);
    let secret = match key {
        KeyForm::None => None,
        _ => {
            let file = arguments.passphrase_file.as_deref();
            Some(passphrase::ask("the exported key", file, true)?)
        }
    };
    let wanted = Wanted {
        name: &name,
        cloud,
        key,
        passphrase: secret.as_ref(),
        template: &template,
        by: &certificates.by,
        now,
    };
    let files = package(&examined, &wanted)?;
    let to = std::path::absolute(to)?;
    let leaf = examined.chain.certificates.first();
    let taken = Taken {
        by: certificates.by.clone(),
        at: now,
        cloud: cloud.clone(),
        key: key.word().to_owned(),
        sha256: leaf
            .map(yagura_certs::inspect::Certificate::sha256)
            .unwrap_or_default(),
        to: to.display().to_string(),
    };
    hand_over(&certificates.store, &name, &taken, &files, &to)?;
    println!("{}", to.display());
    for file in &files {
        println!("  {}", file.name);
    }
    println!("SHA-256: {}", taken.sha256);
    if let Some(leaf) = leaf {
        println!("valid until {}", words::instant(leaf.not_after));
    }
    if key != KeyForm::None {
        println!("Send the passphrase another way than the files; it is kept nowhere.");
    }
    println!("It is written down that {} took it for {cloud}.", taken.by);
    Ok(ExitCode::SUCCESS)
}

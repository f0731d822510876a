//! `yagura certs csr`: requests for certificates from a commercial authority.

use std::process::ExitCode;

use anyhow::Context;
use yagura_certs::csr::{Application, Request, RequestKey, Requests};
use yagura_config::settings::{HostPattern, KeySetting};
use yagura_control::{Clock, SystemClock};

use super::arguments::{NewArguments, RequestArguments};
use super::{Certificates, checked, words};
use crate::configuration::Faulty;

pub(crate) fn new(arguments: &NewArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = checked(&arguments.name)?;
    let asked = Application {
        common_name: String::new(),
        organization: arguments.org.clone(),
        unit: arguments.unit.clone(),
        locality: arguments.locality.clone(),
        state: arguments.state.clone(),
        country: Some(arguments.country.clone()),
        names: match &arguments.host[..] {
            [] => hosts(&certificates, &name),
            named => named.to_vec(),
        },
        key: arguments.key.unwrap_or_else(|| key(&certificates, &name)),
    };
    let asked = asked.checked().map_err(|error| Faulty(error.to_string()))?;
    let requests = Requests::of(&certificates.store);
    let pem = requests.make(&name, asked, &certificates.by, SystemClock.now())?;
    match &arguments.output {
        Some(file) => {
            std::fs::write(file, &pem)
                .with_context(|| format!("cannot write {}", file.display()))?;
            println!("The request for \"{name}\" is in {}.", file.display());
        }
        None => print!("{pem}"),
    }
    eprintln!(
        "The private key stays in {}.\n\
         Send the request to the authority (`yagura certs csr show {name}` has the fields for its \
         form), and run `yagura certs install --name {name} FILE` with what it sends back.",
        certificates.store.folder(&name).join("request").display()
    );
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn show(arguments: &RequestArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = certificates.requested(arguments.name.as_ref())?;
    let requests = Requests::of(&certificates.store);
    let pem = requests.pem(&name)?;
    if let Some(request) = requests.newest(&name)? {
        print!("{}", told(&name, &request));
    }
    println!("\n{pem}");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn withdraw(arguments: &RequestArguments) -> anyhow::Result<ExitCode> {
    let certificates = Certificates::of(&arguments.folder.config)?;
    let name = certificates.requested(arguments.name.as_ref())?;
    Requests::of(&certificates.store).withdraw(&name)?;
    println!(
        "The request for \"{name}\" is withdrawn and its key is gone. A certificate that is still \
         issued for it cannot be used; tell the authority."
    );
    Ok(ExitCode::SUCCESS)
}

/// The key that the configuration wants; else the one that every authority takes.
fn key(certificates: &Certificates, name: &str) -> RequestKey {
    match certificates.wanted(name).map(|wanted| wanted.key) {
        Some(KeySetting::P256) => RequestKey::P256,
        Some(KeySetting::P384) => RequestKey::P384,
        Some(KeySetting::Rsa3072) => RequestKey::Rsa3072,
        Some(KeySetting::Rsa2048) | None => RequestKey::Rsa2048,
    }
}

/// The hosts that the configuration wants in it, else those of the site that is called so.
fn hosts(certificates: &Certificates, name: &str) -> Vec<String> {
    if let Some(wanted) = certificates.wanted(name) {
        return wanted.names.clone();
    }
    let sites = certificates.settings.sites.iter();
    let hosts = sites
        .filter(|site| site.name == name)
        .flat_map(|site| &site.hosts);
    hosts
        .filter_map(|host| match host {
            HostPattern::Exact(host) => Some(host.clone()),
            HostPattern::Any => None,
        })
        .collect()
}

/// The fields that an authority's form asks for.
fn told(name: &str, request: &Request) -> String {
    let asked = &request.application;
    let empty = String::new();
    let field = |value: &Option<String>| value.as_ref().unwrap_or(&empty).clone();
    let [_, others @ ..] = &asked.names[..] else {
        return String::new();
    };
    let rows = [
        ("Certificate", name.to_owned()),
        ("State", request.state.words().to_owned()),
        (
            "Made",
            format!("{} by {}", words::instant(request.at), request.by),
        ),
        ("Common name (CN)", asked.common_name.clone()),
        ("Further names (SAN)", others.join(", ")),
        ("Organisation (O)", field(&asked.organization)),
        ("Department (OU)", field(&asked.unit)),
        ("City (L)", field(&asked.locality)),
        ("Prefecture (ST)", field(&asked.state)),
        ("Country (C)", field(&asked.country)),
        ("Key", asked.key.to_string()),
        (
            "Server software",
            "other (nginx where there is no other)".to_owned(),
        ),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    words::table(&rows)
}

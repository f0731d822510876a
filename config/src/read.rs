//! From a file to [`Settings`]: the only way to make them.
//!
//! This file reads the top of the file; the tables are in `read/`, one file each.

mod access_log;
mod backup;
mod bypass;
mod certificates;
mod clouds;
mod cms;
mod drill;
mod edge;
mod health;
mod ingress;
mod limits;
mod look;
mod operators;
mod ops;
mod site;
mod tls;
mod traces;
mod waf;
mod watched;

use std::cell::RefCell;
use std::path::Path;

use toml::de::DeTable;

use crate::check;
use crate::fault::{ConfigError, Fault, Faults};
use crate::section::{Reading, Section};
use crate::settings::{Settings, WafSetting};

/// Reads a configuration file.
///
/// # Errors
/// [`ConfigError::Unreadable`], or [`ConfigError::Faulty`] with every fault at once.
pub fn read(file: &Path) -> Result<Settings, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable {
        file: file.to_owned(),
        cause,
    };
    let absolute = std::path::absolute(file).map_err(unreadable)?;
    let text = std::fs::read_to_string(&absolute).map_err(unreadable)?;
    Ok(parse(&text, &absolute)?)
}

/// Reads the text of a configuration file that stands at the absolute path `file`. Opens nothing.
///
/// # Errors
/// Every fault of the text at once.
pub fn parse(text: &str, file: &Path) -> Result<Settings, Faults> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let (document, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        let fault = |error: &toml::de::Error| {
            let hint = "see https://toml.io for how TOML is written";
            Fault::new(
                text,
                "",
                error.span().unwrap_or(0..0),
                error.message(),
                hint,
            )
        };
        return Err(Faults::new(file, text, syntax.iter().map(fault).collect()));
    }
    let reading = Reading {
        text,
        folder,
        faults: RefCell::default(),
    };
    let top = Section::new(&reading, "", 0..0, document.get_ref());
    let settings = whole(&top, file);
    let faults = reading.faults.into_inner();
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(Faults::new(file, text, faults)),
    }
}

/// Reads everything, faults or not; gives settings only when every needed value was there.
fn whole(top: &Section<'_>, file: &Path) -> Option<Settings> {
    let edge_table = top.table("edge");
    let edge = edge_table.as_ref().map(edge::read);
    let listen = edge.iter().flatten().flat_map(|edge| edge.listen.iter());
    let https_port = listen
        .filter(|listen| listen.tls)
        .map(|listen| listen.address.port())
        .next();
    let site_tables = top.tables("site");
    let (sites, stand_ins): (Vec<_>, Vec<_>) = site_tables
        .iter()
        .map(|table| site::read(table, https_port))
        .unzip();
    let cms = top.table("cms").map(|table| cms::read(&table));
    let ops = top.table("ops").map(|table| ops::read(&table));
    let near = backup::Neighbours {
        edge: edge.as_ref().and_then(Option::as_ref),
        cms: cms.as_ref().and_then(Option::as_ref),
        ops: ops.as_ref().and_then(Option::as_ref),
        file,
    };
    let backup = top.table("backup").map(|table| backup::read(&table, &near));
    let control_table = top.table("control");
    let control = control_table.as_ref().map(operators::read_control);
    let operators: Vec<_> = top
        .tables("operator")
        .into_iter()
        .map(|table| {
            let operator = operators::read_operator(&table);
            (table, operator)
        })
        .collect();
    let command = top
        .table("command")
        .map(|table| operators::read_command(&table));
    let watched: Vec<_> = top
        .tables("watched_certificate")
        .into_iter()
        .map(|table| {
            let settings = watched::read(&table);
            (table, settings)
        })
        .collect();
    let clouds: Vec<_> = top
        .tables("cloud")
        .into_iter()
        .map(|table| {
            let settings = clouds::read(&table);
            (table, settings)
        })
        .collect();
    let ingress = top.table("ingress").map(|table| ingress::read(&table));
    let hooks = ingress::read_hooks(top);
    let certificates = certificates::read(top);
    let waf = top.table("waf").map(|table| waf::read(&table));
    top.end();
    watched::check(&watched);
    clouds::check(top, &clouds, edge_table.is_some());
    check::programs(
        top,
        edge_table.is_some(),
        cms.is_some() || ops.is_some() || backup.is_some() || command.is_some(),
        &sites,
    );
    let read_edge = edge.as_ref().and_then(Option::as_ref);
    let read_control = control.as_ref().and_then(Option::as_ref);
    operators::check(
        top,
        control_table.as_ref().map(|table| (table, read_control)),
        &operators,
        read_edge,
        edge_table.is_some(),
    );
    let certificates = certificates::check(top, certificates, read_edge, &sites);
    let known: Vec<_> = clouds.iter().filter_map(|(_, it)| it.as_ref()).collect();
    let zones = certificates.as_ref().map(|it| it.dns.as_slice());
    for (table, site) in site_tables.iter().zip(&sites) {
        let Some(site) = site else { continue };
        let bypass = site.bypass.as_ref();
        let inspects = matches!(site.waf, WafSetting::Auto | WafSetting::On);
        let stands = bypass::Stands {
            waf: waf.is_some() && inspects,
            limits: read_edge.is_some_and(|edge| edge.limits.is_written),
        };
        bypass::check(
            table,
            &site.behind,
            bypass,
            &known,
            zones.unwrap_or_default(),
            stands,
        );
    }
    ingress::check(&site_tables, &sites, ingress.as_ref());
    if let (Some(table), Some(edge)) = (&edge_table, edge.as_ref().and_then(Option::as_ref)) {
        check::edge(table, edge);
        waf::check(&site_tables, &sites, waf.is_some());
        check::sites(&site_tables, (&sites, &stand_ins), edge);
    }
    Some(Settings {
        file: file.to_owned(),
        edge: every(edge)?,
        sites: sites
            .into_iter()
            .chain(stand_ins.into_iter().filter(Option::is_some))
            .collect::<Option<_>>()?,
        certificates: certificates?,
        cms: every(cms)?,
        ops: every(ops)?,
        backup: every(backup)?,
        control: every(control)?,
        operators: operators
            .into_iter()
            .map(|(_, operator)| operator)
            .collect::<Option<_>>()?,
        command: every(command)?,
        clouds: clouds
            .into_iter()
            .map(|(_, settings)| settings)
            .collect::<Option<_>>()?,
        ingress: ingress.unwrap_or_default(),
        hooks: hooks.into_iter().collect::<Option<_>>()?,
        waf,
        watched_certificates: watched
            .into_iter()
            .map(|(_, settings)| settings)
            .collect::<Option<_>>()?,
    })
}

/// Keeps "not written" apart from "written with faults".
fn every<T>(table: Option<Option<T>>) -> Option<Option<T>> {
    match table {
        None => Some(None),
        Some(None) => None,
        Some(whole) => Some(whole),
    }
}

//! `yagura status`: how the running edges stand.

use std::process::ExitCode;

use yagura_control::order::{
    CertificateStatus, DoorStatus, EdgeStatus, Order, Outcome, Reply, SiteStatus, UpstreamShown,
};

use crate::arguments::StatusArguments;
use crate::{backup, disaster, edges, output, waf};

pub(crate) fn run(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let code = edges::ask(Order::Status, &arguments.edges, |reply| {
        if let Outcome::Status(status) = &reply.outcome {
            print(reply, status);
        }
    })?;
    if !arguments.edges.json {
        backup::tell_standing(&arguments.edges.config);
    }
    Ok(code)
}

fn print(reply: &Reply, status: &EdgeStatus) {
    let started = status.started_at.rfc3339();
    println!(
        "{}  yagura {}  pid {}  since {started}  generation {}",
        reply.edge, status.version, status.pid, reply.generation
    );
    println!("  listens    {}", status.listeners.join("  "));
    for warning in &status.warnings {
        println!("  WARNING    {warning}");
    }
    let hot = &status.hot;
    let (held, most) = (output::bytes(hot.bytes), output::bytes(hot.capacity_bytes));
    println!("  hot        {} responses, {held} of {most}", hot.entries);
    match &status.last_good {
        None => println!("  last-good  not kept"),
        Some(kept) => {
            let damaged = kept.damaged;
            let size = output::bytes(kept.bytes);
            println!(
                "  last-good  {} copies, {size}, {damaged} found damaged since the start",
                kept.entries
            );
            if let Some(why) = &kept.degraded {
                println!("             TAKES NOTHING NEW: {why}");
            }
        }
    }
    if let Some(journal) = &status.journal {
        println!(
            "  journal    line {} of file {}, head {}",
            journal.lines, journal.file, journal.head
        );
    }
    if let Some(waf) = &status.waf {
        print!("{}", waf::words::stands("", waf));
    }
    status.certificates.iter().for_each(print_certificate);
    status.sites.iter().for_each(print_site);
}

fn print_certificate(certificate: &CertificateStatus) {
    let (name, names) = (&certificate.name, certificate.names.join(", "));
    println!("  certificate {name}  ({names})");
    if let Some(until) = certificate.not_after {
        println!("    valid      until {}", until.rfc3339());
    }
    match certificate.version {
        Some(version) => println!("    version    {version}, {}", certificate.source),
        None => println!("    from       {}", certificate.source),
    }
    if let Some(alarm) = &certificate.alarm {
        println!("    ALARM      {alarm}");
    }
    if let Some(failure) = &certificate.failure {
        let at = failure.at.rfc3339();
        println!(
            "    FAILED     {}, {at}: {}",
            failure.authority, failure.words
        );
        println!("               {}", failure.advice);
    }
    if let Some(next) = certificate.next_attempt {
        println!("    next order {}", next.rfc3339());
    }
}

fn print_upstream(upstream: &UpstreamShown) {
    let route = upstream.route.to_string();
    let stands = if upstream.up { "up" } else { "DOWN" };
    println!("    {route:<10} {stands}, {}", upstream.place);
    if let Some(why) = &upstream.why {
        println!("               {why}");
    }
    if let Some(checked) = &upstream.checked {
        println!("               last check: {checked}");
    }
}

fn print_door(door: &DoorStatus) {
    let clouds = door.behind.join(", ");
    let stands = if door.open {
        "OPEN to readers who come directly"
    } else {
        "closed to who comes directly"
    };
    println!("    behind     {clouds}");
    println!("    door       {stands}, stage {}", door.stage);
    let last = match door.direct_last_at {
        Some(at) => format!(", the last at {}", at.rfc3339()),
        None => String::new(),
    };
    println!(
        "               {} direct requests in the last minute{last}; {} refused since the start",
        door.direct_last_minute, door.refused
    );
}

fn print_site(site: &SiteStatus) {
    println!("  site {}  ({})", site.name, site.hosts.join(", "));
    let origin = match site.origin_up {
        Some(true) => "answers",
        Some(false) => "DOES NOT ANSWER",
        None => "not asked yet",
    };
    println!("    origin     {origin}");
    println!("    way        {}", site.way);
    if let Some(door) = &site.door {
        print_door(door);
    }
    if let Some(outside) = &site.outside {
        let (until, who) = (outside.until, &outside.who);
        println!("    OUTSIDE    admitted to the staff site until {until}, by {who}");
    }
    if let Some(page) = &site.disaster {
        println!("    disaster   {}", disaster::words(page));
        for warning in disaster::warnings(page) {
            println!("               {warning}");
        }
    }
    if site.upstreams.len() > 1 || site.upstreams.iter().any(|one| one.checked.is_some()) {
        site.upstreams.iter().for_each(print_upstream);
    }
    println!("    redirects  {}", site.redirects);
    if let Some(warmer) = &site.warmer {
        let complete = if warmer.complete {
            "complete"
        } else {
            "not complete yet"
        };
        let failing = warmer.failing;
        println!(
            "    warmer     at {} of {}, {complete}, {failing} failing",
            warmer.position, warmer.head
        );
        if let Some(until) = warmer.resting_until {
            println!("               the origin fails; it is asked again after {until}");
        }
    }
}

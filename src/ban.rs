//! `yagura ban`: networks that edges let nobody in from.

pub(crate) mod arguments;

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::{Context, bail};
use yagura_control::order::{Ban, BanInForce, LiftBan, Order, Outcome};
use yagura_control::{Clock, SystemClock, until};

use crate::edges;
use arguments::BanCommand;

pub(crate) fn run(command: &BanCommand) -> anyhow::Result<ExitCode> {
    match command {
        BanCommand::Add(arguments) => {
            let now = SystemClock.now();
            let until = arguments.until.as_deref();
            let ban = Ban {
                range: range(&arguments.range)?,
                until: until.map(|text| until::parse(text, now)).transpose()?,
            };
            edges::give(Order::Ban(ban), &arguments.order)
        }
        BanCommand::Remove(arguments) => {
            let range = range(&arguments.range)?;
            edges::give(Order::LiftBan(LiftBan { range }), &arguments.order)
        }
        BanCommand::List(arguments) => edges::ask(Order::Bans, &arguments.edges, |reply| {
            if let Outcome::Bans { bans } = &reply.outcome {
                println!("{}: {} bans in force", reply.edge, bans.len());
                bans.iter().for_each(|entry| println!("  {}", line(entry)));
            }
        }),
    }
}

fn line(entry: &BanInForce) -> String {
    let until = match entry.ban.until {
        Some(until) => format!("until {}", until.rfc3339()),
        None => "until it is removed".to_owned(),
    };
    let reason = entry.reason.as_deref().unwrap_or("no reason given");
    let (range, since, who) = (entry.ban.range, entry.since.rfc3339(), &entry.who);
    format!("{range:<20} {until}, since {since} by {who}: {reason}")
}

fn range(text: &str) -> anyhow::Result<ipnet::IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(ipnet::IpNet::from);
    let parsed = text.parse::<ipnet::IpNet>().ok().or_else(address);
    let range = parsed.with_context(|| {
        format!("\"{text}\" is no network\n  write it as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7")
    })?;
    if range.trunc() != range {
        bail!(
            "{range} is an address within a network\n  write {} for the network, {} for the address alone",
            range.trunc(),
            range.addr()
        );
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_slips_are_told() {
        assert_eq!(range("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(range("2001:db8::/32").unwrap().to_string(), "2001:db8::/32");
        let slip = range("192.0.2.7/24").unwrap_err().to_string();
        assert!(slip.contains("192.0.2.0/24"), "{slip}");
        assert!(range("here").is_err());
    }
}

//! `yagura ban`: networks that edges let nobody in from.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use yagura_control::order::{Ban, BanInForce, LiftBan, Order, Outcome};
use yagura_control::{Clock, SystemClock, Timestamp};

use crate::arguments::BanCommand;
use crate::edges;

pub(crate) fn run(command: &BanCommand) -> anyhow::Result<ExitCode> {
    match command {
        BanCommand::Add(arguments) => {
            let now = SystemClock.now();
            let until = arguments.until.as_deref();
            let ban = Ban {
                range: range(&arguments.range)?,
                until: until.map(|text| time_of(text, now)).transpose()?,
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

/// A point in time, or a span from now.
fn time_of(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let of_span = |span: &str| {
        let digits = span.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = span.split_at(digits);
        let seconds = match unit {
            "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        let seconds = number.checked_mul(seconds).filter(|s| *s <= 1 << 32)?;
        Some(now.plus(Duration::from_secs(seconds)))
    };
    let of_point = || {
        let point = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let ms = point.unix_timestamp_nanos() / 1_000_000;
        u64::try_from(ms).ok().map(Timestamp)
    };
    let time = match text.strip_prefix('+') {
        Some(span) => of_span(span),
        None => of_point(),
    };
    time.with_context(|| {
        format!("\"{text}\" is no time\n  write +30min, +2h, +7d or 2026-11-25T06:00:00+09:00")
    })
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

    #[test]
    fn times_are_points_or_spans() {
        let now = Timestamp(1_000);
        assert_eq!(time_of("+2h", now).unwrap(), Timestamp(7_201_000));
        assert_eq!(time_of("+0min", now).unwrap(), now);
        assert_eq!(
            time_of("1970-01-01T09:00:01+09:00", now).unwrap(),
            Timestamp(1_000)
        );
        for text in ["2h", "+2", "+h", "soon", "+99999999999999999999d", ""] {
            assert!(time_of(text, now).is_err(), "{text}");
        }
    }
}

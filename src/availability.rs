//! `yagura availability`: a month in figures, from the operations desk's ledgers.

use std::process::ExitCode;

use anyhow::Context;
use yagura_control::{Clock, SystemClock};
use yagura_ops::{Month, Statement};

use crate::arguments::AvailabilityArguments;
use crate::{configuration, output};

pub(crate) fn run(arguments: &AvailabilityArguments) -> anyhow::Result<ExitCode> {
    let settings = configuration::read(&arguments.config)?.ops;
    let settings = configuration::part(settings, "ops", &arguments.config)?;
    let now = SystemClock.now();
    let month = arguments
        .month
        .as_deref()
        .map_or_else(|| Ok(Month::of(now)), str::parse)?;
    let statement = yagura_ops::statement(&settings.data, month, now).context("no figures")?;
    if arguments.json {
        output::json(&statement)?;
    } else {
        print(&statement);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(statement: &Statement) {
    println!("{}", statement.month);
    if statement.indicators.is_empty() {
        println!("  nothing was seen yet; the first minute is written when it is over");
    }
    for indicator in &statement.indicators {
        let percent = indicator
            .availability_percent
            .map_or_else(|| "—".to_owned(), |percent| format!("{percent:.3} %"));
        println!(
            "  {:<10} {percent:>10}   {} minutes unavailable, {} known of {} passed",
            indicator.name, indicator.unavailable, indicator.known, indicator.minutes
        );
    }
}

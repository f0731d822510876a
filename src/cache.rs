//! `yagura cache`: what the running edges' caches would do with a request, and what they have done.
//!
//! The edge tells facts (`control/src/order/cache.rs`); `cache/words.rs` and `cache/copy.rs`
//! put them into sentences, `cache/stats.rs` into a table.

mod copy;
mod stats;
mod words;

use std::process::ExitCode;

use anyhow::Context;
use yagura_control::order::{Order, Outcome, ShowCache};
use yagura_control::page_url::PageUrl;

use crate::arguments::{CacheCommand, CacheShowArguments};
use crate::edges;

pub(crate) fn run(command: &CacheCommand) -> anyhow::Result<ExitCode> {
    match command {
        CacheCommand::Show(arguments) => show(arguments),
        CacheCommand::Stats(arguments) => {
            edges::ask(Order::CacheStats, &arguments.edges, |reply| {
                if let Outcome::CacheStats(stats) = &reply.outcome {
                    print!("{}", stats::table(&reply.edge, stats, reply.effective_at));
                }
            })
        }
    }
}

fn show(arguments: &CacheShowArguments) -> anyhow::Result<ExitCode> {
    let url = PageUrl::parse(&arguments.url)?;
    let fields = arguments.header.iter().map(|line| field(line));
    let asked = ShowCache {
        site: arguments.site.clone(),
        host: url.host,
        target: url.target,
        plain_http: url.plain_http,
        fields: fields.collect::<anyhow::Result<_>>()?,
    };
    edges::ask(Order::ShowCache(asked), &arguments.edges, |reply| {
        if let Outcome::CacheShown(shown) = &reply.outcome {
            println!("{}  {}", reply.edge, arguments.url);
            print!("{}", words::told(shown, reply.effective_at));
        }
    })
}

fn field(line: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = line
        .split_once(':')
        .with_context(|| format!("\"{line}\" is no field; write it as 'Name: value'"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

//! `yagura redirect import`: hands a table of redirects to the edges.
//!
//! The file is read here too, before an edge changes anything; the edges read it again, because
//! they trust nobody, and look for what only they can see: chains, circles, other sites.

use std::process::ExitCode;

use anyhow::{Context, bail};
use yagura_control::order::{ImportRedirects, Order};
use yagura_control::redirect::{self, Fault, text};

use super::arguments::ImportArguments;
use crate::edges;

/// Most faults that are told one by one.
const MOST_TOLD: usize = 1_000;

pub(crate) fn run(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display();
    let bytes = std::fs::read(&arguments.file).with_context(|| format!("cannot read {file}"))?;
    let csv = match text::decode(&bytes) {
        Ok(csv) => csv,
        Err(faults) => bail!("{file}: {}", told(&faults)),
    };
    let (_, faults) = redirect::read(&csv);
    let order = Order::ImportRedirects(ImportRedirects {
        site: arguments.site.clone(),
        csv,
        replace: arguments.replace,
        allow_external: arguments.allow_external,
        flatten: arguments.flatten,
    });
    if !faults.is_empty() {
        // An edge finds these and what only it can see, so that one round of mending is enough.
        let refusal = edges::would_be_refused(order, &arguments.order.edges);
        match refusal {
            Some(refusal) => bail!("{file}: {refusal}"),
            None => bail!("{file}: {}", told(&faults)),
        }
    }
    edges::give(order, &arguments.order)
}

fn told(faults: &[Fault]) -> String {
    let count = faults.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut lines = vec![format!(
        "the table has {count} fault{plural}; nothing was imported"
    )];
    lines.extend(faults.iter().take(MOST_TOLD).map(ToString::to_string));
    if count > MOST_TOLD {
        lines.push(format!("and {} more", count - MOST_TOLD));
    }
    lines.join("\n  ")
}

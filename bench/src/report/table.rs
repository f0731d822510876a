//! Tables of a run: workloads down, peers across; for the terminal and for the page.

use std::fmt::Write;

use crate::figures::{Figures, Run};
use crate::goals::{self, Judged};
use crate::peers::{self, OWN};
use crate::workloads::{self, Workload};

/// A figure that a table shows.
#[derive(Clone, Copy)]
pub struct Column {
    pub heading: &'static str,
    pub of: fn(&Figures) -> Option<f64>,
    pub digits: usize,
    /// Whether the ratio to ours stands beside it.
    pub ratio: bool,
}

pub const CPU: Column = Column {
    heading: "server CPU, microseconds a request",
    of: |figures| figures.cpu_us,
    digits: 2,
    ratio: true,
};
pub const RATE: Column = Column {
    heading: "requests a second, thousands",
    of: |figures| figures.per_second.map(|rate| rate / 1000.0),
    digits: 1,
    ratio: true,
};
pub const P50: Column = Column {
    heading: "median, microseconds",
    of: |figures| figures.p50_us,
    digits: 0,
    ratio: false,
};
pub const P99: Column = Column {
    heading: "p99, microseconds",
    of: |figures| figures.p99_us,
    digits: 0,
    ratio: true,
};
pub const MEMORY: Column = Column {
    heading: "KiB a connection",
    of: |figures| figures.memory_kib,
    digits: 1,
    ratio: true,
};
pub const FAILED: Column = Column {
    heading: "failed reads, percent",
    of: |figures| figures.failed_percent,
    digits: 3,
    ratio: false,
};

/// Every column, in the order they are told.
pub const ALL: [Column; 6] = [CPU, RATE, P50, P99, MEMORY, FAILED];

/// Workloads of a run that have a figure, with their titles.
pub fn workloads(run: &Run, column: Column) -> Vec<(String, String)> {
    let has = |name: &str| {
        run.rows
            .iter()
            .any(|row| row.workload == name && (column.of)(&Figures::median(&row.rounds)).is_some())
    };
    let all = workloads::ALL.map(|workload: Workload| (workload.name(), workload.title()));
    all.into_iter().filter(|(name, _)| has(name)).collect()
}

/// Peers that took part, in order.
pub fn peers(run: &Run) -> Vec<&'static str> {
    let took_part = |name: &&str| run.rows.iter().any(|row| row.peer == *name);
    peers::ALL
        .map(|peer| peer.name)
        .into_iter()
        .filter(took_part)
        .collect()
}

/// A table as Markdown, which reads well on a terminal too.
pub fn markdown(run: &Run, column: Column) -> String {
    let names = peers(run);
    let mut text = format!("| {} | {} |\n", column.heading, names.join(" | "));
    let _memory_is_there = writeln!(text, "|---|{}", "---:|".repeat(names.len()));
    for (workload, title) in workloads(run, column) {
        let value = |peer: &str| (column.of)(&run.median(&workload, peer)?);
        let own = value(OWN);
        let cells = names.iter().map(|peer| match (value(peer), own) {
            (None, _) => "–".to_owned(),
            (Some(value), Some(own)) if column.ratio && *peer != OWN && own > 0.0 => {
                format!("{value:.*} ({:.2})", column.digits, value / own)
            }
            (Some(value), _) => format!("{value:.*}", column.digits),
        });
        let cells: Vec<String> = cells.collect();
        let _memory_is_there = writeln!(text, "| {title} | {} |", cells.join(" | "));
    }
    text
}

/// The goals as Markdown.
pub fn goals(judged: &[Judged]) -> String {
    let mut text = "| Workload | Goal | Measured | |\n|---|---|---|---|\n".to_owned();
    for one in judged {
        let word = match one.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "–",
        };
        let _memory_is_there = writeln!(
            text,
            "| {} | {} | {} | {word} |",
            one.workload, one.goal, one.measured
        );
    }
    text
}

/// Everything, for a terminal.
pub fn text(run: &Run) -> String {
    let mut text = String::new();
    for column in ALL {
        if !workloads(run, column).is_empty() {
            let _memory_is_there = writeln!(text, "{}", markdown(run, column));
        }
    }
    let judged: Vec<Judged> = goals::judge(run)
        .into_iter()
        .filter(|one| one.met.is_some())
        .collect();
    if !judged.is_empty() {
        text.push_str(&goals(&judged));
    }
    text
}

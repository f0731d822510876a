//! How generations are told. Pure.

use yagura_control::Timestamp;
use yagura_ops::backup::{DrillSummary, Generation, Plan, Pruned, Reason, Standing, State, Status};

use crate::output::{bytes, span};

/// Digits of a name that are shown; as many as restic shows.
const DIGITS: usize = 8;

pub(super) fn name(generation: &Generation) -> &str {
    generation.id.get(..DIGITS).unwrap_or(&generation.id)
}

pub(super) fn generation(generation: &Generation) -> String {
    format!(
        "{}  {}  {} ({} added)",
        name(generation),
        generation.at,
        bytes(generation.bytes),
        bytes(generation.added)
    )
}

pub(super) fn state(state: &State) -> String {
    let mut lines = String::new();
    if let Some(database) = &state.database {
        lines.push_str(&format!(
            "{}, {}, {}\n",
            database.engine,
            bytes(database.bytes),
            database.digest
        ));
        for table in &database.tables {
            let digest = table.digest.get(..16).unwrap_or(&table.digest);
            lines.push_str(&format!(
                "  {:<20} {:>9} rows  {digest}\n",
                table.name, table.rows
            ));
        }
    }
    if let Some(files) = &state.all_files {
        lines.push_str(&format!(
            "{} files, {}, {}\n",
            files.count,
            bytes(files.bytes),
            files.digest
        ));
    }
    lines
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Newest => "newest",
        Reason::Young => "young",
        Reason::Hourly => "of its hour",
        Reason::Daily => "of its day",
        Reason::Monthly => "of its month",
        Reason::Yearly => "of its year",
    }
}

pub(super) fn tidied(
    kept: &[(Generation, Vec<Reason>)],
    goes: &[Generation],
    pruned: Option<Pruned>,
    dry_run: bool,
) -> String {
    let verb = if dry_run { "would go" } else { "gone" };
    let mut told = format!("{} kept, {} {verb}", kept.len(), goes.len());
    for gone in goes {
        told.push_str(&format!("\n  - {}  {}", name(gone), gone.at));
    }
    if dry_run {
        for (stays, reasons) in kept {
            let reasons: Vec<_> = reasons.iter().map(|it| reason(*it)).collect();
            told.push_str(&format!(
                "\n    {}  {}  {}",
                name(stays),
                stays.at,
                reasons.join(", ")
            ));
        }
    }
    match pruned {
        Some(pruned) => told.push_str(&format!(
            "\n  {} removed, {} marked to go in a day",
            bytes(pruned.removed),
            bytes(pruned.marked)
        )),
        None if !dry_run => told = "append-only: nothing is removed from here".to_owned(),
        None => {}
    }
    told
}

/// While a restore in place is at work, and when it was killed.
pub(super) fn broken_off(plan: &Plan) -> String {
    format!(
        "a restore in place of {} ({}) is under way or was broken off; `yagura backup restore --mend` goes on with it",
        plan.at, plan.reason
    )
}

pub(super) fn status(status: &Status, now: Timestamp) -> String {
    let mut lines = String::new();
    for (target, parts) in &status.targets {
        for (part, standing) in parts {
            lines.push_str(&format!(
                "{target} {part}: {}\n",
                standing_told(standing, now)
            ));
        }
    }
    match &status.drill {
        Some(it) => lines.push_str(&format!("{}\n", drill(it))),
        None => lines.push_str("no drill yet; `yagura backup drill` rehearses a restore\n"),
    }
    lines
}

fn standing_told(standing: &Standing, now: Timestamp) -> String {
    let mut told = match standing.restorable_as_of {
        Some(at) => format!(
            "restorable as of {at} ({} ago)",
            span(now.since(at).as_secs())
        ),
        None => "NOT RESTORABLE YET".to_owned(),
    };
    if let Some(bytes_of_it) = standing.bytes {
        told.push_str(&format!(", {}", bytes(bytes_of_it)));
    }
    if let Some(since) = standing.failing_since {
        let why = standing.failure.as_deref().unwrap_or_default();
        told.push_str(&format!("\n  FAILS since {since}: {why}"));
    }
    for fault in &standing.faults {
        told.push_str(&format!("\n  DAMAGED: {fault}"));
    }
    if let Some(since) = standing.alarm_since {
        told.push_str(&format!("\n  ALARM since {since}"));
    }
    told
}

pub(super) fn drill(drill: &DrillSummary) -> String {
    let result = match &drill.failure {
        None => format!("passed in {:.1} s", drill.recovery_ms as f64 / 1_000.0),
        Some(failure) => format!("FAILED: {failure}"),
    };
    format!(
        "drill of {} from {}: {result}\n  {}",
        drill.at,
        drill.target,
        drill.report.display()
    )
}

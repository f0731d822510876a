//! `docs/benchmarks.md`: what a run showed, on which machine, how to repeat it, and what was not
//! reached.

use std::fmt::Write;

use super::{plot, table};
use crate::compare::QUIET_PERCENT;
use crate::figures::Run;
use crate::goals;
use crate::peers;

/// The page; `folder` is where plots and results lie, seen from it, `reasons` what a profile showed.
pub fn text(run: &Run, folder: &str, reasons: &str) -> String {
    let judged = goals::judge(run);
    let missed = judged.iter().filter(|one| one.met == Some(false)).count();
    let met = judged.iter().filter(|one| one.met == Some(true)).count();
    let machine = &run.machine;
    let mut text = format!(
        "# Benchmarks\n\n\
         Yagura's edge beside other servers, in one run on one machine. This page is written by \
         `yagura-bench compare`; do not edit it. Figures of two machines cannot be compared, ratios can.\n\n\
         - Machine: {}, {} cores, {} GiB, {}, Linux {}\n\
         - Day: {}; {} rounds of {} seconds, the median counts\n\
         - To repeat: `cargo build --release -p yagura -p yagura-bench`, then as root \
         `./target/release/yagura-bench compare`. Root is needed only where packages are missing. \
         Nothing else should run on the machine.\n\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.system,
        machine.kernel,
        run.day,
        run.rounds,
        run.seconds
    );
    if run.busy_percent > QUIET_PERCENT {
        let _memory_is_there = writeln!(
            text,
            "**The machine was not quiet** ({:.0} % busy before the run began): these figures are \
             not to be relied upon.\n",
            run.busy_percent
        );
    }
    let _memory_is_there = writeln!(
        text,
        "## Goals\n\n{met} met, {missed} missed.\n\n{}",
        table::goals(&judged)
    );
    if missed > 0 {
        let _memory_is_there = writeln!(text, "### Where the time goes\n\n{}\n", reasons.trim());
    }
    for plot in plot::ALL {
        let _memory_is_there = writeln!(text, "![{}]({folder}/{}.svg)\n", plot.name, plot.name);
    }
    text.push_str("## Figures\n\nIn brackets the ratio to Yagura's.\n\n");
    for column in table::ALL {
        if !table::workloads(run, column).is_empty() {
            let _memory_is_there = writeln!(text, "{}", table::markdown(run, column));
        }
    }
    text.push_str(&how(folder));
    text.push_str("## Servers\n\n| | What | Version |\n|---|---|---|\n");
    for peer in peers::ALL {
        let version = run.versions.get(peer.name).map_or("–", String::as_str);
        let _memory_is_there = writeln!(text, "| {} | {} | {version} |", peer.name, peer.what);
    }
    if !run.absences.is_empty() {
        text.push_str("\n### Left out\n\n| Server | Workload | Why |\n|---|---|---|\n");
        for absence in run
            .absences
            .iter()
            .filter(|absence| absence.peer != "limit")
        {
            let _memory_is_there = writeln!(
                text,
                "| {} | {} | {} |",
                absence.peer, absence.workload, absence.why
            );
        }
    }
    text
}

fn how(folder: &str) -> String {
    format!(
        "## How it is measured\n\n\
         - The server runs on core 0, the load and the origin on core 1. Every server gets the same \
         objects from the same origin (`bench/src/objects.rs`), one worker, no log, files in memory; \
         its [configuration]({folder}/configurations) lies beside the [results]({folder}/results.csv). \
         Each is started anew for each measurement and warmed up; another one begins each round.\n\
         - **Server CPU a request** is user and system time of the server and its children, divided \
         by the requests answered. It is what a hit costs whether or not the core is full.\n\
         - Hits, 304s, redirects and misses are asked for by wrk with one thread, 64 connections where \
         nothing else is said; HTTP/2 by h2load with 32 connections and 10 requests at a time on each. \
         What is counted was looked at before, byte by byte; a failed request fails the run.\n\
         - Handshakes are TLS 1.3 with P-256 by rustls: connect, shake hands, say goodbye, nothing \
         asked. Full and resumed ones are told apart by the client.\n\
         - The set is 10,000 objects with Zipf popularity (exponent 1, fixed seed).\n\
         - At a given rate each request's time counts from when it was *due*, so that a server that \
         stalls is charged for everything it kept waiting.\n\
         - Idle connections have each asked once. Memory is the server's (PSS), without the kernel's \
         buffers; of every fifty one asks again at the end, to see that they are alive.\n\
         - For the outage, pages that are fresh for a second are read over 50 connections while the \
         origin is killed. Who can serve stale pages is configured to.\n\
         - From a change until readers get it: 200 changes of one page, each counted from the purge \
         order until the new bytes are read.\n\n"
    )
}

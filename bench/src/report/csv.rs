//! Medians as CSV, one line a workload and peer; empty where nothing was measured.

use std::fmt::Write;

use crate::figures::{Figures, Run};

pub fn text(run: &Run) -> String {
    let mut text = "workload,peer,cpu_us_per_request,requests_per_second,p50_us,p99_us,\
                    memory_kib_per_connection,failed_percent\n"
        .to_owned();
    for row in &run.rows {
        let median = Figures::median(&row.rounds);
        let cells = [
            median.cpu_us,
            median.per_second,
            median.p50_us,
            median.p99_us,
            median.memory_kib,
            median.failed_percent,
        ];
        let cells = cells.map(|cell| cell.map_or(String::new(), |value| format!("{value:.3}")));
        let _memory_is_there = writeln!(text, "{},{},{}", row.workload, row.peer, cells.join(","));
    }
    text
}

//! What a run gave: figures by workload and peer, with where and how they were measured. Kept as
//! `run.json` beside the page, so that the page can be written anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// The file of a run, in its folder.
pub const FILE: &str = "run.json";

/// One measurement; what a workload does not measure is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// CPU time of the server a request, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<f64>,
    /// Requests (handshakes, connections) a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// Median time of an answer, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<f64>,
    /// The 99th of a hundred, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<f64>,
    /// Memory of the server a connection, in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_kib: Option<f64>,
    /// Of a hundred requests, those that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_percent: Option<f64>,
}

impl Figures {
    /// The median of several rounds, each figure for itself.
    pub fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> Option<f64>| {
            let mut values: Vec<f64> = rounds.iter().filter_map(figure).collect();
            values.sort_by(f64::total_cmp);
            let middle = values.len() / 2;
            let upper = values.get(middle).copied()?;
            if values.len() % 2 == 1 {
                return Some(upper);
            }
            Some(f64::midpoint(*values.get(middle - 1)?, upper))
        };
        Self {
            cpu_us: of(|one| one.cpu_us),
            per_second: of(|one| one.per_second),
            p50_us: of(|one| one.p50_us),
            p99_us: of(|one| one.p99_us),
            memory_kib: of(|one| one.memory_kib),
            failed_percent: of(|one| one.failed_percent),
        }
    }
}

/// What one peer showed under one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub workload: String,
    pub peer: String,
    pub rounds: Vec<Figures>,
}

/// A workload that a peer was left out of, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    pub workload: String,
    pub peer: String,
    pub why: String,
}

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub machine: Machine,
    /// The day, as `2026-11-24`.
    pub day: String,
    pub rounds: usize,
    pub seconds: u64,
    /// How busy the machine was before the run began, in percent.
    pub busy_percent: f64,
    /// What each peer and load generator says its version is.
    pub versions: BTreeMap<String, String>,
    pub rows: Vec<Row>,
    pub absences: Vec<Absence>,
}

impl Run {
    /// The median of one peer under one workload.
    pub fn median(&self, workload: &str, peer: &str) -> Option<Figures> {
        let row = self
            .rows
            .iter()
            .find(|row| row.workload == workload && row.peer == peer)?;
        Some(Figures::median(&row.rounds))
    }

    /// Adds one round's figures.
    pub fn add(&mut self, workload: &str, peer: &str, figures: Figures) {
        let found = self
            .rows
            .iter_mut()
            .find(|row| row.workload == workload && row.peer == peer);
        match found {
            Some(row) => row.rounds.push(figures),
            None => self.rows.push(Row {
                workload: workload.to_owned(),
                peer: peer.to_owned(),
                rounds: vec![figures],
            }),
        }
    }

    /// Notes an absence once.
    pub fn leave_out(&mut self, workload: &str, peer: &str, why: &str) {
        let absence = Absence {
            workload: workload.to_owned(),
            peer: peer.to_owned(),
            why: why.to_owned(),
        };
        if !self.absences.contains(&absence) {
            self.absences.push(absence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(us: f64) -> Figures {
        Figures {
            cpu_us: Some(us),
            ..Figures::default()
        }
    }

    #[test]
    fn the_median_of_three_rounds_is_the_middle_one() {
        assert_eq!(Figures::median(&[cpu(9.0), cpu(1.0), cpu(2.0)]), cpu(2.0));
        assert_eq!(Figures::median(&[cpu(1.0), cpu(2.0)]), cpu(1.5));
        assert_eq!(Figures::median(&[]), Figures::default());
    }
}

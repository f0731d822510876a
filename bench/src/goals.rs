//! What is to be reached, each compared within the same run.

use crate::figures::Run;
use crate::peers::OWN;

/// A goal and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The workload it is about.
    pub workload: String,
    /// In words.
    pub goal: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether it is met; `None` when the run lacks something for it.
    pub met: Option<bool>,
}

/// CPU a request at most so many times that of a peer.
const CPU: [(&str, &[&str], f64); 9] = [
    ("nginx", &HITS, 0.70),
    ("haproxy", &HITS, 0.75),
    ("varnish", &HITS, 0.45),
    ("limit", &HITS, 1.15),
    ("nginx", &["tls-hit"], 0.75),
    ("nginx", &["http2-hit"], 0.75),
    ("h2o", &["http2-hit"], 1.7),
    ("nginx", &["handshake-full"], 0.6),
    ("nginx", &["miss"], 1.6),
];

const HITS: [&str; 6] = [
    "hit-1k-64",
    "hit-10k-64",
    "hit-100k-64",
    "hit-1k-256",
    "hit-10k-256",
    "hit-100k-256",
];

/// Most memory of an idle connection, in KiB.
const IDLE_KIB: f64 = 16.0;

/// Judges a run.
pub fn judge(run: &Run) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (peer, workloads, most) in CPU {
        for workload in workloads {
            judged.push(cpu(run, workload, peer, most));
        }
    }
    let memory = run.median("idle", OWN).and_then(|own| own.memory_kib);
    judged.push(Judged {
        workload: "idle".to_owned(),
        goal: format!("at most {IDLE_KIB:.0} KiB a connection"),
        measured: memory.map_or_else(not_measured, |kib| format!("{kib:.1} KiB")),
        met: memory.map(|kib| kib <= IDLE_KIB),
    });
    judged.push(latency(run));
    judged
}

fn cpu(run: &Run, workload: &str, peer: &str, most: f64) -> Judged {
    let of = |name| run.median(workload, name)?.cpu_us;
    let ratio = of(OWN).zip(of(peer)).map(|(own, other)| own / other);
    Judged {
        workload: workload.to_owned(),
        goal: format!("at most {most:.2} times the CPU of {peer}"),
        measured: ratio.map_or_else(not_measured, |ratio| format!("{ratio:.2}")),
        met: ratio.map(|ratio| ratio <= most),
    }
}

/// The practical limit is no peer: nobody could use it.
fn latency(run: &Run) -> Judged {
    let p99 = |peer: &str| run.median("paced", peer)?.p99_us;
    let others = run
        .rows
        .iter()
        .filter(|row| row.workload == "paced" && row.peer != OWN && row.peer != "limit");
    let best = others
        .filter_map(|row| Some((p99(&row.peer)?, row.peer.clone())))
        .min_by(|one, other| one.0.total_cmp(&other.0));
    let both = p99(OWN).zip(best);
    Judged {
        workload: "paced".to_owned(),
        goal: "p99 no longer than the best peer's".to_owned(),
        measured: both
            .as_ref()
            .map_or_else(not_measured, |(own, (best, peer))| {
                format!("{own:.0} us, {peer} {best:.0} us")
            }),
        met: both.map(|(own, (best, _))| own <= best),
    }
}

fn not_measured() -> String {
    "not measured".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;
    use crate::machine::Machine;

    fn run(rows: &[(&str, &str, f64)]) -> Run {
        let mut run = Run {
            machine: Machine::this(),
            day: String::new(),
            rounds: 1,
            seconds: 1,
            busy_percent: 0.0,
            versions: std::collections::BTreeMap::new(),
            rows: Vec::new(),
            absences: Vec::new(),
        };
        for (workload, peer, value) in rows {
            let figures = Figures {
                cpu_us: Some(*value),
                p99_us: Some(*value),
                ..Figures::default()
            };
            run.add(workload, peer, figures);
        }
        run
    }

    fn met(judged: &[Judged], workload: &str, word: &str) -> Option<bool> {
        let found = judged
            .iter()
            .find(|one| one.workload == workload && one.goal.contains(word));
        found.unwrap().met
    }

    #[test]
    fn a_goal_is_judged_by_the_ratio_within_the_run() {
        let judged = judge(&run(&[
            ("hit-1k-64", OWN, 7.0),
            ("hit-1k-64", "nginx", 10.0),
            ("hit-1k-64", "limit", 5.0),
        ]));
        assert_eq!(met(&judged, "hit-1k-64", "nginx"), Some(true));
        assert_eq!(met(&judged, "hit-1k-64", "limit"), Some(false));
        assert_eq!(met(&judged, "hit-1k-64", "haproxy"), None);
    }

    #[test]
    fn the_practical_limit_is_no_peer_in_latency() {
        let judged = judge(&run(&[
            ("paced", OWN, 90.0),
            ("paced", "limit", 50.0),
            ("paced", "nginx", 100.0),
        ]));
        assert_eq!(met(&judged, "paced", "p99"), Some(true));
    }
}

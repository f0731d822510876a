//! What a process and its children used: CPU time and memory, as `/proc` tells.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use rustix::process::Pid;

/// Ticks a second in `/proc/PID/stat`; the same on every Linux that Yagura runs on.
const TICKS: u64 = 100;

/// A process with its children and theirs.
#[derive(Clone, Copy, Debug)]
pub struct Tree(i32);

/// One process's line of `/proc/PID/stat`, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: i32,
    ticks: u64,
}

impl Tree {
    /// The tree below a process.
    pub fn of(root: Pid) -> Self {
        Self(root.as_raw_nonzero().get())
    }

    /// CPU time in user and kernel mode, with that of children that have ended.
    pub fn cpu(self) -> Duration {
        let ticks: u64 = self.members().iter().map(|(_, stat)| stat.ticks).sum();
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    /// Memory in bytes, with what is shared among several processes divided among them.
    pub fn memory_bytes(self) -> u64 {
        let of = |(number, _): &(i32, Stat)| {
            let text = fs::read_to_string(format!("/proc/{number}/smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        };
        self.members().iter().filter_map(of).sum::<u64>() * 1024
    }

    fn members(self) -> Vec<(i32, Stat)> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = entries.filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let text = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
            Some((number, parse(&text)?))
        });
        let mut all: Vec<(i32, Stat)> = processes.collect();
        let mut members = HashSet::from([self.0]);
        loop {
            let before = members.len();
            let children = all
                .iter()
                .filter(|(_, stat)| members.contains(&stat.parent));
            let children: Vec<i32> = children.map(|(number, _)| *number).collect();
            members.extend(children);
            if members.len() == before {
                break;
            }
        }
        all.retain(|(number, _)| members.contains(number));
        all
    }
}

/// CPU time of the whole machine since it started: (busy, all), in ticks.
pub fn machine_ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    machine(&text)
}

/// The first line: user, nice, system, idle, iowait, irq, softirq, steal.
fn machine(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let all = ticks.iter().sum();
    let idle: u64 = ticks.get(3..5)?.iter().sum();
    Some((all - idle, all))
}

/// The name of the program may hold blanks and brackets: fields are counted after its end.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // utime, stime, cutime, cstime: fields 14 to 17 of the line, from 1.
    let ticks = (11..15).map(number).sum::<Option<u64>>()?;
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        ticks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194304 9 0 0 0 11 22 33 44 20 0 1";
        assert_eq!(
            parse(text),
            Some(Stat {
                parent: 3,
                ticks: 110
            })
        );
        assert_eq!(parse("7 (a"), None);
    }

    #[test]
    fn waiting_for_a_disk_is_not_being_busy() {
        let text = "cpu  10 1 5 80 4 0 2 3 7 7\ncpu0 1 1 1 1\n";
        assert_eq!(machine(text), Some((21, 105)));
        assert_eq!(machine("intr 5"), None);
    }

    #[test]
    fn our_own_process_has_memory() {
        let own = Tree::of(rustix::process::getpid());
        assert!(own.memory_bytes() > 100_000);
    }
}

//! The machine a run is made on: named with its results, since figures of two machines cannot be
//! compared.

use std::fs;

use serde::{Deserialize, Serialize};

/// What matters of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_gib: u64,
    pub kernel: String,
    pub system: String,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str, mark: char| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            let value = found.and_then(|rest| rest.split_once(mark));
            value.map_or("unknown".to_owned(), |(_, value)| {
                value.trim().trim_matches('"').to_owned()
            })
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal", ':');
        let memory_kib = memory.trim_end_matches(" kB").parse().unwrap_or(0_u64);
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name", ':'),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: (memory_kib + (1 << 19)) >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            system: after(&read("/etc/os-release"), "PRETTY_NAME", '='),
        }
    }
}

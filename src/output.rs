//! How results are printed: for people, or as JSON for programs.

use std::io::Write;

use serde::Serialize;

/// Prints `value` as JSON, indented, to standard output.
pub(crate) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// A number of bytes with the unit a person reads.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = count;
    let mut unit = "B";
    for larger in UNITS {
        if scaled < 10 * 1024 {
            break;
        }
        scaled /= 1024;
        unit = larger;
    }
    format!("{scaled} {unit}")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_keep_at_least_two_digits() {
        assert_eq!(bytes(900), "900 B");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(11 << 40), "11 TiB");
    }
}

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

/// A number of seconds as a person says it, in two units at most.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, name) in UNITS {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        return "0 s".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{bytes, span};

    #[test]
    fn sizes_keep_at_least_two_digits() {
        assert_eq!(bytes(900), "900 B");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(11 << 40), "11 TiB");
    }

    #[test]
    fn spans_are_told_in_two_units() {
        let told = [0, 59, 60, 3_661, 86_400, 90_061].map(span);
        assert_eq!(
            told,
            ["0 s", "59 s", "1 min", "1 h 1 min", "1 d", "1 d 1 h"]
        );
    }
}

//! wrk: HTTP/1.1, plain and over TLS, over kept connections, as fast as they are answered.

use anyhow::{Context, ensure};

use super::Seen;

/// Its arguments.
pub fn arguments(url: &str, connections: usize, seconds: u64) -> Vec<String> {
    let (connections, seconds) = (format!("-c{connections}"), format!("-d{seconds}s"));
    ["-t1", &connections, &seconds, url]
        .map(str::to_owned)
        .to_vec()
}

/// Reads what it printed.
///
/// # Errors
/// It is no summary, or requests failed: a cost per request would mean nothing then.
pub fn read(printed: &str) -> anyhow::Result<Seen> {
    let lines = || printed.lines().map(str::trim);
    let failed =
        lines().find(|line| line.starts_with("Non-2xx") || line.starts_with("Socket errors"));
    ensure!(failed.is_none(), "wrk: {}", failed.unwrap_or_default());
    let summary = lines()
        .find_map(|line| line.split_once(" requests in "))
        .with_context(|| format!("wrk printed no summary: {printed}"))?;
    let rate = lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .context("wrk printed no rate")?;
    let done: u64 = summary.0.parse()?;
    let rate: f64 = rate.trim().parse()?;
    ensure!(done > 0 && rate > 0.0, "wrk got no answer");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
    let seconds = done as f64 / rate;
    Ok(Seen {
        done,
        seconds,
        ..Seen::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_read_and_failures_are_not_passed_over() {
        let good = "Running 2s test @ http://127.0.0.1:1/\n  200000 requests in 2.00s, 2.1GB read\n\
                    Requests/sec: 100000.00\nTransfer/sec: 1.0GB\n";
        let seen = read(good).unwrap();
        assert_eq!(seen.done, 200_000);
        assert!((seen.seconds - 2.0).abs() < 0.01);
        assert!(read(&format!("{good}  Non-2xx or 3xx responses: 5\n")).is_err());
        assert!(read("unable to connect").is_err());
    }
}

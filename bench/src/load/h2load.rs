//! h2load: HTTP/2 over TLS, several requests at a time on each connection.

use anyhow::{Context, ensure};

use super::Seen;

/// Its arguments: 32 connections with 10 requests at a time each.
pub fn arguments(url: &str, seconds: u64) -> Vec<String> {
    ["-t1", "-c32", "-m10", &format!("-D{seconds}"), url]
        .map(str::to_owned)
        .to_vec()
}

/// Reads what it printed.
///
/// # Errors
/// It is no summary, requests failed, or it was not HTTP/2.
pub fn read(printed: &str) -> anyhow::Result<Seen> {
    ensure!(
        printed.contains("Application protocol: h2"),
        "not HTTP/2: {printed}"
    );
    let line = |begins: &str| {
        let found = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix(begins));
        found.with_context(|| format!("h2load printed no {begins:?}: {printed}"))
    };
    let requests = line("requests: ")?;
    let count = |name: &str| -> anyhow::Result<u64> {
        let mut parts = requests.split(", ");
        let found = parts.find_map(|part| part.trim().strip_suffix(name));
        Ok(found.with_context(|| requests.to_owned())?.trim().parse()?)
    };
    let failed = count(" failed")? + count(" errored")? + count(" timeout")?;
    let codes = line("status codes: ")?;
    let good: u64 = codes
        .split_once(" 2xx")
        .context("no status codes")?
        .0
        .trim()
        .parse()?;
    let done = count(" succeeded")?;
    ensure!(
        failed == 0 && done > 0 && good >= done,
        "h2load: {requests}; {codes}"
    );
    let finished = line("finished in ")?;
    let rate = finished
        .split(", ")
        .find_map(|part| part.strip_suffix(" req/s"))
        .context("h2load printed no rate")?;
    let rate: f64 = rate.parse()?;
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

    const GOOD: &str = "Application protocol: h2\n\nfinished in 2.00s, 50000.00 req/s, 500MB/s\n\
        requests: 100000 total, 100320 started, 100000 done, 100000 succeeded, 0 failed, 0 errored, 0 timeout\n\
        status codes: 100320 2xx, 0 3xx, 0 4xx, 0 5xx\n";

    #[test]
    fn the_summary_is_read_and_failures_are_not_passed_over() {
        let seen = read(GOOD).unwrap();
        assert_eq!(seen.done, 100_000);
        assert!((seen.seconds - 2.0).abs() < 0.01);
        assert!(read(&GOOD.replace("0 errored", "3 errored")).is_err());
        assert!(read(&GOOD.replace("protocol: h2", "protocol: http/1.1")).is_err());
    }
}

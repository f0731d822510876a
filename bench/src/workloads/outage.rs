//! Reads of pages that are soon stale, while the origin is killed. They come at a given rate: a
//! server that lets its readers wait for the dead origin must not be asked less often for it.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Course, own, own_seen};
use crate::figures::Figures;
use crate::objects;
use crate::process;

/// Reads a second.
const RATE: &str = "2000";
/// Before the origin is killed.
const BEFORE: Duration = Duration::from_millis(1500);

pub async fn run(course: &mut Course<'_>) -> anyhow::Result<Figures> {
    let address = course.place.plain.to_string();
    // Everything is read, and stored, twice before.
    let count = (2 * objects::OUTAGE).to_string();
    let fill = own(&[
        "requests",
        "--address",
        &address,
        "--connections",
        "8",
        "--targets",
        "outage",
        "--count",
        &count,
    ])?;
    let (seen, _) = course.measure(&fill, own_seen).await?;
    ensure!(seen.failed == 0, "{} requests failed before", seen.failed);
    let lasting = BEFORE + Duration::from_secs(course.seconds.max(3));
    let milliseconds = lasting.as_millis().to_string();
    let load = own(&[
        "requests",
        "--address",
        &address,
        "--connections",
        "50",
        "--targets",
        "outage",
        "--lasting-ms",
        &milliseconds,
        "--rate",
        RATE,
    ])?;
    let origin = course.origin.take().context("there is no origin")?;
    let killing = async {
        tokio::time::sleep(BEFORE).await;
        origin.kill().await
    };
    let loading = process::load(&load, lasting + Duration::from_secs(30));
    let (killed, printed) = tokio::join!(killing, loading);
    killed?;
    let origin = course.place.start_origin().await?;
    *course.origin = Some(origin);
    let seen = own_seen(&printed?)?;
    let all = seen.done + seen.failed;
    ensure!(all > 0, "nothing was asked");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
    Ok(Figures {
        failed_percent: Some(seen.failed as f64 * 100.0 / all as f64),
        per_second: Some(seen.done as f64 / seen.seconds),
        ..Figures::default()
    })
}

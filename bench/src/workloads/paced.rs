//! What wrk cannot ask for: a set by popularity, and a given rate with times counted from when a
//! request was due.

use anyhow::ensure;

use super::{Course, RATE, own, own_seen};
use crate::figures::Figures;
use crate::objects;

const CONNECTIONS: &str = "64";

pub async fn set(course: &Course<'_>) -> anyhow::Result<Figures> {
    course.look_at(&objects::of_set(0))?;
    let address = course.place.plain.to_string();
    let once = objects::SET.to_string();
    let fill = own(&[
        "requests",
        "--address",
        &address,
        "--connections",
        "8",
        "--targets",
        "set-in-order",
        "--count",
        &once,
    ])?;
    let (seen, _) = course.measure(&fill, own_seen).await?;
    ensure!(seen.failed == 0, "{} requests failed", seen.failed);
    let lasting = (course.seconds * 1000).to_string();
    let start = own(&[
        "requests",
        "--address",
        &address,
        "--connections",
        CONNECTIONS,
        "--targets",
        "set-by-zipf",
        "--lasting-ms",
        &lasting,
    ])?;
    let (seen, figures) = course.measure(&start, own_seen).await?;
    ensure!(seen.failed == 0, "{} requests failed", seen.failed);
    Ok(figures)
}

pub async fn paced(course: &Course<'_>) -> anyhow::Result<Figures> {
    course.look_at(&objects::sized(10))?;
    let address = course.place.plain.to_string();
    let (rate, lasting) = (RATE.to_string(), course.seconds * 1000);
    let start = |lasting: u64| {
        own(&[
            "requests",
            "--address",
            &address,
            "--connections",
            CONNECTIONS,
            "--targets",
            "one",
            "--rate",
            &rate,
            "--lasting-ms",
            &lasting.to_string(),
        ])
    };
    course.measure(&start(1000)?, own_seen).await?;
    let (seen, figures) = course.measure(&start(lasting)?, own_seen).await?;
    ensure!(seen.failed == 0, "{} requests failed", seen.failed);
    Ok(Figures {
        p50_us: Some(seen.p50_us),
        p99_us: Some(seen.p99_us),
        ..figures
    })
}

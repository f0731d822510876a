//! Answers as fast as they come, asked for with wrk and h2load, or with our own generator
//! where wrk cannot.

use anyhow::ensure;

use super::{Course, orders, own, own_seen};
use crate::figures::Figures;
use crate::load::{self, h2load, wrk};
use crate::objects;
use crate::peers;
use crate::process::Start;

/// Connections where nothing else is said.
const CONNECTIONS: usize = 64;

pub async fn hit(course: &Course<'_>, kib: usize, connections: usize) -> anyhow::Result<Figures> {
    let path = objects::sized(kib);
    course.look_at(&path)?;
    let url = format!("http://{}{path}", course.place.plain);
    with_wrk(course, &url, connections).await
}

pub async fn tls_hit(course: &Course<'_>) -> anyhow::Result<Figures> {
    let path = objects::sized(10);
    course.look_at(&path)?;
    let url = format!("https://{}{path}", course.place.tls);
    with_wrk(course, &url, CONNECTIONS).await
}

pub async fn http2_hit(course: &Course<'_>) -> anyhow::Result<Figures> {
    let path = objects::sized(10);
    course.look_at(&path)?;
    let url = format!("https://{}{path}", course.place.tls);
    let start = |seconds| {
        let mut start = Start::new("h2load", &[]);
        start.arguments = h2load::arguments(&url, seconds);
        start
    };
    course.measure(&start(1), h2load::read).await?;
    let (_, figures) = course.measure(&start(course.seconds), h2load::read).await?;
    Ok(figures)
}

pub async fn not_modified(course: &Course<'_>) -> anyhow::Result<Figures> {
    let path = objects::sized(10);
    let answer = course.look_at(&path)?;
    let tag = answer.field("etag").unwrap_or_default();
    let field = format!("If-None-Match: {tag}");
    let status = load::fetch(course.place.plain, &path, &field)?.status;
    ensure!(status == 304, "answered with {status} instead of 304");
    // Some servers send the length that a 200 would have (RFC 9110, section 8.6); wrk then waits
    // for a body that does not come.
    let (address, connections) = (course.place.plain.to_string(), CONNECTIONS.to_string());
    let start = |milliseconds: u64| {
        let lasting = milliseconds.to_string();
        own(&[
            "requests",
            "--address",
            &address,
            "--connections",
            &connections,
            "--targets",
            "one",
            "--field",
            &field,
            "--status",
            "304",
            "--lasting-ms",
            &lasting,
        ])
    };
    course.measure(&start(1000)?, own_seen).await?;
    let lasting = course.seconds * 1000;
    let (seen, figures) = course.measure(&start(lasting)?, own_seen).await?;
    ensure!(seen.failed == 0, "{} requests failed", seen.failed);
    Ok(figures)
}

pub async fn redirect(course: &Course<'_>) -> anyhow::Result<Figures> {
    let (from, to) = objects::REDIRECT;
    if course.peer.name == peers::OWN {
        orders::import_redirect(course.place).await?;
    }
    let answer = load::fetch(course.place.plain, from, "")?;
    let leads = answer.field("location").unwrap_or_default();
    ensure!(
        matches!(answer.status, 301 | 302 | 307 | 308) && leads.ends_with(to),
        "answered with {} to {leads:?}",
        answer.status
    );
    let url = format!("http://{}{from}", course.place.plain);
    with_wrk(course, &url, CONNECTIONS).await
}

pub async fn miss(course: &Course<'_>) -> anyhow::Result<Figures> {
    course.look_at(objects::MISS)?;
    let url = format!("http://{}{}", course.place.plain, objects::MISS);
    with_wrk(course, &url, CONNECTIONS).await
}

async fn with_wrk(course: &Course<'_>, url: &str, connections: usize) -> anyhow::Result<Figures> {
    let start = |seconds| {
        let mut start = Start::new("wrk", &[]);
        start.arguments = wrk::arguments(url, connections, seconds);
        start
    };
    course.measure(&start(1), wrk::read).await?;
    let (_, figures) = course.measure(&start(course.seconds), wrk::read).await?;
    Ok(figures)
}

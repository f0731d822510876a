//! From a change until readers get it: the origin changes, the edge is told, and a reader asks
//! until the new bytes come.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::ensure;
use yagura_control::clock::monotonic;

use super::{Course, orders};
use crate::figures::Figures;
use crate::load;
use crate::objects;

/// Changes that are timed.
const CHANGES: usize = 200;
/// Reads after which a change counts as lost.
const MOST_READS: usize = 1000;

pub async fn run(course: &Course<'_>) -> anyhow::Result<Figures> {
    let (edge, origin) = (course.place.plain, course.place.origin);
    let request = load::request(edge, objects::CHANGING, "");
    let mut reader = TcpStream::connect(edge)?;
    reader.set_nodelay(true)?;
    reader.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut took = Vec::with_capacity(CHANGES);
    for change in 1..=CHANGES {
        load::fetch(origin, &format!("/version/{change}"), "")?;
        let wanted = format!("version {change}");
        let began = monotonic();
        orders::purge(course.place).await?;
        let mut reads = 0;
        loop {
            reader.write_all(request.as_bytes())?;
            if load::read(&mut reader)?.body == wanted.as_bytes() {
                break;
            }
            reads += 1;
            ensure!(reads < MOST_READS, "change {change} does not come");
        }
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_by(f64::total_cmp);
    Ok(Figures {
        p50_us: took.get(CHANGES / 2).copied(),
        p99_us: took.get(CHANGES * 99 / 100).copied(),
        ..Figures::default()
    })
}

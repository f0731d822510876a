//! Memory of connections that are open and silent.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::{Course, IDLE, own, own_seen};
use crate::figures::Figures;
use crate::objects;
use crate::process;

/// Opening them all takes no longer.
const OPENING: Duration = Duration::from_secs(50);

pub async fn run(course: &mut Course<'_>, tls: bool) -> anyhow::Result<Figures> {
    course.look_at(&objects::sized(1))?;
    let address = if tls {
        course.place.tls
    } else {
        course.place.plain
    };
    let (address, count) = (address.to_string(), IDLE.to_string());
    let trust = course.trust().display().to_string();
    let open = |count: &str| {
        let mut arguments = vec!["idle", "--address", &address, "--connections", count];
        if tls {
            arguments.extend(["--trust", &trust]);
        }
        own(&arguments)
    };
    // What the first connections bring with them for good is no part of one connection's memory.
    hold(course, &open("64")?).await?;
    let before = course.server.tree().memory_bytes();
    let during = hold(course, &open(&count)?).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let each = during.saturating_sub(before) as f64 / IDLE as f64 / 1024.0;
    Ok(Figures {
        memory_kib: Some(each),
        ..Figures::default()
    })
}

/// Opens connections, gives the server's memory while they are open, and ends them.
async fn hold(course: &mut Course<'_>, start: &process::Start) -> anyhow::Result<u64> {
    let mut child = process::spoken_to(start)?;
    let mut output = BufReader::new(child.stdout.take().context("no output")?);
    let mut line = String::new();
    let opened = tokio::time::timeout(OPENING, output.read_line(&mut line)).await;
    match opened {
        Ok(Ok(_)) if line.trim() == "open" => {}
        _ => bail!("the connections could not be opened"),
    }
    // Some servers give memory back a moment after an answer.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let memory = course.server.tree().memory_bytes();
    drop(child.stdin.take());
    let mut printed = String::new();
    output.read_to_string(&mut printed).await?;
    child.wait().await?;
    let seen = own_seen(&printed)?;
    ensure!(seen.failed == 0, "{} connections were gone", seen.failed);
    Ok(memory)
}

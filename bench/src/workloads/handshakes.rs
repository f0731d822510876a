//! TLS handshakes.

use super::{Course, own, own_seen};
use crate::figures::Figures;

pub async fn run(course: &Course<'_>, resumed: bool) -> anyhow::Result<Figures> {
    let address = course.place.tls.to_string();
    let trust = course.trust();
    let trust = trust.display().to_string();
    let start = |milliseconds: u64| {
        let lasting = milliseconds.to_string();
        let mut arguments = vec![
            "handshakes",
            "--address",
            &address,
            "--trust",
            &trust,
            "--lasting-ms",
            &lasting,
        ];
        if resumed {
            arguments.push("--resumed");
        }
        own(&arguments)
    };
    course.measure(&start(500)?, own_seen).await?;
    let lasting = course.seconds * 1000;
    let (_, figures) = course.measure(&start(lasting)?, own_seen).await?;
    Ok(figures)
}

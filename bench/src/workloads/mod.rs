//! What is asked of every peer. Each workload first looks at what it will ask for, so that what is
//! counted are right answers, then warms up, then measures.

mod handshakes;
mod idle;
mod orders;
mod outage;
mod paced;
mod publish;
mod served;

use std::time::Duration;

use anyhow::ensure;

use crate::figures::Figures;
use crate::load::{self, Seen};
use crate::objects;
use crate::peers::{self, Peer};
use crate::place::Place;
use crate::process::{self, Running, Start};

/// One kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Hits over HTTP/1.1.
    Hit { kib: usize, connections: usize },
    /// Hits over HTTP/1.1 and TLS.
    TlsHit,
    /// Hits over HTTP/2 and TLS.
    Http2Hit,
    /// Full TLS handshakes.
    FullHandshake,
    /// Resumed TLS handshakes.
    ResumedHandshake,
    /// Requests answered with 304.
    NotModified,
    /// Redirects.
    Redirect,
    /// Hits on a set of 10,000 objects with Zipf popularity.
    Set,
    /// What nobody may store.
    Miss,
    /// Plain hits at a given rate.
    Paced,
    /// Memory of idle connections.
    Idle,
    /// The same over TLS.
    IdleTls,
    /// Reads while the origin is killed.
    Outage,
    /// From a change until readers get it.
    Publish,
}

/// Everything, in the order it is run and told.
pub const ALL: [Workload; 19] = [
    hit(1, 64),
    hit(10, 64),
    hit(100, 64),
    hit(1, 256),
    hit(10, 256),
    hit(100, 256),
    Workload::Set,
    Workload::NotModified,
    Workload::Redirect,
    Workload::Miss,
    Workload::TlsHit,
    Workload::Http2Hit,
    Workload::FullHandshake,
    Workload::ResumedHandshake,
    Workload::Paced,
    Workload::Idle,
    Workload::IdleTls,
    Workload::Outage,
    Workload::Publish,
];

const fn hit(kib: usize, connections: usize) -> Workload {
    Workload::Hit { kib, connections }
}

/// Idle connections that are opened.
pub const IDLE: usize = 10_000;
/// Requests a second in [`Workload::Paced`].
pub const RATE: u32 = 20_000;

impl Workload {
    /// Its short name, as on the command line.
    pub fn name(self) -> String {
        let name = match self {
            Self::Hit { kib, connections } => return format!("hit-{kib}k-{connections}"),
            Self::TlsHit => "tls-hit",
            Self::Http2Hit => "http2-hit",
            Self::FullHandshake => "handshake-full",
            Self::ResumedHandshake => "handshake-resumed",
            Self::NotModified => "not-modified",
            Self::Redirect => "redirect",
            Self::Set => "set",
            Self::Miss => "miss",
            Self::Paced => "paced",
            Self::Idle => "idle",
            Self::IdleTls => "idle-tls",
            Self::Outage => "outage",
            Self::Publish => "publish",
        };
        name.to_owned()
    }

    /// What it is, for a heading.
    pub fn title(self) -> String {
        let title = match self {
            Self::Hit { kib, connections } => {
                return format!("Hits, {kib} KiB, {connections} connections");
            }
            Self::TlsHit => "Hits over TLS, HTTP/1.1, 10 KiB",
            Self::Http2Hit => "Hits over TLS, HTTP/2, 10 KiB",
            Self::FullHandshake => "Full TLS handshakes, P-256",
            Self::ResumedHandshake => "Resumed TLS handshakes",
            Self::NotModified => "Not modified (304)",
            Self::Redirect => "Redirects",
            Self::Set => "Hits, 10,000 objects of 10 KiB, Zipf popularity",
            Self::Miss => "Misses: not stored, kept connections to the origin, 10 KiB",
            Self::Paced => "Hits, 10 KiB, at 20,000 requests a second",
            Self::Idle => "10,000 idle connections",
            Self::IdleTls => "10,000 idle connections over TLS",
            Self::Outage => "Reads while the origin is killed",
            Self::Publish => "From a change until readers get it",
        };
        title.to_owned()
    }
}

/// A server that is up, with everything a workload needs.
#[derive(Debug)]
pub struct Course<'a> {
    pub place: &'a Place,
    pub peer: &'a Peer,
    pub server: &'a mut Running,
    pub origin: &'a mut Option<Running>,
    /// How long the load lasts.
    pub seconds: u64,
}

impl Course<'_> {
    /// Runs one workload.
    ///
    /// # Errors
    /// The server answers otherwise than it should, or a load generator fails.
    pub async fn run(&mut self, workload: Workload) -> anyhow::Result<Figures> {
        match workload {
            Workload::Hit { kib, connections } => served::hit(self, kib, connections).await,
            Workload::TlsHit => served::tls_hit(self).await,
            Workload::Http2Hit => served::http2_hit(self).await,
            Workload::NotModified => served::not_modified(self).await,
            Workload::Redirect => served::redirect(self).await,
            Workload::Miss => served::miss(self).await,
            Workload::Set => paced::set(self).await,
            Workload::Paced => paced::paced(self).await,
            Workload::FullHandshake => handshakes::run(self, false).await,
            Workload::ResumedHandshake => handshakes::run(self, true).await,
            Workload::Idle => idle::run(self, false).await,
            Workload::IdleTls => idle::run(self, true).await,
            Workload::Outage => outage::run(self).await,
            Workload::Publish => publish::run(self).await,
        }
    }

    /// The authority to trust: Yagura makes its own certificate, from an authority of its own.
    fn trust(&self) -> std::path::PathBuf {
        let file = if self.peer.name == peers::OWN {
            "yagura/data/certs/local-ca.pem"
        } else {
            "tls/local-ca.pem"
        };
        self.place.folder.join(file)
    }

    /// Asks for an object twice and checks every byte, so that it is stored and right.
    fn look_at(&self, path: &str) -> anyhow::Result<load::Answer> {
        let wanted = objects::body(path).unwrap_or_default();
        load::fetch(self.place.plain, path, "")?;
        let answer = load::fetch(self.place.plain, path, "")?;
        ensure!(
            answer.status == 200 && answer.body == wanted,
            "{} answers {path} with {} and {} bytes",
            self.peer.name,
            answer.status,
            answer.body.len()
        );
        Ok(answer)
    }

    /// Runs a load generator and gives what it saw and what the server spent on each request.
    async fn measure(
        &self,
        start: &Start,
        read: fn(&str) -> anyhow::Result<Seen>,
    ) -> anyhow::Result<(Seen, Figures)> {
        let tree = self.server.tree();
        let before = tree.cpu();
        let most = Duration::from_secs(self.seconds + 60);
        let seen = read(&process::load(start, most).await?)?;
        let cpu = tree.cpu().saturating_sub(before);
        ensure!(seen.done > 0, "nothing was answered");
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
        let done = seen.done as f64;
        let figures = Figures {
            cpu_us: Some(cpu.as_secs_f64() * 1e6 / done),
            per_second: Some(done / seen.seconds),
            ..Figures::default()
        };
        Ok((seen, figures))
    }
}

/// One of our own load generators with these arguments.
fn own(arguments: &[&str]) -> anyhow::Result<Start> {
    let own = std::env::current_exe()?.display().to_string();
    Ok(Start::new(own, &[&["load"], arguments].concat()))
}

/// What one of our own load generators printed.
fn own_seen(printed: &str) -> anyhow::Result<Seen> {
    Ok(serde_json::from_str(printed.trim())?)
}

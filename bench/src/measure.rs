//! `measure`: how many hits a second any server on this machine answers, and how long each takes.
//! One request at a time on each of some kept connections, over plain HTTP/1.1, for a bounded time.
//! What was measured stands in `docs/measurements.md`; the side-by-side comparison is `compare.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yagura_control::clock::monotonic;

/// What to ask, and for how long.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Address of the server, on this machine
    #[arg(long, default_value = "127.0.0.1:8002")]
    address: SocketAddr,
    /// Host named in the requests
    #[arg(long, default_value = "localhost")]
    host: String,
    /// Path and query
    #[arg(long, default_value = "/")]
    target: String,
    /// A further field, as `name: value`; `te: trailers` leads past Yagura's front
    #[arg(long)]
    field: Vec<String>,
    /// Connections
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Seconds, at most 60
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
}

/// Asks for one target again and again, and prints what it showed.
///
/// # Errors
/// The server is not on this machine, does not answer, or answers otherwise than with 200.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    ensure!(
        arguments.address.ip().is_loopback(),
        "only this machine is asked"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(arguments))
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
    let fields: String = arguments
        .field
        .iter()
        .map(|field| format!("{field}\r\n"))
        .collect();
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\n{fields}\r\n",
        arguments.target, arguments.host
    );
    let lasting = Duration::from_secs(arguments.seconds);
    let tasks: Vec<_> = (0..arguments.connections)
        .map(|_| tokio::spawn(connection(arguments.address, request.clone(), lasting)))
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    took.sort_unstable();
    let at = |thousandths: usize| {
        took.get((took.len() * thousandths / 1000).min(took.len().saturating_sub(1)))
    };
    let us = |thousandths| at(thousandths).map_or(0, Duration::as_micros);
    println!(
        "{} requests, {} a second, median {} us, p99 {} us, longest {} us",
        took.len(),
        took.len() as u64 / arguments.seconds,
        us(500),
        us(990),
        us(1000)
    );
    Ok(())
}

/// One connection's requests; gives how long each took.
async fn connection(
    address: SocketAddr,
    request: String,
    lasting: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nobody answers at {address}"))?;
    stream.set_nodelay(true)?;
    let began = monotonic();
    let mut took = Vec::new();
    let mut read = Vec::with_capacity(64 << 10);
    while began.elapsed() < lasting {
        let sent = monotonic();
        stream.write_all(request.as_bytes()).await?;
        read.clear();
        loop {
            if stream.read_buf(&mut read).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(length) = whole(&read)? {
                ensure!(read.len() == length, "more came than was asked for");
                break;
            }
        }
        took.push(sent.elapsed());
    }
    Ok(took)
}

/// Length of the response with its body, once its head is there.
fn whole(read: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response.parse(read)? else {
        return Ok(None);
    };
    ensure!(response.code == Some(200), "status {:?}", response.code);
    let length = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("a response without content-length")?;
    let length: usize = std::str::from_utf8(length.value)?.parse()?;
    Ok((read.len() >= head + length).then_some(head + length))
}

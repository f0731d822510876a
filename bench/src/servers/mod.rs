//! Our own two servers: the origin behind every peer, and the practical limit. Both stand on the
//! same bare loop (`epoll.rs`).

mod epoll;
mod limit;
mod origin;

use std::net::SocketAddr;

use anyhow::ensure;
use clap::Args;

/// Where to listen.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Address on this machine
    #[arg(long)]
    address: SocketAddr,
}

/// Runs the origin until it is killed.
///
/// # Errors
/// The address cannot be used.
pub fn origin(arguments: &Arguments) -> anyhow::Result<()> {
    let mut answers = origin::Origin::new();
    serve(arguments, move |request, out| answers.answer(request, out))
}

/// Runs the practical limit until it is killed.
///
/// # Errors
/// The address cannot be used.
pub fn limit(arguments: &Arguments) -> anyhow::Result<()> {
    let answers = limit::Limit::new();
    serve(arguments, move |request, out| answers.answer(request, out))
}

fn serve(arguments: &Arguments, answer: impl epoll::Answer) -> anyhow::Result<()> {
    let address = arguments.address;
    ensure!(address.ip().is_loopback(), "only on this machine");
    epoll::serve(address, answer)
}

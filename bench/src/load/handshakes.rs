//! TLS handshakes from a few threads: connect, shake hands, say goodbye, wait until the server has
//! closed. Nothing is asked, so that a handshake's cost is seen alone; what the server sends after
//! the handshake (tickets) is read.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use yagura_control::clock::monotonic;

use super::{Handshakes, Seen, tls};

/// Threads that shake hands.
const THREADS: usize = 8;

/// Runs until the time is over.
pub fn run(wanted: &Handshakes) -> anyhow::Result<Seen> {
    let began = monotonic();
    let end = began + Duration::from_millis(wanted.lasting_ms);
    let mut threads = Vec::new();
    for number in 0..THREADS {
        let mut config = tls::client(&wanted.trust)?;
        if !wanted.resumed {
            Arc::make_mut(&mut config).resumption = rustls::client::Resumption::disabled();
        }
        let (address, resumed) = (wanted.address, wanted.resumed);
        threads.push(std::thread::spawn(move || {
            thread(address, number, &config, resumed, end)
        }));
    }
    let mut done = 0;
    for thread in threads {
        done += thread
            .join()
            .map_err(|_| anyhow::anyhow!("a thread has failed"))??;
    }
    Ok(Seen {
        done,
        seconds: began.elapsed().as_secs_f64(),
        ..Seen::default()
    })
}

fn thread(
    address: SocketAddr,
    number: usize,
    config: &Arc<ClientConfig>,
    resumed: bool,
    end: Instant,
) -> anyhow::Result<u64> {
    if resumed {
        shake(address, number, config)?;
    }
    let wanted = if resumed {
        HandshakeKind::Resumed
    } else {
        HandshakeKind::Full
    };
    let mut done = 0;
    while monotonic() < end {
        let kind = shake(address, number, config)?;
        if kind != Some(wanted) {
            bail!("wanted a {wanted:?} handshake, got {kind:?}");
        }
        done += 1;
    }
    Ok(done)
}

fn shake(
    address: SocketAddr,
    number: usize,
    config: &Arc<ClientConfig>,
) -> anyhow::Result<Option<HandshakeKind>> {
    let mut stream = tls::connect(address, number)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut connection = ClientConnection::new(config.clone(), "localhost".try_into()?)?;
    while connection.is_handshaking() {
        connection
            .complete_io(&mut stream)
            .context("the handshake failed")?;
    }
    let kind = connection.handshake_kind();
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(&mut stream)?;
    }
    stream.flush()?;
    stream.shutdown(Shutdown::Write)?;
    // Some servers end with a reset; what they sent before it has been read.
    while let Ok(1..) = connection.read_tls(&mut stream) {
        connection.process_new_packets()?;
    }
    let _end = stream.read(&mut [0; 1]);
    Ok(kind)
}

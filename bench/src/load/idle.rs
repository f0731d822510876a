//! Connections that ask once and then stay idle until standard input ends; then some of them ask
//! again, to see that they are still there.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use yagura_control::clock::monotonic;

use super::{Idle, Seen, client, tls};
use crate::objects;

/// Of so many connections one asks again at the end.
const SAMPLE: usize = 50;

enum Held {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// Opens the connections, says so in a line of its own, and waits for the end of standard input.
pub fn run(wanted: &Idle) -> anyhow::Result<Seen> {
    let began = monotonic();
    let config = wanted.trust.as_deref().map(config).transpose()?;
    let request = client::request(wanted.address, &objects::sized(1), "");
    let mut held = Vec::with_capacity(wanted.connections);
    for number in 0..wanted.connections {
        let stream = tls::connect(wanted.address, number)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut stream = match &config {
            None => Held::Plain(stream),
            Some(config) => {
                let connection = ClientConnection::new(config.clone(), "localhost".try_into()?)?;
                Held::Tls(Box::new(StreamOwned::new(connection, stream)))
            }
        };
        ask(&mut stream, &request)?;
        held.push(stream);
    }
    println!("open");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let mut seen = Seen {
        done: held.len() as u64,
        seconds: began.elapsed().as_secs_f64(),
        ..Seen::default()
    };
    for stream in held.iter_mut().step_by(SAMPLE) {
        seen.failed += u64::from(ask(stream, &request).is_err());
    }
    Ok(seen)
}

fn config(trust: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut config = tls::client(trust)?;
    Arc::make_mut(&mut config).resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn ask(stream: &mut Held, request: &str) -> anyhow::Result<()> {
    let answer = match stream {
        Held::Plain(stream) => {
            stream.write_all(request.as_bytes())?;
            client::read(stream)?
        }
        Held::Tls(stream) => {
            stream.write_all(request.as_bytes())?;
            client::read(stream)?
        }
    };
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(())
}

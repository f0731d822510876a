//! Orders over TCP. Who connects must show a certificate of the operators' authority; without one
//! the handshake fails. What they say is answered as on the control socket (`admin.rs`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use yagura_certs::Shown;
use yagura_config::settings::Fingerprint;

use super::access::Credentials;
use super::{MOST_CONNECTIONS, respond_all};
use crate::state::Edge;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long one order and its reply may take together.
const LONGEST: Duration = Duration::from_secs(300);
/// How long somebody who was not let in may take to read why.
const LINGER: Duration = Duration::from_secs(2);

/// Takes orders at this listener, until the task is dropped.
pub async fn serve(edge: Arc<Edge>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "an order from afar could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Beyond the bound a connection is closed at once.
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let edge = edge.clone();
        tokio::spawn(async move {
            let talk = connection(&edge, stream, from);
            let _ended = tokio::time::timeout(LONGEST, talk).await;
            drop(place);
        });
    }
}

async fn connection(edge: &Arc<Edge>, stream: TcpStream, from: SocketAddr) {
    let Some(tls) = edge.gate.tls() else { return };
    let _as_usual = stream.set_nodelay(true);
    let handshake = TlsAcceptor::from(tls).accept(stream).into_fallible();
    let stream = match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err((error, stream))) => {
            tracing::warn!(%from, %error, "somebody who wanted to give orders was not let in");
            let _gone = tokio::time::timeout(LINGER, linger(stream)).await;
            return;
        }
        Err(_) => return,
    };
    let shown = stream.get_ref().1.peer_certificates();
    // The handshake asks for one; without it nobody is here.
    let Some(certificate) = shown.and_then(<[_]>::first) else {
        return;
    };
    let Shown { fingerprint, names } = Shown::read(certificate);
    let credentials = Credentials::Certificate {
        fingerprint: Fingerprint(fingerprint),
        names,
        from: from.ip().to_canonical(),
    };
    // One order a connection, so that every order has shown a certificate that is valid now.
    respond_all(edge, stream, credentials, false).await;
}

/// Lets the peer read the alert: closing with bytes unread would take it back (RFC 1122, section
/// 4.2.2.13).
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut unread = [0; 1024];
    while matches!(stream.read(&mut unread).await, Ok(count) if count > 0) {}
}

//! Takes PROXY protocol from a connection before anything else is read of it.

use std::net::SocketAddr;

use pingora::protocols::l4::socket;
use pingora::protocols::{SocketDigest, Stream};
use tokio::io::AsyncReadExt;

use super::proxy_protocol::{Beginning, understand};
use super::remembered::Remembered;
use crate::limits::refused::Limit;
use crate::limits::{Admitted, Limits};

/// The connection did not begin with PROXY protocol.
#[derive(Debug)]
struct Unannounced;

/// Takes the header from a connection that must begin with it, within the time that a head has, and
/// believes it. None when the connection is to be closed: without the header, which is counted, or
/// when whom it names is banned.
pub async fn demand(limits: &Limits, stream: &mut Stream, admitted: &mut Admitted) -> Option<()> {
    let most = admitted.settings.head_timeout;
    match tokio::time::timeout(most, take(stream)).await {
        Ok(Ok(None)) => Some(()),
        Ok(Ok(Some(sender))) => admitted.announce(sender.ip()).ok(),
        Ok(Err(Unannounced)) | Err(_) => {
            limits.refused.count(Limit::ProxyProtocol);
            None
        }
    }
}

/// Reads the header, and not a byte of what follows. Gives whom it names, and from then on the
/// stream says that its peer is that one, whoever asks it.
///
/// # Errors
/// There is no such header; the connection is to be closed.
async fn take(stream: &mut Stream) -> Result<Option<SocketAddr>, Unannounced> {
    let mut read = Vec::new();
    loop {
        match understand(&read) {
            Beginning::Other => return Err(Unannounced),
            Beginning::Whole(sender) => {
                if let Some(sender) = sender {
                    stand_in(stream, sender);
                }
                return Ok(sender);
            }
            Beginning::Needs(more) => {
                let before = read.len();
                read.resize(before + more, 0);
                let room = read.get_mut(before..).unwrap_or_default();
                match stream.read(room).await {
                    Ok(bytes @ 1..) => read.truncate(before + bytes),
                    Ok(0) | Err(_) => return Err(Unannounced),
                }
            }
        }
    }
}

/// pingora's hooks and the front ask the stream for its peer, also below TLS. It remembers who said
/// so: whether the reader may come this way depends on it.
fn stand_in(stream: &mut Stream, sender: SocketAddr) {
    let before = stream.get_socket_digest();
    let by = before.as_ref().and_then(|digest| digest.peer_addr());
    let by = by.and_then(|peer| peer.as_inet()).map(SocketAddr::ip);
    let digest = SocketDigest::from_raw_fd(stream.id());
    let _was_empty = digest.peer_addr.set(Some(socket::SocketAddr::Inet(sender)));
    stream.set_socket_digest(digest);
    let remembered = Remembered {
        announced_by: by,
        over_http2: false,
    };
    if let Some(digest) = remembered.digest() {
        stream.set_proxy_digest(digest);
    }
}

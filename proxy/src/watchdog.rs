//! Tells the service manager that the edge answers, as long as it does: one request of its own to one
//! of its own addresses, which is refused before any site is looked for, and counts nowhere.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yagura_config::settings::ListenSettings;

use crate::notify::{Notifier, Word};

/// Asks and tells until the task is dropped.
pub async fn run(address: SocketAddr, every: Duration, notifier: Arc<Notifier>) {
    loop {
        match tokio::time::timeout(every, is_answered(address)).await {
            Ok(Ok(())) => notifier.tell(&[Word::Alive]),
            Ok(Err(error)) => tracing::error!(%error, %address, "the edge does not answer itself"),
            Err(_) => tracing::error!(%address, "the edge does not answer itself in time"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Where it asks: preferably where no TLS is spoken, because there nothing but a word of refusal
/// comes of it.
#[must_use]
pub fn address(listen: &[ListenSettings]) -> Option<SocketAddr> {
    let plain = listen.iter().find(|listen| !listen.tls);
    let mut address = plain.or(listen.first())?.address;
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            address.set_ip(Ipv4Addr::LOCALHOST.into())
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            address.set_ip(Ipv6Addr::LOCALHOST.into())
        }
        _ => {}
    }
    Some(address)
}

/// Any answer will do, also the end of the connection: somebody accepted it and looked at it.
async fn is_answered(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    // Without Host it is refused (RFC 9112, section 3.2); as a TLS handshake it is none.
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    stream.read(&mut [0; 1]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_where_no_tls_is_spoken_and_at_this_machine() {
        let listen = |text: &str, tls| ListenSettings {
            address: text.parse().unwrap(),
            tls,
        };
        let all = [listen("[::]:443", true), listen("0.0.0.0:80", false)];
        assert_eq!(address(&all), "127.0.0.1:80".parse().ok());
        assert_eq!(address(&all[..1]), "[::1]:443".parse().ok());
        assert_eq!(address(&[]), None);
    }
}

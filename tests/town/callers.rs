//! Connections from addresses of the test's choice, which readers, clouds and strangers have in the
//! stories: of 127.0.0.0/8, with or without PROXY protocol, with or without TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::PATIENCE;
use super::lone_edge::{CITY, LoneEdge};
use super::reader::Reader;

/// A connection from an address.
pub async fn from(address: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Where the edge speaks without TLS.
pub fn plain(edge: &LoneEdge) -> SocketAddr {
    let mut address = edge.tls_address();
    address.set_port(8080);
    address
}

/// What comes back until the edge closes the connection.
pub async fn answered(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let exchanging = async {
        // An edge that refuses need not read it all.
        let _closed_before = stream.write_all(bytes).await;
        stream.read_to_end(&mut answer).await
    };
    let read = tokio::time::timeout(PATIENCE, exchanging).await;
    assert!(read.is_ok(), "the edge left the connection open");
    answer
}

/// An address as it is written.
pub fn text(address: [u8; 4]) -> String {
    std::net::Ipv4Addr::from(address).to_string()
}

/// The line with which PROXY protocol begins, version 1.
pub fn version_1(reader: &str) -> Vec<u8> {
    let family = if reader.contains(':') { "TCP6" } else { "TCP4" };
    let edge = if reader.contains(':') {
        "::1"
    } else {
        "127.0.0.1"
    };
    format!("PROXY {family} {reader} {edge} 4711 443\r\n").into_bytes()
}

/// The same in version 2.
pub fn version_2(reader: &str) -> Vec<u8> {
    let reader: std::net::IpAddr = reader.parse().unwrap();
    let (family, mut following) = match reader {
        std::net::IpAddr::V4(address) => (0x11, [address.octets(), [127, 0, 0, 1]].concat()),
        std::net::IpAddr::V6(address) => (0x21, [address.octets(), [0; 16]].concat()),
    };
    following.extend_from_slice(&[0x12, 0x67, 1, 0xbb]);
    // An extension that is passed over.
    following.extend_from_slice(&[0x04, 0, 3, 0, 0, 0]);
    let length = u8::try_from(following.len()).unwrap();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [&signature[..], &[0x21, family, 0, length], &following].concat()
}

/// TLS over a connection that may have begun with something else.
pub async fn over_tls(
    edge: &LoneEdge,
    stream: TcpStream,
    protocol: &[u8],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let authority = edge.folder().join("edge/certs/local-ca.pem");
    let reader = Reader::new(edge.tls_address(), CITY, &authority);
    let mut tls = (*reader.tls()).clone();
    tls.alpn_protocols = vec![protocol.to_vec()];
    let name = rustls_pki_types::ServerName::try_from(CITY).unwrap();
    let connector = TlsConnector::from(Arc::new(tls));
    connector.connect(name, stream).await.unwrap()
}

//! A hook of the edge is a server of the city's own, behind TLS, with a certificate of an authority that
//! nobody else knows. It is told with its secret, and nobody is told whose certificate is another's.

use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::town::eventually;
use crate::town::operators::{Authority, Held};
use crate::town::persons::{Person, edge_for, now};

/// Takes one announcement over TLS, and gives what it was sent.
async fn taken(listener: &TcpListener, held: &Held) -> Option<String> {
    let chain = CertificateDer::pem_file_iter(&held.certificate).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(&held.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    // Who does not believe the certificate ends the handshake.
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut heard = Vec::new();
    while !heard.ends_with(b"}") {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => heard.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
    let answer = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    stream.shutdown().await.ok()?;
    Some(String::from_utf8(heard).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_behind_tls_is_told_with_its_secret_when_its_own_authority_is_configured() {
    let hanako = Person::new("hanako", &["operator"]);
    let taro = Person::new("taro", &["approver"]);
    let mut edge = edge_for("east", &[&hanako, &taro]).await;
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let held = ours.site("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    std::fs::write(edge.folder().join("secret"), "Bearer abc\n").unwrap();
    for (name, authority) in [("ours.pem", &ours), ("others.pem", &others)] {
        std::fs::copy(&authority.trust, edge.folder().join(name)).unwrap();
    }
    let file = edge.folder().join("edge.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let hook = format!(
        "\n[[hook]]\nname = \"chat\"\nwebhook = \"https://localhost:{port}/hook\"\n\
         header = \"Authorization\"\nsecret_file = \"secret\"\ntrust = \"others.pem\"\n"
    );
    std::fs::write(&file, text + &hook).unwrap();
    edge.restart().await;

    // The server is not who the configuration says: it hears nothing, and status says why.
    let waits = hanako.asks(&edge, now(), false).await;
    let unheard = async {
        loop {
            assert_eq!(taken(&listener, &held).await, None);
        }
    };
    let warned = eventually("status tells of the hook", || async {
        let status = edge.told(&["status"]);
        status
            .contains("hook chat has taken nothing for")
            .then_some(status)
    });
    let status = tokio::select! {
        () = unheard => unreachable!(),
        status = warned => status,
    };
    assert!(status.contains("no TLS with localhost"), "{status}");
    assert!(!status.contains("abc"), "{status}");

    edge.change("trust = \"others.pem\"", "trust = \"ours.pem\"");
    edge.told(&["reload"]);
    let asked = hanako.asks(&edge, now(), false).await;
    let heard = eventually("the server is told", || async {
        taken(&listener, &held).await
    })
    .await;
    assert!(heard.starts_with("POST /hook HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("authorization: Bearer abc\r\n"), "{heard}");
    // First what waited for it, then what is new.
    assert!(heard.contains(waits["id"].as_str().unwrap()), "{heard}");
    let next = eventually("it is told the next", || async {
        taken(&listener, &held).await
    })
    .await;
    assert!(next.contains(asked["id"].as_str().unwrap()), "{next}");
    let log = std::fs::read_to_string(edge.folder().join("log")).unwrap();
    assert!(!log.contains("Bearer abc"), "the secret is in the log");
}

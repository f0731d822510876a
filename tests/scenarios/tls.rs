//! How the edge speaks TLS: versions, key exchange, coming back without a whole handshake, names it
//! does not have, and what it tells browsers about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{HandshakeKind, NamedGroup};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::town::Town;
use crate::town::lone_edge::{CITY, LoneEdge};
use crate::town::reader::Reader;

const PAGE: &str = "/a?cc=max-age%3D600";

/// An edge that speaks TLS too, with further keys of `[edge]` and of its first site.
async fn speaking(edge_keys: &str, site_keys: &str) -> LoneEdge {
    let mut edge = LoneEdge::start("").await;
    let address = edge.tls_address();
    edge.change(
        "[[site]]\nname = \"city\"",
        &format!(
            "{edge_keys}\n[[edge.listen]]\naddress = \"{address}\"\ntls = true\n\
             [[site]]\nname = \"city\"\n{site_keys}"
        ),
    );
    edge.restart().await;
    edge
}

fn authority(edge: &LoneEdge) -> PathBuf {
    edge.folder().join("edge/certs/local-ca.pem")
}

/// A client that remembers sessions.
fn client(edge: &LoneEdge, provider: CryptoProvider) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority(edge)).unwrap())
        .unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

/// A connection over which one page came, so that tickets came too.
async fn visited(config: &Arc<rustls::ClientConfig>, at: SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from(CITY).unwrap();
    let mut stream = TlsConnector::from(config.clone())
        .connect(name, stream)
        .await
        .unwrap();
    let request = format!("GET {PAGE} HTTP/1.1\r\nHost: {CITY}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _closed = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    stream
}

/// OpenSSL as a client.
async fn openssl(edge: &LoneEdge, arguments: &[&str]) -> String {
    let output: Output = Command::new("openssl")
        .arg("s_client")
        .args(["-connect", &edge.tls_address().to_string()])
        .args(arguments)
        .arg("-CAfile")
        .arg(authority(edge))
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_resumes_also_after_a_restart() {
    let mut edge = speaking("", "").await;
    let at = edge.tls_address();
    let config = client(&edge, rustls::crypto::ring::default_provider());
    let kind = |stream: &TlsStream<TcpStream>| stream.get_ref().1.handshake_kind().unwrap();
    assert_eq!(kind(&visited(&config, at).await), HandshakeKind::Full);
    assert_eq!(kind(&visited(&config, at).await), HandshakeKind::Resumed);
    edge.restart().await;
    assert_eq!(kind(&visited(&config, at).await), HandshakeKind::Resumed);
    let keys = edge.folder().join("edge/certs/ticket-keys");
    edge.restart_with(|| std::fs::remove_file(keys).unwrap())
        .await;
    let again = visited(&config, at).await;
    assert_ne!(
        kind(&again),
        HandshakeKind::Resumed,
        "the keys were forgotten"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn key_exchange_is_hybrid_with_who_can_do_it() {
    let edge = speaking("", "").await;
    let at = edge.tls_address();
    let group = |stream: &TlsStream<TcpStream>| {
        let (_, connection) = stream.get_ref();
        connection.negotiated_key_exchange_group().unwrap().name()
    };
    let modern = CryptoProvider {
        kx_groups: vec![
            rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768,
            rustls::crypto::aws_lc_rs::kx_group::X25519,
        ],
        ..rustls::crypto::ring::default_provider()
    };
    let modern = client(&edge, modern);
    assert_eq!(
        group(&visited(&modern, at).await),
        NamedGroup::X25519MLKEM768
    );
    let older = client(&edge, rustls::crypto::ring::default_provider());
    assert_eq!(group(&visited(&older, at).await), NamedGroup::X25519);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_and_early_data_are_refused() {
    let edge = speaking("", "").await;
    let named = ["-servername", CITY];
    for (version, spoken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let told = openssl(&edge, &[&named[..], &[version]].concat()).await;
        assert_eq!(
            told.contains("BEGIN CERTIFICATE"),
            spoken,
            "{version}: {told}"
        );
    }
    let mut config = (*client(&edge, rustls::crypto::ring::default_provider())).clone();
    config.enable_early_data = true;
    let config = Arc::new(config);
    visited(&config, edge.tls_address()).await;
    let name = ServerName::try_from(CITY).unwrap();
    let mut again = rustls::ClientConnection::new(config, name).unwrap();
    assert!(again.early_data().is_none(), "the ticket allows early data");
    let newer = speaking("[edge.tls]\nleast = \"1.3\"", "").await;
    let told = openssl(&newer, &[&named[..], &["-tls1_2"]].concat()).await;
    assert!(told.contains("alert protocol version"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_no_certificate_gets_the_first_one_or_none() {
    let unknown = ["-servername", "unknown.example"];
    let edge = speaking("", "").await;
    let told = openssl(&edge, &unknown).await;
    assert!(told.contains("BEGIN CERTIFICATE"), "{told}");
    let strict = speaking("[edge.tls]\nunknown_names = \"refuse\"", "").await;
    let told = openssl(&strict, &unknown).await;
    assert!(told.contains("no peer certificate available"), "{told}");
    let told = openssl(&strict, &["-servername", CITY]).await;
    assert!(told.contains("Verify return code: 0"), "{told}");
    let told = openssl(&strict, &["-noservername"]).await;
    assert!(told.contains("BEGIN CERTIFICATE"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_come_over_tls_whatever_the_answer() {
    let keys = "http = \"redirect\"\nhsts = { max_age = \"365d\", subdomains = true }";
    let mut edge = speaking("", keys).await;
    let told = "max-age=31536000; includeSubDomains";
    let mut reader = Reader::new(edge.tls_address(), CITY, &authority(&edge));
    let field = "strict-transport-security";
    let own = "/own?cc=max-age%3D600&field=strict-transport-security%3A%20max-age%3D5";
    // A miss, a hit, a page that is not stored, one that is refused.
    for (target, status) in [(PAGE, 200), (PAGE, 200), ("/b", 200), ("/a%2fb", 400)] {
        let answer = reader.get(target).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field(field)),
            (status, told),
            "{target}"
        );
    }
    for _ in 0..2 {
        let answer = reader.get(own).await;
        assert_eq!(
            answer.field(field),
            "max-age=5",
            "the origin's own word stays"
        );
        assert_eq!(answer.headers.get_all(field).iter().count(), 1);
    }
    let mut sender = reader.http2().await;
    let request = http::Request::get(format!("https://{CITY}{PAGE}"))
        .body(())
        .unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    assert_eq!(response.await.unwrap().headers()[field], told);
    // The notice, and the copy when the origin is dead.
    edge.stop_primary().await;
    assert_eq!(reader.get("/never-seen").await.field(field), told);
    // Without TLS nothing is told (RFC 6797, section 7.2).
    let plain = edge.get(PAGE).await;
    assert_eq!(plain.status, 308);
    assert_eq!(plain.field(field), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn testssl_finds_nothing_worse_than_low() {
    // The city's own site, told to browsers for a year.
    let mut town = Town::new();
    let text = std::fs::read_to_string(town.config()).unwrap();
    let text = text.replacen("[[site]]\n", "[[site]]\nhsts = \"365d\"\n", 1);
    std::fs::write(town.config(), text).unwrap();
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    town.warm().await;
    let at = town.place.https();
    let report = town.data().join("testssl.json");
    let output = Command::new("testssl")
        .args([
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--nodns",
            "none",
        ])
        // Everything but the simulated browsers and the list of single ciphers.
        .args(["-p", "-s", "-f", "-P", "-S", "-h", "-U"])
        .args(["--ip", &at.ip().to_string()])
        .arg("--add-ca")
        .arg(town.data().join("edge/certs/local-ca.pem"))
        .arg("--jsonfile")
        .arg(&report)
        .arg(format!("https://localhost:{}/", at.port()))
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .unwrap();
    let text = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("{output:?}"));
    let findings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(findings.len() > 60, "it looked at little: {text}");
    let worse: Vec<_> = findings
        .iter()
        .filter(|finding| {
            let severity = finding["severity"].as_str().unwrap();
            ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].contains(&severity)
        })
        // Of TLS itself. The authority of these stories has no list of revoked certificates; and
        // BREACH is what every compressed page is told, though it takes a secret in the page, and
        // only what is the same for everybody is compressed (encoding.rs).
        .filter(|finding| !["cert_revocation", "BREACH"].contains(&finding["id"].as_str().unwrap()))
        .collect();
    assert!(worse.is_empty(), "{worse:#?}");
}

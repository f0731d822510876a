//! Asking for a renewal window, of a directory of the tests' own: Pebble of Debian 12 has none.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use yagura_control::{Clock, SystemClock};

use super::account::Account;
use super::*;
use crate::{Inspected, LocalAuthority, Resolver};

/// Serves a directory over TLS: each path of a request with what it is answered.
async fn serve(folder: &Path, answer: impl Fn(&str, &str) -> String + Send + 'static) -> Authority {
    let now = SystemClock.now();
    let authority = LocalAuthority::open_or_make(folder, now).unwrap();
    let pem = authority.issue(&["localhost".to_owned()], now).unwrap();
    let resolver = Arc::new(Resolver::default());
    resolver.install(&[Inspected::read(&pem.chain, &pem.key).unwrap()]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let directory = format!("{base}/dir");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.split(' ').nth(1).unwrap();
            let response = answer(&base, path);
            stream.write_all(response.as_bytes()).await.unwrap();
            let _gone = stream.shutdown().await;
        }
    });
    let authority = Authority {
        name: "tests".to_owned(),
        directory: directory.clone(),
        trust: Some(folder.join("local-ca.pem")),
        contact: None,
        challenge: ChallengeKind::Http01,
        profile: None,
        external_account: None,
    };
    let key = rustls_acme::acme::Account::generate_key_pair();
    let account = Account::new(format!("{directory}/account"), &key, &directory);
    authority.account(folder).save(&account).unwrap();
    authority
}

fn response(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A directory; `more` are further keys of it.
fn directory(base: &str, more: &str) -> String {
    let body = format!(
        "{{\"newNonce\":\"{base}/nonce\",\"newAccount\":\"{base}/account\",\
         \"newOrder\":\"{base}/order\"{more}}}"
    );
    response("200 OK", "", &body)
}

fn leaf(folder: &Path) -> CertificateDer<'static> {
    let now = SystemClock.now();
    let authority = LocalAuthority::open_or_make(folder, now).unwrap();
    let pem = authority.issue(&["town.example".to_owned()], now).unwrap();
    let inspected = Inspected::read(&pem.chain, &pem.key).unwrap();
    inspected.certified_key().cert[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_of_the_authority_is_asked_for_under_the_certificates_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let leaf = leaf(folder.path());
    let authority = serve(folder.path(), |base, path| match path {
        "/dir" => directory(base, &format!(",\"renewalInfo\":\"{base}/ari\"")),
        // RFC 9773, section 4.1: both parts are Base64, and a dot is between them.
        path if path.starts_with("/ari/") && path.matches('.').count() == 1 => response(
            "200 OK",
            "Retry-After: 21600\r\n",
            "{\"suggestedWindow\":{\"start\":\"2026-12-01T00:00:00Z\",\
             \"end\":\"2026-12-03T00:00:00Z\"}}",
        ),
        _ => response("404 Not Found", "", "{}"),
    })
    .await;
    let told = window(&authority, &leaf, folder.path())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.start, Timestamp(1_796_083_200_000));
    assert_eq!(told.end.since(told.start), Duration::from_secs(2 * 86_400));
    // The hours are counted from an instant to another.
    let wait = told.ask_again.as_secs();
    assert!((21_000..=21_600).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_without_windows_is_no_failure_and_its_words_are_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let leaf = leaf(folder.path());
    let without = serve(folder.path(), |base, _| directory(base, "")).await;
    assert_eq!(window(&without, &leaf, folder.path()).await.unwrap(), None);
    let refusing = serve(folder.path(), |base, path| match path {
        "/dir" => directory(base, &format!(",\"renewalInfo\":\"{base}/ari\"")),
        _ => response(
            "404 Not Found",
            "Retry-After: 60\r\n",
            "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"unknown certificate\"}",
        ),
    })
    .await;
    let failure = window(&refusing, &leaf, folder.path()).await.unwrap_err();
    assert!(failure.words.contains("unknown certificate"), "{failure}");
    assert_eq!(failure.retry_after, Some(Duration::from_secs(60)));
}

//! Certificates from authorities: ordered, renewed and served by the real edge, from real Pebbles
//! that refuse nonces and reuse authorisations, with real BIND for the names.

use crate::town::bind::{Bind, KEY_NAME, ZONE};
use crate::town::certified::{CertifiedEdge, HOST, OTHER_HOST};
use crate::town::eventually;
use crate::town::pebble::{Behaviour, KEY_ID, MAC_KEY, Pebble};
use crate::town::place::Place;

/// The lines of an authority.
fn authority(name: &str, pebble: &Pebble, lines: &str) -> String {
    format!(
        "[[authority]]\nname = \"{name}\"\ndirectory = \"{}\"\ntrust = \"{}\"\n{lines}\n",
        pebble.directory(),
        pebble.trust().display()
    )
}

/// The lines of a certificate for both hosts.
fn certificate(authorities: &str, lines: &str) -> String {
    format!(
        "[[certificate]]\nname = \"city\"\nnames = [\"{HOST}\", \"{OTHER_HOST}\"]\n\
         authorities = [{authorities}]\n{lines}\n"
    )
}

/// A place, BIND and a Pebble that validates at the place's ports.
async fn town(how: &Behaviour) -> (Place, Bind, Pebble) {
    let place = Place::claim();
    let bind = Bind::start(&place).await;
    let ports = (place.http, place.https);
    let pebble = Pebble::start(place, ports, bind.address(), how).await;
    (place, bind, pebble)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_comes_by_tls_alpn_01_and_openssl_and_readers_accept_it() {
    let (place, _bind, pebble) = town(&Behaviour::default()).await;
    let lines = authority(
        "public",
        &pebble,
        "challenge = \"tls-alpn-01\"\ncontact = \"web@city.example\"",
    ) + &certificate("\"public\"", "");
    let edge = CertifiedEdge::start(place, &lines).await;
    let served = edge.until_version(1).await;
    assert_eq!(served["source"], "ACME, public");
    assert_eq!(served["names"].as_array().unwrap().len(), 2);
    for host in [HOST, OTHER_HOST] {
        edge.verified_by_openssl(host, &pebble.root());
        let answer = edge.reader(host, &pebble.root()).get("/page").await;
        assert_eq!(answer.status, 200);
    }
    let figures = edge.figures().await;
    assert!(
        figures.contains("yagura_certificate_alarm{certificate=\"city\"} 0"),
        "{figures}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_comes_by_http_01_though_plain_http_is_redirected() {
    let (place, _bind, pebble) = town(&Behaviour::default()).await;
    let lines = authority("public", &pebble, "challenge = \"http-01\"")
        + &certificate("\"public\"", "key = \"rsa2048\"");
    let edge = CertifiedEdge::start(place, &lines).await;
    edge.until_version(1).await;
    let shown = edge.verified_by_openssl(HOST, &pebble.root());
    assert!(shown.contains("Server public key is 2048 bit"), "{shown}");
    assert!(pebble.log().contains("/.well-known/acme-challenge/"));
    let log = edge.log();
    assert!(!log.contains("no certificate was issued"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_comes_by_dns_01_though_the_authority_cannot_reach_the_edge() {
    let place = Place::claim();
    let bind = Bind::start(&place).await;
    // Nobody answers there.
    let pebble = Pebble::start(place, (1, 2), bind.address(), &Behaviour::default()).await;
    let dns = format!(
        "[[dns]]\nname = \"zone\"\nserver = \"{server}\"\nservers = [\"{server}\"]\n\
         zone = \"{ZONE}\"\nkey_name = \"{KEY_NAME}\"\nsecret_file = \"{}\"\n",
        bind.key_file().display(),
        server = bind.address()
    );
    let wild = "[[certificate]]\nname = \"city\"\nauthorities = [\"public\"]\n\
                names = [\"city.example\", \"*.city.example\"]\nkey = \"p384\"\n";
    let lines =
        authority("public", &pebble, "challenge = \"dns-01\"\ndns = \"zone\"") + &dns + wild;
    let edge = CertifiedEdge::start(place, &lines).await;
    edge.until_version(1).await;
    for host in [HOST, OTHER_HOST] {
        let shown = edge.verified_by_openssl(host, &pebble.root());
        assert!(shown.contains("Server public key is 384 bit"), "{shown}");
    }
    // The proofs are taken away again.
    eventually("the proofs are gone", || async {
        let left = bind.held("_acme-challenge.city.example", "TXT");
        left.is_empty().then_some(())
    })
    .await;
    assert!(
        bind.log().contains("_acme-challenge.city.example"),
        "{}",
        bind.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commercial_authority_with_external_account_binding_issues() {
    let how = Behaviour {
        external_account: true,
        ..Behaviour::default()
    };
    let (place, _bind, pebble) = town(&how).await;
    let account = format!(
        "challenge = \"http-01\"\n[authority.external_account]\nkey_id = \"{KEY_ID}\"\n\
         key_file = \"eab.key\""
    );
    let lines = authority("commercial", &pebble, &account) + &certificate("\"commercial\"", "");
    let edge = CertifiedEdge::start(place, &lines).await;
    // Without the key's file nothing is ordered, and it is told.
    let certificate = edge.until_failed().await;
    let told = certificate["failure"]["words"].as_str().unwrap();
    assert!(told.contains("eab.key cannot be read"), "{told}");
    let file = edge.folder().join("eab.key");
    std::fs::write(&file, MAC_KEY).unwrap();
    let refused = edge.yagura(&["reload"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned()
        + &String::from_utf8_lossy(&refused.stdout);
    assert!(
        !refused.status.success() && words.contains("chmod 600"),
        "{words}"
    );
    private(&file);
    let served = edge.until_version(1).await;
    assert_eq!(served["source"], "ACME, commercial");
    edge.verified_by_openssl(HOST, &pebble.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_whose_authority_is_dead_serves_a_certificate_of_its_own_until_it_comes_back() {
    let place = Place::claim();
    let bind = Bind::start(&place).await;
    let trust = crate::town::operators::Authority::new("nobody");
    let lines = format!(
        "[[authority]]\nname = \"public\"\nchallenge = \"http-01\"\ntrust = \"pebble.pem\"\n\
         directory = \"{}\"\n",
        Pebble::directory_at(&place, 0)
    );
    let lines = lines + &certificate("\"public\"", "");
    let edge = CertifiedEdge::start(place, &lines).await;
    std::fs::copy(&trust.trust, edge.folder().join("pebble.pem")).unwrap();
    let certificate = edge.until_failed().await;
    let alarm = certificate["alarm"].as_str().unwrap();
    assert!(
        alarm.contains("the local authority's is served in its place"),
        "{alarm}"
    );
    assert!(
        edge.figures()
            .await
            .contains("yagura_certificate_alarm{certificate=\"city\"} 1")
    );
    let mut reader = edge.reader(HOST, &edge.local_authority());
    assert_eq!(reader.get("/page").await.status, 200);

    let ports = (place.http, place.https);
    let pebble = Pebble::start(place, ports, bind.address(), &Behaviour::default()).await;
    std::fs::copy(pebble.trust(), edge.folder().join("pebble.pem")).unwrap();
    let served = edge.until_version(1).await;
    assert!(served["failure"].is_null(), "{served}");
    edge.verified_by_openssl(HOST, &pebble.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_authority_issues_when_the_first_refuses_and_its_words_are_told() {
    let place = Place::claim();
    let bind = Bind::start(&place).await;
    let ports = (place.http, place.https);
    let strict = Behaviour {
        blocked: vec!["city.example".to_owned()],
        ..Behaviour::default()
    };
    let kind = Behaviour {
        number: 1,
        ..Behaviour::default()
    };
    let refusing = Pebble::start(place, ports, bind.address(), &strict).await;
    let issuing = Pebble::start(place, ports, bind.address(), &kind).await;
    let challenge = "challenge = \"tls-alpn-01\"";
    let lines = authority("first", &refusing, challenge)
        + &authority("second", &issuing, challenge)
        + &certificate("\"first\", \"second\"", "");
    let edge = CertifiedEdge::start(place, &lines).await;
    let served = edge.until_version(1).await;
    assert_eq!(served["source"], "ACME, second");
    edge.verified_by_openssl(HOST, &issuing.root());
    let log = edge.log();
    assert!(
        log.contains("rejectedIdentifier") && log.contains("forbidden by policy"),
        "{log}"
    );
    // What was learned is there after a restart.
    let mut edge = edge;
    edge.restart().await;
    let again = edge.until_version(1).await;
    assert_eq!(
        (&again["source"], &again["version"]),
        (&served["source"], &served["version"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_of_authorities_is_answered_with_a_proof_or_not_at_all() {
    let edge = CertifiedEdge::start(Place::claim(), "").await;
    let root = edge.local_authority();
    let mut tls = (*edge.reader(HOST, &root).tls()).clone();
    for protocols in [&[&b"acme-tls/1"[..]][..], &[b"acme-tls/1", b"http/1.1"]] {
        tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let stream = tokio::net::TcpStream::connect(edge.place.https())
            .await
            .unwrap();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls.clone()));
        let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
        assert!(
            connector.connect(name, stream).await.is_err(),
            "{protocols:?}"
        );
    }
    assert_eq!(edge.reader(HOST, &root).get("/page").await.status, 200);
    // No proof is shown, so the path is the origin's.
    let answer = edge
        .reader(HOST, &root)
        .get("/.well-known/acme-challenge/none")
        .await;
    assert!(answer.text().contains("answer"), "{}", answer.text());
}

fn private(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_is_renewed_under_load_and_no_handshake_fails() {
    // Two thirds of its life are over after twenty seconds.
    let how = Behaviour {
        lifetime_s: 30,
        ..Behaviour::default()
    };
    let (place, _bind, pebble) = town(&how).await;
    let lines = authority("public", &pebble, "challenge = \"tls-alpn-01\"")
        + &certificate("\"public\"", "");
    let edge = CertifiedEdge::start(place, &lines).await;
    edge.until_version(1).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reader = edge.reader(HOST, &pebble.root());
    let shaking = tokio::spawn(async move {
        let mut handshakes = 0_u32;
        while !*stopped.borrow() {
            let answer = reader.another().try_get("/page").await;
            let answer = answer.unwrap_or_else(|error| panic!("after {handshakes}: {error}"));
            assert_eq!(answer.status, 200);
            handshakes += 1;
        }
        handshakes
    });
    edge.until_version(2).await;
    stop.send_replace(true);
    let handshakes = shaking.await.unwrap();
    assert!(handshakes > 20, "{handshakes}");
    edge.verified_by_openssl(HOST, &pebble.root());
}

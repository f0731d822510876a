//! A register over a store, and over a server that shows what it likes.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::csr::{Application, RequestKey};
use crate::inspect::{Heap, Inspected, examine};
use crate::store::Brought;
use crate::trial_authority::{NOW, TrialAuthority, Wish, day};

/// A server for one handshake; where it is.
fn server(authority: &TrialAuthority, wish: &Wish) -> String {
    let (leaf, key) = authority.issue(wish);
    let good = examine(
        &Heap {
            certificates: vec![leaf, authority.intermediate.clone()],
            keys: vec![key],
        },
        &[],
        &[],
        wish.from,
    );
    let pem = good.unwrap().pem();
    let held = Inspected::read(&pem.chain, &pem.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(held.certified_key())));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        while server.is_handshaking() && server.complete_io(&mut socket).is_ok() {}
    });
    address
}

fn trusting(authority: &TrialAuthority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root.der.clone()).unwrap();
    Arc::new(roots)
}

#[test]
fn a_server_is_looked_at_whatever_it_shows() {
    let authority = TrialAuthority::new("Cloud");
    let other = TrialAuthority::new("Other");
    let patience = Duration::from_secs(20);
    let over = Wish {
        from: day(-9),
        until: day(-1),
        ..Wish::default()
    };
    for (wish, name, roots, fault) in [
        (
            Wish::default(),
            "www.city.example",
            trusting(&authority),
            "",
        ),
        (
            Wish::default(),
            "town.example",
            trusting(&authority),
            "not valid for name",
        ),
        (
            Wish::default(),
            "city.example",
            trusting(&other),
            "UnknownIssuer",
        ),
        (over, "city.example", trusting(&authority), "expired"),
    ] {
        let until = wish.until;
        let address = server(&authority, &wish);
        let seen = probe::look(&address, name, &roots, patience, NOW).unwrap();
        assert_eq!(seen.chain.len(), 2);
        match &seen.fault {
            None => assert_eq!(fault, ""),
            Some(told) => assert!(!fault.is_empty() && told.contains(fault), "{told}"),
        }
        let entry = watched("cloud", &address, &Ok(seen), NOW);
        assert_eq!(entry.troubles.is_empty(), fault.is_empty());
        assert_eq!(entry.facts.unwrap().not_after, until);
    }
}

#[test]
fn a_server_that_does_not_answer_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let roots = trusting(&TrialAuthority::new("Cloud"));
    let seen = probe::look(
        &address,
        "city.example",
        &roots,
        Duration::from_secs(20),
        NOW,
    );
    let entry = watched("cloud", &address, &seen, NOW);
    assert!(entry.facts.is_none());
    assert!(entry.troubles[0].contains("does not answer"), "{entry:?}");
}

#[test]
fn the_register_lists_stored_ones_requests_and_troubles() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let authority = TrialAuthority::new("Trial");
    let bring = |how: How, until| {
        let wish = Wish {
            from: day(-40),
            until,
            ..Wish::default()
        };
        let (leaf, key) = authority.issue(&wish);
        let heap = Heap {
            certificates: vec![leaf, authority.intermediate.clone()],
            keys: vec![key],
        };
        let pem = examine(&heap, &[], &[], NOW).unwrap().pem();
        let by = "tanaka".to_owned();
        store
            .save_from("town", &pem, Brought { how, by, at: NOW })
            .unwrap();
    };
    bring(How::Acme, day(89));
    bring(How::Hand, day(50));
    let ask = Application {
        common_name: "new.city.example".into(),
        organization: None,
        unit: None,
        locality: None,
        state: None,
        country: None,
        names: vec![],
        key: RequestKey::P256,
    };
    let requests = Requests::of(&store);
    requests
        .make("new", ask.checked().unwrap(), "tanaka", NOW)
        .unwrap();
    let entries = stored(&store, NOW).unwrap();
    assert_eq!(entries.len(), 2);
    assert!(matches!(
        &entries[0].place,
        Place::Requested {
            state: State::Requested,
            ..
        }
    ));
    let facts = entries[1].facts.as_ref().unwrap();
    assert!(facts.warns, "50 days are few for somebody who has to order");
    assert_eq!(entries[1].troubles, [""; 0]);

    let text = calendar::calendar(&entries, NOW);
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 2);
    let ends = format!("UID:end-{}-", facts.sha256);
    assert!(text.replace("\r\n ", "").contains(&ends), "{text}");
    assert!(text.contains("DTSTART;VALUE=DATE:2027011"), "{text}");

    std::fs::write(folder.path().join("town/0002/key.pem"), "torn").unwrap();
    let entries = stored(&store, NOW).unwrap();
    assert!(entries[1].troubles[0].contains("version 2 is damaged, 1 is used"));
    assert!(!entries[1].facts.as_ref().unwrap().warns);
    let json = serde_json::to_value(&entries[1]).unwrap();
    assert_eq!(
        (&json["place"], &json["version"]),
        (&"stored".into(), &1.into())
    );
}

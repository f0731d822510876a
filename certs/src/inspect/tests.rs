//! Heaps as they come from authorities, and what is said of them.

use super::*;
use crate::trial_authority::{NOW, TrialAuthority, Wish, day, openssl};
use rustls_pki_types::pem::PemObject;

fn heap(certificates: &[&Certificate], key: &PrivateKey) -> Heap {
    Heap {
        certificates: certificates.iter().map(|it| (*it).clone()).collect(),
        keys: vec![key.clone()],
    }
}

fn refusals(heap: &Heap, wanted: &[&str]) -> Vec<Refusal> {
    let wanted: Vec<String> = wanted.iter().map(|it| (*it).to_owned()).collect();
    examine(heap, &[], &wanted, NOW).unwrap_err().0
}

#[test]
fn any_order_becomes_leaf_then_intermediate_and_the_root_goes() {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    let (root, intermediate) = (&authority.root, &authority.intermediate);
    let (stranger, _) = TrialAuthority::new("Other").issue(&Wish::default());
    for order in [
        [&leaf, intermediate, root, &stranger],
        [root, intermediate, &leaf, &stranger],
        [&stranger, intermediate, root, &leaf],
    ] {
        let good = examine(&heap(&order, &key), &[], &[], NOW).unwrap();
        assert_eq!(
            good.chain.certificates,
            [leaf.clone(), intermediate.clone()]
        );
        let notes = &good.chain.notes;
        assert!(notes.contains(&Note::RootLeftOut(root.subject.clone())));
        assert!(notes.contains(&Note::StrangerLeftOut(stranger.subject.clone())));
        let in_order = order[0] == &leaf;
        assert_eq!(notes.contains(&Note::Reordered), !in_order, "{notes:?}");
        let pem = good.pem();
        let read = Inspected::read(&pem.chain, &pem.key).unwrap();
        assert!(read.is_for(&["city.example".into(), "*.city.example".into()]));
    }
}

#[test]
fn a_missing_intermediate_is_taken_from_the_store_or_asked_for() {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    let alone = heap(&[&leaf], &key);
    let held = [authority.intermediate.clone()];
    let good = examine(&alone, &held, &[], NOW).unwrap();
    let name = authority.intermediate.subject.clone();
    assert_eq!(good.chain.notes, [Note::Completed(name.clone())]);
    assert_eq!(good.chain.certificates.len(), 2);
    let missing = Refusal::IntermediateMissing {
        issuer: name,
        url: None,
    };
    assert_eq!(refusals(&alone, &[]), [missing]);
}

#[test]
fn a_leaf_under_the_root_is_a_chain_of_one() {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue_by_root(&Wish::default());
    let good = examine(&heap(&[&leaf, &authority.root], &key), &[], &[], NOW).unwrap();
    assert_eq!(good.chain.certificates, [leaf]);
}

#[test]
fn an_issuer_of_the_same_name_that_did_not_sign_is_none() {
    let (real, false_one) = (TrialAuthority::new("Trial"), TrialAuthority::new("Trial"));
    let (leaf, key) = real.issue(&Wish::default());
    let told = refusals(&heap(&[&leaf, &false_one.intermediate], &key), &[]);
    assert!(matches!(&told[..], [Refusal::NotSignedByIssuer { .. }]));
    let both = heap(&[&leaf, &false_one.intermediate, &real.intermediate], &key);
    assert!(examine(&both, &[], &[], NOW).is_ok());
}

#[test]
fn the_newer_of_two_leaves_with_the_same_key_is_taken() {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    let mut older = leaf.clone();
    older.not_after = day(3);
    for order in [[&leaf, &older], [&older, &leaf]] {
        let heap = heap(&[order[0], order[1], &authority.intermediate], &key);
        let good = examine(&heap, &[], &[], NOW).unwrap();
        assert_eq!(good.chain.certificates[0], leaf);
    }
}

/// Every refusal, from the state that causes it, with the word that says what to do.
#[test]
fn every_refusal_is_told_with_what_to_do() {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    let (_, other_key) = authority.issue(&Wish::default());
    let intermediate = &authority.intermediate;
    let of = |wish: Wish| {
        let (leaf, key) = authority.issue(&wish);
        heap(&[&leaf, intermediate], &key)
    };
    let usual = Wish::default;
    let old = TrialAuthority::with_intermediate_until("Old", day(-1));
    let (under_old, its_key) = old.issue(&usual());
    let (own, own_key) = self_signed();
    let table: Vec<(Heap, &[&str], &str, &str)> = vec![
        (
            Heap::default(),
            &[],
            "no certificate in what",
            "give the file",
        ),
        (
            Heap {
                certificates: vec![leaf.clone()],
                keys: vec![],
            },
            &[],
            "no private key",
            "csr new",
        ),
        (
            heap(&[], &key),
            &[],
            "no certificate in what",
            "give the file",
        ),
        (
            heap(&[&leaf, intermediate], &other_key),
            &[],
            "no certificate belongs to the private key; there are: CN=the leaf",
            "the key that was used",
        ),
        (heap(&[&own], &own_key), &[], "signed itself", "csr new"),
        (
            of(Wish {
                until: day(-1),
                from: day(-9),
                ..usual()
            }),
            &[],
            "\"CN=the leaf\" expired at",
            "order a new one",
        ),
        (
            heap(&[&under_old, &old.intermediate], &its_key),
            &[],
            "\"CN=Old Intermediate\" expired at",
            "ask the authority for the present one",
        ),
        (
            of(Wish {
                from: day(1),
                ..usual()
            }),
            &[],
            "is valid from",
            "install it then",
        ),
        (
            of(Wish {
                names: vec![],
                ..usual()
            }),
            &[],
            "names no host",
            "SAN",
        ),
        (
            of(usual()),
            &[
                "city.example",
                "www.city.example",
                "a.b.city.example",
                "town.example",
            ],
            "lacks a.b.city.example, town.example; it carries *.city.example, city.example",
            "every name",
        ),
        (
            of(Wish {
                is_authority: true,
                ..usual()
            }),
            &[],
            "authority's",
            "issued for the site",
        ),
        (
            of(Wish {
                for_servers: false,
                ..usual()
            }),
            &[],
            "not for servers",
            "TLS server",
        ),
    ];
    for (heap, wanted, what, advice) in table {
        let told = Refusals(refusals(&heap, wanted)).to_string();
        assert!(told.contains(what) && told.contains(advice), "{told}");
    }
}

fn self_signed() -> (Certificate, PrivateKey) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["city.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (day(-1).utc(), day(80).utc());
    let own = params.self_signed(&key).unwrap();
    (
        Certificate::read(own.der()).unwrap(),
        PrivateKey::from_pem(&key.serialize_pem()).unwrap(),
    )
}

#[test]
fn short_keys_and_broken_hashes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 9 -subj /CN=CA \
         -addext basicConstraints=critical,CA:TRUE",
    );
    std::fs::write(folder.join("san"), "subjectAltName=DNS:city.example").unwrap();
    for (key, hash, kind, what) in [
        ("rsa:1024", "sha256", "RSA 1024", "WeakKey"),
        ("rsa:2048", "sha1", "RSA 2048", "WeakSignature"),
        ("rsa:2048", "md5", "RSA 2048", "WeakSignature"),
        ("rsa:3072", "sha256", "RSA 3072", ""),
    ] {
        let new =
            format!("req -new -newkey {key} -nodes -keyout leaf.key -out leaf.csr -subj /CN=x");
        openssl(folder, &new);
        openssl(
            folder,
            &format!(
                "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -{hash} -days 9 -extfile san \
                 -out leaf.pem"
            ),
        );
        let read = |file| {
            let der = CertificateDer::from_pem_file(folder.join(file)).unwrap();
            Certificate::read(&der).unwrap()
        };
        let (leaf, root) = (read("leaf.pem"), read("ca.pem"));
        assert_eq!(leaf.key.to_string(), kind);
        let now = leaf.not_before;
        let key = std::fs::read_to_string(folder.join("leaf.key")).unwrap();
        let Ok(key) = PrivateKey::from_pem(&key) else {
            assert_eq!(what, "WeakKey", "ring takes no such key");
            continue;
        };
        let told = examine(&heap(&[&leaf, &root], &key), &[], &[], now);
        match told {
            Ok(_) => assert_eq!(what, ""),
            Err(told) => assert!(format!("{told:?}").contains(what), "{hash}: {told:?}"),
        }
    }
}

#[test]
fn nothing_shows_a_key() {
    let authority = TrialAuthority::new("Trial");
    let (leaf, key) = authority.issue(&Wish::default());
    let good = examine(
        &heap(&[&leaf, &authority.intermediate], &key),
        &[],
        &[],
        NOW,
    )
    .unwrap();
    let secret = good.pem().key;
    let secret: String = secret.lines().skip(1).take(1).collect();
    let shown = format!("{good:?} {:?} {key:?} {:?}", good.pem(), key.pem());
    assert!(!shown.contains(&secret[..20]), "{shown}");
}

#[test]
fn keys_of_every_form_become_pkcs8_that_openssl_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    openssl(folder, "genrsa -traditional -out rsa.pem 2048");
    openssl(
        folder,
        "ecparam -genkey -name prime256v1 -noout -out p256.pem",
    );
    openssl(
        folder,
        "ecparam -genkey -name secp384r1 -noout -out p384.pem",
    );
    openssl(
        folder,
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out pkcs8.pem",
    );
    for (file, kind) in [
        ("rsa.pem", "RSA 2048"),
        ("p256.pem", "P-256"),
        ("p384.pem", "P-384"),
        ("pkcs8.pem", "RSA 3072"),
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let key = PrivateKey::from_pem(&text).unwrap();
        assert_eq!(key.kind().to_string(), kind);
        std::fs::write(folder.join("out.der"), key.pkcs8()).unwrap();
        let theirs = openssl(folder, &format!("pkey -in {file} -pubout"));
        let ours = openssl(folder, "pkey -inform DER -in out.der -pubout");
        assert_eq!(theirs, ours, "{file}");
    }
}

//! A city buys a certificate; openssl is the authority.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::formats;
use crate::inspect::{Heap, Refusal};
use crate::store::How;
use crate::trial_authority::{NOW, TrialAuthority, Wish, day, openssl};

fn application(key: RequestKey) -> Application {
    Application {
        common_name: "www.city.example".into(),
        organization: Some("サンプル市".into()),
        unit: Some("広報課".into()),
        locality: Some("サンプル市".into()),
        state: Some("東京都".into()),
        country: Some("JP".into()),
        names: vec!["city.example".into()],
        key,
    }
    .checked()
    .unwrap()
}

/// Makes an authority of openssl's in a folder, valid around the present day.
fn make_authority(folder: &Path) {
    let ca = "-addext basicConstraints=critical,CA:TRUE -days 30 -nodes";
    openssl(
        folder,
        &format!("req -x509 -newkey rsa:2048 -keyout root.key -out root.pem -subj /CN=Root {ca}"),
    );
    openssl(
        folder,
        "req -new -newkey rsa:2048 -nodes -keyout int.key -out int.csr -subj /CN=Int",
    );
    fs::write(folder.join("ca.ext"), "basicConstraints=critical,CA:TRUE").unwrap();
    openssl(
        folder,
        "x509 -req -in int.csr -CA root.pem -CAkey root.key -days 30 -extfile ca.ext -out int.pem",
    );
}

/// Issues for a request as it asks.
fn issue(folder: &Path) {
    openssl(
        folder,
        "x509 -req -in request.csr -CA int.pem -CAkey int.key -days 20 -copy_extensions copy \
         -out leaf.pem",
    );
}

fn heap(folder: &Path, files: &[&str]) -> Heap {
    let mut heap = Heap::default();
    for file in files {
        let bytes = fs::read(folder.join(file)).unwrap();
        formats::read(file, &bytes, None, &mut heap).unwrap();
    }
    heap
}

fn given(heap: &Heap, now: Timestamp) -> Given<'_> {
    Given {
        heap,
        names: None,
        configured: &[],
        by: "tanaka",
        now,
        dry_run: false,
    }
}

#[test]
fn requests_of_every_kind_verify_and_carry_japanese_names() {
    for (key, shown) in [
        (RequestKey::Rsa2048, "(2048 bit)"),
        (RequestKey::Rsa3072, "(3072 bit)"),
        (RequestKey::P256, "prime256v1"),
        (RequestKey::P384, "secp384r1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&folder.path().join("certs"));
        let requests = Requests::of(&store);
        let csr = requests.make("town", application(key), "tanaka", NOW);
        fs::write(folder.path().join("request.csr"), csr.unwrap()).unwrap();
        let told = openssl(
            folder.path(),
            "req -in request.csr -verify -noout -text -nameopt utf8,sep_comma_plus,show_type",
        );
        for part in [
            shown,
            "O=UTF8STRING:サンプル市",
            "OU=UTF8STRING:広報課",
            "ST=UTF8STRING:東京都",
            "C=PRINTABLESTRING:JP",
            "CN=UTF8STRING:www.city.example",
            "DNS:www.city.example, DNS:city.example",
        ] {
            assert!(told.contains(part), "{part} is missing:\n{told}");
        }
        let key = store.folder("town").join("request/key.pem");
        let mode = fs::metadata(key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_city_buys_a_certificate_and_gets_the_intermediate_a_day_later() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make_authority(folder);
    let store = Store::new(&folder.join("certs"));
    let requests = Requests::of(&store);
    let csr = requests.make("town", application(RequestKey::Rsa2048), "tanaka", NOW);
    let again = requests.make("town", application(RequestKey::P256), "tanaka", NOW);
    assert!(again.unwrap_err().to_string().contains("under way"));
    fs::write(folder.join("request.csr"), csr.unwrap()).unwrap();
    issue(folder);

    let leaf = heap(folder, &["leaf.pem"]);
    let now = leaf.certificates[0].not_before;
    let kept = install(&store, "town", given(&leaf, now)).unwrap();
    let Installed::Kept(refusals) = kept else {
        panic!("{kept:?}");
    };
    assert!(matches!(
        &refusals.0[..],
        [Refusal::IntermediateMissing { .. }]
    ));
    assert_eq!(requests.state("town").unwrap(), State::Received);
    assert!(store.load("town").unwrap().is_none());

    let intermediate = heap(folder, &["int.pem"]);
    let only_asked = Given {
        dry_run: true,
        ..given(&intermediate, now)
    };
    let would = install(&store, "town", only_asked).unwrap();
    assert!(matches!(would, Installed::Would(_)), "{would:?}");
    assert!(store.load("town").unwrap().is_none());
    let done = install(&store, "town", given(&intermediate, now)).unwrap();
    assert!(matches!(done, Installed::Version(1, _)), "{done:?}");
    assert_eq!(requests.state("town").unwrap(), State::Installed);
    assert!(!store.folder("town").join("request.last/key.pem").exists());
    let about = store.about("town", 1).unwrap().brought.unwrap();
    assert_eq!((about.how, about.by.as_str()), (How::Hand, "tanaka"));

    fs::copy(
        store.folder("town").join("0001/chain.pem"),
        folder.join("chain.pem"),
    )
    .unwrap();
    let verified = openssl(
        folder,
        "verify -CAfile root.pem -untrusted chain.pem -verify_hostname www.city.example chain.pem",
    );
    assert!(verified.contains("OK"), "{verified}");
    let theirs = openssl(folder, "pkey -in certs/town/0001/key.pem -pubout");
    let ours = openssl(folder, "x509 -in chain.pem -noout -pubkey");
    assert_eq!(theirs, ours);

    // The next year: the intermediate is known, the leaf alone is enough.
    let csr = requests.make("town", application(RequestKey::P256), "tanaka", now);
    fs::write(folder.join("request.csr"), csr.unwrap()).unwrap();
    issue(folder);
    let leaf = heap(folder, &["leaf.pem"]);
    let done = install(
        &store,
        "town",
        given(&leaf, leaf.certificates[0].not_before),
    )
    .unwrap();
    assert!(matches!(done, Installed::Version(2, _)), "{done:?}");
    let late = install(&store, "town", given(&leaf, now)).unwrap_err();
    assert!(late.to_string().contains("installed already"), "{late}");
}

#[test]
fn a_certificate_for_another_key_or_other_names_is_refused_and_the_request_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make_authority(folder);
    let store = Store::new(&folder.join("certs"));
    let requests = Requests::of(&store);
    let csr = requests.make("town", application(RequestKey::P256), "tanaka", NOW);
    fs::write(folder.join("request.csr"), csr.unwrap()).unwrap();
    fs::write(folder.join("san"), "subjectAltName=DNS:city.example").unwrap();
    openssl(
        folder,
        "x509 -req -in request.csr -CA int.pem -CAkey int.key -days 20 -extfile san -out leaf.pem",
    );
    let fewer = heap(folder, &["leaf.pem", "int.pem"]);
    let now = fewer.certificates[0].not_before;
    let told = install(&store, "town", given(&fewer, now)).unwrap_err();
    assert!(
        told.to_string().contains("lacks www.city.example"),
        "{told}"
    );

    let (other, _) = TrialAuthority::new("Trial").issue(&Wish::default());
    let other = Heap {
        certificates: vec![other],
        keys: vec![],
    };
    let told = install(&store, "town", given(&other, NOW)).unwrap_err();
    assert!(
        told.to_string().contains("no certificate belongs to"),
        "{told}"
    );
    assert_eq!(requests.state("town").unwrap(), State::Requested);

    requests.withdraw("town").unwrap();
    let told = install(&store, "town", given(&fewer, now)).unwrap_err();
    assert!(told.to_string().contains("withdrawn"), "{told}");
    let told = install(&store, "other", given(&fewer, now)).unwrap_err();
    assert!(told.to_string().contains("there is no request"), "{told}");
    assert!(
        requests
            .make("town", application(RequestKey::P256), "tanaka", NOW)
            .is_ok()
    );
}

#[test]
fn a_key_that_comes_along_needs_no_request_but_must_not_lose_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let authority = TrialAuthority::new("Trial");
    let bring = |wish: &Wish| {
        let (leaf, key) = authority.issue(wish);
        Heap {
            certificates: vec![leaf, authority.intermediate.clone()],
            keys: vec![key],
        }
    };
    let first = bring(&Wish::default());
    install(&store, "town", given(&first, NOW)).unwrap();
    let fewer = bring(&Wish {
        names: vec!["city.example"],
        ..Wish::default()
    });
    let told = install(&store, "town", given(&fewer, NOW)).unwrap_err();
    assert!(told.to_string().contains("lacks *.city.example"), "{told}");
    let names = ["city.example".to_owned()];
    let meant = Given {
        names: Some(&names),
        ..given(&fewer, NOW)
    };
    assert!(install(&store, "town", meant).is_ok());
    let more = ["city.example".to_owned(), "town.example".to_owned()];
    let configured = Given {
        configured: &more,
        ..given(&fewer, NOW)
    };
    let told = install(&store, "town", configured).unwrap_err();
    assert!(told.to_string().contains("lacks town.example"), "{told}");
    let early = bring(&Wish {
        from: day(2),
        ..Wish::default()
    });
    let told = install(&store, "town", given(&early, NOW)).unwrap_err();
    assert!(told.to_string().contains("is valid from"), "{told}");
}

#[test]
fn a_request_whose_end_was_cut_off_is_put_away_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let requests = Requests::of(&store);
    requests
        .make("town", application(RequestKey::P256), "tanaka", NOW)
        .unwrap();
    requests.mark("town", State::Installed).unwrap();
    requests
        .make("town", application(RequestKey::P256), "sato", NOW)
        .unwrap();
    assert_eq!(requests.newest("town").unwrap().unwrap().by, "sato");
    assert!(store.folder("town").join("request.last").exists());
}

//! Who may do what: operators give orders to several edges from afar, each known by a certificate.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::town::eventually;
use crate::town::operators::{AfarEdge, Authority, Held, answers, from_afar};
use crate::town::place::Place;

fn record(name: &str, role: &str) -> String {
    format!(
        "[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\n\
         certificate_names = [\"{name}@town.example\"]\n"
    )
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_orders_all_edges_and_names_those_that_did_not_answer() {
    let authority = Authority::new("City");
    let hanako = authority.operator("hanako");
    let records = record("hanako", "operator");
    let east = AfarEdge::start("east", &authority, &records).await;
    let west = AfarEdge::start("west", &authority, &records).await;
    // One machine is off, and one has something else listening that never says a word.
    let off = format!("https://{}:9443", Place::claim().address);
    let mute = TcpListener::bind((Place::claim().address, 9443))
        .await
        .unwrap();
    let mute_url = format!("https://{}", mute.local_addr().unwrap());
    let all = [&*off, &*east.url(), &*mute_url, &*west.url()];

    let order = ["route", "city", "notice", "--reason", "flood"];
    let output = from_afar(&order, &all, &hanako, &authority.trust);
    let failed = refused(&output);
    let lines = told(&output);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 2, "{output:?}");
    assert!(lines[0].starts_with("east: ") && lines[1].starts_with("west: "));
    assert!(failed.contains(&format!("no answer at {off}: Connection refused")));
    assert!(failed.contains(&format!("no answer at {mute_url}: no connection within")));

    let output = from_afar(&["status", "--json"], &all, &hanako, &authority.trust);
    assert!(!output.status.success());
    let answers = answers(&output);
    for (answer, at) in answers.iter().zip(all) {
        assert_eq!(answer["at"], at);
    }
    assert!(answers[0]["error"].is_string() && answers[2]["error"].is_string());
    for there in [&answers[1], &answers[3]] {
        let way = &there["reply"]["outcome"]["sites"][0]["way"];
        assert_eq!(way["way"], "notice", "{there}");
        let why = way["because"].as_str().unwrap();
        assert!(why.starts_with("ordered by hanako (certificate "), "{why}");
    }

    // The command's own configuration names the edges and the files.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hanako.toml");
    let text = format!(
        "[command]\nedges = [{:?}, {:?}]\ncertificate = {:?}\nkey = {:?}\ntrust = {:?}\n",
        east.url(),
        west.url(),
        hanako.certificate,
        hanako.key,
        authority.trust
    );
    std::fs::write(&config, text).unwrap();
    let output = std::process::Command::new(crate::town::YAGURA)
        .args(["history", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let history = told(&output);
    assert_eq!(
        history.matches("who        hanako (certificate ").count(),
        2
    );
    assert!(history.contains("from 127.0.0.1)"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_suffice_is_refused_with_words() {
    let authority = Authority::new("City");
    let records = record("reiko", "reader") + &record("cms", "publisher");
    let edge = AfarEdge::start("edge", &authority, &records).await;
    let reiko = authority.operator("reiko");
    let ask = |arguments: &[&str]| from_afar(arguments, &[&edge.url()], &reiko, &authority.trust);
    assert!(ask(&["status"]).status.success());
    assert!(ask(&["history"]).status.success());
    let words = refused(&ask(&["route", "city", "notice"]));
    for expected in [
        &*edge.url(),
        "reiko may not give the order \"route\": it needs the role \"operator\"",
        "reiko has: reader",
    ] {
        assert!(words.contains(expected), "{expected} is not in {words}");
    }
    assert!(refused(&ask(&["purge", "/a", "--site", "city"])).contains("\"publisher\""));

    let cms = authority.operator("cms");
    let purge = ["purge", "/a", "--site", "city"];
    assert!(
        from_afar(&purge, &[&edge.url()], &cms, &authority.trust)
            .status
            .success()
    );
    let reload = from_afar(&["reload"], &[&edge.url()], &cms, &authority.trust);
    assert!(refused(&reload).contains("\"administrator\""));
    // No record names a Unix user: the socket is the edge's own user's, as ever.
    assert!(edge.locally(&["reload"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_names_a_program_from_afar() {
    let authority = Authority::new("City");
    let records = record("taro", "administrator");
    let edge = AfarEdge::start("edge", &authority, &records).await;
    let taro = authority.operator("taro");
    let order = ["upgrade", "--binary", "/bin/true"];
    let words = refused(&from_afar(&order, &[&edge.url()], &taro, &authority.trust));
    assert!(words.contains("leave --binary out"), "{words}");
    let status = from_afar(&["status"], &[&edge.url()], &taro, &authority.trust);
    assert!(status.status.success(), "the edge went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_a_certificate_that_holds() {
    let authority = Authority::new("City");
    let edge = AfarEdge::start("edge", &authority, &record("hanako", "operator")).await;
    let url = edge.url();
    let status = |held: &Held, trust: &Path| refused(&from_afar(&["status"], &[&url], held, trust));

    let stranger = Authority::new("Elsewhere");
    let words = status(&stranger.operator("hanako"), &authority.trust);
    assert!(words.contains("an authority it does not know"), "{words}");
    let words = status(&authority.expired("hanako"), &authority.trust);
    assert!(words.contains("our certificate has expired"), "{words}");
    let words = status(&authority.operator("hanako"), &stranger.trust);
    assert!(words.contains("its certificate is not trusted"), "{words}");

    // It is of the authority, and nobody's: the answer is 403 and says how to be known.
    let taro = authority.operator("taro");
    let words = status(&taro, &authority.trust);
    assert!(words.contains("this certificate (taro, taro@town.example) is no operator's"));
    let fingerprint = taro.fingerprint.replace(':', "").to_lowercase();
    assert!(words.contains(&fingerprint), "{words}");

    // Without any certificate not a byte of an answer comes.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    use rustls_pki_types::pem::PemObject;
    let root = rustls_pki_types::CertificateDer::from_pem_file(&authority.trust).unwrap();
    roots.add(root).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(edge.control()).await.unwrap();
    let name = rustls_pki_types::ServerName::from(edge.control().ip());
    let connecting = TlsConnector::from(Arc::new(tls)).connect(name, stream);
    let mut stream = connecting.await.unwrap();
    let request = b"GET /v1/openapi.json HTTP/1.1\r\nHost: edge\r\n\r\n";
    let _may_be_closed = stream.write_all(request).await;
    let error = stream.read_u8().await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_taken_from_an_operator_without_a_restart() {
    let authority = Authority::new("City");
    let hanako = authority.operator("hanako");
    let records = format!(
        "[[operator]]\nname = \"hanako\"\nroles = [\"operator\"]\nfingerprints = [\"{}\"]\n\
         [[operator]]\nname = \"root-of-trust\"\nroles = [\"reader\"]\ncertificate_names = [\"rot\"]\n",
        hanako.fingerprint
    );
    let edge = AfarEdge::start("edge", &authority, &records).await;
    let status = || from_afar(&["status"], &[&edge.url()], &hanako, &authority.trust);
    assert!(status().status.success());
    let nobodys = "00".repeat(32);
    edge.change_and_hang_up(&hanako.fingerprint, &nobodys);
    eventually("the certificate is nobody's", || async {
        let output = status();
        let words = String::from_utf8(output.stderr).unwrap();
        words.contains("is no operator's").then_some(())
    })
    .await;

    // A file whose operators cannot be taken over is refused, and changes nothing.
    edge.change_and_hang_up(
        "certificate_names = [\"rot\"]",
        "users = [\"nobody-of-that-name\"]",
    );
    let words = refused(&edge.locally(&["reload"]));
    assert!(
        words.contains("this system has no user \"nobody-of-that-name\""),
        "{words}"
    );
    assert!(edge.locally(&["status"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_socket_the_kernel_says_who_it_is_whatever_the_sender_claims() {
    let own = own_uid();
    let authority = Authority::new("City");
    let records = format!(
        "[[operator]]\nname = \"saburo\"\nroles = [\"operator\"]\nusers = [{own}]\n\
         certificate_names = [\"saburo\"]\n"
    );
    let edge = AfarEdge::start("edge", &authority, &records).await;
    let order =
        r#"{"order":{"kind":"route","site":"city","route":"notice"},"who":"root\") and more"}"#;
    for path in ["/orders", "/v1/orders"] {
        let mut stream = UnixStream::connect(edge.socket()).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{order}",
            order.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let output = edge.locally(&["history", "--json"]);
    let lines: Value = answers(&output)[0]["reply"]["outcome"]["lines"].clone();
    let who = lines[0]["who"].as_str().unwrap();
    assert!(
        who.starts_with(&format!("saburo (uid {own}, pid ")),
        "{who}"
    );
    assert!(
        who.ends_with("calls itself \"root\\\") and more\")"),
        "{who}"
    );
    // This user is an operator now, and no administrator.
    assert!(refused(&edge.locally(&["reload"])).contains("\"administrator\""));
    let mode = std::fs::metadata(edge.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "no other user is named");

    edge.change_and_hang_up(&format!("users = [{own}]"), "users = [54321]");
    eventually("another user is the operator", || async {
        let output = edge.locally(&["status"]);
        let words = String::from_utf8(output.stderr).unwrap();
        words
            .contains(&format!("user {own} is no operator of this edge"))
            .then_some(())
    })
    .await;
    let mode = std::fs::metadata(edge.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o666, "the other user may knock");
}

/// The user that runs the tests, and so the edge.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid()
}

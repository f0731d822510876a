//! The issuer's word on a certificate, from a real responder of OpenSSL's through the real edge.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::town::certified::{CertifiedEdge, HOST, OTHER_HOST};
use crate::town::eventually;
use crate::town::openssl::openssl;
use crate::town::place::Place;

const SERIAL: u32 = 0x1001;

/// A responder that ends with the story.
struct Responder(Child, u16);

impl Responder {
    /// Starts one that knows of the leaf, good or revoked.
    fn start(folder: &Path, how: &str) -> Self {
        std::fs::write(
            folder.join("index.txt"),
            format!("{how}\t{SERIAL:X}\tunknown\t/CN=leaf\n"),
        )
        .unwrap();
        let mut process = Command::new("openssl")
            .args([
                "ocsp",
                "-port",
                "0",
                "-index",
                "index.txt",
                "-CA",
                "int.pem",
            ])
            .args(["-rsigner", "int.pem", "-rkey", "int.key", "-ndays", "3"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let address = line.strip_prefix("ACCEPT ")?.split(' ').next()?.to_owned();
            address.rsplit(':').next()?.parse().ok()
        });
        Self(process, port.unwrap())
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// What a client that asks for a staple is shown.
fn status_shown(edge: &CertifiedEdge) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-status", "-servername", HOST, "-connect"])
        .arg(edge.place.https().to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_names_a_responder_is_shown_with_its_word() {
    let wanted =
        format!("[[certificate]]\nname = \"city\"\nnames = [\"{HOST}\", \"{OTHER_HOST}\"]\n");
    let mut edge = CertifiedEdge::start(Place::claim(), &wanted).await;
    let folder = edge.folder().to_owned();
    let make = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(folder.join("ca.ext"), "basicConstraints=critical,CA:TRUE").unwrap();
    openssl(
        &folder,
        &format!("req -x509 {make} -keyout root.key -out root.pem -days 30 -subj /CN=Root"),
    );
    openssl(
        &folder,
        &format!("req -new {make} -keyout int.key -out int.csr -subj /CN=Mid"),
    );
    openssl(
        &folder,
        "x509 -req -in int.csr -CA root.pem -CAkey root.key -days 30 -extfile ca.ext -out int.pem",
    );
    let responder = Responder::start(&folder, "V\t350101000000Z\t");
    std::fs::write(
        folder.join("leaf.ext"),
        format!(
            "subjectAltName=DNS:{HOST},DNS:{OTHER_HOST}\n\
             authorityInfoAccess=OCSP;URI:http://127.0.0.1:{}/",
            responder.1
        ),
    )
    .unwrap();
    openssl(
        &folder,
        &format!("req -new {make} -keyout leaf.key -out leaf.csr -subj /CN=leaf"),
    );
    openssl(
        &folder,
        &format!(
            "x509 -req -in leaf.csr -CA int.pem -CAkey int.key -days 20 -extfile leaf.ext \
             -set_serial {SERIAL} -out leaf.pem"
        ),
    );
    let file = |name: &str| folder.join(name).display().to_string();
    let installed = edge.yagura(&[
        "certs",
        "install",
        "--name",
        "city",
        &file("leaf.pem"),
        &file("int.pem"),
        &file("leaf.key"),
    ]);
    assert!(installed.status.success(), "{installed:?}");
    let served = edge.until_version(1).await;
    assert!(
        served["source"].as_str().unwrap().starts_with("by hand"),
        "{served}"
    );
    edge.verified_by_openssl(HOST, &folder.join("root.pem"));
    let stapled = || async {
        let shown = status_shown(&edge);
        shown.contains("Cert Status: good").then_some(())
    };
    eventually("the word is shown", stapled).await;
    // It is kept for the next start, with nobody to be asked.
    drop(responder);
    edge.restart().await;
    let stapled = || async {
        let shown = status_shown(&edge);
        shown.contains("Cert Status: good").then_some(())
    };
    eventually("the word is shown again", stapled).await;
    assert_eq!(edge.warnings(), "");
}

//! An authority made by OpenSSL, with OpenSSL's responder.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use yagura_certs::ocsp::Question;
use yagura_certs::store::Pem;
use yagura_certs::{Inspected, Store, ocsp};

/// How OpenSSL makes a key.
pub const RSA: &str = "rsa:2048";
/// The same, on P-256.
pub const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
/// What the certificate is called in the store.
pub const NAME: &str = "city";

/// A folder with `ca.pem` and `ca.key`, and `index.txt`, which says what was issued and revoked.
/// The responder reads that once, so it names the leaves before there are any.
pub struct Authority {
    folder: tempfile::TempDir,
    key: &'static str,
    serial: Cell<u32>,
}

/// The leaves have numbers from here on.
const FIRST: u32 = 0x1001;
const IS_GOOD: &str = "V\t350101000000Z\t";
const IS_REVOKED: &str = "R\t350101000000Z\t261120000000Z,keyCompromise";

/// A certificate in a store, with its chain.
pub struct Issued {
    pub store: Store,
    pub version: u32,
    pub inspected: Inspected,
}

impl Issued {
    /// The same with a chain of the leaf alone.
    pub fn without_issuer(self) -> Self {
        let mut pem = self.store.version(NAME, self.version).unwrap();
        let end = pem.chain.find("-----END").unwrap() + "-----END CERTIFICATE-----".len();
        pem.chain.truncate(end);
        Self {
            version: self.store.save(NAME, &pem).unwrap(),
            inspected: Inspected::read(&pem.chain, &pem.key).unwrap(),
            store: self.store,
        }
    }

    /// Where its response is kept.
    pub fn file(&self) -> PathBuf {
        ocsp::file(&self.store, NAME, self.version)
    }
}

impl Authority {
    pub fn new(key: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        openssl(
            folder.path(),
            &format!(
                "req -x509 -newkey {key} -nodes -keyout ca.key -out ca.pem -days 90 -subj /CN=Trial"
            ),
        );
        let authority = Self {
            folder,
            key,
            serial: Cell::new(FIRST),
        };
        authority.index(IS_GOOD);
        authority
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes `NAME.pem` and `NAME.key`, with this extension.
    pub fn certify_responder(&self, name: &str, extension: &str) {
        self.certify(name, extension);
    }

    /// A leaf that names the responder at a port, with further extensions.
    pub fn issue(&self, port: u16, extensions: &str) -> Issued {
        let access = format!("authorityInfoAccess=OCSP;URI:http://127.0.0.1:{port}/ocsp");
        self.issue_with(&format!("{access}\n{extensions}"))
    }

    pub fn issue_without_responder(&self, extensions: &str) -> Issued {
        self.issue_with(extensions)
    }

    fn issue_with(&self, extensions: &str) -> Issued {
        self.certify(
            "leaf",
            &format!("subjectAltName=DNS:www.city.example\n{extensions}"),
        );
        let read = |file| std::fs::read_to_string(self.folder().join(file)).unwrap();
        let pem = Pem {
            chain: read("leaf.pem") + &read("ca.pem"),
            key: read("leaf.key"),
        };
        let store = Store::new(&self.folder().join("store"));
        Issued {
            version: store.save(NAME, &pem).unwrap(),
            inspected: Inspected::read(&pem.chain, &pem.key).unwrap(),
            store,
        }
    }

    fn certify(&self, name: &str, extensions: &str) {
        let key = self.key;
        let serial = self.serial.replace(self.serial.get() + 1);
        std::fs::write(self.folder().join("extensions"), extensions).unwrap();
        openssl(
            self.folder(),
            &format!("req -new -newkey {key} -nodes -keyout {name}.key -out csr -subj /CN={name}"),
        );
        openssl(
            self.folder(),
            &format!(
                "x509 -req -in csr -CA ca.pem -CAkey ca.key -days 60 -extfile extensions \
                 -set_serial {serial} -out {name}.pem"
            ),
        );
    }

    /// Revokes every leaf; a responder that is started afterwards says so.
    pub fn revoke(&self) {
        self.index(IS_REVOKED);
    }

    /// Takes that back, for responders that are started afterwards.
    pub fn permit(&self) {
        self.index(IS_GOOD);
    }

    fn index(&self, how: &str) {
        let leaves = FIRST..FIRST + 2;
        let lines = leaves.map(|serial| format!("{how}\t{serial:X}\tunknown\t/CN={serial}\n"));
        let lines: String = lines.collect();
        std::fs::write(self.folder().join("index.txt"), lines).unwrap();
    }

    /// Puts an answer of today where the edge keeps it, as if it had asked before.
    pub fn answer_into(&self, issued: &Issued) {
        let question = Question::of(&issued.inspected).unwrap();
        std::fs::write(self.folder().join("request.der"), question.request()).unwrap();
        openssl(
            self.folder(),
            &format!(
                "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -ndays 3 \
                 -reqin request.der -respout {}",
                issued.file().display()
            ),
        );
    }

    /// A responder that signs with this certificate and its key, for three days each time.
    pub fn responder(&self, signer: &str) -> Responder {
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let mut process = Command::new("openssl")
            .args(["ocsp", "-port", "0", "-index", "index.txt", "-CA", "ca.pem"])
            .args(["-rsigner", &certificate, "-rkey", &key, "-ndays", "3"])
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the package openssl is installed");
        // It says "ACCEPT [::]:PORT PID=NUMBER" when it listens.
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let address = line.strip_prefix("ACCEPT ")?.split(' ').next()?.to_owned();
            address.rsplit(':').next()?.parse().ok()
        });
        Responder {
            port: port.expect("the responder listens"),
            process,
        }
    }
}

/// A process that ends with the test.
pub struct Responder {
    pub port: u16,
    process: Child,
}

impl Responder {
    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs openssl in a folder; what it prints.
pub fn openssl(folder: &Path, arguments: &str) -> String {
    let done = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("the package openssl is installed");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {told}");
    String::from_utf8_lossy(&done.stdout).into_owned() + &told
}

//! Pebble, the test authority of Let's Encrypt, with its faults on: it refuses nonces and reuses
//! authorisations by dice, as real ones may.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::eventually;
use super::operators::Authority;
use super::place::Place;
use super::process::Running;
use super::reader::Reader;

/// Where its directory is, on the place's address.
const PORT: u16 = 14_000;
const MANAGEMENT: u16 = 15_000;

/// The key of External Account Binding, and its name.
pub const KEY_ID: &str = "kid-1";
pub const MAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// How it behaves.
#[derive(Clone)]
pub struct Behaviour {
    /// Accounts need External Account Binding.
    pub external_account: bool,
    /// Of a hundred nonces so many are refused.
    pub refused_nonces: u8,
    /// Names it issues nothing for.
    pub blocked: Vec<String>,
    /// How long its certificates last, in seconds.
    pub lifetime_s: u64,
    /// Its place on the address, so that several can stand beside each other.
    pub number: u16,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            external_account: false,
            refused_nonces: 15,
            blocked: Vec::new(),
            lifetime_s: 90 * 86_400,
            number: 0,
        }
    }
}

/// A running authority.
pub struct Pebble {
    _running: Running,
    place: Place,
    number: u16,
    /// The CA of its directory's own TLS.
    tls: Authority,
    folder: TempDir,
}

impl Pebble {
    /// Starts; it validates at these ports of the names, which it asks `dns` for.
    pub async fn start(place: Place, ports: (u16, u16), dns: SocketAddr, how: &Behaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Authority::new("Pebble's directory");
        let number = how.number;
        let held = tls.edge((place.address, PORT + number).into());
        let config = json!({"pebble": {
            "listenAddress": format!("{}:{}", place.address, PORT + number),
            "managementListenAddress": format!("{}:{}", place.address, MANAGEMENT + number),
            "certificate": held.certificate,
            "privateKey": held.key,
            "httpPort": ports.0,
            "tlsPort": ports.1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": how.external_account,
            "externalAccountMACKeys": {KEY_ID: MAC_KEY},
            "domainBlocklist": how.blocked,
            "certificateValidityPeriod": how.lifetime_s,
        }});
        let file = folder.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let mut command = Command::new("pebble");
        command
            .arg("-config")
            .arg(&file)
            .args(["-strict", "-dnsserver", &dns.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", how.refused_nonces.to_string())
            .env("PEBBLE_AUTHZREUSE", "50");
        let running = Running::start_command(&mut command, &folder.path().join("log"));
        let pebble = Self {
            _running: running,
            place,
            number,
            tls,
            folder,
        };
        eventually("Pebble gives its root", || async {
            let mut reader = pebble.management();
            let answer = reader.try_get("/roots/0").await.ok()?;
            std::fs::write(pebble.root(), answer.text()).unwrap();
            Some(())
        })
        .await;
        pebble
    }

    fn management(&self) -> Reader {
        let address = (self.place.address, MANAGEMENT + self.number).into();
        Reader::new(address, &self.place.address.to_string(), &self.tls.trust)
    }

    /// The URL of a directory at a place, whether one runs there or not.
    pub fn directory_at(place: &Place, number: u16) -> String {
        format!("https://{}:{}/dir", place.address, PORT + number)
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        Self::directory_at(&self.place, self.number)
    }

    /// PEM of the CA of its directory's TLS.
    pub fn trust(&self) -> &Path {
        &self.tls.trust
    }

    /// PEM of the root that its certificates end at.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

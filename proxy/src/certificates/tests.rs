//! The table under handshakes: swapped a thousand times, and with nothing good in the store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use yagura_certs::{LocalAuthority, Store};
use yagura_control::{Clock, SystemClock};

use super::*;

const NAME: &str = "www.town.example";

fn settings(folder: &Path) -> Settings {
    let text = format!(
        "[edge]\ndata = \"data\"\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\ntls = true\n\
         [[site]]\nname = \"a\"\nhosts = [\"{NAME}\"]\norigin = \"http://127.0.0.1:2\"\n\
         [[certificate]]\nname = \"town\"\nnames = [\"{NAME}\"]\n"
    );
    yagura_config::parse(&text, &folder.join("yagura.toml")).unwrap()
}

/// Saves a version; an authority of its own in the same folder issues it.
fn save(folder: &Path, at: Timestamp) -> u32 {
    let data = folder.join("data/certs");
    let authority = LocalAuthority::open_or_make(&data, SystemClock.now()).unwrap();
    let pem = authority.issue(&[NAME.to_owned()], at).unwrap();
    Store::new(&data).save("town", &pem).unwrap()
}

struct Handshakes {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Handshakes {
    fn new(certificates: Arc<Certificates>, folder: &Path) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = folder.join("data/certs/local-ca.pem");
        roots
            .add(CertificateDer::from_pem_file(root).unwrap())
            .unwrap();
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A session that is taken up again shows the certificate that it began with.
        client.resumption = Resumption::disabled();
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        Self {
            client: Arc::new(client),
            server: Arc::new(server),
        }
    }

    /// One handshake in memory; gives the leaf that the client accepted.
    fn shake(&self) -> Result<Vec<u8>, rustls::Error> {
        let name = ServerName::try_from(NAME).unwrap();
        let mut client = ClientConnection::new(self.client.clone(), name)?;
        let mut server = ServerConnection::new(self.server.clone())?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(client.peer_certificates().unwrap()[0].to_vec())
    }
}

#[test]
fn a_thousand_swaps_under_load_fail_no_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let now = SystemClock.now();
    save(folder.path(), now);
    save(folder.path(), now);
    let certificates = Arc::new(Certificates::open(&settings, now).unwrap());
    let store = Store::new(&folder.path().join("data/certs"));
    let (swapped, shaken) = (AtomicBool::new(false), AtomicU32::new(0));
    let (mut seen, mut of) = (std::collections::BTreeSet::new(), 0);
    std::thread::scope(|scope| {
        let shaking = scope.spawn(|| {
            let handshakes = Handshakes::new(certificates.clone(), folder.path());
            let mut seen = std::collections::BTreeSet::new();
            while !swapped.load(Ordering::Relaxed) {
                seen.insert(handshakes.shake().unwrap());
                shaken.fetch_add(1, Ordering::Relaxed);
            }
            seen
        });
        for swap in 0..1000_u32 {
            let before = shaken.load(Ordering::Relaxed);
            store.switch_to("town", 1 + swap % 2).unwrap();
            certificates.look(&settings, now, false, false).unwrap();
            // One handshake at least begins and ends with what was swapped in.
            while shaken.load(Ordering::Relaxed) < before + 1 && !shaking.is_finished() {
                std::thread::yield_now();
            }
        }
        swapped.store(true, Ordering::Relaxed);
        seen = shaking.join().unwrap();
        of = shaken.load(Ordering::Relaxed);
    });
    assert!(
        of >= 1000 && seen.len() == 2,
        "{of} handshakes, {} leaves",
        seen.len()
    );
}

#[test]
fn a_bad_version_never_replaces_a_good_one_and_a_better_one_is_served_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let now = SystemClock.now();
    let good = save(folder.path(), now);
    let certificates = Arc::new(Certificates::open(&settings, now).unwrap());
    let handshakes = Handshakes::new(certificates.clone(), folder.path());
    let first = handshakes.shake().unwrap();
    let bad = save(folder.path(), now);
    let chain = folder
        .path()
        .join(format!("data/certs/town/{bad:04}/chain.pem"));
    std::fs::write(&chain, "no chain").unwrap();
    certificates.look(&settings, now, false, false).unwrap();
    assert_eq!(handshakes.shake().unwrap(), first);
    let status = &certificates.status()[0];
    assert_eq!(status.version, Some(good));
    assert!(
        status
            .alarm
            .as_ref()
            .unwrap()
            .contains("version 2 cannot be used"),
        "{status:?}"
    );
    // Even with every file of it gone.
    std::fs::remove_dir_all(folder.path().join("data/certs/town")).unwrap();
    certificates.look(&settings, now, false, false).unwrap();
    assert_eq!(handshakes.shake().unwrap(), first);
    let better = save(folder.path(), now);
    certificates.look(&settings, now, false, false).unwrap();
    assert_ne!(handshakes.shake().unwrap(), first);
    let status = &certificates.status()[0];
    assert_eq!(
        (status.version, status.alarm.as_ref()),
        (Some(better), None)
    );
}

#[test]
fn without_any_version_the_local_authority_stands_in_with_an_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let now = SystemClock.now();
    let certificates = Arc::new(Certificates::open(&settings, now).unwrap());
    let handshakes = Handshakes::new(certificates.clone(), folder.path());
    assert!(handshakes.shake().is_ok());
    let status = certificates.status();
    assert!(
        status[0]
            .alarm
            .as_ref()
            .unwrap()
            .contains("the local authority's"),
        "{status:?}"
    );
    assert_eq!((status[0].version, status[1].name.as_str()), (None, LOCAL));
    // A version that ended is better than none of its name, and tells so.
    let long_ago =
        Timestamp(now.0 - u64::try_from(Duration::from_secs(100 * 86_400).as_millis()).unwrap());
    save(folder.path(), long_ago);
    certificates.look(&settings, now, false, false).unwrap();
    let status = certificates.status();
    assert_eq!(status[0].version, Some(1));
    assert!(
        status[0].alarm.as_ref().unwrap().contains("ended at"),
        "{status:?}"
    );
}

//! BIND, with a zone that one TSIG key may change: TXT records and nothing else, or what a test says.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::eventually;
use super::place::Place;
use super::process::Running;

/// The zone.
pub const ZONE: &str = "city.example";
/// The name of the key that may change it.
pub const KEY_NAME: &str = "yagura";

/// A running server.
pub struct Bind {
    _running: Running,
    address: SocketAddr,
    folder: TempDir,
}

impl Bind {
    /// Starts a server whose zone leads every host to the place's address.
    pub async fn start(place: &Place) -> Self {
        Self::start_with(place, "", "TXT").await
    }

    /// The same with further records, of which the key may change those of these kinds.
    pub async fn start_with(place: &Place, records: &str, kinds: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let key = Command::new("tsig-keygen").arg(KEY_NAME).output().unwrap();
        assert!(key.status.success(), "{key:?}");
        write_private(path("tsig.key"), &key.stdout);
        let (address, server) = (place.address, free_address());
        let zone = format!(
            "$TTL 60\n@ IN SOA ns.{ZONE}. web.{ZONE}. 1 3600 600 86400 60\n\
             @ IN NS ns.{ZONE}.\n@ IN A {address}\n* IN A {address}\nns IN A {address}\n{records}"
        );
        std::fs::write(path("zone"), zone).unwrap();
        let shown = folder.path().display();
        let config = format!(
            "include \"{shown}/tsig.key\";\n\
             options {{ directory \"{shown}\"; listen-on port {} {{ {}; }};\n\
             listen-on-v6 {{ none; }}; pid-file \"{shown}/pid\"; session-keyfile none;\n\
             recursion no; allow-transfer {{ none; }}; dnssec-validation no; }};\n\
             controls {{ }};\n\
             zone \"{ZONE}\" {{ type primary; file \"{shown}/zone\";\n\
             update-policy {{ grant {KEY_NAME} zonesub {kinds}; }}; }};\n",
            server.port(),
            server.ip()
        );
        std::fs::write(path("named.conf"), config).unwrap();
        let mut command = Command::new("/usr/sbin/named");
        command
            .args(["-g", "-n", "1", "-c"])
            .arg(path("named.conf"));
        let running = Running::start_command(&mut command, &path("log"));
        let bind = Self {
            _running: running,
            address: server,
            folder,
        };
        eventually("BIND has its zone", || async {
            TcpStream::connect(bind.address).await.ok()?;
            bind.log().contains("all zones loaded").then_some(())
        })
        .await;
        bind
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file of its key, as tsig-keygen wrote it.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("tsig.key")
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// What it holds of a name and type, as dig prints it.
    pub fn held(&self, name: &str, kind: &str) -> Vec<String> {
        let output = Command::new("dig")
            .arg(format!("@{}", self.address.ip()))
            .args(["-p", &self.address.port().to_string(), "+short", name, kind])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// BIND listens on addresses that an interface has, and no other of the loopback's; so on the first
/// of them, at a port below those of outgoing connections that nobody else in this run takes.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 300).unwrap() * 64;
    loop {
        let port = 10_000 + begin + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// Writes a file that nobody else may read.
pub fn write_private(path: PathBuf, bytes: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

//! The names of the city: a primary that one key may change, and a secondary that follows it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{DRILL, HOST};
use crate::town::bind::{free_address, write_private};
use crate::town::eventually;
use crate::town::process::Running;

/// The zone.
pub const ZONE: &str = "city.example";
/// The name of the key that may change it.
pub const KEY_NAME: &str = "yagura";

/// Both servers.
pub struct NameServers {
    primary: (SocketAddr, Option<Running>),
    secondary: (SocketAddr, Option<Running>),
    folder: TempDir,
}

impl NameServers {
    /// Starts both with the city's names leading to the cloud's address, kept for so many seconds.
    pub async fn start(cloud: IpAddr, ttl_s: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Command::new("tsig-keygen").arg(KEY_NAME).output().unwrap();
        assert!(key.status.success(), "{key:?}");
        write_private(folder.path().join("tsig.key"), &key.stdout);
        let (primary, secondary) = (free_address(), free_address());
        let zone = format!(
            "$TTL {ttl_s}\n@ IN SOA ns1.{ZONE}. web.{ZONE}. 1 1 1 86400 1\n\
             @ IN NS ns1.{ZONE}.\n@ IN NS ns2.{ZONE}.\nns1 IN A {}\nns2 IN A {}\n\
             {HOST}. IN A {cloud}\n{DRILL}. IN A {cloud}\n",
            primary.ip(),
            secondary.ip()
        );
        std::fs::create_dir(folder.path().join("primary")).unwrap();
        std::fs::create_dir(folder.path().join("secondary")).unwrap();
        std::fs::write(folder.path().join("primary/zone"), zone).unwrap();
        let mut servers = Self {
            primary: (primary, None),
            secondary: (secondary, None),
            folder,
        };
        let policy =
            format!("update-policy {{ grant {KEY_NAME} zonesub A AAAA HTTPS CNAME TXT; }};");
        servers.configure(
            "primary",
            primary,
            &format!(
                "type primary; file \"zone\"; {policy} allow-transfer {{ any; }}; notify explicit;\n\
                 also-notify {{ {} port {}; }};",
                secondary.ip(),
                secondary.port()
            ),
        );
        servers.follow(primary);
        servers.start_primary().await;
        servers.start_secondary().await;
        servers
    }

    /// Has the secondary follow the server at an address from its next start on.
    fn follow(&self, address: SocketAddr) {
        let zone = format!(
            "type secondary; file \"zone\"; masterfile-format text; allow-notify {{ any; }};\n\
             primaries {{ {} port {}; }}; min-refresh-time 1; max-refresh-time 2;\n\
             min-retry-time 1; max-retry-time 1;",
            address.ip(),
            address.port()
        );
        self.configure("secondary", self.secondary.0, &zone);
    }

    fn configure(&self, name: &str, address: SocketAddr, zone: &str) {
        let folder = self.folder.path().join(name);
        let (shown, above) = (folder.display(), self.folder.path().display());
        let text = format!(
            "include \"{above}/tsig.key\";\n\
             options {{ directory \"{shown}\"; listen-on port {} {{ {}; }};\n\
             listen-on-v6 {{ none; }}; pid-file \"{shown}/pid\"; session-keyfile none;\n\
             recursion no; dnssec-validation no; serial-query-rate 100; notify-delay 0; }};\n\
             controls {{ }};\nzone \"{ZONE}\" {{ {zone} }};\n",
            address.port(),
            address.ip()
        );
        std::fs::write(folder.join("named.conf"), text).unwrap();
    }

    async fn run(folder: &Path, address: SocketAddr) -> Running {
        let log = folder.join("log");
        let _not_there_yet = std::fs::remove_file(&log);
        let mut command = Command::new("/usr/sbin/named");
        command
            .args(["-g", "-n", "1", "-c"])
            .arg(folder.join("named.conf"));
        let running = Running::start_command(&mut command, &log);
        eventually("the name server answers", || async {
            TcpStream::connect(address).await.ok()?;
            let held = held(address, HOST, "A");
            (!held.is_empty()).then_some(())
        })
        .await;
        running
    }

    /// Starts the primary, with what it has on disk.
    pub async fn start_primary(&mut self) {
        let address = self.primary.0;
        let folder = self.folder.path().join("primary");
        self.primary.1 = Some(Self::run(&folder, address).await);
    }

    /// Starts the secondary, with what it has on disk.
    pub async fn start_secondary(&mut self) {
        let address = self.secondary.0;
        let folder = self.folder.path().join("secondary");
        self.secondary.1 = Some(Self::run(&folder, address).await);
    }

    /// Kills the primary.
    pub fn kill_primary(&mut self) {
        self.primary.1.take().unwrap().kill();
    }

    /// Has the secondary go on with what it has, and follow nobody.
    pub async fn lose_secondary(&mut self) {
        self.follow(free_address());
        self.secondary.1.take().unwrap().kill();
        self.start_secondary().await;
    }

    /// Has it follow the primary again.
    pub async fn find_secondary(&mut self) {
        self.follow(self.primary.0);
        self.secondary.1.take().unwrap().kill();
        self.start_secondary().await;
    }

    /// Where the primary answers and takes changes.
    pub fn primary(&self) -> SocketAddr {
        self.primary.0
    }

    /// All that answer for the zone.
    pub fn all(&self) -> [SocketAddr; 2] {
        [self.primary.0, self.secondary.0]
    }

    /// The file of the key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("tsig.key")
    }

    /// What both hold of a name and type, as dig prints it.
    pub fn held(&self, name: &str, kind: &str) -> [Vec<String>; 2] {
        self.all().map(|server| held(server, name, kind))
    }

    /// Both lead the city's name to this address, and to no other.
    pub fn assert_lead_to(&self, address: IpAddr) {
        let address = address.to_string();
        for held in self.held(HOST, "A") {
            assert_eq!(held, [address.as_str()]);
        }
    }

    /// Changes a record as somebody else would, with the zone's key.
    pub fn change_by_hand(&self, lines: &str) {
        let text = format!(
            "server {} {}\nzone {ZONE}\n{lines}\nsend\n",
            self.primary.0.ip(),
            self.primary.0.port()
        );
        let file = self.folder.path().join("by-hand");
        std::fs::write(&file, text).unwrap();
        let output = Command::new("nsupdate")
            .arg("-k")
            .arg(self.key_file())
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn held(server: SocketAddr, name: &str, kind: &str) -> Vec<String> {
    let output = Command::new("dig")
        .arg(format!("@{}", server.ip()))
        .args([
            "-p",
            &server.port().to_string(),
            "+short",
            "+time=1",
            "+tries=1",
        ])
        .args([name, kind])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with(';'));
    lines.map(str::to_owned).collect()
}

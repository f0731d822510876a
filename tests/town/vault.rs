//! Backups of a town: their configuration, restic as another reader, and damage.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::{Town, succeed};

/// The password of every repository of the tests.
pub const PASSWORD: &str = "a password of the tests";

impl Town {
    /// Adds `[backup]` with one target, the folder `backup-disk`, and more lines.
    pub fn has_backups(&self, lines: &str) {
        std::fs::write(self.data().join("backup-password"), PASSWORD).unwrap();
        let config = self.config();
        let mut text = std::fs::read_to_string(&config).unwrap();
        text.push_str("\n[backup]\npassword_file = \"backup-password\"\n");
        text.push_str(lines);
        text.push_str("\n[[backup.target]]\nname = \"disk\"\nfolder = \"backup-disk\"\n");
        std::fs::write(&config, text).unwrap();
    }

    /// Adds another target.
    pub fn has_target(&self, name: &str, lines: &str) {
        let config = self.config();
        let mut text = std::fs::read_to_string(&config).unwrap();
        text.push_str(&format!(
            "\n[[backup.target]]\nname = \"{name}\"\n{lines}\n"
        ));
        std::fs::write(&config, text).unwrap();
    }

    /// Folder of a repository of the first target.
    pub fn repository(&self, part: &str) -> PathBuf {
        self.data().join("backup-disk").join(part)
    }

    /// Gives `yagura backup` an order.
    pub fn backup(&self, arguments: &[&str]) -> Output {
        Command::new(super::YAGURA)
            .arg("backup")
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            // rclone's S3 would want to read it, and cannot.
            .env_remove("AWS_CA_BUNDLE")
            .output()
            .unwrap()
    }

    /// The same, which must succeed; its JSON.
    pub fn backed_up(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let output = self.backup(&arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// restic of the system, on one repository.
    pub fn restic(&self, part: &str, arguments: &[&str]) -> Output {
        restic(&self.repository(part).display().to_string(), arguments)
    }
}

/// restic of the system, with the tests' password.
pub fn restic(repository: &str, arguments: &[&str]) -> Output {
    Command::new("restic")
        .args(["--no-cache", "-r", repository])
        .args(arguments)
        .env("RESTIC_PASSWORD", PASSWORD)
        .env("AWS_ACCESS_KEY_ID", "town")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .output()
        .expect("restic is installed: scripts/packages test")
}

/// Whether two folders hold the same files with the same bytes.
pub fn same(one: &Path, other: &Path) {
    succeed(Command::new("diff").arg("-r").arg(one).arg(other));
}

/// rclone as a server of restic's REST, in which nothing can be removed.
pub struct RestServer {
    pub url: String,
    address: SocketAddr,
    folder: PathBuf,
    running: Option<Child>,
}

impl RestServer {
    pub fn start(data: &Path, address: IpAddr) -> Self {
        let address = free(address);
        let mut server = Self {
            url: format!("http://{address}/"),
            address,
            folder: data.join("rest-server"),
            running: None,
        };
        std::fs::create_dir(&server.folder).unwrap();
        server.again();
        server
    }

    /// Starts it, as it was before.
    pub fn again(&mut self) {
        let child = Command::new("rclone")
            .args(["serve", "restic", "--append-only", "--addr"])
            .arg(self.address.to_string())
            .args(["--config", "/dev/null"])
            .arg(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rclone is installed: scripts/packages test");
        self.running = Some(child);
        until_open(self.address);
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for RestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// moto as a store that speaks S3, with one bucket, and rclone's configuration for it.
pub struct S3 {
    pub url: String,
    config: PathBuf,
    running: Child,
}

impl S3 {
    pub fn start(data: &Path, address: IpAddr) -> Self {
        let address = free(address);
        succeed(Command::new("scripts/moto").arg("install"));
        let running = Command::new("scripts/moto")
            .args([
                "serve",
                &address.ip().to_string(),
                &address.port().to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until_open(address);
        let url = format!("http://{address}");
        let config = data.join("s3.conf");
        let lines = format!(
            "[store]\ntype = s3\nprovider = Other\nendpoint = {url}\naccess_key_id = town\n\
             secret_access_key = secret\nforce_path_style = true\n"
        );
        std::fs::write(&config, lines).unwrap();
        let mut rclone = Command::new("rclone");
        rclone
            .args(["mkdir", "store:bucket", "--config"])
            .arg(&config);
        succeed(rclone.env_remove("AWS_CA_BUNDLE"));
        Self {
            url,
            config,
            running,
        }
    }

    /// The lines of its `[[backup.target]]`.
    pub fn target(&self) -> String {
        let config = self.config.display();
        format!("rclone = \"store:bucket/town\"\nrclone_config = \"{config}\"")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.running.kill().ok();
        self.running.wait().ok();
    }
}

/// OpenSSH's server for one key, and rclone's configuration for it.
pub struct Sftp {
    folder: PathBuf,
    running: Child,
}

impl Sftp {
    pub fn start(data: &Path, address: IpAddr) -> Self {
        let folder = data.join("sftp");
        std::fs::create_dir(&folder).unwrap();
        for key in ["host", "client"] {
            let mut keygen = Command::new("ssh-keygen");
            succeed(
                keygen
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(folder.join(key)),
            );
        }
        std::fs::copy(folder.join("client.pub"), folder.join("authorized")).unwrap();
        let address = free(address);
        let path = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "ListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPidFile none\nSubsystem sftp internal-sftp\n",
            path("host"),
            path("authorized"),
        );
        std::fs::write(folder.join("sshd_config"), config).unwrap();
        // Where sshd drops its rights; the package makes it at boot.
        std::fs::create_dir_all("/run/sshd").ok();
        let running = Command::new("/usr/sbin/sshd")
            .args(["-D", "-f"])
            .arg(folder.join("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .expect("openssh-server is installed: scripts/packages test");
        until_open(address);
        let user = Command::new("id").arg("-un").output().unwrap();
        let rclone = format!(
            "[town]\ntype = sftp\nhost = {}\nport = {}\nuser = {}\nkey_file = {}\nshell_type = none\n",
            address.ip(),
            address.port(),
            String::from_utf8_lossy(&user.stdout).trim(),
            path("client"),
        );
        std::fs::write(folder.join("rclone.conf"), rclone).unwrap();
        Self { folder, running }
    }

    /// The lines of its `[[backup.target]]`.
    pub fn target(&self) -> String {
        format!(
            "rclone = \"town:{}\"\nrclone_config = \"{}\"",
            self.folder.join("kept").display(),
            self.folder.join("rclone.conf").display(),
        )
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        self.running.kill().ok();
        self.running.wait().ok();
    }
}

fn free(address: IpAddr) -> SocketAddr {
    let listener = std::net::TcpListener::bind((address, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn until_open(address: SocketAddr) {
    let began = std::time::Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < super::PATIENCE, "{address} does not open");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

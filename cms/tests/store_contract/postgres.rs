//! A PostgreSQL server of the test's own: made in a temporary folder, reached over a Unix socket,
//! ended with the test. PostgreSQL refuses to run as root, so then it runs as `postgres`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A running server.
pub struct Postgres {
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Makes and starts one.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("yagura-pg")
            .tempdir()
            .unwrap();
        let data = folder.path().join("data");
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        succeed(
            as_postgres("initdb")
                .args([
                    "--auth=trust",
                    "--username=yagura",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "-D",
                ])
                .arg(&data),
        );
        let server = as_postgres("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { server, folder };
        started.wait();
        started
    }

    /// The folder of its socket.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a database of this name, made anew.
    pub fn database(&self, name: &str) -> String {
        succeed(
            program("createdb")
                .arg("-h")
                .arg(self.folder.path())
                .args(["-U", "yagura", name]),
        );
        format!(
            "postgres://yagura@localhost/{name}?host={}",
            self.folder.path().display()
        )
    }

    fn wait(&self) {
        for _ in 0..600 {
            let ready = program("pg_isready")
                .arg("-h")
                .arg(self.folder.path())
                .output()
                .unwrap();
            if ready.status.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // `runuser` passes SIGTERM on; the server ends its sessions and itself.
        let _gone = Command::new("kill")
            .arg(self.server.id().to_string())
            .status();
        let _gone = self.server.wait();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn as_postgres(name: &str) -> Command {
    let program = binary(name);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--reset-env",
        ])
        .arg(program);
    command
}

fn program(name: &str) -> Command {
    Command::new(binary(name))
}

/// Debian keeps the servers of each version in a folder of its own.
fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let found = versions
        .map(|version| version.path().join("bin").join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} of PostgreSQL is missing: run scripts/packages test"))
}

fn succeed(command: &mut Command) {
    let output = command.current_dir(Path::new("/")).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

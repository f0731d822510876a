//! A server that is thrown away: made by `initdb` in a folder of its own, reached over a socket in it,
//! ended and removed with the value.
//!
//! Nobody else gets in: the folder is for one user alone, and nothing listens on the network. It is
//! ended by the system when whoever started it is killed; its folder is then removed by the next one.
//! PostgreSQL refuses to run as root; started by root, it runs as `postgres`.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::{Server, failed, words};
use crate::backup::error::BackupError;

/// It takes connections in this time.
const STARTING: Duration = Duration::from_secs(60);
/// Beginning of the folders' names.
const PREFIX: &str = "yagura-drill-";

/// A running one.
pub(crate) struct Cluster {
    folder: Folder,
    running: Child,
    programs: Option<PathBuf>,
}

/// Removed when dropped, after the server.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _the_next_one_sweeps = fs::remove_dir_all(&self.0);
    }
}

impl Cluster {
    /// Makes and starts one.
    pub(crate) fn start(programs: Option<&Path>, now: Timestamp) -> Result<Self, BackupError> {
        let temporary = std::env::temp_dir();
        sweep(&temporary);
        let name = format!("{PREFIX}{}-{}", std::process::id(), now.0);
        let folder = Folder(temporary.join(name));
        let made = DirBuilder::new().mode(0o700).create(&folder.0);
        made.map_err(BackupError::at(&folder.0))?;
        if as_root() {
            succeed(Command::new("chown").arg("postgres").arg(&folder.0))?;
        }
        let data = folder.0.join("data");
        let mut initdb = owned(&found(programs, "initdb"));
        initdb.args(["--auth=trust", "--username=yagura", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "--no-sync", "-D"]).arg(&data);
        succeed(initdb.current_dir(&folder.0))?;
        let running = owned(&found(programs, "postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder.0)
            .args(["-c", "listen_addresses="])
            // It is thrown away, and need not outlive a power cut.
            .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
            .args(["-c", "wal_level=minimal", "-c", "max_wal_senders=0"])
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed("postgres", error))?;
        let mut cluster = Self {
            folder,
            running,
            programs: programs.map(Path::to_owned),
        };
        cluster.until_ready()?;
        Ok(cluster)
    }

    /// Its URL, of the database that every cluster has.
    pub(crate) fn url(&self) -> String {
        let mut socket = url::form_urlencoded::Serializer::new(String::new());
        socket.append_pair("host", &self.folder.0.display().to_string());
        format!("postgres://yagura@localhost/postgres?{}", socket.finish())
    }

    fn until_ready(&mut self) -> Result<(), BackupError> {
        let began = monotonic();
        let ready = match &self.programs {
            Some(folder) => folder.join("pg_isready"),
            None => "pg_isready".into(),
        };
        loop {
            let mut command = Command::new(&ready);
            command.arg("-h").arg(&self.folder.0);
            let asked = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if asked
                .map_err(|error| failed("pg_isready", error))?
                .success()
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.running.try_wait() {
                return Err(failed("postgres", format!("it ended with {status}")));
            }
            if monotonic().duration_since(began) > STARTING {
                return Err(failed("postgres", "it takes no connections"));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A fast shutdown: sessions are ended, and its shared memory is given back.
        let pid = i32::try_from(self.running.id()).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        let _reaped = self.running.wait();
    }
}

impl Server {
    /// The one of a cluster.
    pub(crate) fn of_cluster(cluster: &Cluster) -> Self {
        Self::new(cluster.url().into(), cluster.programs.clone())
    }
}

fn as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program of the server's, which ends when its starter does.
fn owned(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if as_root() {
        command.args(["--reuid=postgres", "--regid=postgres"]);
        command.args(["--clear-groups", "--reset-env"]);
    }
    command.arg("--").arg(program);
    command
}

/// Debian keeps the servers of each version in a folder of its own, and out of the path.
fn found(programs: Option<&Path>, name: &str) -> PathBuf {
    if let Some(folder) = programs {
        return folder.join(name);
    }
    let versions = fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let program = version.path().join("bin").join(name);
            program.exists().then_some((number, program))
        })
        .max();
    newest.map_or_else(|| name.into(), |(_, program)| program)
}

fn succeed(command: &mut Command) -> Result<(), BackupError> {
    let program = "a scratch server of PostgreSQL";
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(program, error))?;
    if output.status.success() {
        return Ok(());
    }
    let hint = "install the package postgresql, or name a server by [backup] scratch_database";
    let why = format!("{}\n  {hint}", words(&output.stderr));
    Err(failed(program, why))
}

/// Removes what those left who were killed.
fn sweep(temporary: &Path) {
    let entries = fs::read_dir(temporary).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let starter = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse::<u32>().ok());
        let gone = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
        if starter.is_some_and(gone) {
            let _it_may_be_anothers = fs::remove_dir_all(entry.path());
        }
    }
}

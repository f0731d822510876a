//! Whatever rclone reaches. It is started as a server of restic's REST on this machine's loopback,
//! under a password of the moment that its environment tells it, and ends with us: however we end, also
//! by SIGKILL, because the kernel kills it then (prctl(2), PR_SET_PDEATHSIG, which `setpriv` of
//! util-linux sets before it becomes rclone).

use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use yagura_control::clock::monotonic;

use super::rest::Rest;
use super::{Kind, Store};

/// rclone answers in this time after its start.
const STARTING: Duration = Duration::from_secs(20);

pub(crate) struct Rclone {
    remote: String,
    config: PathBuf,
    running: Mutex<Option<(Server, Arc<Rest>)>>,
}

/// The process; dropped, it is ended.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Rclone {
    pub(crate) const fn new(remote: String, config: PathBuf) -> Self {
        Self {
            remote,
            config,
            running: Mutex::new(None),
        }
    }

    /// The server, started when it is not running.
    fn server(&self) -> io::Result<Arc<Rest>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((server, rest)) = running.as_mut()
            && server.0.try_wait()?.is_none()
        {
            return Ok(rest.clone());
        }
        *running = None;
        let (server, rest) = self.start()?;
        let rest = Arc::new(rest);
        *running = Some((server, rest.clone()));
        Ok(rest)
    }

    fn start(&self) -> io::Result<(Server, Rest)> {
        let password = format!("{:032x}", rand::rng().random::<u128>());
        // A port that is free now; were it taken meanwhile, rclone would end, and be started anew.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "rclone", "serve", "restic"])
            .args(["--addr", &format!("127.0.0.1:{port}")])
            .arg("--config")
            .arg(&self.config)
            .arg(&self.remote)
            .env("RCLONE_USER", "yagura")
            .env("RCLONE_PASS", &password)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let last = Arc::new(Mutex::new(String::new()));
        let child = started(command, last.clone())?;
        let mut server = Server(child);
        let url = format!("http://127.0.0.1:{port}/");
        let rest = Rest::with_password(&url, Some(("yagura", &password)), None)?;
        let began = monotonic();
        loop {
            if let Some(status) = server.0.try_wait()? {
                let last = last.lock().unwrap_or_else(PoisonError::into_inner);
                let why = format!("rclone ended with {status}: {last}");
                return Err(io::Error::other(why));
            }
            match rest.list(Kind::Config) {
                Ok(_) => return Ok((server, rest)),
                Err(error) if monotonic().duration_since(began) > STARTING => return Err(error),
                Err(_) => std::thread::park_timeout(Duration::from_millis(50)),
            }
        }
    }
}

/// Starts it in a thread that lives as long as it does, and reads what it says into `last`: it would
/// end with the thread that started it, and wait for a reader.
fn started(mut command: Command, last: Arc<Mutex<String>>) -> io::Result<Child> {
    let (give, take) = mpsc::channel();
    let living = move || {
        let mut child = command.spawn();
        let told = child.as_mut().ok().and_then(|child| child.stderr.take());
        let _the_starter_waits = give.send(child);
        let Some(told) = told else {
            return;
        };
        for line in BufReader::new(told).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            tracing::debug!(target: "yagura::rclone", "{line}");
            *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
        }
    };
    let thread = std::thread::Builder::new().name("rclone".to_owned());
    thread.spawn(living)?;
    let child = take.recv().map_err(io::Error::other)?;
    child
        .map_err(|error| io::Error::new(error.kind(), format!("rclone cannot be started: {error}")))
}

impl Store for Rclone {
    fn place(&self) -> String {
        self.remote.clone()
    }

    fn create(&self) -> io::Result<()> {
        self.server()?.create()
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<(String, u32)>> {
        self.server()?.list(kind)
    }

    fn read(&self, kind: Kind, name: &str, part: Option<(u32, u32)>) -> io::Result<Bytes> {
        self.server()?.read(kind, name, part)
    }

    fn write(&self, kind: Kind, name: &str, content: &[Bytes]) -> io::Result<()> {
        self.server()?.write(kind, name, content)
    }

    fn remove(&self, kind: Kind, name: &str) -> io::Result<()> {
        self.server()?.remove(kind, name)
    }
}

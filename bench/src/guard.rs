//! `guard`: the instructions of a hit, counted by valgrind, as a ratio to those of the practical
//! limit. A count does not depend on how fast or busy the machine is, and the ratio takes out most
//! of what a compiler changes; so it can fail a build without being flaky.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use rustix::process::{Pid, Signal};
use yagura_control::clock::monotonic;

use crate::load;
use crate::objects;
use crate::peers;

/// What to compare with.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The ratio to compare with, in place of the recorded one
    #[arg(long)]
    recorded: Option<f64>,
    /// Count with an access log, the thread that writes it included; judges nothing
    #[arg(long)]
    access_log: bool,
    /// Count hits of a site behind a cloud, asked for through it; judges nothing
    #[arg(long)]
    behind: bool,
    /// Count hits of a site that is inspected, which hits are not; judges nothing
    #[arg(long, conflicts_with = "behind")]
    waf: bool,
}

/// The ratio of a debug build when the hit path was last worked on. Change it on purpose only, and
/// say in the commit what makes a hit cost more or less.
const RECORDED: f64 = 4.19;
/// Growth that is let pass: the noise of another compiler or C library.
const MARGIN: f64 = 1.10;
/// Hits of the two runs whose difference is counted, so that start and end take no part.
const FEW: u32 = 500;
const MANY: u32 = 2_500;
/// A server under valgrind is slow to start.
const STARTING: Duration = Duration::from_secs(60);

/// Counts and judges.
///
/// # Errors
/// valgrind is missing, or a hit costs more than recorded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(
        cfg!(debug_assertions) || arguments.recorded.is_some(),
        "the recorded ratio is that of a debug build; give another one with --recorded"
    );
    let folder = std::env::temp_dir().join(format!(
        "yagura-guard-{}",
        rustix::process::getpid().as_raw_nonzero()
    ));
    std::fs::create_dir(&folder)?;
    let counted = count(&folder, arguments);
    std::fs::remove_dir_all(&folder)?;
    let (own, limit) = counted?;
    let ratio = own / limit;
    let recorded = arguments.recorded.unwrap_or(RECORDED);
    println!(
        "instructions a hit: {own:.0}, the practical limit {limit:.0}, ratio {ratio:.2}, recorded {recorded:.2}"
    );
    ensure!(
        arguments.access_log || arguments.behind || arguments.waf || ratio <= recorded * MARGIN,
        "a hit costs {ratio:.2} times the practical limit's instructions; recorded are {recorded:.2}, \
         with {:.0} % let pass. Find out what was added to the hit path (proxy/src/front)",
        (MARGIN - 1.0) * 100.0
    );
    Ok(())
}

/// Instructions a hit takes here and at the practical limit.
fn count(folder: &Path, arguments: &Arguments) -> anyhow::Result<(f64, f64)> {
    let origin = Server::start(folder, "origin", false, |address| {
        Ok((
            std::env::current_exe()?.display().to_string(),
            vec![
                "origin".to_owned(),
                "--address".to_owned(),
                address.to_string(),
            ],
        ))
    })?;
    let limit = instructions(folder, "limit", |address| {
        Ok((
            std::env::current_exe()?.display().to_string(),
            vec![
                "limit".to_owned(),
                "--address".to_owned(),
                address.to_string(),
            ],
        ))
    })?;
    let own = instructions(folder, "yagura", |address| {
        let config = folder.join("yagura.toml");
        let log = if arguments.access_log {
            "access_log = \"access.jsonl\"\n"
        } else {
            ""
        };
        let behind = if arguments.behind {
            "behind = [\"cloud\"]\n[[cloud]]\nname = \"cloud\"\nranges = [\"127.0.0.0/8\"]\n\
             header = \"none\"\n"
        } else {
            ""
        };
        let waf = if arguments.waf {
            "waf = \"on\"\n[waf]\n"
        } else {
            ""
        };
        let text = format!(
            "[edge]\nthreads = 1\n{log}[[edge.listen]]\naddress = \"{address}\"\n[[site]]\nname = \"town\"\n\
             hosts = [\"127.0.0.1\"]\norigin = \"http://{}\"\nhttp = \"serve\"\n{waf}{behind}",
            origin.address
        );
        std::fs::write(&config, text)?;
        let program = peers::yagura_program()?.display().to_string();
        let arguments = ["edge", "--config", &config.display().to_string()];
        Ok((program, arguments.map(str::to_owned).to_vec()))
    })?;
    Ok((own, limit))
}

type Program = (String, Vec<String>);

fn instructions(
    folder: &Path,
    name: &str,
    program: impl Fn(SocketAddr) -> anyhow::Result<Program>,
) -> anyhow::Result<f64> {
    let mut totals = [0; 2];
    for (total, hits) in totals.iter_mut().zip([FEW, MANY]) {
        let server = Server::start(folder, name, true, &program)?;
        hit(server.address, hits)?;
        *total = server.stop_and_count()?;
    }
    let [few, many] = totals;
    let more = u32::try_from(many.saturating_sub(few)).unwrap_or(u32::MAX);
    Ok(f64::from(more) / f64::from(MANY - FEW))
}

/// One request after the other over one connection, so that every run takes the same way.
fn hit(address: SocketAddr, hits: u32) -> anyhow::Result<()> {
    let path = objects::sized(1);
    load::fetch(address, &path, "")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let request = load::request(
        address,
        &path,
        "user-agent: Mozilla/5.0 (X11; Linux x86_64)\r\naccept: text/html,*/*;q=0.8\r\n\
         accept-language: ja,en;q=0.5\r\naccept-encoding: gzip, deflate, br",
    );
    for _ in 0..hits {
        stream.write_all(request.as_bytes())?;
        let answer = load::read(&mut stream)?;
        ensure!(answer.status == 200, "status {}", answer.status);
    }
    Ok(())
}

/// A server, under valgrind or not; killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    counted: std::path::PathBuf,
}

impl Server {
    fn start(
        folder: &Path,
        name: &str,
        count: bool,
        program: impl Fn(SocketAddr) -> anyhow::Result<Program>,
    ) -> anyhow::Result<Self> {
        let address = {
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            listener.local_addr()?
        };
        let (program, arguments) = program(address)?;
        let counted = folder.join(format!("{name}.count"));
        let mut command = if count {
            let mut command = Command::new("valgrind");
            command
                .args([
                    "--tool=cachegrind",
                    "--cache-sim=no",
                    "--cachegrind-out-file=/dev/null",
                ])
                .arg(format!("--log-file={}", counted.display()))
                .arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let child = command
            .args(&arguments)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match child {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && count => {
                bail!("valgrind is missing; install it: sudo apt-get install valgrind")
            }
            child => child.with_context(|| format!("cannot start {program}"))?,
        };
        let mut server = Self {
            child,
            address,
            counted,
        };
        server.wait_until_answering()?;
        Ok(server)
    }

    fn wait_until_answering(&mut self) -> anyhow::Result<()> {
        let began = monotonic();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        while load::fetch(self.address, &objects::sized(1), "").is_err() {
            if let Some(status) = self.child.try_wait()? {
                let said = std::fs::read_to_string(&self.counted).unwrap_or_default();
                bail!("a server ended while it was waited for: {status}\n{said}");
            }
            ensure!(began.elapsed() < STARTING, "a server does not come up");
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        }
        Ok(())
    }

    fn stop_and_count(mut self) -> anyhow::Result<u64> {
        let number = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let number = number.context("the process has no number")?;
        rustix::process::kill_process(number, Signal::INT)?;
        self.child.wait()?;
        let said = std::fs::read_to_string(&self.counted)?;
        let line = said
            .lines()
            .find_map(|line| {
                line.split_once("I   refs:")
                    .or_else(|| line.split_once("I refs:"))
            })
            .with_context(|| format!("valgrind told no count: {said}"))?;
        Ok(line.1.trim().replace(',', "").parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

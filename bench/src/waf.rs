//! `waf`: what the inspection of a clean GET costs, in one run on one machine: the engine alone, a
//! worker asked over its socket, and the whole way through the edge beside the same way without
//! inspection. Needs libmodsecurity and its rules, as `yagura waf install` says.
//!
//! What hits cost with [waf] in the configuration is counted by `guard --waf`.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use rustix::process::Pid;
use yagura_control::clock::monotonic;
use yagura_waf::errand::Setup;
use yagura_waf::pool::{Asked, Pool, PoolSettings};
use yagura_waf::request::Request;
use yagura_waf::set::Sample;
use yagura_waf::worker;

use crate::machine::Machine;
use crate::usage::Tree;
use crate::{load, objects, peers};

/// How much of each is measured.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Requests of each kind, one after the other
    #[arg(long, default_value_t = 2_000)]
    count: usize,
    /// How long as many as possible are sent, in seconds
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections meanwhile
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

/// What a browser sends, beside the host.
const FIELDS: &str = "user-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
accept-language: ja,en-US;q=0.9,en;q=0.8\r\naccept-encoding: gzip, deflate, br";
/// How long servers may take to start.
const STARTING: Duration = Duration::from_secs(60);

/// Measures, and prints a table.
///
/// # Errors
/// The library or a program is missing, or a clean request is refused.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!(
        "yagura-bench-waf-{}",
        rustix::process::getpid().as_raw_nonzero()
    ));
    std::fs::create_dir(&folder)?;
    let measured = measure(&folder, arguments);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let machine = Machine::this();
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "optimised"
    };
    println!(
        "{}, {} cores, Linux {}; this program: {build}; {} of each, one after the other\n",
        machine.processor, machine.cores, machine.kernel, arguments.count
    );
    let plain = Sample {
        target: objects::MISS.to_owned(),
        ..Sample::default()
    };
    let search = Sample {
        target: "/search?q=%E3%81%94%E3%81%BF+%E5%88%86%E5%88%A5&page=2".to_owned(),
        ..Sample::default()
    };
    for (what, sample) in [("a page", &plain), ("a search", &search)] {
        let took = engine(&sample.request("town"), arguments.count)?;
        tell(&format!("engine alone, CPU time, {what}"), &took);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let took = runtime.block_on(workers(&plain.request("town"), arguments.count))?;
    tell("a worker asked, there and back, a page", &took);

    let edge = Edge::start(folder)?;
    for (what, address) in [("not inspected", edge.plain), ("inspected", edge.inspected)] {
        let took = one_after_the_other(address, arguments.count)?;
        tell(&format!("through the edge, {what}"), &took);
    }
    for (what, address) in [("not inspected", edge.plain), ("inspected", edge.inspected)] {
        let tree = edge.edge.tree()?;
        let (before, began) = (tree.cpu(), monotonic());
        let done = at_once(address, arguments)?;
        let (used, took) = (tree.cpu().saturating_sub(before), began.elapsed());
        let (done, used) = (f64::from(done), used.as_secs_f64());
        println!(
            "{:<44} {:>8.0} a second, {:>6.0} a second of CPU time of edge and workers ({:.2} ms each)",
            format!("as many as possible, {what}"),
            done / took.as_secs_f64(),
            done / used,
            used * 1000.0 / done
        );
    }
    Ok(())
}

fn tell(what: &str, took: &[Duration]) {
    let at = |hundredths: usize| {
        let place = took.len() * hundredths / 100;
        let took = took.get(place.min(took.len().saturating_sub(1)));
        took.map_or(0.0, Duration::as_secs_f64) * 1000.0
    };
    println!(
        "{what:<44} {:>8.3} ms in the middle, {:.3} ms at 99 of 100",
        at(50),
        at(99)
    );
}

fn sorted(mut took: Vec<Duration>) -> Vec<Duration> {
    took.sort_unstable();
    took
}

/// CPU time of verdicts in this process.
fn engine(request: &Request, count: usize) -> anyhow::Result<Vec<Duration>> {
    let (_, engine) = worker::load(&Setup::of_debian()).map_err(|why| anyhow!(why))?;
    let mut took = Vec::new();
    for _ in 0..count {
        let verdict = worker::judged(&engine, request);
        let verdict = verdict.map_err(|bound| anyhow!("over a bound: {bound}"))?;
        ensure!(!verdict.refused, "it is refused: {:?}", verdict.matches);
        took.push(Duration::from_micros(verdict.cpu_us));
    }
    Ok(sorted(took))
}

/// Time until a worker's verdict is there.
async fn workers(request: &Request, count: usize) -> anyhow::Result<Vec<Duration>> {
    let pool = Pool::start(PoolSettings {
        program: peers::yagura_program()?,
        socket: None,
        user: None,
        setup: Setup::of_debian(),
        stamp: String::new(),
        workers: 3,
        recycle: 1_000,
    });
    let mut took = Vec::new();
    for _ in 0..count {
        let began = monotonic();
        match pool.ask(1, request.clone()).await {
            Asked::Verdict(_) => took.push(began.elapsed()),
            other => bail!("no verdict but {other:?}"),
        }
    }
    Ok(sorted(took))
}

fn one_after_the_other(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut stream = connected(address)?;
    let mut took = Vec::new();
    for _ in 0..count {
        let began = monotonic();
        ask(address, &mut stream)?;
        took.push(began.elapsed());
    }
    Ok(sorted(took))
}

/// How many are answered over some connections at a time.
fn at_once(address: SocketAddr, arguments: &Arguments) -> anyhow::Result<u32> {
    let lasting = Duration::from_secs(arguments.seconds);
    let one = || {
        let mut stream = connected(address)?;
        let (began, mut done) = (monotonic(), 0);
        while began.elapsed() < lasting {
            ask(address, &mut stream)?;
            done += 1;
        }
        Ok::<u32, anyhow::Error>(done)
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..arguments.connections)
            .map(|_| scope.spawn(one))
            .collect();
        all.into_iter().try_fold(0, |sum, one| match one.join() {
            Ok(done) => Ok(sum + done?),
            Err(_) => bail!("a reader came to an end"),
        })
    })
}

fn connected(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn ask(address: SocketAddr, stream: &mut TcpStream) -> anyhow::Result<()> {
    let request = load::request(address, objects::MISS, FIELDS);
    stream.write_all(request.as_bytes())?;
    let answer = load::read(stream)?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(())
}

/// An edge with one site that is inspected and one that is not, before an origin.
struct Edge {
    edge: Process,
    _origin: Process,
    inspected: SocketAddr,
    plain: SocketAddr,
}

struct Process(Child);

impl Edge {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let free = |last: u8| -> anyhow::Result<SocketAddr> {
            let address = Ipv4Addr::new(127, 0, 0, last);
            Ok(TcpListener::bind(SocketAddr::from((address, 0)))?.local_addr()?)
        };
        let (origin, inspected, plain) = (free(1)?, free(2)?, free(3)?);
        let _origin = Process::start(
            std::env::current_exe()?,
            &["origin", "--address", &origin.to_string()],
        )?;
        let config = folder.join("yagura.toml");
        let site = |name: &str, address: SocketAddr, mode: &str| {
            format!(
                "[[site]]\nname = \"{name}\"\nhosts = [\"{}\"]\norigin = \"http://{origin}\"\nhttp = \"serve\"\nwaf = \"{mode}\"\n",
                address.ip()
            )
        };
        let text = format!(
            "[edge]\n[[edge.listen]]\naddress = \"{inspected}\"\n[[edge.listen]]\naddress = \"{plain}\"\n[waf]\n{}{}",
            site("inspected", inspected, "on"),
            site("plain", plain, "off"),
        );
        std::fs::write(&config, text)?;
        let config = config.display().to_string();
        let edge = Process::start(peers::yagura_program()?, &["edge", "--config", &config])?;
        let edge = Self {
            edge,
            _origin,
            inspected,
            plain,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let began = monotonic();
        // A search is told to come back until there are workers.
        let search = format!("{}?q=a", objects::MISS);
        let is_up = || load::fetch(inspected, &search, FIELDS).is_ok_and(|it| it.status != 503);
        while !is_up() {
            ensure!(began.elapsed() < STARTING, "the edge does not come up");
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        }
        Ok(edge)
    }
}

impl Process {
    fn start(program: PathBuf, arguments: &[&str]) -> anyhow::Result<Self> {
        let child = Command::new(&program)
            .args(arguments)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let child = child.with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self(child))
    }

    fn tree(&self) -> anyhow::Result<Tree> {
        let number = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        Ok(Tree::of(number.context("the process has no number")?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}

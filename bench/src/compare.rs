//! `compare`: every workload, every peer in turn, several rounds; then the report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use rustix::process::{Resource, Rlimit};
use rustix::thread::CpuSet;
use yagura_control::clock::{Clock, SystemClock};

use crate::figures::Run;
use crate::machine::Machine;
use crate::packages::{self, Package};
use crate::peers::{self, Peer};
use crate::place::Place;
use crate::process::{LOAD_CORE, Running};
use crate::report;
use crate::usage;
use crate::workloads::{self, Course, Workload};

/// What to compare, and for how long.
#[derive(Debug, Args)]
pub struct Arguments {
    /// One short round with Yagura, the practical limit, nginx and h2o; nothing is written
    #[arg(long)]
    quick: bool,
    /// Only this workload (may be given several times; nothing is written without --out)
    #[arg(long, value_name = "WORKLOAD")]
    only: Vec<String>,
    /// Only this peer (may be given several times; nothing is written without --out)
    #[arg(long, value_name = "NAME")]
    peer: Vec<String>,
    /// Seconds a measurement lasts
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=30))]
    seconds: Option<u64>,
    /// Rounds, of which the median counts
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
    rounds: Option<u8>,
    /// Folder for results, plots and configurations; the page goes beside it, as `FOLDER.md`
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Where a whole run's results go, seen from the repository's root.
const OUT: &str = "docs/benchmarks";
/// Peers of a quick run.
const QUICK: [&str; 4] = [peers::OWN, "limit", "nginx", "h2o"];
/// Open files: idle connections and some more.
const FILES: u64 = 16_384;
/// Longest time one measurement may take, whatever hangs.
const LONGEST: Duration = Duration::from_secs(180);

/// A machine that is busier before the run is not quiet.
pub const QUIET_PERCENT: f64 = 10.0;

const TOOLS: [Package; 3] = [
    Package::new("wrk", "wrk"),
    Package::new("nghttp2-client", "h2load"),
    // The letters of the plots.
    Package::new(
        "fonts-dejavu-core",
        "../share/fonts/truetype/dejavu/DejaVuSans.ttf",
    ),
];

/// Runs the comparison.
///
/// # Errors
/// Packages are missing, the machine has one core only, or a measurement failed; the others are
/// told all the same.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let peers = chosen_peers(arguments)?;
    let workloads = chosen_workloads(arguments)?;
    let machine = Machine::this();
    ensure!(
        machine.cores > LOAD_CORE,
        "one core for the server and one for the load are needed"
    );
    let needed = peers.iter().filter_map(|peer| peer.package).chain(TOOLS);
    packages::ensure(&needed.collect::<Vec<_>>())?;
    prepare_process()?;
    let whole = !arguments.quick && arguments.only.is_empty() && arguments.peer.is_empty();
    let out = match &arguments.out {
        Some(out) => Some(out.clone()),
        None => whole.then(|| OUT.into()),
    };
    let (rounds, seconds) = if arguments.quick { (1, 1) } else { (3, 4) };
    let mut run = Run {
        machine,
        day: format!("{}", SystemClock.now().utc().date()),
        rounds: arguments.rounds.map_or(rounds, usize::from),
        seconds: arguments.seconds.unwrap_or(seconds),
        busy_percent: 0.0,
        versions: versions(&peers)?,
        rows: Vec::new(),
        absences: Vec::new(),
    };
    let place = Place::make()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let failures = runtime.block_on(async {
        run.busy_percent = busy_percent().await;
        if run.busy_percent > QUIET_PERCENT {
            let busy = run.busy_percent;
            eprintln!("the machine is not quiet ({busy:.0} % busy): figures will be wrong");
        }
        tokio::select! {
            failures = measure(&place, &mut run, &peers, &workloads) => failures,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })?;
    report::print(&run);
    if let Some(out) = out {
        report::write(&run, &out)?;
        report::keep_configurations(&place, &peers, &out)?;
        println!("written: {}", out.display());
    }
    ensure!(failures == 0, "{failures} measurements failed");
    Ok(())
}

/// How busy the machine is while nothing of ours runs.
async fn busy_percent() -> f64 {
    let before = usage::machine_ticks();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let Some(((busy_before, before), (busy, all))) = before.zip(usage::machine_ticks()) else {
        return 0.0;
    };
    #[expect(clippy::cast_precision_loss, reason = "two seconds have few ticks")]
    let share = (busy - busy_before) as f64 / (all - before).max(1) as f64;
    share * 100.0
}

async fn measure(
    place: &Place,
    run: &mut Run,
    peers: &[&'static Peer],
    workloads: &[Workload],
) -> anyhow::Result<usize> {
    let mut failures = 0;
    let mut origin = Some(place.start_origin().await?);
    for round in 0..run.rounds {
        for workload in workloads {
            for turn in 0..peers.len() {
                // Another one begins each round, so that nobody is always first.
                let Some(peer) = peers.get((turn + round) % peers.len()) else {
                    continue;
                };
                let name = workload.name();
                if let Some(why) = (peer.lacks)(*workload) {
                    run.leave_out(&name, peer.name, why);
                    continue;
                }
                let measured = one(place, &mut origin, run.seconds, peer, *workload);
                let measured = tokio::time::timeout(LONGEST, measured).await;
                match measured.context("it hangs").and_then(|measured| measured) {
                    Ok(figures) => {
                        let shown = serde_json::to_string(&figures)?;
                        eprintln!("round {} {name} {}: {shown}", round + 1, peer.name);
                        run.add(&name, peer.name, figures);
                    }
                    Err(error) => {
                        failures += 1;
                        eprintln!("round {} {name} {}: {error:#}", round + 1, peer.name);
                    }
                }
                if origin.is_none() {
                    origin = Some(place.start_origin().await?);
                }
            }
        }
    }
    Ok(failures)
}

async fn one(
    place: &Place,
    origin: &mut Option<Running>,
    seconds: u64,
    peer: &Peer,
    workload: Workload,
) -> anyhow::Result<crate::figures::Figures> {
    let mut server = peer.start(place).await?;
    let mut course = Course {
        place,
        peer,
        server: &mut server,
        origin,
        seconds,
    };
    let figures = course.run(workload).await;
    let alive = server.is_alive();
    server.stop().await?;
    alive?;
    figures
}

fn chosen_peers(arguments: &Arguments) -> anyhow::Result<Vec<&'static Peer>> {
    let known = |name: &String| peers::ALL.iter().any(|peer| peer.name == name);
    if let Some(unknown) = arguments.peer.iter().find(|name| !known(name)) {
        let names = peers::ALL.map(|peer| peer.name).join(", ");
        bail!("there is no peer {unknown:?}; there are {names}");
    }
    let wanted = |peer: &&Peer| {
        if arguments.peer.is_empty() {
            !arguments.quick || QUICK.contains(&peer.name)
        } else {
            arguments.peer.iter().any(|name| name == peer.name)
        }
    };
    Ok(peers::ALL.into_iter().filter(wanted).collect())
}

fn chosen_workloads(arguments: &Arguments) -> anyhow::Result<Vec<Workload>> {
    let names = workloads::ALL.map(Workload::name);
    if let Some(unknown) = arguments.only.iter().find(|name| !names.contains(name)) {
        bail!(
            "there is no workload {unknown:?}; there are {}",
            names.join(", ")
        );
    }
    let wanted = |workload: &Workload| {
        arguments.only.is_empty() || arguments.only.contains(&workload.name())
    };
    Ok(workloads::ALL.into_iter().filter(wanted).collect())
}

fn versions(peers: &[&Peer]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for peer in peers.iter().filter(|peer| peer.name != "limit") {
        versions.insert(peer.name.to_owned(), peer.version()?);
    }
    Ok(versions)
}

/// This process stays off the server's core; what it starts may open many files.
fn prepare_process() -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(LOAD_CORE);
    rustix::thread::sched_setaffinity(None, &cores)?;
    let present = rustix::process::getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= FILES);
    if enough(present.current) {
        return Ok(());
    }
    let maximum = if enough(present.maximum) {
        present.maximum
    } else {
        Some(FILES)
    };
    let wanted = Rlimit {
        current: Some(FILES),
        maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, wanted)
        .with_context(|| format!("{FILES} open files are needed; raise the limit (ulimit -n)"))
}

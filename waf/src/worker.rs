//! `yagura waf-worker`: the mother process, and the workers that she makes.
//!
//! The mother loads library and rules once, gives up what she does not need (network, further
//! privileges, memory, nearly every call of the system), has every canary judged as she is then, and
//! from there on does nothing but make workers and kill them. A
//! worker is a copy of her (fork): it is there in a millisecond, shares her rules' memory, and knows
//! of no request but its own. It judges one request at a time; a deadline of CPU time ends it in the
//! middle of whatever it is at.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, kill_process, set_parent_process_death_signal,
    setrlimit, waitpid,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use rustix::time::{ClockId, clock_gettime};
use yagura_control::clock::monotonic;

use crate::bounds;
use crate::cage::{self, Who};
use crate::canaries;
use crate::engine::Engine;
use crate::errand::{self, Errand, Loaded, Report, Setup};
use crate::foreign::{self, Forked};
use crate::frame::{Answer, LONGEST, Question};
use crate::request::{Request, Verdict};
use crate::rules::{self, Sources};

/// Runs the mother on her standard input, until the edge is gone.
#[must_use]
pub fn run() -> ExitCode {
    // With the edge, whatever the reason.
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    foreign::close_from(3);
    let Ok(edge) = rustix::io::dup(rustix::stdio::stdin()) else {
        return ExitCode::FAILURE;
    };
    let Ok((Errand::Load(setup), _)) = errand::hear::<Errand>(&edge) else {
        eprintln!("yagura waf-worker: the edge starts this; `yagura waf test` tries rules");
        return ExitCode::FAILURE;
    };
    let (report, engine) = match bound.map_err(|error| error.to_string()) {
        Err(why) => (Report::Failed { why }, None),
        Ok(()) => match loaded(&setup) {
            Ok((loaded, engine)) => (Report::Ready(loaded), Some(engine)),
            Err(why) => (Report::Failed { why }, None),
        },
    };
    let said = errand::say(&edge, &report, None);
    match (said, engine) {
        (Ok(()), Some(engine)) => mother(edge, &engine),
        _ => ExitCode::FAILURE,
    }
}

/// Loads everything, and tries it.
///
/// # Errors
/// Why it cannot be used, in words.
pub fn load(setup: &Setup) -> Result<(Loaded, Engine), String> {
    load_and(setup, Vec::new)
}

/// Loads everything, shuts the process in, which gives what stayed open of it, and tries it as it is
/// then.
fn load_and(setup: &Setup, shut: impl FnOnce() -> Vec<String>) -> Result<(Loaded, Engine), String> {
    let began = monotonic();
    let digest = rules::digest(&setup.rules).map_err(|error| error.to_string())?;
    if let Some(expected) = setup
        .digest
        .as_ref()
        .filter(|expected| **expected != digest)
    {
        return Err(format!(
            "the rules in {} are not those of the configuration\n  expected {expected}\n  found    {digest}\n  after a change of your own or an update of the package, put the new one into `rules_digest` of [waf]",
            setup.rules.display()
        ));
    }
    let sources = Sources::of(&setup.rules, setup.exclusions.clone(), &setup.overrides);
    let sources = sources.map_err(|error| error.to_string())?;
    let engine = Engine::load(&setup.library, &sources)?;
    let open = shut();
    let wrong = canaries::wrong(|request| engine.judge(request).refused);
    if !wrong.is_empty() {
        return Err(format!(
            "the rules are loaded and do not work: {}",
            wrong.join("; ")
        ));
    }
    let loaded = Loaded {
        library: engine.name(),
        directives: engine.directives,
        digest,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        canaries: canaries::all().len(),
        open,
    };
    Ok((loaded, engine))
}

fn loaded(setup: &Setup) -> Result<(Loaded, Engine), String> {
    let network = foreign::leave_the_network();
    load_and(setup, || shut(setup, network))
}

/// Gives up what is not needed once the rules are loaded; gives what the system kept open. Whether it
/// left the network matters only where it could open a socket.
fn shut(setup: &Setup, network: io::Result<()>) -> Vec<String> {
    let mut open = Vec::new();
    let limits = [
        (
            Resource::As,
            room_taken().saturating_add(setup.memory_bytes),
        ),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
    ];
    for (resource, most) in limits {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        if let Err(error) = setrlimit(resource, limit) {
            open.push(format!("{resource:?} is not limited: {error}"));
        }
    }
    if let Err(error) = rustix::thread::set_no_new_privs(true) {
        open.push(format!("it may gain privileges: {error}"));
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    if let Err(error) = set_capabilities(None, none) {
        open.push(format!("it has capabilities: {error}"));
    }
    foreign::tell_forbidden_calls();
    match (cage::enter(Who::Mother), network) {
        (Ok(()), _) => {}
        (Err(error), Ok(())) => open.push(format!("it may call all of the system: {error}")),
        (Err(error), Err(network)) => {
            open.push(format!("it may call all of the system: {error}"));
            open.push(format!("it has the network: {network}"));
        }
    }
    open
}

/// How much room of addresses the process has taken already, most of which its allocator has only
/// reserved.
fn room_taken() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').next().and_then(|pages| pages.parse().ok());
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pages.unwrap_or(1_u64 << 19).saturating_mul(page)
}

/// Makes workers and kills them.
fn mother(edge: OwnedFd, engine: &Engine) -> ExitCode {
    let mut workers: HashMap<u64, Pid> = HashMap::new();
    loop {
        match errand::hear::<Errand>(&edge) {
            Ok((Errand::Make { worker }, Some(socket))) => match foreign::fork() {
                Ok(Forked::Child) => {
                    drop(edge);
                    return work(engine, UnixStream::from(socket));
                }
                Ok(Forked::Parent(pid)) => {
                    workers.extend(Pid::from_raw(pid).map(|pid| (worker, pid)));
                }
                // The edge sees that the socket is closed.
                Err(_) => {}
            },
            Ok((Errand::Kill { worker }, _)) => {
                if let Some(pid) = workers.remove(&worker) {
                    let _is_gone = kill_process(pid, Signal::KILL);
                    let ended = waitpid(Some(pid), WaitOptions::empty());
                    let status = ended.ok().flatten().map(|(_, status)| status);
                    let signal = status.and_then(|status| status.terminating_signal());
                    let ended = Report::Ended { worker, signal };
                    let _edge_is_gone = errand::say(&edge, &ended, None);
                }
            }
            Ok(_) => {}
            Err(_) => return ExitCode::SUCCESS,
        }
    }
}

/// Judges requests until the edge has no more.
fn work(engine: &Engine, asker: UnixStream) -> ExitCode {
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return ExitCode::FAILURE;
    }
    // The mother's hold of the edge.
    foreign::close_stdin();
    foreign::speak_last_to(asker.as_raw_fd());
    foreign::end_at_deadlines();
    // Where the system has no such thing, the mother has said so.
    let _no_seccomp = cage::enter(Who::Worker);
    match answer(engine, asker) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(engine: &Engine, mut asker: UnixStream) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        asker.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        asker.read_exact(&mut bytes)?;
        let question = Question::of(&bytes).ok_or(io::ErrorKind::InvalidData)?;
        foreign::deadline(question.cpu_ms);
        let began = cpu();
        let mut verdict = engine.judge(&question.request);
        foreign::deadline(0);
        let took = cpu().saturating_sub(began);
        verdict.cpu_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        asker.write_all(&Answer::frame_of(&verdict))?;
    }
}

/// CPU time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let whole = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(whole, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What a request would come to, bounds included; for `yagura waf test`.
///
/// # Errors
/// It is over a bound.
pub fn judged(engine: &Engine, request: &Request) -> Result<Verdict, bounds::Bound> {
    match bounds::exceeded(request) {
        Some(bound) => Err(bound),
        None => {
            let began = cpu();
            let mut verdict = engine.judge(request);
            let took = cpu().saturating_sub(began);
            verdict.cpu_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            Ok(verdict)
        }
    }
}

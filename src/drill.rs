//! `yagura drill`: rehearses notice and disaster page on a site's drill host, sees from outside
//! whether each is there, and writes down how long it took. The public sees nothing of it.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use yagura_config::Settings;
use yagura_config::settings::{HostPattern, SiteSettings};
use yagura_control::client::Client;
use yagura_control::clock::monotonic;
use yagura_control::order::{
    AddPost, DisasterPost, NoticeOf, NoticeText, Order, RaiseDisaster, RaiseNotice,
};
use yagura_control::{Clock, SystemClock, Timestamp};

use crate::arguments::DrillArguments;
use crate::{configuration, edges};

/// Within this time a page has to be up.
const GOAL: Duration = Duration::from_secs(1);
/// After this time a step has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// Most of an answer that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// What stands on the pages.
const WORDS: &str = "# 訓練\n\nこれは訓練です。\n";
const POST: &str = "訓練の投稿です。";

/// What is written down.
#[derive(Debug, Serialize)]
struct Record {
    site: String,
    host: String,
    edge: SocketAddr,
    began: Timestamp,
    ended: Timestamp,
    passed: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    what: &'static str,
    ordered_at: Timestamp,
    /// From the order to the edge's reply.
    replied_ms: u128,
    /// From the order until a reader saw it; none when nobody did.
    seen_ms: Option<u128>,
}

impl Step {
    fn passed(&self) -> bool {
        self.seen_ms.is_some_and(|seen| seen <= GOAL.as_millis())
    }
}

/// A status, with words that are there or not.
type Expected = (&'static str, Order, u16, &'static str, bool);

pub(crate) fn run(arguments: &DrillArguments) -> anyhow::Result<ExitCode> {
    let settings = configuration::read(&arguments.edges.config)?;
    let (site, host) = stand_in(&settings, &arguments.site)?;
    let edge = match arguments.through {
        Some(address) => address,
        None => plain_listener(&settings)?,
    };
    let peers = edges::peers(&arguments.edges)?;
    let clock = SystemClock;
    let began = clock.now();
    let mut steps = Vec::new();
    for (what, order, status, words, there) in expected(&site, began) {
        let step = step(&peers, (what, order, status, words, there), (edge, &host))?;
        if !arguments.edges.json {
            println!("{}", line(&step));
        }
        steps.push(step);
    }
    let record = Record {
        passed: steps.iter().all(Step::passed),
        site,
        host,
        edge,
        began,
        ended: clock.now(),
        steps,
    };
    let json = serde_json::to_string_pretty(&record)?;
    if arguments.edges.json {
        println!("{json}");
    }
    if let Some(folder) = &arguments.record {
        let file = written(folder, &record, &json)?;
        eprintln!("written to {}", file.display());
    }
    Ok(if record.passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn stand_in(settings: &Settings, site: &str) -> anyhow::Result<(String, String)> {
    let of_site = |one: &&SiteSettings| one.drill_of.as_deref() == Some(site);
    let Some(found) = settings.sites.iter().find(of_site) else {
        bail!(
            "the site \"{site}\" has no drill host\n  add [site.drill] with hosts and allow_from to it"
        );
    };
    let host = found.hosts.iter().find_map(|host| match host {
        HostPattern::Exact(name) => Some(name.clone()),
        HostPattern::Any => None,
    });
    Ok((
        found.name.clone(),
        host.context("the drill host has no name")?,
    ))
}

/// Where readers of this machine reach the edge without TLS.
fn plain_listener(settings: &Settings) -> anyhow::Result<SocketAddr> {
    let listen = settings.edge.iter().flat_map(|edge| &edge.listen);
    let plain = listen
        .filter(|listen| !listen.tls)
        .map(|listen| listen.address);
    let mut address = plain.min_by_key(SocketAddr::is_ipv6).context(
        "the edge listens nowhere without TLS\n  name an edge that does with --through ADDRESS",
    )?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address)
}

fn expected(site: &str, now: Timestamp) -> Vec<Expected> {
    let texts = vec![NoticeText {
        lang: "ja".to_owned(),
        title: None,
        markdown: WORDS.to_owned(),
    }];
    let of = || NoticeOf {
        site: site.to_owned(),
    };
    let notice = Order::RaiseNotice(RaiseNotice {
        site: site.to_owned(),
        texts: texts.clone(),
        until: None,
        except: Vec::new(),
        files: Vec::new(),
    });
    let disaster = Order::RaiseDisaster(RaiseDisaster {
        site: site.to_owned(),
        texts,
        until: None,
        posts: Vec::new(),
    });
    let post = Order::AddPost(AddPost {
        site: site.to_owned(),
        post: DisasterPost {
            number: now.0,
            lang: "ja".to_owned(),
            markdown: POST.to_owned(),
            who: String::new(),
        },
    });
    let (words, drill) = ("これは訓練です。", "<title>訓練");
    vec![
        ("notice up", notice, 503, words, true),
        ("notice down", Order::LowerNotice(of()), 0, words, false),
        ("disaster page up", disaster, 200, words, true),
        ("post added", post, 200, POST, true),
        (
            "disaster page down",
            Order::LowerDisaster(of()),
            0,
            drill,
            false,
        ),
    ]
}

fn step(
    peers: &[Client],
    (what, order, status, words, there): Expected,
    (edge, host): (SocketAddr, &str),
) -> anyhow::Result<Step> {
    let (ordered_at, began) = (SystemClock.now(), monotonic());
    for peer in peers {
        edges::order_one(peer, order.clone(), "a drill")?;
    }
    let replied_ms = began.elapsed().as_millis();
    let mut seen_ms = None;
    while seen_ms.is_none() && began.elapsed() < PATIENCE {
        let answer = asked(edge, host).unwrap_or_default();
        let right = status == 0 || answer.starts_with(&format!("HTTP/1.1 {status} "));
        if !answer.is_empty() && right && answer.contains(words) == there {
            seen_ms = Some(began.elapsed().as_millis());
        } else {
            edges::pause(LOOK);
        }
    }
    Ok(Step {
        what,
        ordered_at,
        replied_ms,
        seen_ms,
    })
}

/// Asks for the home page as a reader does; what came, head and body.
fn asked(edge: SocketAddr, host: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&edge, GOAL)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn line(step: &Step) -> String {
    let seen = match step.seen_ms {
        Some(seen) if step.passed() => format!("seen after {seen} ms"),
        Some(seen) => format!("seen after {seen} ms: TOO LATE"),
        None => "NOT SEEN".to_owned(),
    };
    format!(
        "{}  {:<20} replied after {} ms, {seen}",
        step.ordered_at, step.what, step.replied_ms
    )
}

fn written(folder: &PathBuf, record: &Record, json: &str) -> anyhow::Result<PathBuf> {
    let told = || format!("cannot write the record to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(told)?;
    let file = folder.join(format!("drill-{}-{}.json", record.site, record.began.0));
    std::fs::write(&file, json).with_context(told)?;
    Ok(file)
}

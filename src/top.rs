//! `yagura top`: the running edges at a look, again and again.
//!
//! Every interval all edges are asked for their status and their counts (`look`). What came in
//! between two looks is reckoned in `top/rates.rs`, drawn in `top/screen.rs`; both are pure. Here are
//! the terminal, the keys and the clock.

mod rates;
mod screen;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, bail};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use yagura_control::client::Client;
use yagura_control::order::{Order, Outcome, Reply};
use yagura_control::{Clock, SystemClock};

use crate::arguments::TopArguments;
use crate::edges::{self, Answer};
use crate::output;
use rates::{EdgeSeen, Look, Rates};
use screen::View;

/// Keys are looked for so often while nothing new comes.
const KEYS: Duration = Duration::from_millis(50);

/// Width of what is printed where there is no terminal, in characters.
const PRINTED_WIDTH: u16 = 120;

pub(crate) fn run(arguments: &TopArguments) -> anyhow::Result<ExitCode> {
    let peers = edges::peers(&arguments.edges)?;
    let every = Duration::from_secs(u64::from(arguments.every));
    if arguments.once || arguments.edges.json {
        return print(&peers, every, arguments);
    }
    if !std::io::stdout().is_terminal() {
        bail!(
            "this is no terminal\n  use --once for one look as text, or --json for one object a line"
        );
    }
    watch(peers, every)
}

/// Prints rates instead of drawing them: once, or an object a line until the reader goes away.
fn print(peers: &[Client], every: Duration, arguments: &TopArguments) -> anyhow::Result<ExitCode> {
    let mut before = look(peers)?;
    loop {
        edges::pause(every);
        let now = look(peers)?;
        let rates = Rates::between(&before, &now);
        let failed = rates.edges.iter().any(|edge| edge.error.is_some());
        let code = if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
        if arguments.once {
            if arguments.edges.json {
                output::json(&rates)?;
            } else {
                print!("{}", screen::as_text(&rates, PRINTED_WIDTH));
            }
            return Ok(code);
        }
        let mut out = std::io::stdout().lock();
        let written = serde_json::to_string(&rates)
            .map_err(std::io::Error::other)
            .and_then(|line| writeln!(out, "{line}"))
            .and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(code),
            written => written?,
        }
        before = now;
    }
}

/// Asks every edge how it stands and what it has counted.
fn look(peers: &[Client]) -> anyhow::Result<Look> {
    let status = edges::all(peers, Order::Status)?;
    let stats = edges::all(peers, Order::CacheStats)?;
    let edges = status.into_iter().zip(stats).map(seen).collect();
    Ok(Look {
        at: SystemClock.now(),
        edges,
    })
}

fn seen((status, stats): (Answer, Answer)) -> EdgeSeen {
    let at = status.at;
    match (status.reply, stats.reply) {
        (
            Some(Reply {
                edge,
                generation,
                outcome: Outcome::Status(status),
                ..
            }),
            Some(Reply {
                effective_at,
                outcome: Outcome::CacheStats(stats),
                ..
            }),
        ) => EdgeSeen::Answered {
            edge,
            generation,
            at: effective_at,
            status,
            stats,
        },
        _ => EdgeSeen::Silent {
            error: status
                .error
                .or(stats.error)
                .unwrap_or_else(|| "no answer".to_owned()),
            at,
        },
    }
}

/// Draws until somebody presses q.
fn watch(peers: Vec<Client>, every: Duration) -> anyhow::Result<ExitCode> {
    let looks = looking(peers, every)?;
    let mut terminal = ratatui::try_init().context("the terminal cannot be drawn on")?;
    let ended = drawn(&mut terminal, &looks);
    ratatui::try_restore().context("the terminal stays as it is; `reset` helps")?;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Looks in a thread of its own, so that an edge that hangs keeps no key waiting.
fn looking(peers: Vec<Client>, every: Duration) -> anyhow::Result<Receiver<anyhow::Result<Look>>> {
    let (sender, looks) = sync_channel(1);
    std::thread::Builder::new()
        .name("top".to_owned())
        .spawn(move || {
            while sender.send(look(&peers)).is_ok() {
                edges::pause(every);
            }
        })?;
    Ok(looks)
}

fn drawn(
    terminal: &mut ratatui::DefaultTerminal,
    looks: &Receiver<anyhow::Result<Look>>,
) -> anyhow::Result<()> {
    let mut before: Option<Look> = None;
    let mut rates: Option<Rates> = None;
    let mut view = View::default();
    loop {
        terminal.draw(|frame| screen::draw(frame, rates.as_ref(), &view))?;
        loop {
            match looks.recv_timeout(KEYS) {
                Ok(look) => {
                    let look = look?;
                    if !view.paused {
                        let earlier = before.as_ref().unwrap_or(&look);
                        rates = Some(Rates::between(earlier, &look));
                        before = Some(look);
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("looking at the edges ended"),
            }
            if event::poll(Duration::ZERO)? {
                match event::read()? {
                    Event::Key(key) if key.kind == KeyEventKind::Press => match asked(key) {
                        Some(Asked::End) => return Ok(()),
                        Some(Asked::Pause) => view.paused = !view.paused,
                        Some(Asked::Move(by)) => view.moved(by),
                        None => continue,
                    },
                    Event::Resize(..) => {}
                    _ => continue,
                }
                break;
            }
        }
    }
}

/// What a key asks for.
enum Asked {
    End,
    Pause,
    Move(i16),
}

fn asked(key: KeyEvent) -> Option<Asked> {
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Asked::End),
        KeyCode::Char('q') | KeyCode::Esc => Some(Asked::End),
        KeyCode::Char(' ' | 'p') => Some(Asked::Pause),
        KeyCode::Up | KeyCode::Char('k') => Some(Asked::Move(-1)),
        KeyCode::Down | KeyCode::Char('j') => Some(Asked::Move(1)),
        KeyCode::PageUp => Some(Asked::Move(-10)),
        KeyCode::PageDown => Some(Asked::Move(10)),
        _ => None,
    }
}

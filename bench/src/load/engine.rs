//! Requests over kept plain connections from one thread that never sleeps: as fast as they are
//! answered, or at a given rate.
//!
//! At a given rate each request has a time at which it is due. It is sent then, or, when its
//! connection still waits for an answer, as soon as that has come; its time counts from when it was
//! due, so that a server that stops for a while is charged for everything it kept waiting.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use yagura_control::clock::monotonic;

use super::{Requests, Seen, Targets, client};
use crate::objects;

/// The same targets in the same order in every run.
const SEED: u64 = 20_261_124;

struct Connection {
    stream: TcpStream,
    /// When the request under way was due.
    under_way: Option<Instant>,
    /// When those that wait for the connection are due.
    due: VecDeque<Instant>,
    /// Bytes of a head that is not whole yet.
    head: Vec<u8>,
    /// Bytes of the body that are still to come.
    left: Option<usize>,
    /// The server ends the connection after this answer.
    close: bool,
}

struct Engine<'a> {
    wanted: &'a Requests,
    poll: OwnedFd,
    connections: Vec<Connection>,
    requests: Vec<Vec<u8>>,
    order: Order,
    sent: u64,
    failed: u64,
    took: Vec<Duration>,
}

/// Runs until the time or the count is over.
pub fn run(wanted: &Requests) -> anyhow::Result<Seen> {
    let mut engine = Engine {
        wanted,
        poll: epoll::create(CreateFlags::CLOEXEC)?,
        connections: Vec::new(),
        requests: requests(wanted),
        order: Order::of(wanted.targets),
        sent: 0,
        failed: 0,
        took: Vec::new(),
    };
    for number in 0..wanted.connections {
        let connection = open(&engine.poll, wanted.address, number)?;
        engine.connections.push(connection);
    }
    let began = monotonic();
    engine.go(began)?;
    let seconds = began.elapsed().as_secs_f64();
    engine.took.sort_unstable();
    let took = &engine.took;
    let at = |hundredths: usize| {
        let place = (took.len() * hundredths / 100).min(took.len().saturating_sub(1));
        took.get(place).map_or(0.0, |took| took.as_secs_f64() * 1e6)
    };
    Ok(Seen {
        done: took.len() as u64,
        failed: engine.failed,
        seconds,
        p50_us: at(50),
        p99_us: at(99),
    })
}

impl Engine<'_> {
    fn go(&mut self, began: Instant) -> anyhow::Result<()> {
        let end = began + Duration::from_millis(self.wanted.lasting_ms);
        if self.wanted.rate.is_none() {
            for number in 0..self.connections.len() {
                self.send(number, began)?;
            }
        }
        let mut read = vec![0; 256 << 10];
        let mut events = Vec::with_capacity(1024);
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        loop {
            let now = monotonic();
            let over = now >= end || self.sent >= self.wanted.count;
            let under_way = |connection: &Connection| connection.under_way.is_some();
            // Answers that do not come within two seconds after the end have failed.
            if over
                && (!self.connections.iter().any(under_way) || now > end + Duration::from_secs(2))
            {
                let waits = |one: &Connection| usize::from(under_way(one)) + one.due.len();
                self.failed += self.connections.iter().map(waits).sum::<usize>() as u64;
                return Ok(());
            }
            if !over {
                self.send_what_is_due(began, now)?;
            }
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.poll, room, Some(&at_once)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => bail!("epoll: {error}"),
            }
            for event in &events {
                let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                self.receive(number, &mut read, end)?;
            }
        }
    }

    fn send_what_is_due(&mut self, began: Instant, now: Instant) -> anyhow::Result<()> {
        let Some(rate) = self.wanted.rate else {
            return Ok(());
        };
        loop {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
            let due = began + Duration::from_secs_f64(self.sent as f64 / rate);
            if due > now || self.sent >= self.wanted.count {
                return Ok(());
            }
            let number = usize::try_from(self.sent).unwrap_or(0) % self.connections.len();
            match self.connections.get_mut(number) {
                Some(connection) if connection.under_way.is_some() => {
                    connection.due.push_back(due);
                    self.sent += 1;
                }
                _ => self.send(number, due)?,
            }
        }
    }

    fn send(&mut self, number: usize, due: Instant) -> anyhow::Result<()> {
        self.sent += 1;
        self.write(number, due)
    }

    fn write(&mut self, number: usize, due: Instant) -> anyhow::Result<()> {
        let target = self.order.next();
        let (Some(connection), Some(request)) =
            (self.connections.get_mut(number), self.requests.get(target))
        else {
            bail!("no such connection or target");
        };
        connection.under_way = Some(due);
        // A request of a hundred bytes always fits an empty socket buffer.
        match connection.stream.write(request) {
            Ok(count) if count == request.len() => Ok(()),
            _ => self.broken(number),
        }
    }

    /// Counts the request under way as failed and connects anew.
    fn broken(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        let was_under_way = connection.under_way.is_some();
        self.failed += u64::from(was_under_way);
        let due = std::mem::take(&mut connection.due);
        *connection = open(&self.poll, self.wanted.address, number)?;
        connection.due = due;
        if was_under_way && self.wanted.rate.is_none() {
            return self.send(number, monotonic());
        }
        Ok(())
    }

    fn receive(&mut self, number: usize, read: &mut [u8], end: Instant) -> anyhow::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        let mut bytes = match connection.stream.read(read) {
            Ok(1..) if connection.under_way.is_none() => bail!("more came than was asked for"),
            Ok(0) => return self.broken(number),
            Ok(count) => read.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(_) => return self.broken(number),
        };
        let left = match connection.left {
            Some(left) => left,
            None => {
                connection.head.extend_from_slice(bytes);
                let head = match client::head(&connection.head) {
                    Ok(Some(head)) => head,
                    Ok(None) => return Ok(()),
                    Err(_) => return self.broken(number),
                };
                connection.close = head.close;
                if head.status != self.wanted.status {
                    self.failed += 1;
                    connection.under_way = None;
                }
                bytes = &[];
                let there = connection.head.len() - head.length;
                (head.body).saturating_sub(there)
            }
        };
        connection.head.clear();
        let left = left.saturating_sub(bytes.len());
        connection.left = (left > 0).then_some(left);
        if left > 0 {
            return Ok(());
        }
        let now = monotonic();
        if let Some(due) = connection.under_way.take() {
            self.took.push(now.saturating_duration_since(due));
        }
        if connection.close {
            self.broken(number)?;
        }
        let due = self
            .connections
            .get_mut(number)
            .and_then(|one| one.due.pop_front());
        match (self.wanted.rate, due) {
            (Some(_), Some(due)) => self.write(number, due),
            (None, _) if now < end && self.sent < self.wanted.count => self.send(number, now),
            _ => Ok(()),
        }
    }
}

fn open(poll: &OwnedFd, address: SocketAddr, number: usize) -> anyhow::Result<Connection> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))
        .with_context(|| format!("nobody answers at {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let data = EventData::new_u64(number as u64);
    epoll::add(poll, &stream, data, EventFlags::IN)?;
    Ok(Connection {
        stream,
        under_way: None,
        due: VecDeque::new(),
        head: Vec::new(),
        left: None,
        close: false,
    })
}

fn requests(wanted: &Requests) -> Vec<Vec<u8>> {
    let paths: Vec<String> = match wanted.targets {
        Targets::One => vec![objects::sized(10)],
        Targets::SetInOrder | Targets::SetByZipf => {
            (0..objects::SET).map(objects::of_set).collect()
        }
        Targets::Outage => (0..objects::OUTAGE).map(objects::of_outage).collect(),
    };
    let request = |path: &String| client::request(wanted.address, path, &wanted.field).into_bytes();
    paths.iter().map(request).collect()
}

/// Which target is next.
enum Order {
    InTurn {
        next: usize,
        of: usize,
    },
    Zipf {
        sums: Vec<f64>,
        random: Box<ChaCha8Rng>,
    },
}

impl Order {
    fn of(targets: Targets) -> Self {
        match targets {
            Targets::One => Self::InTurn { next: 0, of: 1 },
            Targets::Outage => Self::InTurn {
                next: 0,
                of: objects::OUTAGE,
            },
            Targets::SetInOrder => Self::InTurn {
                next: 0,
                of: objects::SET,
            },
            Targets::SetByZipf => Self::Zipf {
                sums: zipf_sums(objects::SET),
                random: Box::new(ChaCha8Rng::seed_from_u64(SEED)),
            },
        }
    }

    fn next(&mut self) -> usize {
        match self {
            Self::InTurn { next, of } => {
                let target = *next;
                *next = (target + 1) % *of;
                target
            }
            Self::Zipf { sums, random } => {
                let most = sums.last().copied().unwrap_or(0.0);
                let drawn = random.random::<f64>() * most;
                sums.partition_point(|sum| *sum < drawn)
                    .min(sums.len().saturating_sub(1))
            }
        }
    }
}

/// Sums of 1/rank, exponent 1.
fn zipf_sums(count: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |rank: u32| {
        sum += 1.0 / f64::from(rank);
        sum
    };
    (1..=u32::try_from(count).unwrap_or(u32::MAX))
        .map(add)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_set_is_asked_for_most_often() {
        let mut order = Order::of(Targets::SetByZipf);
        let mut counts = vec![0_u32; objects::SET];
        for _ in 0..100_000 {
            counts[order.next()] += 1;
        }
        // 1 / (the sum of 1/rank up to 10,000) is 0.102.
        assert!((9_000..11_500).contains(&counts[0]), "{}", counts[0]);
        assert!((4_300..5_900).contains(&counts[1]), "{}", counts[1]);
    }
}

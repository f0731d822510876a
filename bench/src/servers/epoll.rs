//! A bare loop of one thread: epoll, httparse, one write an answer. Level-triggered, so that a
//! request costs one wait, one read and one write, which is as little as HTTP over a socket takes.

use std::collections::HashMap;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Writes the head of an answer into the buffer and gives the body.
pub trait Answer: FnMut(&httparse::Request<'_, '_>, &mut Vec<u8>) -> Arc<[u8]> {}

impl<F: FnMut(&httparse::Request<'_, '_>, &mut Vec<u8>) -> Arc<[u8]>> Answer for F {}

const LISTENER: u64 = u64::MAX;
/// Longest request head.
const LONGEST: usize = 16 << 10;

struct Connection {
    stream: TcpStream,
    /// Bytes of a request that is not whole yet.
    begun: Vec<u8>,
    /// Bytes that the socket did not take yet.
    left: Vec<u8>,
}

/// Serves until it is killed.
///
/// # Errors
/// The address cannot be used, or epoll fails.
pub fn serve(address: SocketAddr, mut answer: impl Answer) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot use {address}"))?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &poll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut connections: HashMap<u64, Connection, ahash::RandomState> = HashMap::default();
    let mut next = 0;
    let mut events = Vec::with_capacity(512);
    let mut read = vec![0; 64 << 10];
    let mut out = Vec::with_capacity(4 << 10);
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => bail!("epoll: {error}"),
        }
        for event in &events {
            let number = event.data.u64();
            if number == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    let connection = admit(&poll, stream, next)?;
                    connections.insert(next, connection);
                    next += 1;
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&number) else {
                continue;
            };
            if !serve_one(&poll, number, connection, &mut read, &mut out, &mut answer) {
                connections.remove(&number);
            }
        }
    }
}

fn admit(poll: &OwnedFd, stream: TcpStream, number: u64) -> anyhow::Result<Connection> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    epoll::add(poll, &stream, EventData::new_u64(number), EventFlags::IN)?;
    Ok(Connection {
        stream,
        begun: Vec::new(),
        left: Vec::new(),
    })
}

/// Reads once and answers what is whole; `false` when the connection is over.
fn serve_one(
    poll: &OwnedFd,
    number: u64,
    connection: &mut Connection,
    read: &mut [u8],
    out: &mut Vec<u8>,
    answer: &mut impl Answer,
) -> bool {
    if !connection.left.is_empty() {
        return match flush(connection) {
            Some(true) => listen_for(poll, number, connection, EventFlags::IN),
            Some(false) => true,
            None => false,
        };
    }
    let length = match connection.stream.read(read) {
        Ok(0) => return false,
        Ok(length) => length,
        Err(error) => return error.kind() == ErrorKind::WouldBlock,
    };
    let mut bytes = read.get(..length).unwrap_or_default();
    let joined;
    if !connection.begun.is_empty() {
        connection.begun.extend_from_slice(bytes);
        joined = std::mem::take(&mut connection.begun);
        bytes = &joined;
    }
    while !bytes.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < LONGEST => {
                connection.begun = bytes.to_vec();
                break;
            }
            _ => return false,
        };
        out.clear();
        let body = answer(&request, out);
        if !write(connection, out, &body) {
            return false;
        }
        bytes = bytes.get(length..).unwrap_or_default();
    }
    connection.left.is_empty()
        || listen_for(poll, number, connection, EventFlags::IN | EventFlags::OUT)
}

/// Head and body in one system call; what the socket does not take waits in `left`.
fn write(connection: &mut Connection, head: &[u8], body: &[u8]) -> bool {
    let mut written = 0;
    if connection.left.is_empty() {
        let parts = [IoSlice::new(head), IoSlice::new(body)];
        match connection.stream.write_vectored(&parts) {
            Ok(count) => written = count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
    if written < head.len() + body.len() {
        let rest = head.iter().chain(body).skip(written);
        connection.left.extend(rest);
    }
    true
}

/// `Some(true)` when nothing is left, `None` when the reader is gone.
fn flush(connection: &mut Connection) -> Option<bool> {
    match connection.stream.write(&connection.left) {
        Ok(count) => {
            connection.left.drain(..count);
            Some(connection.left.is_empty())
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(false),
        Err(_) => None,
    }
}

fn listen_for(poll: &OwnedFd, number: u64, connection: &Connection, flags: EventFlags) -> bool {
    epoll::modify(poll, &connection.stream, EventData::new_u64(number), flags).is_ok()
}

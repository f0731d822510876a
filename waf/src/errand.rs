//! What edge and mother process say to each other: one message a packet, over a socket that nobody
//! else can open, because it has no name: the mother finds it in place of its standard input.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg,
    sendmsg, socket_with, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest message.
const LONGEST: usize = 160 << 10;

/// What a mother is to load, and how she is to live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The library.
    pub library: PathBuf,
    /// The folder of rules.
    pub rules: PathBuf,
    /// What `rules::digest` must give; none takes what is there.
    pub digest: Option<String>,
    /// Files of rules of the operator's.
    pub overrides: Vec<PathBuf>,
    /// Exclusions as directives.
    pub exclusions: String,
    /// Most memory of a process, in bytes.
    pub memory_bytes: u64,
}

impl Setup {
    /// What Debian's packages bring.
    #[must_use]
    pub fn of_debian() -> Self {
        Self {
            library: PathBuf::from("libmodsecurity.so.3"),
            rules: PathBuf::from("/usr/share/modsecurity-crs/rules"),
            digest: None,
            overrides: Vec::new(),
            exclusions: String::new(),
            memory_bytes: 512 << 20,
        }
    }
}

/// What the edge says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Errand {
    /// First: what to load.
    Load(Setup),
    /// Make a worker, which speaks over the socket that comes beside this.
    Make {
        /// Its name from now on.
        worker: u64,
    },
    /// End it, now, and say how it ended: it may be gone already.
    Kill {
        /// Its name.
        worker: u64,
    },
}

/// What the mother says: how loading went, once; then of each worker that she was to kill how it
/// ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Report {
    /// The rules are loaded, and every canary was judged as it must be.
    Ready(Loaded),
    /// It cannot be used.
    Failed {
        /// Why.
        why: String,
    },
    /// A worker is gone.
    Ended {
        /// Which.
        worker: u64,
        /// The signal that ended it; none when it ended by itself.
        signal: Option<i32>,
    },
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// What the library calls itself.
    pub library: String,
    /// Directives that were read.
    pub directives: usize,
    /// The digest of the folder of rules.
    pub digest: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Canaries that were judged.
    pub canaries: usize,
    /// What of its cage the system did not give, in words.
    pub open: Vec<String>,
}

/// Both ends.
///
/// # Errors
/// There are too many open files.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = SocketType::SEQPACKET;
    let pair = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None);
    Ok(pair?)
}

/// The edge's end, where a service manager holds a socket and starts a mother for each connection.
///
/// # Errors
/// Nobody listens there, or the edge may not connect.
pub fn connected(path: &Path) -> io::Result<OwnedFd> {
    let kind = SocketType::SEQPACKET;
    let socket = socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Says something, with a socket beside it; never waits.
///
/// # Errors
/// The other one is gone, or does not listen.
pub fn say(
    to: impl AsFd,
    message: &impl Serialize,
    beside: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let beside: Vec<BorrowedFd<'_>> = beside.into_iter().collect();
    if !beside.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&beside)) {
        return Err(io::Error::other("there is no room for a socket"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(to, &[IoSlice::new(&text)], &mut ancillary, flags)?;
    Ok(())
}

/// Waits for what the other one says, with the socket beside it.
///
/// # Errors
/// It is gone ([`io::ErrorKind::UnexpectedEof`]), or says what is no message.
pub fn hear<M: DeserializeOwned>(from: impl AsFd) -> io::Result<(M, Option<OwnedFd>)> {
    let mut text = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        from,
        &mut [IoSliceMut::new(&mut text)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut socket = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(sockets) = message {
            socket = sockets.last();
        }
    }
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let text = text.get(..received.bytes).unwrap_or_default();
    Ok((serde_json::from_slice(text)?, socket))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_socket_travels_beside_a_message() {
        let (near, far) = pair().unwrap();
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        say(&near, &Errand::Kill { worker: 1 }, None).unwrap();
        say(&near, &Errand::Make { worker: 2 }, Some(one.as_fd())).unwrap();
        drop(one);
        let (first, none): (Errand, _) = hear(&far).unwrap();
        let (second, socket): (Errand, _) = hear(&far).unwrap();
        assert_eq!((first, none.is_none()), (Errand::Kill { worker: 1 }, true));
        assert_eq!(second, Errand::Make { worker: 2 });
        let socket = std::os::unix::net::UnixStream::from(socket.unwrap());
        (&socket).write_all(b"x").unwrap();
        let mut read = [0];
        (&other).read_exact(&mut read).unwrap();
        drop(near);
        let gone = hear::<Errand>(&far).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::UnexpectedEof);
    }
}

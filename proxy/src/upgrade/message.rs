//! What two processes of an edge say to each other while one takes over: a line of JSON each, over
//! a socket that nobody else can open, because it has no name: the new process finds it in place of
//! its standard input. The listening sockets travel beside a line (`SCM_RIGHTS`, unix(7)).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

/// Counted up when an older process would not understand a newer one.
pub const PROTOCOL: u32 = 1;
/// Most sockets handed over; the kernel sends 253 at most.
const MOST_SOCKETS: usize = 64;
/// Longest line.
const LONGEST_BYTES: usize = 1 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Message {
    /// The new process: it runs, and wants the sockets.
    Hello {
        /// Its [`PROTOCOL`].
        protocol: u32,
        /// Its version.
        version: String,
    },
    /// The old one: here they are, in this order; the disk is free.
    Sockets {
        /// See [`super::sockets::Sockets`].
        names: Vec<String>,
    },
    /// The new process: it has read everything, and accepts connections as soon as it is told.
    Ready,
    /// The new process: it cannot go on.
    Failed {
        /// Why.
        why: String,
    },
    /// The old one: from now on the new process takes orders, writes to the disk and lets readers in.
    Yours,
    /// The new process: it does.
    Taken,
}

/// One end.
#[derive(Debug)]
pub struct Line {
    stream: UnixStream,
    read: Vec<u8>,
    sockets: Vec<OwnedFd>,
}

impl Line {
    /// This end of the line.
    #[must_use]
    pub const fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
            sockets: Vec::new(),
        }
    }

    /// The same end, for another thread that only says something.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn another(&self) -> io::Result<Self> {
        Ok(Self::new(self.stream.try_clone()?))
    }

    /// Says something, with sockets beside it.
    ///
    /// # Errors
    /// The other one is gone, or there are too many sockets.
    pub fn say(&self, message: &Message, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_SOCKETS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(sockets)) {
            return Err(io::Error::other("too many sockets to hand over"));
        }
        let mut left = line.as_slice();
        while !left.is_empty() {
            let sent = sendmsg(
                &self.stream,
                &[IoSlice::new(left)],
                &mut beside,
                SendFlags::NOSIGNAL,
            )?;
            beside.clear();
            left = left.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits for what the other one says, with the sockets beside it.
    ///
    /// # Errors
    /// It is gone ([`io::ErrorKind::UnexpectedEof`]), or says what is no message.
    pub fn hear(&mut self) -> io::Result<(Message, Vec<OwnedFd>)> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let message = serde_json::from_slice(&line)?;
                return Ok((message, std::mem::take(&mut self.sockets)));
            }
            if self.read.len() > LONGEST_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_SOCKETS))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.stream,
            &mut [IoSliceMut::new(&mut piece)],
            &mut beside,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                self.sockets.extend(sockets);
            }
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let piece = piece.get(..received.bytes).unwrap_or_default();
        self.read.extend_from_slice(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sockets_travel_beside_the_line_that_names_them() {
        let (one, other) = UnixStream::pair().unwrap();
        let (near, mut far) = (Line::new(one), Line::new(other));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let names = vec!["public".to_owned()];
        near.say(&Message::Ready, &[]).unwrap();
        let message = Message::Sockets { names };
        near.say(&message, &[listener.as_fd()]).unwrap();
        let (first, none) = far.hear().unwrap();
        let (second, sockets) = far.hear().unwrap();
        // Both lines may come in one piece; the sockets are there with the later one at the latest.
        assert_eq!((first, second), (Message::Ready, message));
        let mut sockets = none.into_iter().chain(sockets);
        let received = TcpListener::from(sockets.next().unwrap());
        assert_eq!(
            received.local_addr().unwrap(),
            listener.local_addr().unwrap()
        );
        drop(near);
        let gone = far.hear().unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn what_is_no_message_is_an_error_and_no_panic(bytes in any::<Vec<u8>>()) {
            let (mut one, other) = UnixStream::pair().unwrap();
            one.write_all(&bytes).unwrap();
            drop(one);
            let mut far = Line::new(other);
            while far.hear().is_ok() {}
        }
    }
}

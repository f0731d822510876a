//! The new process's side: it finds the line to the old one in place of its standard input, asks
//! for the sockets, and waits for the word that everything is its own.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;

use super::message::{Line, Message, PROTOCOL};
use super::sockets::Sockets;
use crate::error::EdgeError;

/// Takes the sockets over from the process that started this one. Blocks until it gives them.
///
/// # Errors
/// Nobody hands over.
pub fn take_over() -> Result<(Line, Sockets), EdgeError> {
    let taking = || {
        let line = rustix::stdio::stdin().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        let mut line = Line::new(UnixStream::from(line));
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let hello = Message::Hello {
            protocol: PROTOCOL,
            version,
        };
        line.say(&hello, &[])?;
        match line.hear()? {
            (Message::Sockets { names }, sockets) if names.len() == sockets.len() => {
                Ok((line, Sockets::given(names, sockets)))
            }
            (other, _) => Err(io::Error::other(format!("it said {other:?}"))),
        }
    };
    taking().map_err(|cause| EdgeError::TakeOver { cause })
}

/// Says that this process is ready, and waits until everything is its own. Blocks.
///
/// # Errors
/// The old process went on without this one, or is gone.
pub fn be_given(line: &mut Line) -> Result<(), EdgeError> {
    let mut given = || {
        line.say(&Message::Ready, &[])?;
        match line.hear()? {
            (Message::Yours, _) => Ok(()),
            (other, _) => Err(io::Error::other(format!("it said {other:?}"))),
        }
    };
    given().map_err(|cause| EdgeError::TakeOver { cause })
}

/// Says that everything was taken; the old process ends with its readers.
pub fn taken(line: &Line) {
    let _is_gone = line.say(&Message::Taken, &[]);
}

/// Says why this process cannot go on.
pub fn give_up(line: &Line, error: &EdgeError) {
    let why = error.to_string();
    let _is_gone = line.say(&Message::Failed { why }, &[]);
}

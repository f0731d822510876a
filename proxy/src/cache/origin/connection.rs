//! One connection to an origin.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use yagura_config::settings::Origin as Place;

/// TCP or a Unix socket.
pub enum Connection {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn open(place: &Place) -> io::Result<Self> {
        Ok(match place {
            Place::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                let _slower = stream.set_nodelay(true);
                Self::Tcp(stream)
            }
            Place::Unix(path) => Self::Unix(UnixStream::connect(path).await?),
        })
    }

    /// Whether nothing came since the last answer, neither bytes nor the end.
    pub fn is_silent(&self) -> bool {
        let mut one = [0];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut one),
            Self::Unix(stream) => stream.try_read(&mut one),
        };
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Unix(stream) => stream.write_all(bytes).await,
        }
    }

    /// Reads what is there, at least a byte; zero at the end.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(into).await,
            Self::Unix(stream) => stream.read_buf(into).await,
        }
    }
}

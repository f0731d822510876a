//! Why an edge did not start, or ended.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The settings have no `[edge]`.
    #[error("the configuration has no [edge]")]
    NoEdge,
    /// An address is taken; who holds it is for the command to find out.
    #[error("{address} is in use")]
    AddressInUse {
        /// Which address.
        address: SocketAddr,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Address {
        /// Which address.
        address: SocketAddr,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A file or folder of the edge cannot be used.
    #[error("cannot use {}: {cause}\n  check the permissions and the space left on the disk", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// The journal cannot be trusted.
    #[error("{}: {cause}", path.display())]
    Journal {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: yagura_control::journal::Damaged,
    },
    /// The operators, or the TLS of their orders, cannot be taken over.
    #[error("orders cannot be taken as [control] and [[operator]] say: {0}")]
    Operators(String),
    /// Another edge works in the folder.
    #[error("{} is used by another edge (pid {holder})\n  stop that one, or replace it with `yagura upgrade`", folder.display())]
    FolderInUse {
        /// Which folder.
        folder: PathBuf,
        /// Its process number, as it wrote it down.
        holder: String,
    },
    /// The process that was to hand over did not.
    #[error("nothing is handed over: {cause}")]
    TakeOver {
        /// The system's words.
        cause: std::io::Error,
    },
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] yagura_certs::CertError),
}

impl EdgeError {
    /// For `map_err` on file operations at `path`.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }
}

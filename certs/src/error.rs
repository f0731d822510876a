//! Why there is no certificate.

use std::path::PathBuf;

/// What failed, and what to do about it. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file could not be read or written.
    #[error("cannot use {}: {cause}\n  check the permissions and the space left on the disk", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A file is there and does not hold what it should.
    #[error("{} is damaged: {what}\n  restore it from a backup, or move it away to have a new one made", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A chain or key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
    /// A certificate was looked through and is not taken.
    #[error(transparent)]
    Refused(#[from] crate::inspect::Refusals),
    /// What was given cannot be read.
    #[error(transparent)]
    Unreadable(#[from] crate::formats::Unreadable),
    /// A request cannot go on so.
    #[error(transparent)]
    Request(#[from] crate::csr::Refused),
    /// A certificate could not be made.
    #[error("a certificate could not be issued: {0}")]
    NotIssued(String),
}

impl CertError {
    /// For `map_err` on file operations at `path`.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }
}

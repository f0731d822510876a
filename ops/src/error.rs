//! Why the operations desk cannot work.

use std::path::PathBuf;

/// What failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// A ledger cannot be used.
    #[error("cannot use {}: {cause}\n  check the permissions and the space left on the disk", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A month is not written as `2026-11`.
    #[error("\"{0}\" is no month\n  write it as 2026-11")]
    NotAMonth(String),
}

impl OpsError {
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }
}

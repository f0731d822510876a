//! What can go wrong in the CMS, and how it is answered over HTTP.

use std::path::PathBuf;

use http::StatusCode;
use yagura_control::Timestamp;

use crate::domain::Place;

/// What failed. The text is for operators and staff; readers see only what the status says.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The database holds something it should not.
    #[error("the database holds a {what} that cannot be read: {cause}")]
    Corrupt {
        /// What kind of thing.
        what: &'static str,
        /// Why it cannot be read.
        cause: String,
    },
    /// This SQLite can lose data.
    #[error("SQLite {0} can corrupt its write-ahead log; 3.51.3 or newer is needed")]
    OldSqlite(String),
    /// A file or socket cannot be used.
    #[error("cannot use {}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A template could not be filled in.
    #[error("a template failed: {0}")]
    Template(String),
    /// There is no such thing.
    #[error("{0} is not there")]
    NotFound(&'static str),
    /// Somebody else saved in the meantime.
    #[error("{by} saved revision {number} at {}; yours is based on an older one", at.rfc3339())]
    Conflict {
        /// Who.
        by: String,
        /// Which revision is there now.
        number: i64,
        /// When it was saved.
        at: Timestamp,
    },
    /// What was sent breaks rules; each with what to do, in Japanese.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The account, the password or, from outside, the second factor is wrong; which is not told.
    #[error("the account, the password or the second factor is wrong")]
    SignInRefused(Place),
    /// From outside the city hall, for an account that has no second factor.
    #[error("the account has no second factor, without which nobody gets in from outside")]
    FactorMissing,
    /// So many wrong codes that no further one is taken.
    #[error("too many wrong codes; the second factor must be taken away and set up anew")]
    FactorSpent,
    /// Who changes the password did not give the present one.
    #[error("the present password is wrong")]
    PasswordRefused,
    /// What somebody signed in showed again, before a change of the second factor, is wrong.
    #[error("the password or the code is wrong")]
    ProofRefused,
    /// Too many failed tries.
    #[error("too many failed tries; wait {0} seconds")]
    Throttled(u64),
    /// A request that staff's own pages do not make.
    #[error("the request does not come from a page of the CMS")]
    Forged,
}

impl CmsError {
    /// For `map_err` on file operations at `path`.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }

    /// A refusal for one reason.
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(vec![reason.into()])
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Database(_)
            | Self::Corrupt { .. }
            | Self::OldSqlite(_)
            | Self::Template(_)
            | Self::File { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::SignInRefused(_) => StatusCode::UNAUTHORIZED,
            Self::PasswordRefused | Self::ProofRefused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Forged | Self::FactorMissing | Self::FactorSpent => StatusCode::FORBIDDEN,
        }
    }
}

//! The operations desk: asks the services as a reader would, keeps what it saw, and tells the
//! availability of a month from it.
//!
//! - `probe.rs`: one question to one service, over TLS where readers use TLS.
//! - `minute.rs`: what the answers of one minute mean. Pure.
//! - `ledger.rs`: the minutes on disk, one file an indicator and month, only ever appended to.
//! - `statement.rs`: a month in figures. Pure.
//! - `desk.rs`: asks at every interval and writes at every minute's end.
//!
//! It runs apart from edge and CMS, so that it sees them fail.

pub mod backup;
mod desk;
mod error;
mod ledger;
mod minute;
mod probe;
mod statement;

pub use desk::run;
pub use error::OpsError;
pub use ledger::Month;
pub use statement::{Indicator, Statement, statement};

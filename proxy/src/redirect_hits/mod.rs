//! How often each redirect was answered, by day, so that it survives the process.
//!
//! - `routing/redirects.rs` counts in memory, one addition a redirect.
//! - `tally.rs`: what a table that was replaced had counted, until it is written.
//! - `store.rs`: one file a day, appended to; no count is older than [`INTERVAL`] before it is there.
//! - `recorder.rs`: takes the counts to the store.
//!
//! What is read out of it stands in `show_redirects.rs`.

pub mod recorder;
pub mod store;
pub mod tally;

use std::time::Duration;

pub use store::HitStore;
pub use tally::Tally;

/// How often what was counted is written. A killed process loses no more than this and what the
/// disk takes: five seconds are promised.
pub const INTERVAL: Duration = Duration::from_secs(2);
const _: () = assert!(INTERVAL.as_secs() < 5, "five seconds are promised");

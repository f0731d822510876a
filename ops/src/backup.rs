//! Backups: generations of database and files, in repositories that need no Yagura to be restored.
//!
//! - `vault.rs`: all targets, and what can be asked of them. `target.rs`, `lock.rs`: one of them.
//! - `take.rs`: takes a generation, of `pages.rs` (SQLite), `postgres.rs` and `files.rs`. `restore.rs`,
//!   `in_place.rs`: the way back; `in_place/`, so that it ends well whenever it is killed.
//! - `state.rs`: what is recorded and compared; `retention.rs`: what is kept. Pure.
//! - `leftovers.rs`: what killed runs left at a place, and when it goes.
//! - `schedule.rs`: when it is done. Pure. `desk.rs` does it; `status.rs`, `announce.rs`: how it stands, and who is told.
//! - `drill.rs`, `drill/`: a restore that is rehearsed.
//! - `engine.rs`, `engine/`: repositories. `store.rs`, `store/`: places that hold their files.
//!
//! It knows the CMS by its database and folder alone; see `docs/decisions/backup.md`.

mod announce;
mod desk;
mod drill;
mod engine;
mod error;
mod files;
mod in_place;
mod leftovers;
mod lock;
mod pages;
mod postgres;
mod restore;
mod retention;
mod schedule;
mod state;
mod status;
mod store;
mod take;
mod target;
#[cfg(test)]
mod tests;
mod vault;

pub use desk::{Schedule, run};
pub use drill::{Drill, DrillSummary, Step};
pub use engine::{Generation, Part, Progress, Pruned, Reading};
pub use error::BackupError;
pub use in_place::{InPlace, Mended, Ordered, Plan, Replaced, Stage};
pub use postgres::Server;
pub use restore::{Restored, chosen};
pub use retention::Reason;
pub use state::{AllFiles, DatabaseState, FileState, State, TableState, differences};
pub use status::{Standing, Status};
pub use take::Taken;
pub use vault::{Vault, Verdict};

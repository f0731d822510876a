//! What the edge does with which site, and the only way to change it.
//!
//! - `plan.rs`: the immutable plan in force, with its generation.
//! - `intent.rs`: what operators want; `health.rs`: which upstreams count as up; `decide.rs`: what
//!   becomes of both. Pure.
//! - `redirects.rs`: one site's table of redirects.
//! - `switchboard.rs`: the only door; `effect.rs`: what an order would make of the plan (`effect/`, by kind).
//! - `history.rs`: what was ordered, and what takes it back.
//! - `asked.rs`: what the history says of requests.
//! - `import.rs`: what an import of redirects makes; `import_check.rs`: what is looked for before.
//! - `record.rs`: what is kept of it; `journal.rs`: the file behind it, fsynced, a chain, with its full
//!   files in `journal/`; `replay.rs`: read again at the start.
//! - `switchboard/requests.rs`: what waits for a second person; `switchboard/questions.rs`: what is asked.

mod asked;
pub mod decide;
pub mod effect;
pub mod health;
pub mod history;
pub mod import;
pub mod import_check;
pub mod intent;
pub mod journal;
pub mod plan;
pub mod record;
pub mod redirects;
mod replay;
pub mod switchboard;

pub use plan::{Plan, Site, without_port};
pub use switchboard::{News, Switchboard};

//! What the edge does with which site, and the only way to change it.
//!
//! - `plan.rs`: the immutable plan in force, with its generation.
//! - `intent.rs`: what operators want; `health.rs`: which upstreams count as up; `decide.rs`: what
//!   becomes of both. Pure.
//! - `redirects.rs`: one site's table of redirects.
//! - `switchboard.rs`: the only door; `effect.rs`: what an order would make of the plan (`effect/`, by kind).
//! - `history.rs`: what was ordered, and what takes it back.
//! - `import.rs`: what an import of redirects makes; `import_check.rs`: what is looked for before.
//! - `journal.rs`: the file behind it, fsynced; `replay.rs`: read again at the start.

pub mod decide;
pub mod effect;
pub mod health;
pub mod history;
pub mod import;
pub mod import_check;
pub mod intent;
pub mod journal;
pub mod plan;
pub mod redirects;
mod replay;
pub mod switchboard;

pub use plan::{Plan, Site, without_port};
pub use switchboard::Switchboard;

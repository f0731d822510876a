//! What the edge does with which site, and the only way to change it.
//!
//! - `plan.rs`: the immutable plan in force, with its generation.
//! - `redirects.rs`: one site's table of redirects.
//! - `import.rs`: an order that changes it; `import_check.rs`: what is looked for before.
//! - `switchboard.rs`: the only door; orders become journalled changes.
//! - `journal.rs`: the file behind it, fsynced, replayed at start.

pub mod import;
pub mod import_check;
pub mod journal;
pub mod plan;
pub mod redirects;
pub mod switchboard;

pub use plan::{Plan, Site, without_port};
pub use switchboard::Switchboard;

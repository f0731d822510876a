//! What the operator wrote: one TOML file, parsed into settings that cannot be wrong.
//!
//! The way of a file, from the top: [`read`] takes the path, [`parse`] the text; `read/` walks the
//! tables (one file a table) through `section.rs`, which collects every [`Fault`] with its key,
//! its line and a hint; `check.rs` looks at what no single table can see. Only a file without
//! faults becomes [`Settings`].
//!
//! This crate knows no other crate of Yagura and opens nothing but the file it is given.
//! Read [`settings`] next.

mod check;
mod fault;
mod quantity;
mod read;
mod section;
pub mod settings;
mod suggest;

pub use fault::{ConfigError, Fault, Faults};
pub use read::{parse, read};
pub use settings::Settings;

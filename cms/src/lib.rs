//! The CMS: where staff write, and the origin the edge fetches from.
//!
//! Data flows one way: `domain` (pure) ← `store` (SQLite, PostgreSQL) and `render` ← `actions` (one
//! verb a file) ← `web` (public, staff) and `jobs` (what follows a change). `feed` tells edges which
//! public URLs changed, over a socket of its own. `demo` makes the city of the demo.

pub mod actions;
pub mod demo;
pub mod domain;
pub mod error;
pub mod feed;
pub mod jobs;
pub mod render;
pub mod server;
pub mod state;
pub mod store;
pub mod web;

pub use error::CmsError;
pub use state::CmsState;

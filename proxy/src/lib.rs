//! The edge: every public request passes here.
//!
//! The way of a request, and the file of each step:
//!
//! ```text
//! listeners.rs ─ TLS ─┐
//!                     ├─ HTTP/1.1 ─ front/ ─ a plain hit ──────────────► answered from memory
//!                     │                └ anything else ─┐
//!                     └─ HTTP/2 ────────────────────────┴─ service.rs
//!                                                            1 stages/host.rs      which site
//!                                                            2 stages/ingress.rs   who may
//!                                                            3 stages/redirect.rs  printed codes
//!                                                            4 stages/https.rs     308
//!                                                            5 stages/lookup.rs    hot, last-good
//!                                                            6 the origin, stages/forward.rs
//!                                                            7 stages/receive.rs   fill, purge
//!                                                            8 stages/last_good.rs origin is dead
//! ```
//!
//! What is decided by: `routing/` (the plan in force, changed only by orders through the
//! switchboard) and `cache/` (both levels). Orders come in through `admin.rs`. Everything shared is
//! in `state.rs`; the one public function is [`run`].

mod access_log;
mod admin;
pub mod cache;
mod errands;
mod error;
mod front;
mod listeners;
pub mod routing;
mod server;
mod service;
mod signals;
mod stages;
mod state;
mod visit;

pub use error::EdgeError;
pub use server::run;

//! The edge: every public request passes here.
//!
//! The way of a request, and the file of each step:
//!
//! ```text
//! limits/ who may ─┐
//! ingress/ who is  ┤
//! listeners.rs TLS ┤
//!                  ├─ HTTP/1.1 ─ front/ ─ a plain hit ──► answered from memory
//!                  │                ├ another read ─────► stages/
//!                  │                └ anything else ─┐      1 host.rs      which site, which path
//!                  └─ HTTP/2 ────────────────────────┴─►    2 limit.rs     methods, size of bodies
//!                                             service.rs    3 ingress.rs   who may, by which way
//!                                                           4 redirect.rs  printed codes
//!                                                           5 https.rs     308
//!                                                           6 notice.rs    in place of it all
//!                                                             disaster.rs  in place of the home page
//!                                                           7 lookup.rs    hot, last-good
//!                                                             waf.rs       inspection, where it is on
//!                                                           8 fetch.rs     once for all who ask
//!                       what no reader shares with another: 9 forward.rs   to the origin
//!                                                          10 receive.rs   fill, invalidate
//!                                  whenever the origin is dead: last_good.rs
//! ```
//!
//! What is decided by: `routing/` (the plan in force, changed only by orders through the
//! switchboard) and `cache/` (both levels). Orders come in through `admin.rs`; `show.rs` tells what
//! would become of a request, `counters.rs` what became of all of them, `access_log/` of each, `traces/` tells of some to OpenTelemetry.
//! `probes/` asks the ways to each site, and `hooks/` tells people.
//! `public.rs` accepts, `upgrade/` replaces the process, `notify.rs` tells the service manager. Everything shared is in
//! `state.rs`; the one public function is [`run`].

mod access_log;
mod admin;
mod bypass;
pub mod cache;
mod certificates;
mod counters;
mod disaster;
mod errands;
mod error;
mod front;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hooks;
pub mod hsts;
mod ingress;
mod limits;
mod listeners;
mod metrics;
mod notice;
mod notify;
mod probes;
mod public;
mod redirect_hits;
pub mod routing;
mod server;
mod service;
mod show;
mod show_redirects;
mod stages;
mod state;
mod target_check;
mod traces;
mod upgrade;
mod upstream;
mod visit;
mod waf;
mod watchdog;

pub use bypass::rehearsal::{Rehearsal, rehearse};
pub use error::EdgeError;
pub use server::{Start, run};
pub use upgrade::Program;

//! Inspection of requests, for the time in which no security cloud does it: OWASP's Core Rule Set, in
//! libmodsecurity, in processes that can be killed.
//!
//! - `request.rs`, `kind.rs`, `json.rs`, `multipart.rs`: what is inspected.
//! - `bounds.rs`: what no rule engine is given; `copy.rs`: how the rest is written for it.
//! - `policy.rs`: what is done with what was found.
//! - `foreign.rs`: the library and the system; all that is unsafe.
//! - `cage.rs`: what the processes may ask of the system.
//! - `engine.rs`, `rules.rs`, `exclusions.rs`, `canaries.rs`, `line.rs`: rules, loaded and tried.
//! - `worker.rs`: the processes; `frame.rs` and `errand.rs`: how they are spoken with.
//! - `pool.rs`: the edge's hold of them.
//! - `setup.rs`: from settings to what is loaded; `set.rs`: sets of requests in files.
//!
//! The edge never loads the library: it starts `yagura waf-worker`, which does. This crate knows
//! neither the edge nor its sites.

pub mod bounds;
mod cage;
pub mod canaries;
pub mod copy;
pub mod engine;
pub mod errand;
pub mod exclusions;
mod foreign;
pub mod frame;
pub mod json;
pub mod kind;
mod line;
pub mod multipart;
pub mod policy;
pub mod pool;
pub mod request;
pub mod rules;
pub mod set;
pub mod setup;
pub mod worker;

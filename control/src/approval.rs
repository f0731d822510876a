//! Approval by a second person: what was asked for, who decided what, and what follows. Pure; time
//! and the names of people are arguments. Who somebody is, and whether they have the role, is
//! decided where orders are taken; what an approved order does, where orders are carried out.
//!
//! - [`rule`](mod@rule): which orders need approval, and whose. One table.
//! - [`canonical`](mod@canonical): the digest that binds a decision to what was asked for.
//! - [`Request`] in `approval/request.rs`: a request with its decisions.
//! - [`Requests`] in `approval/requests.rs`: all of them. What somebody wants is *judged*
//!   (`approval/judge.rs`) and comes out as a [`Step`]; a step is *taken*. In between the owner writes
//!   it to the journal, and reading the journal takes the same steps again.
//!
//! What holds at any time is written down, and tried with many seeds, in `approval/simulation.rs`.

pub mod canonical;
mod judge;
mod request;
mod requests;
pub mod rule;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod table;

pub use judge::{Asked, Judged, MOST_WAITING, Person};
pub use request::{BreakGlass, Decided, Request, RequestId, Reviewed};
pub use requests::{Requests, Step};
pub use rule::{Rule, asked_at, breaks_glass, rule};

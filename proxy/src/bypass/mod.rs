//! Around the security cloud and back: the state machine of each site's bypass (clause 6(11)).
//!
//! - `stage.rs`: what is kept; `ordered.rs`: what orders make of it.
//! - `seen.rs`: what is seen; `watch.rs`: how single looks come to that.
//! - `step.rs`: what comes next, and what is to be done meanwhile. Pure, like those above.
//! - `guards.rs`: what of ours stands where the cloud's protection stood. Pure.
//! - `readiness.rs`: what stops a bypass before the door is open, and what makes it worse.
//! - `dns_view.rs`: where a server leads by its records; `manual.rs`: the change request for people.
//!   Pure too.
//! - `names.rs`: looks at every server of the zone, and has names changed; `doors.rs`: asks every direct
//!   address; `inputs.rs`: what the rest of the edge knows; `run.rs`: the shell around it all, with
//!   `run/check.rs` (may the next step be taken) and `run/people.rs` (what people are told and asked).
//! - `rehearsal.rs`: the same on a name that nobody reads.
//! - `announce.rs`: what hooks are told.
//! - `told.rs`: what is told of it beside its stage.
//! - `simulation/`: whole lives of it, with everything failing. The rules stand in
//!   `docs/decisions/bypass.md`.

mod announce;
mod dns_view;
mod doors;
pub mod guards;
pub(crate) mod inputs;
mod manual;
mod names;
pub mod ordered;
pub mod readiness;
pub mod rehearsal;
pub mod run;
pub mod seen;
#[cfg(test)]
mod simulation;
pub mod stage;
pub mod step;
pub mod told;
pub mod watch;

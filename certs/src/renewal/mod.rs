//! When a certificate is ordered, and from whom.
//!
//! - `plan.rs`: the decision, pure: (certificate held, what happened so far, now, seed) to the next
//!   order. It has no I/O and no memory of its own.
//! - `state.rs`: what happened so far, changed by events, kept in `FOLDER/NAME/renewal.json`.
//! - `simulation.rs`: whole lives of certificates in a moment, with authorities that fail.
//!
//! Who orders is the shell's business (the edge's keeper), and how an order goes that of `acme/`.

mod plan;
#[cfg(test)]
mod simulation;
mod state;

pub use plan::{Held, Next, next};
pub use state::{Event, Failed, State, Suggested};

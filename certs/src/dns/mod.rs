//! Changing and asking the DNS: dynamic updates (RFC 2136) signed with TSIG (RFC 8945).
//!
//! - `update.rs`: what is to change and what must hold before it, as a message; pure.
//! - `record_set.rs`: what a name that is switched holds; `switch.rs`: from one set to another.
//! - `name.rs`: a text as a name.
//! - `client.rs`: sends messages to one server.
//! - `look.rs`: what servers hold of a name, with the times for which caches may keep it.
//! - `secret.rs`: the file of a key.
//! - `zone.rs`: a zone that we may change, and proofs of DNS-01 in it.
//!
//! Which names belong in which zone is the settings' business.

mod client;
pub mod look;
mod name;
mod record_set;
mod secret;
mod switch;
mod update;
mod zone;

pub use client::{KeyAlgorithm, NoAnswer};
pub use hickory_proto::rr::{Name, RData, RecordType};
pub use look::held;
pub use name::{NoName, absolute};
pub use record_set::{NoRecord, RecordSet, SWITCHED};
pub use secret::secret;
pub use switch::Switch;
pub use update::{Change, Prerequisite, Update};
pub use zone::{Place, Zone};

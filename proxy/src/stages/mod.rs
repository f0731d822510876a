//! What happens to a request that the front handed on, one decision a file, in the order in which
//! `service.rs` calls them. Stages before the origin return a [`reply::Reply`] to end there.

pub mod forward;
pub mod host;
pub mod https;
pub mod ingress;
pub mod last_good;
pub mod lookup;
pub mod notice;
pub mod range;
pub mod receive;
pub mod redirect;
pub mod reply;

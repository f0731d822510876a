//! What running Yagura programs say to each other, and nothing about how they do their work.
//!
//! - [`order`]: what an operator or the CMS asks of an edge, and what the edge replies.
//! - [`feed`]: what the CMS tells edges about its public URLs, so that a warmer can follow.
//! - [`tags`]: cache tags, the names under which responses are purged together.
//! - [`page_url`]: a page's address as an operator gives it.
//! - [`redirect`]: one redirect of the table for printed codes and legacy URLs, and its CSV form.
//! - [`journal`]: how accepted orders are framed on disk, and how a torn tail is recognised.
//! - [`client`]: HTTP over a Unix socket or TLS, to send orders and to read the feed.
//! - [`approval`]: what needs a second person, and what became of requests.
//! - [`hash`]: a BLAKE3 hash as text.
//! - [`openapi`]: the control API as a document, made from the types.
//! - [`trust`]: whom a client over TLS believes.
//! - [`token`]: what an operator shows in place of a certificate, or beside one.
//! - [`until`]: a point in time as an operator writes it.
//! - [`day`]: a calendar day in Japan.
//! - [`timestamp`] and [`clock`]: time as a value, and the one place that reads it.
//!
//! This crate knows neither the edge nor the CMS; both import it. Read [`order`] first.

pub mod approval;
pub mod client;
pub mod clock;
pub mod day;
pub mod feed;
pub mod hash;
pub mod hook;
pub mod journal;
pub mod openapi;
pub mod order;
pub mod page_url;
pub mod redirect;
pub mod tags;
pub mod timestamp;
pub mod token;
pub mod trust;
pub mod until;

pub use clock::{Clock, SystemClock};
pub use day::Day;
pub use tags::{Tag, TagSet};
pub use timestamp::Timestamp;

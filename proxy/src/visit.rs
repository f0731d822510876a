//! One request through pingora, from the choice of its site to the log.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::HeaderMap;
use tokio::sync::mpsc::UnboundedSender;
use yagura_control::Timestamp;

use crate::access_log::line::Wire;
use crate::access_log::request_id::RequestId;
use crate::cache::{Interim, Prepared, Stored};
use crate::counters::{Event, Fetching};
use crate::hsts::Hsts;
use crate::ingress::{Access, Class};
use crate::limits::body::Upload;
use crate::limits::refused::Limit;
use crate::routing::Site;
use crate::stages::waf::{HeldBody, Shadow};
use crate::state::UnderWay;
use crate::upstream::Upstream;
use crate::waf::Inspected;

/// What the stages learn of a request, each for those after it.
pub struct Visit {
    /// Counts it as under way until the visit ends.
    _under_way: UnderWay,
    /// When it began, for durations.
    pub began: Instant,
    /// When it began.
    pub at: Timestamp,
    /// Which site; set by the first stage.
    pub site: Option<Arc<Site>>,
    /// The host, lower case without port.
    pub host: String,
    /// The host with the port readers use, for the origin.
    pub authority: String,
    /// Path and query as received; once looked up, without what the site's rules drop.
    pub target: String,
    /// Whether TLS is spoken with the reader.
    pub tls: bool,
    /// The reader's address.
    pub client: Option<IpAddr>,
    /// What the connection is that he comes by.
    pub class: Class,
    /// Whence he comes, where the site is for staff alone.
    pub access: Option<Access>,
    /// How the reader speaks with the edge.
    pub wire: Wire,
    /// The name of the request.
    pub id: RequestId,
    /// Where it is stored; set for what may be stored.
    pub key: Option<String>,
    /// What to answer with when the origin does not.
    pub fallback: Option<Arc<Prepared>>,
    /// It was taken off; when the origin does not answer, it is gone.
    pub withdrawn: bool,
    /// The request's fields as they go to the origin, for Vary.
    pub sent: HeaderMap,
    /// When it was sent to the origin.
    pub requested_at: Timestamp,
    /// Whom it is forwarded to.
    pub upstream: Option<Arc<Upstream>>,
    /// Upstreams that gave no answer to it, by index.
    pub tried: Vec<usize>,
    /// Whether anything came back of the one it is forwarded to.
    pub heard: bool,
    /// The response being taken in.
    pub collecting: Option<Collecting>,
    /// Most bytes of the request's body.
    pub most_body: u64,
    /// The request's body on its way to the origin.
    pub upload: Option<Upload>,
    /// Counts the question to the origin as under way until the visit ends.
    pub fetching: Option<Fetching>,
    /// The limit that it met.
    pub limit: Option<Limit>,
    /// From its beginning to the answer's first byte, once that goes out.
    pub first_byte: Option<Duration>,
    /// What the cache did, for the log and the counts.
    pub outcome: &'static str,
    /// What inspection found, where it was waited for.
    pub inspected: Option<Box<Inspected>>,
    /// The beginning of the body, read to be inspected and not sent yet.
    pub held: Option<HeldBody>,
    /// Whether what was read of the body can be sent again.
    pub can_replay: bool,
    /// The request as it is inspected when it ended.
    pub shadow: Option<Shadow>,
    /// Passes interim responses on, where the reader can be given them.
    pub interim: Option<UnboundedSender<Interim>>,
}

/// A response on its way into the cache.
pub struct Collecting {
    /// Everything but the body.
    pub stored: Stored,
    /// What came of the body.
    pub body: BytesMut,
    /// How long the body is to be, when the origin said so.
    pub announced: Option<usize>,
}

impl Visit {
    /// What the reader is told about TLS: nothing over a connection without it (RFC 6797, section 7.2).
    #[must_use]
    pub fn hsts(&self) -> Option<&Hsts> {
        let site = self.site.as_ref().filter(|_| self.tls)?;
        site.hsts.as_ref()
    }

    /// A request that begins.
    #[must_use]
    pub fn new(under_way: UnderWay, began: Instant, at: Timestamp) -> Self {
        Self {
            _under_way: under_way,
            began,
            at,
            site: None,
            host: String::new(),
            authority: String::new(),
            target: String::new(),
            tls: false,
            client: None,
            class: Class::STRANGER,
            access: None,
            wire: Wire::of(http::Version::HTTP_11, None),
            id: RequestId::new(&mut rand::rng()),
            key: None,
            fallback: None,
            withdrawn: false,
            sent: HeaderMap::new(),
            requested_at: at,
            upstream: None,
            tried: Vec::new(),
            heard: false,
            collecting: None,
            most_body: 0,
            upload: None,
            fetching: None,
            limit: None,
            first_byte: None,
            outcome: "none",
            inspected: None,
            held: None,
            can_replay: true,
            shadow: None,
            interim: None,
        }
    }

    /// The answer begins to go out.
    pub fn answers(&mut self) {
        self.first_byte.get_or_insert(self.began.elapsed());
    }

    /// It is refused, because it met that limit.
    pub fn refused_by(&mut self, limit: Limit) {
        self.limit = Some(limit);
        self.outcome = "refused";
    }

    /// Whether readers are told the request's name: wherever an origin was asked or something went
    /// wrong, which is what they ask about. An answer that is stored is the same for all of them.
    #[must_use]
    pub fn tells_its_id(&self) -> bool {
        !matches!(
            self.outcome,
            "hit" | "stale" | "last-good" | "redirect" | "notice"
        )
    }

    /// Counts what became of it, when it ends: the status answered with, or 0, and the bytes of the
    /// body.
    pub fn count(&mut self, status: u16, bytes: u64) {
        self.fetching = None;
        if let Some(site) = &self.site {
            let counters = &site.seen.counters;
            counters.add(Event::of_outcome(self.outcome));
            counters.answered(status, bytes, self.began.elapsed());
        }
    }
}

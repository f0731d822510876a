//! What a connection's stream remembers for pingora's hooks, which see no more of it than its digest.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use pingora::http::ResponseHeader;
use pingora::protocols::Digest;
use pingora::protocols::raw_connect::ProxyDigest;

/// What is remembered; of most connections nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The peer that named another by PROXY protocol; since then the stream says that this other one
    /// is its peer.
    pub announced_by: Option<IpAddr>,
    /// It is a pipe inside the process, and the reader speaks HTTP/2.
    pub over_http2: bool,
}

impl Remembered {
    /// The same in the form in which a stream carries it.
    #[must_use]
    pub fn digest(self) -> Option<ProxyDigest> {
        let response = ResponseHeader::build(StatusCode::OK, None).ok()?;
        Some(ProxyDigest::new(Box::new(response), Some(Box::new(self))))
    }

    /// What a connection that pingora serves remembers.
    #[must_use]
    pub fn of(digest: &Digest) -> Self {
        Self::in_digest(digest.proxy_digest.as_ref())
    }

    /// What a stream remembers.
    #[must_use]
    pub fn in_digest(digest: Option<&Arc<ProxyDigest>>) -> Self {
        let data = digest.and_then(|digest| digest.user_data.as_ref());
        let data = data.and_then(|data| data.downcast_ref::<Self>());
        data.copied().unwrap_or_default()
    }
}

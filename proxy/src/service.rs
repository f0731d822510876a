//! Everything that the front does not answer, and HTTP/2: pingora's hooks, each one calling its
//! stages in order. What is decided stands in `stages/`; this file only says when.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{StatusCode, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, Result};
use yagura_control::clock::monotonic;

use crate::access_log::Line;
use crate::access_log::asked::Asked;
use crate::access_log::line::Wire;
use crate::ingress::Caller;
use crate::ingress::remembered::Remembered;
use crate::limits::body::{NotTaken, Upload};
use crate::limits::pace::Slowest;
use crate::limits::refused::Limit;
use crate::stages::{self, forward, last_good, receive, reply};
use crate::state::Edge;
use crate::visit::Visit;

/// The proxy behind the front.
pub struct Service {
    edge: Arc<Edge>,
}

impl Service {
    /// A service of this edge.
    #[must_use]
    pub const fn new(edge: Arc<Edge>) -> Self {
        Self { edge }
    }
}

/// How long the rest of a refused body is read. With bytes unread the system would throw the answer
/// away with the connection.
const LINGER: Duration = Duration::from_secs(1);

/// How the reader of a session speaks with the edge.
fn wire(session: &Session) -> Wire {
    let version = session.req_header().version;
    let Some(digest) = session.digest() else {
        return Wire::of(version, None);
    };
    let version = match Remembered::of(digest).over_http2 {
        true => Version::HTTP_2,
        false => version,
    };
    Wire::of(version, digest.ssl_digest.as_deref())
}

async fn linger(session: &mut Session) {
    // Who waits for `100 Continue` sends nothing more.
    if session.req_header().headers.contains_key(header::EXPECT) {
        return;
    }
    let draining = session.downstream_session.drain_request_body();
    let _too_much = tokio::time::timeout(LINGER, draining).await;
}

#[async_trait]
impl ProxyHttp for Service {
    type CTX = Visit;

    fn new_ctx(&self) -> Visit {
        Visit::new(
            self.edge.traffic.begin(),
            monotonic(),
            self.edge.clock.now(),
        )
    }

    /// No compression here: bodies go out as the origin made them.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, visit: &mut Visit) -> Result<bool> {
        visit.tls = session
            .digest()
            .is_some_and(|digest| digest.ssl_digest.is_some());
        let peer = session.client_addr().and_then(|address| address.as_inet());
        let peer = peer.map(std::net::SocketAddr::ip);
        let remembered = session.digest().map(Remembered::of).unwrap_or_default();
        let known = self.edge.limits.known();
        let caller = match (remembered.announced_by, peer) {
            (Some(by), Some(peer)) => Caller::announced(Some(by), peer, &known),
            _ => Caller::new(peer, &known),
        };
        visit.wire = wire(session);
        let request = session.req_header();
        visit.client = caller.reader(&request.headers);
        visit.class = caller.class();
        let mut reply = match stages::answer(&self.edge, request, visit).await {
            Some(reply) => reply,
            None => match stages::limit::ask(&self.edge, request, visit) {
                Some(refusal) => refusal,
                None => match stages::waf::forwarded(&self.edge, session, visit).await? {
                    Some(refusal) => refusal,
                    None => return Ok(false),
                },
            },
        };
        let unread = !session.is_body_empty();
        if self.edge.traffic.is_draining() || unread {
            session.set_keepalive(None);
        }
        reply.add_own_fields(visit);
        visit.answers();
        reply.send(session).await?;
        if unread {
            linger(session).await;
        }
        Ok(true)
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        visit: &mut Visit,
    ) -> Result<()>
    where
        Self::CTX: Send + Sync,
    {
        // What passes after a switch of protocols is no body.
        if session.was_upgraded() {
            return Ok(());
        }
        if let Some(shadow) = &mut visit.shadow {
            shadow.piece(body.as_deref().unwrap_or_default());
        }
        let bytes = match visit.held.take() {
            None => body.as_ref().map_or(0, |body| body.len() as u64),
            Some(held) => {
                let (first, unseen) = held.before(body.as_ref());
                *body = Some(first);
                unseen
            }
        };
        let (now, most) = (monotonic(), visit.most_body);
        let slowest = Slowest::of(&self.edge.limits.settings());
        let upload = visit.upload.get_or_insert_with(|| Upload::new(most, now));
        upload.piece(bytes, now, slowest).map_err(|not_taken| {
            let (limit, status) = match not_taken {
                NotTaken::TooLarge => (Limit::BodySize, StatusCode::PAYLOAD_TOO_LARGE),
                NotTaken::TooSlow => (Limit::SlowSender, StatusCode::REQUEST_TIMEOUT),
            };
            visit.refused_by(self.edge.limits.refused.count(limit));
            let status = ErrorType::HTTPStatus(status.as_u16());
            Error::explain(status, "the body is not taken").into_down()
        })
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        visit: &mut Visit,
    ) -> Result<Box<HttpPeer>> {
        let site = visit
            .site
            .as_ref()
            .ok_or_else(|| Error::new_str("a request without a site"))?;
        if visit.upstream.is_none() {
            site.seen.upstreams.count_request();
            visit.upstream = site.seen.upstreams.first();
        }
        // The stages have answered already where nobody is to be asked; an order may have come since.
        let upstream = visit.upstream.as_ref();
        let upstream = upstream.ok_or_else(|| {
            let mut error = Error::new_str("nobody is to be asked");
            error.esource = ErrorSource::Upstream;
            error
        })?;
        forward::peer(&site.settings, &upstream.place)
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        visit: &mut Visit,
        mut error: Box<Error>,
    ) -> Box<Error> {
        let again = forward::another(&self.edge, session, &error, visit);
        error.set_retry(again);
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        visit: &mut Visit,
        client_reused: bool,
    ) -> Box<Error> {
        let again = session.req_header().method.is_idempotent()
            && visit.can_replay
            && !session.as_ref().retry_buffer_truncated();
        error.retry.decide_reuse(client_reused);
        if again && error.retry.retry() {
            // It may have closed a kept connection in the moment in which it was used again.
            error.set_retry(true);
            return error;
        }
        let again = again
            && session.response_written().is_none()
            && forward::another(&self.edge, session, &error, visit);
        error.set_retry(again);
        error
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        visit: &mut Visit,
    ) -> Result<()> {
        visit.heard = false;
        visit.requested_at = self.edge.clock.now();
        visit.fetching = visit
            .site
            .as_ref()
            .map(|site| site.seen.counters.fetching());
        forward::rewrite(&self.edge, request, session.is_upgrade_req(), visit)?;
        if visit.held.is_some() {
            // The reader has been told to go on already.
            request.remove_header(&header::EXPECT);
        }
        visit.sent.clone_from(&request.headers);
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        visit: &mut Visit,
    ) -> Result<()> {
        visit.heard = true;
        receive::head(&self.edge, session.req_header(), response, visit)
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        visit: &mut Visit,
    ) -> Result<Option<Duration>> {
        receive::body(&self.edge, body.as_ref(), end_of_stream, visit);
        Ok(None)
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        visit: &mut Visit,
    ) -> Result<()>
    where
        Self::CTX: Send + Sync,
    {
        visit.answers();
        receive::outward(response, visit)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        visit: &mut Visit,
    ) -> FailToProxy {
        let gone = FailToProxy {
            error_code: 0,
            can_reuse_downstream: false,
        };
        // pingora ends the connection after a failure, and the reader is to know it.
        session.set_keepalive(None);
        if let (ErrorSource::Upstream, Some(site)) = (error.esource(), &visit.site) {
            site.seen.counters.failures.count(error.into());
        }
        forward::note_failure(&self.edge, error, visit);
        if session.response_written().is_some() || last_good::is_readers_fault(error) {
            let code = last_good::status_for_reader(error);
            if code > 0 && session.response_written().is_none() {
                let head_only = session.req_header().method == http::Method::HEAD;
                let mut refusal = reply::Reply::refusal(code, head_only);
                refusal.add_own_fields(visit);
                visit.answers();
                if refusal.send(session).await.is_ok() {
                    linger(session).await;
                }
            }
            return FailToProxy {
                error_code: code,
                ..gone
            };
        }
        let mut reply = last_good::reply(&self.edge, session.req_header(), visit);
        reply.add_own_fields(visit);
        visit.answers();
        let code = reply.status.as_u16();
        match reply.send(session).await {
            Ok(()) => FailToProxy {
                error_code: code,
                ..gone
            },
            Err(_) => gone,
        }
    }

    fn suppress_error_log(&self, _session: &Session, _visit: &Visit, _error: &Error) -> bool {
        // Told by `fail_to_proxy` once, not for each of a thousand readers.
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, visit: &mut Visit) {
        if error.is_none() {
            receive::finish_empty(&self.edge, visit);
        }
        stages::waf::ended(&self.edge, visit);
        let status = session
            .response_written()
            .map_or(0, |response| response.status.as_u16());
        let bytes = session.body_bytes_sent() as u64;
        visit.count(status, bytes);
        if !self.edge.tells() {
            return;
        }
        let asked = Asked::of_request(session.req_header());
        self.edge.tell(Line::of(visit, asked, status, bytes));
    }
}

//! Before the origin is asked for a reader: inspection. Behind the limits and the cache, so that what
//! is stored costs nothing of it.
//!
//! On: the request waits for the verdict. Its body is read up to what is inspected, and goes to the
//! origin afterwards as it came. In shadow: a share goes on at once, and is inspected when it ended.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, Version, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::{Error, Result};
use yagura_control::clock::monotonic;
use yagura_control::order::WafFinding;
use yagura_waf::kind::Kind;
use yagura_waf::policy;
use yagura_waf::request::Request;

use super::reply::Reply;
use super::{last_good, notice};
use crate::access_log::target;
use crate::limits::body::{NotTaken, Upload};
use crate::limits::pace::Slowest;
use crate::limits::refused::Limit;
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;
use crate::waf::tally::word;
use crate::waf::{self, Found, Inspected, Mode, Ruling, Waf};

/// What pingora keeps of a body to send it again.
const REPLAYED: usize = 64 << 10;
/// A request that took its whole deadline counts as so many requests of its network.
const PRICE: u64 = 250;

const REFUSED: &str = include_str!("waf/refused.html");

/// A request in shadow, with what came of its body.
pub struct Shadow {
    request: Request,
    most: usize,
}

impl Shadow {
    /// A piece of the body passes.
    pub fn piece(&mut self, piece: &[u8]) {
        let room = self.most.saturating_sub(self.request.body.len());
        let taken = piece.get(..room).unwrap_or(piece);
        self.request.body.extend_from_slice(taken);
        self.request.cut |= taken.len() < piece.len();
    }
}

/// The beginning of a body that was read to be inspected.
#[derive(Debug)]
pub struct HeldBody {
    bytes: BytesMut,
    /// Whether pingora gives some or all of it once more.
    replayed: bool,
    /// Whether it is all, so that it can be sent to another upstream.
    kept: bool,
}

impl HeldBody {
    /// The first piece that goes to the origin, where `piece` is what pingora has for it; and how many
    /// bytes of it were not seen before.
    #[must_use]
    pub fn before(mut self, piece: Option<&Bytes>) -> (Bytes, u64) {
        if self.replayed {
            return (self.bytes.freeze(), 0);
        }
        let piece = piece.map(Bytes::as_ref).unwrap_or_default();
        self.bytes.extend_from_slice(piece);
        (self.bytes.freeze(), piece.len() as u64)
    }
}

/// A read for which the origin is to be asked: what is answered in place of that, if anything.
pub async fn check(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
) -> Option<Reply> {
    let mode = of(edge, site, visit)?;
    let inspected = written(site, request, visit);
    if mode == Mode::Shadow {
        in_shadow(edge, visit, inspected);
        return None;
    }
    let plain = is_plain(request) && !visit.target.contains('?');
    let found = edge.waf.inspect(visit.client, inspected, mode).await;
    answered(edge, request, visit, found, plain)
}

/// A request that is to be forwarded as it is: the same, with its body.
///
/// # Errors
/// The reader is gone.
pub async fn forwarded(
    edge: &Edge,
    session: &mut Session,
    visit: &mut Visit,
) -> Result<Option<Reply>> {
    let Some(site) = visit.site.clone() else {
        return Ok(None);
    };
    let Some(mode) = of(edge, &site, visit) else {
        return Ok(None);
    };
    let mut inspected = written(&site, session.req_header(), visit);
    let kind = Kind::announced(inspected.header("content-type"));
    let has_body = !session.is_body_empty() && !session.is_upgrade_req();
    if mode == Mode::Shadow {
        if has_body {
            visit.shadow = Some(Shadow {
                request: inspected,
                most: kind.most_bytes(),
            });
        } else {
            in_shadow(edge, visit, inspected);
        }
        return Ok(None);
    }
    if has_body {
        match gathered(edge, session, visit, kind.most_bytes()).await? {
            Ok((held, whole)) => {
                inspected.cut = !whole;
                inspected.body = held.bytes.to_vec();
                visit.can_replay = held.kept;
                visit.held = (!held.bytes.is_empty()).then_some(held);
            }
            Err(refusal) => return Ok(Some(refusal)),
        }
    }
    let found = edge.waf.inspect(visit.client, inspected, mode).await;
    Ok(answered(edge, session.req_header(), visit, found, false))
}

/// Whether a stored response that is stale may be asked for anew on a reader's account. One that is
/// not inspected asks for nothing.
pub async fn lets_ask(edge: &Edge, site: &Site, request: &RequestHeader, visit: &Visit) -> bool {
    match of(edge, site, visit) {
        None | Some(Mode::Off | Mode::Shadow) => true,
        Some(Mode::On) => {
            let inspected = written(site, request, visit);
            // Nobody waits for it: the answer is there.
            let found = edge.waf.inspect(visit.client, inspected, Mode::Shadow);
            found.await.found == Found::Clean
        }
    }
}

/// The end of a request in shadow.
pub fn ended(edge: &Edge, visit: &mut Visit) {
    if let Some(Shadow { request, .. }) = visit.shadow.take() {
        in_shadow(edge, visit, request);
    }
}

/// What holds for a request; none when it is not inspected.
fn of(edge: &Edge, site: &Site, visit: &Visit) -> Option<Mode> {
    match waf::mode(site) {
        Mode::Off => None,
        // Without [waf] a site that says nothing of it is not inspected. The request's name is as good
        // as dice.
        Mode::Shadow => {
            let settings = edge.switchboard.settings();
            let share = settings.waf.as_ref()?.shadow_per_million;
            (visit.id.0 % 1_000_000 < u128::from(share)).then_some(Mode::Shadow)
        }
        // A city that has no [waf] publishes in the bypass what it has; `yagura cloud status` is where
        // it would be told that a WAF that it has is not ready.
        Mode::On if edge.switchboard.settings().waf.is_none() => None,
        Mode::On => Some(Mode::On),
    }
}

/// A request as it is inspected: what the origin will be asked.
fn written(site: &Site, request: &RequestHeader, visit: &Visit) -> Request {
    let fields = request.headers.iter();
    let mut headers: Vec<(String, Vec<u8>)> = fields
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    if !request.headers.contains_key(header::HOST) {
        headers.push(("host".to_owned(), visit.authority.clone().into_bytes()));
    }
    Request {
        site: site.settings.name.clone(),
        method: request.method.as_str().to_owned(),
        target: visit.target.clone().into_bytes(),
        version: match request.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        }
        .to_owned(),
        headers,
        body: Vec::new(),
        cut: false,
    }
}

fn is_plain(request: &RequestHeader) -> bool {
    matches!(request.method, Method::GET | Method::HEAD)
}

/// Inspects after the fact, when a worker has nothing else to do.
fn in_shadow(edge: &Edge, visit: &Visit, request: Request) {
    let waf: Arc<Waf> = edge.waf.clone();
    let finding = finding(edge, visit, &request.method, Mode::Shadow);
    let client = visit.client;
    tokio::spawn(async move {
        let inspected = waf.inspect(client, request, Mode::Shadow).await;
        note(&waf, finding, &inspected, (Mode::Shadow, Ruling::Pass));
    });
}

/// What is done with what was found.
fn answered(
    edge: &Edge,
    request: &RequestHeader,
    visit: &mut Visit,
    inspected: Inspected,
    plain: bool,
) -> Option<Reply> {
    let ruling = policy::ruling(Mode::On, inspected.found, plain);
    let finding = finding(edge, visit, request.method.as_str(), Mode::On);
    note(&edge.waf, finding, &inspected, (Mode::On, ruling));
    if matches!(inspected.found, Found::OverDeadline | Found::Deadly) {
        edge.limits.charge(visit.client, PRICE);
    }
    let head_only = request.method == Method::HEAD;
    let reply = match ruling {
        Ruling::Pass => None,
        Ruling::Refuse => {
            visit.outcome = "refused";
            Some(refusal(visit, head_only))
        }
        // Better a copy than nothing.
        Ruling::Later if visit.fallback.is_some() => Some(last_good::reply(edge, request, visit)),
        Ruling::Later => {
            visit.outcome = "unavailable";
            let retry = Some(notice::RETRY_AFTER_S);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Some(Reply::page(status, notice::UNAVAILABLE, head_only, retry))
        }
    };
    visit.inspected = Some(Box::new(inspected));
    reply
}

fn refusal(visit: &Visit, head_only: bool) -> Reply {
    let page = REFUSED.replace("{id}", &visit.id.to_string());
    let page = Bytes::from(page);
    Reply::own(
        StatusCode::FORBIDDEN,
        "text/html; charset=utf-8",
        page,
        head_only,
    )
}

/// A finding that says nothing yet of what was found.
fn finding(edge: &Edge, visit: &Visit, method: &str, mode: Mode) -> WafFinding {
    let path = visit.target.split('?').next().unwrap_or_default();
    let settings = edge.switchboard.settings();
    let log = settings.edge.as_ref();
    let log = log.and_then(|edge| edge.access_log.as_ref());
    let hide_below = log.map_or(&[][..], |log| &log.hide_below);
    WafFinding {
        request: visit.id.to_string(),
        at: visit.at,
        site: visit
            .site
            .as_ref()
            .map_or_else(String::new, |site| site.settings.name.clone()),
        mode: mode.name().to_owned(),
        found: String::new(),
        done: String::new(),
        method: method.to_owned(),
        path: target::path_shown(path, hide_below),
        rules: Vec::new(),
    }
}

fn note(waf: &Waf, mut finding: WafFinding, inspected: &Inspected, (mode, ruling): (Mode, Ruling)) {
    waf.tally.add(&finding.site, mode, inspected.found, ruling);
    if inspected.found == Found::Clean && inspected.rules.is_empty() {
        return;
    }
    // A worker that was not free says nothing of a request in shadow.
    if mode == Mode::Shadow && matches!(inspected.found, Found::Busy | Found::NoWorker) {
        return;
    }
    finding.found = inspected.found.name().to_owned();
    finding.done = word(ruling).to_owned();
    finding.rules.clone_from(&inspected.rules);
    waf.findings.add(finding);
}

/// Reads the beginning of a body: all that is inspected of it, at least. Also whether that is all.
async fn gathered(
    edge: &Edge,
    session: &mut Session,
    visit: &mut Visit,
    most: usize,
) -> Result<std::result::Result<(HeldBody, bool), Reply>> {
    let announced = session.req_header().headers.get(header::CONTENT_LENGTH);
    let announced: Option<usize> = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    // Without a length the end comes as a piece of its own. So what has been read before it was less
    // than this, and pingora gives it once more; what is longer has not ended.
    let most = match announced {
        Some(_) => most,
        None => most.min(REPLAYED),
    };
    let expects = session.req_header().headers.get(header::EXPECT);
    if expects.is_some_and(|expects| expects.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        session
            .as_downstream_mut()
            .write_continue_response()
            .await?;
    }
    let now = monotonic();
    let mut upload = Upload::new(visit.most_body, now);
    let slowest = Slowest::of(&edge.limits.settings());
    let mut bytes = BytesMut::new();
    let mut whole = false;
    while bytes.len() < most {
        let left = announced.map(|length| length.saturating_sub(bytes.len()));
        // pingora sends a body that was read to its end only if it kept some of it; it keeps what
        // comes from here on, and nothing of what would be too much.
        if left.is_none_or(|left| left <= REPLAYED) {
            session.as_downstream_mut().enable_retry_buffering();
        }
        let Some(piece) = session.as_downstream_mut().read_request_body().await? else {
            whole = true;
            break;
        };
        if let Err(not_taken) = upload.piece(piece.len() as u64, monotonic(), slowest) {
            let (limit, status) = match not_taken {
                NotTaken::TooLarge => (Limit::BodySize, StatusCode::PAYLOAD_TOO_LARGE),
                NotTaken::TooSlow => (Limit::SlowSender, StatusCode::REQUEST_TIMEOUT),
            };
            visit.refused_by(edge.limits.refused.count(limit));
            return Ok(Err(Reply::refusal(status.as_u16(), false)));
        }
        bytes.extend_from_slice(&piece);
        if announced.is_some_and(|length| bytes.len() >= length) {
            whole = true;
            break;
        }
    }
    visit.upload = Some(upload);
    let again = session.as_downstream().get_retry_buffer();
    let (replayed, kept) = match again {
        Some(again) => (true, again.len() == bytes.len()),
        None => (false, bytes.is_empty()),
    };
    if whole && !replayed && !bytes.is_empty() {
        return Err(Error::new_str(
            "a body that was read is not to be had again",
        ));
    }
    let held = HeldBody {
        bytes,
        replayed,
        kept,
    };
    Ok(Ok((held, whole)))
}

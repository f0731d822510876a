//! 7. Asking the origin for what is stored nowhere or has to be confirmed, together with everybody
//!    who asks for the same (`cache/fetcher.rs`).
//!
//! Nobody waits without bound for another reader's request, nor for the origin while there is a
//! copy to answer with.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use pingora::http::RequestHeader;

use super::reply::{Arrival, Detail, Reply, Source};
use super::{forward, last_good};
use crate::cache::fetcher::{Joined, Question};
use crate::cache::flight::{Head, News, ResponseHead};
use crate::cache::{Directives, FetchError, Prepared, vary};
use crate::counters::Event;
use crate::counters::failures::Failure;
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// How long a reader waits for a request that was made for another.
const FOLLOW: Duration = Duration::from_secs(5);
/// How often a reader asks anew because what came was not for him: another variant, a response for
/// one reader, a confirmation of something else.
const ROUNDS: usize = 4;

/// Fields of a reader's request that would make the response one for him alone.
const CONDITIONS: [header::HeaderName; 5] = [
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    header::CONTENT_LENGTH,
];

/// Asks the origin; none where the request is better forwarded as it is.
pub async fn ask(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
    stored: Option<Arc<Prepared>>,
) -> Option<Reply> {
    let mut question = question(edge, request, visit, stored)?;
    let confirming = question.stored.is_some();
    if !confirming && site.fetcher.is_personal(&question.key) {
        return direct(edge, site, request, visit, question).await;
    }
    let mut joined = site.fetcher.join(question.clone(), "");
    if !joined.first {
        site.seen.counters.add(Event::Coalesced);
    }
    for _ in 0..ROUNDS {
        match head(site, visit, &mut joined).await {
            Waited::Head(Ok(Head::Stored(prepared))) => {
                visit.outcome = "hit";
                let now = edge.clock.now();
                return Some(Reply::stored(&prepared, now, request, Detail::Hit));
            }
            Waited::Head(Ok(Head::Confirmed(prepared))) => {
                visit.outcome = "confirmed";
                let now = edge.clock.now();
                return Some(Reply::stored(&prepared, now, request, Detail::Confirmed));
            }
            Waited::Head(Ok(Head::Unclear)) => {
                question.stored = None;
                joined = site.fetcher.join(question.clone(), "");
            }
            Waited::Head(Ok(Head::Response(response))) => {
                let copy = visit.fallback.is_some() || visit.withdrawn;
                if response.status.is_server_error() && (copy || !joined.first) {
                    return Some(last_good::reply(edge, request, visit));
                }
                if joined.first || is_for(&response, &question) {
                    visit.outcome = if confirming { "renewed" } else { "miss" };
                    let arrival = Arrival {
                        response,
                        source: Source::Shared(joined.passenger),
                        confirming,
                        collapsed: !joined.first,
                    };
                    return Some(Reply::arriving(arrival, edge.clock.now(), request));
                }
                joined = match &response.shared {
                    Some(terms) => {
                        let variant = vary::variant_for(terms, &question.fields);
                        site.fetcher.join(question.clone(), &variant)
                    }
                    None => return direct(edge, site, request, visit, question).await,
                };
            }
            Waited::Head(Err(error)) => return Some(in_vain(edge, site, request, visit, &error)),
            Waited::TooLong if visit.fallback.is_some() => {
                return Some(last_good::reply(edge, request, visit));
            }
            Waited::TooLong => return direct(edge, site, request, visit, question).await,
        }
    }
    None
}

/// Asks for this reader alone, and reads what comes straight from the origin's connection.
async fn direct(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
    question: Question,
) -> Option<Reply> {
    let confirming = question.stored.is_some();
    let tell = visit.interim.clone();
    let asked = site.fetcher.direct(question, |interim| {
        if let Some(tell) = &tell {
            let _reader_is_gone = tell.send(interim);
        }
    });
    match asked.await {
        Ok(direct) => {
            let response = direct.head().clone();
            let copy = visit.fallback.is_some() || visit.withdrawn;
            if response.status.is_server_error() && copy {
                return Some(last_good::reply(edge, request, visit));
            }
            visit.outcome = if confirming { "renewed" } else { "miss" };
            let arrival = Arrival {
                response,
                source: Source::Direct(Box::new(direct)),
                confirming,
                collapsed: false,
            };
            Some(Reply::arriving(arrival, edge.clock.now(), request))
        }
        Err(error) => Some(in_vain(edge, site, request, visit, &error)),
    }
}

/// The reply when the origin gave no answer.
fn in_vain(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
    error: &FetchError,
) -> Reply {
    if let Some(failure) = Failure::of(error) {
        site.seen.counters.failures.count(failure);
    }
    if matches!(error, FetchError::Busy(_)) {
        visit.outcome = "busy";
    }
    tracing::debug!(site = %site.settings.name, %error, "the origin was asked in vain");
    last_good::reply(edge, request, visit)
}

/// What is asked of the origin: the reader's fields without conditions. None when they cannot be
/// written.
pub fn question(
    edge: &Edge,
    request: &RequestHeader,
    visit: &mut Visit,
    stored: Option<Arc<Prepared>>,
) -> Option<Question> {
    let mut onward = request.clone();
    forward::rewrite(edge, &mut onward, false, visit).ok()?;
    let mut fields = http::request::Parts::from(onward).headers;
    for name in CONDITIONS {
        fields.remove(name);
    }
    Some(Question {
        key: visit.key.clone()?,
        target: visit.target.clone(),
        fields,
        stored,
        wants: Directives::of_request(&request.headers),
    })
}

/// Whether a response that was fetched for another reader answers this one.
fn is_for(response: &ResponseHead, question: &Question) -> bool {
    let terms = response.shared.as_ref();
    terms.is_some_and(|terms| vary::selects(terms, &question.fields))
}

enum Waited {
    Head(Result<Head, FetchError>),
    TooLong,
}

/// Waits for the head, as long as it is worth it; interim responses are passed on at once.
async fn head(site: &Site, visit: &Visit, joined: &mut Joined) -> Waited {
    let limit = match (&visit.fallback, joined.first) {
        (Some(_), _) => site.settings.stale_after,
        (None, false) => FOLLOW,
        // The fetch has time limits of its own.
        (None, true) => Duration::MAX,
    };
    let waiting = async {
        loop {
            match joined.passenger.next().await {
                Ok(News::Head(head)) => return Ok(head),
                Ok(News::Interim(interim)) => {
                    if let Some(tell) = &visit.interim {
                        let _reader_is_gone = tell.send(interim);
                    }
                }
                Ok(News::Piece(_) | News::End) => {
                    return Err(FetchError::Broken("there is no head".to_owned()));
                }
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(limit, waiting)
        .await
        .map_or(Waited::TooLong, Waited::Head)
}

/// Whether a GET that nothing is stored for can be asked for others too.
pub fn can_be_shared(request: &RequestHeader) -> bool {
    const OWN: [header::HeaderName; 6] = [
        header::AUTHORIZATION,
        header::RANGE,
        header::EXPECT,
        header::UPGRADE,
        header::TE,
        header::TRANSFER_ENCODING,
    ];
    request.method == Method::GET
        && !OWN.iter().any(|name| request.headers.contains_key(name))
        && request
            .headers
            .get(header::CONTENT_LENGTH)
            .is_none_or(|length| length == "0")
}

//! When the origin does not answer: the last-good copy, or a page that says what is going on.

use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorSource, ErrorType};

use super::notice;
use super::reply::{Detail, Reply};
use crate::state::Edge;
use crate::visit::Visit;

/// What the reader gets.
pub fn reply(edge: &Edge, request: &RequestHeader, visit: &mut Visit) -> Reply {
    let head_only = request.method == Method::HEAD;
    if let Some(prepared) = visit.fallback.take() {
        visit.outcome = "last-good";
        return Reply::stored(&prepared, edge.clock.now(), request, Detail::LastGood);
    }
    if visit.withdrawn {
        visit.outcome = "gone";
        return Reply::page(StatusCode::GONE, notice::GONE, head_only, None);
    }
    visit.outcome = "unavailable";
    Reply::page(
        StatusCode::SERVICE_UNAVAILABLE,
        notice::UNAVAILABLE,
        head_only,
        Some(notice::RETRY_AFTER_S),
    )
}

/// Whether an error tells of the whole origin, and not of one URL that it cannot answer: there was
/// no connection, or no answer in time.
pub fn is_of_the_origin(error: &Error) -> bool {
    use ErrorType::{
        ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ReadTimedout, SocketError,
        WriteTimedout,
    };
    matches!(error.esource(), ErrorSource::Upstream)
        && matches!(
            error.etype(),
            ConnectError
                | ConnectNoRoute
                | ConnectRefused
                | ConnectTimedout
                | ReadTimedout
                | SocketError
                | WriteTimedout
        )
}

/// Whether the reader, not the origin, broke off or sent what cannot be read.
pub fn is_readers_fault(error: &Error) -> bool {
    matches!(error.esource(), ErrorSource::Downstream)
}

/// What such a reader is answered with; 0 when nobody is there any more.
pub fn status_for_reader(error: &Error) -> u16 {
    match error.etype() {
        ErrorType::HTTPStatus(code) => *code,
        ErrorType::WriteError
        | ErrorType::ReadError
        | ErrorType::ConnectionClosed
        | ErrorType::WriteTimedout => 0,
        ErrorType::ReadTimedout => 408,
        _ => 400,
    }
}

//! Answers over HTTP/2: fields and pieces within the reader's window.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use yagura_control::Timestamp;

use crate::front::decide::Answer;
use crate::front::within;
use crate::limits::pace::Slowest;
use crate::stages::reply::{Body, CACHE_STATUS, Reply};

/// Sends a hit; gives the bytes of its body. What the reader's window does not take yet waits in
/// the connection, which costs no memory: the body is shared.
pub fn send_hit(answer: &Answer, respond: &mut SendResponse<Bytes>) -> u64 {
    let prepared = &answer.prepared;
    let stored = &prepared.stored;
    let mut headers = if answer.not_modified {
        prepared.fields_not_modified()
    } else {
        let mut headers = prepared.fields().clone();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(stored.body.len()));
        headers
    };
    headers.insert(header::AGE, HeaderValue::from(answer.age_s));
    if let Some(hsts) = answer.hsts() {
        hsts.add_to(&mut headers);
    }
    let ttl = i128::from(stored.terms.lifetime_s) - i128::from(answer.age_s);
    if let Ok(status) = HeaderValue::try_from(format!("yagura; hit; ttl={ttl}")) {
        headers.append(CACHE_STATUS, status);
    }
    let status = if answer.not_modified {
        StatusCode::NOT_MODIFIED
    } else {
        stored.status
    };
    let ends = answer.not_modified || answer.head_only || stored.body.is_empty();
    let Ok(mut stream) = respond.send_response(response(status, headers), ends) else {
        return 0;
    };
    if ends {
        return 0;
    }
    let _reader_is_gone = stream.send_data(stored.body.clone(), true);
    stored.body.len() as u64
}

/// Sends what the stages say; gives the bytes of the body that went out.
pub async fn send(
    reply: Reply,
    method: &Method,
    (now, slowest): (Timestamp, Slowest),
    respond: &mut SendResponse<Bytes>,
) -> u64 {
    let ends = reply.ends_with_head(method);
    let mut headers = HeaderMap::with_capacity(reply.fields.len() + 2);
    for (name, value) in reply.fields {
        headers.append(name, value);
    }
    if !headers.contains_key(header::DATE)
        && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(now.into()))
    {
        headers.insert(header::DATE, date);
    }
    if let Some(length) = reply.length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let Ok(mut stream) = respond.send_response(response(reply.status, headers), ends) else {
        return 0;
    };
    match reply.body {
        _ if ends => 0,
        Body::Whole(body) => {
            let bytes = body.len() as u64;
            match stream.send_data(body, true) {
                Ok(()) => bytes,
                Err(_reader_is_gone) => 0,
            }
        }
        Body::Arriving(mut source) => {
            let mut bytes = 0;
            loop {
                match source.piece().await {
                    Ok(Some(piece)) => {
                        bytes += piece.len() as u64;
                        if !push(&mut stream, piece, slowest).await {
                            return bytes;
                        }
                    }
                    Ok(None) => {
                        let _reader_is_gone = stream.send_data(Bytes::new(), true);
                        return bytes;
                    }
                    // The reader is to see that it is not whole.
                    Err(_) => {
                        stream.send_reset(Reason::INTERNAL_ERROR);
                        return bytes;
                    }
                }
            }
        }
    }
}

/// Sends a piece as the reader's window opens; false when he is gone or too slow.
pub async fn push(stream: &mut SendStream<Bytes>, mut piece: Bytes, slowest: Slowest) -> bool {
    loop {
        let before = piece.len();
        let span = async {
            while !piece.is_empty() {
                stream.reserve_capacity(piece.len());
                let room = poll_fn(|context| stream.poll_capacity(context)).await;
                let room = room?.ok()?;
                let now = piece.split_to(room.min(piece.len()));
                if !now.is_empty() {
                    stream.send_data(now, false).ok()?;
                }
            }
            Some(())
        };
        match within(slowest.over, span).await {
            Some(sent) => return sent.is_some(),
            None if ((before - piece.len()) as u64) < slowest.bytes => {
                stream.send_reset(Reason::CANCEL);
                return false;
            }
            None => {}
        }
    }
}

/// Refuses a request with a status alone.
pub fn refuse(status: StatusCode, respond: &mut SendResponse<Bytes>) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let _reader_is_gone = respond.send_response(response(status, headers), true);
}

fn response(status: StatusCode, headers: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

//! A read that is no plain hit: the stages decide, here it is waited for and written.

use std::io::IoSlice;
use std::time::Instant;

use pingora::http::RequestHeader;
use pingora::protocols::Stream;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::unbounded_channel;

use super::{Connection, write};
use crate::access_log::Line;
use crate::access_log::asked::Asked as Told;
use crate::limits::pace::{self, Slowest};
use crate::limits::refused::Limit;
use crate::stages;
use crate::stages::reply::{Body, Reply};
use crate::state::Edge;
use crate::visit::Visit;

/// So many bytes are gathered before they are written.
const TOGETHER: usize = 64 << 10;

/// What is asked.
pub struct Asked<'r> {
    /// The request.
    pub request: &'r RequestHeader,
    /// When it began.
    pub began: Instant,
    /// The reader wants the connection to end.
    pub close: bool,
}

/// What came of it.
pub enum Outcome {
    /// It is to be forwarded as it is.
    Forward,
    /// It is answered, and another request may follow.
    Answered,
    /// The connection is to end.
    Ended,
}

/// Asks the stages, and writes what they say.
pub async fn answer(
    edge: &Edge,
    connection: &mut Connection,
    asked: Asked<'_>,
    stream: &mut Stream,
) -> Outcome {
    let mut visit = Visit::new(edge.traffic.begin(), asked.began, edge.clock.now());
    (visit.tls, visit.client) = (connection.tls, connection.client);
    (visit.wire, visit.class) = (connection.wire, connection.admitted.caller.class());
    let (tell, mut told) = unbounded_channel();
    visit.interim = Some(tell);
    let reply = {
        let deciding = stages::answer(edge, asked.request, &mut visit);
        tokio::pin!(deciding);
        loop {
            tokio::select! {
                biased;
                Some(interim) = told.recv() => {
                    write::interim(&interim, &mut connection.lent.out);
                    if stream.write_all(&connection.lent.out).await.is_err() {
                        return Outcome::Ended;
                    }
                }
                reply = &mut deciding => break reply,
            }
        }
    };
    // An interim response that came together with the real one goes out before it.
    while let Ok(interim) = told.try_recv() {
        write::interim(&interim, &mut connection.lent.out);
        if stream.write_all(&connection.lent.out).await.is_err() {
            return Outcome::Ended;
        }
    }
    let Some(mut reply) = reply else {
        return Outcome::Forward;
    };
    reply.add_own_fields(&visit);
    let close = asked.close || edge.traffic.is_draining();
    let status = reply.status.as_u16();
    visit.answers();
    let (sent, bytes) = send(edge, connection, &asked, reply, close, stream).await;
    visit.count(status, bytes);
    if edge.tells() {
        let line = Line::of(&visit, Told::of_request(asked.request), status, bytes);
        edge.tell(line);
    }
    if sent && !close {
        Outcome::Answered
    } else {
        Outcome::Ended
    }
}

/// Writes a reply; gives whether all of it went out, and how many bytes of its body.
async fn send(
    edge: &Edge,
    connection: &mut Connection,
    asked: &Asked<'_>,
    reply: Reply,
    close: bool,
    stream: &mut Stream,
) -> (bool, u64) {
    let slowest = Slowest::of(&connection.admitted.settings);
    let mut write = async |bytes: &[u8]| write_paced(edge, stream, bytes, slowest).await;
    let ends = reply.ends_with_head(&asked.request.method);
    let framing = write::Framing::of(&reply);
    write::head(
        &reply,
        framing,
        close,
        edge.clock.now(),
        &mut connection.lent.out,
    );
    match reply.body {
        _ if ends => (write(&connection.lent.out).await, 0),
        Body::Whole(body) => {
            let head = write(&connection.lent.out).await;
            let sent = head && write(&body).await;
            (sent, if sent { body.len() as u64 } else { 0 })
        }
        Body::Arriving(mut source) => {
            let mut bytes = 0;
            loop {
                // What is there goes out together, the head with the first pieces; what is not
                // there yet is not waited for with something in hand.
                let ready = source.ready();
                if connection.lent.out.len() >= TOGETHER || ready.is_none() {
                    if !write(&connection.lent.out).await {
                        return (false, bytes);
                    }
                    connection.lent.out.clear();
                }
                let piece = match ready {
                    Some(piece) => piece,
                    None => source.piece().await,
                };
                match piece {
                    Ok(Some(piece)) => {
                        write::piece(framing, &piece, &mut connection.lent.out);
                        bytes += piece.len() as u64;
                    }
                    Ok(None) => {
                        write::last(framing, &mut connection.lent.out);
                        return (write(&connection.lent.out).await, bytes);
                    }
                    // The connection ends without the end of the body, so that the reader sees
                    // that it is not whole.
                    Err(_) => return (false, bytes),
                }
            }
        }
    }
}

/// Whether the reader took it all, and not too slowly.
async fn write_paced(edge: &Edge, stream: &mut Stream, bytes: &[u8], slowest: Slowest) -> bool {
    match pace::write_all(stream, &mut [IoSlice::new(bytes)], slowest).await {
        Ok(()) => true,
        Err(error) => {
            if error.kind() == std::io::ErrorKind::TimedOut {
                edge.limits.refused.count(Limit::SlowReader);
            }
            false
        }
    }
}

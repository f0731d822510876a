//! Readers who go on asking while something is done to the edge, and note every request that came
//! to nothing. They follow RFC 9112, section 9.6: a request is sent again on another connection only
//! when the one it was sent on was closed without a byte of an answer; that is counted too.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::reader::Reader;

/// What came of all requests.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests answered with 200 and the whole body.
    pub answered: AtomicUsize,
    /// Requests sent again, because the idle connection was closed under them.
    pub again: AtomicUsize,
    /// Requests over HTTP/2 that the edge's GOAWAY met before they were sent, or of which it says that
    /// it did not look at them; sent again on another connection.
    pub not_looked_at: AtomicUsize,
    /// The rest, with why.
    pub failed: Mutex<Vec<String>>,
    over: AtomicBool,
}

/// Readers at work.
pub struct Load {
    pub tally: Arc<Tally>,
    readers: JoinSet<()>,
}

impl Tally {
    fn note(&self, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => self.failed.lock().unwrap().push(why),
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// How many were answered so far.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

impl Load {
    /// Nobody yet.
    pub fn new() -> Self {
        Self {
            tally: Arc::default(),
            readers: JoinSet::new(),
        }
    }

    /// Readers with a connection each, which they keep as long as the edge does.
    pub fn keep_alive(&mut self, count: usize, address: SocketAddr, target: &'static str) {
        for _ in 0..count {
            let tally = self.tally.clone();
            self.readers.spawn(async move {
                let mut open = None;
                while !tally.is_over() {
                    let result = kept_open(address, target, &mut open, &tally).await;
                    tally.note(result.map_err(|why| format!("keep-alive {target}: {why}")));
                }
            });
        }
    }

    /// Readers with another connection for each request.
    pub fn anew(&mut self, count: usize, address: SocketAddr, target: &'static str) {
        for _ in 0..count {
            let tally = self.tally.clone();
            self.readers.spawn(async move {
                while !tally.is_over() {
                    let result = once(address, target).await;
                    tally.note(result.map_err(|why| format!("new connection {target}: {why}")));
                }
            });
        }
    }

    /// Readers over HTTP/2 and TLS, with several requests at a time on their connection, which they
    /// open anew when the edge says that it takes no more there (RFC 9113, section 6.8).
    pub fn http2(&mut self, count: usize, reader: &Reader, target: &'static str) {
        for _ in 0..count {
            let (tally, reader) = (self.tally.clone(), reader.another());
            self.readers.spawn(async move {
                while !tally.is_over() {
                    over_http2(&reader, target, &tally).await;
                }
            });
        }
    }

    /// Lets everybody finish the request he is at; gives what came of all.
    pub async fn finish(mut self) -> Arc<Tally> {
        self.tally.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.readers.join_next().await {
            ended.unwrap();
        }
        self.tally
    }
}

/// One request on the open connection, or on another one.
async fn kept_open(
    address: SocketAddr,
    target: &str,
    open: &mut Option<TcpStream>,
    tally: &Tally,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    loop {
        let (mut stream, is_new) = match open.take() {
            Some(stream) => (stream, false),
            None => (TcpStream::connect(address).await.map_err(text)?, true),
        };
        stream.set_nodelay(true).map_err(text)?;
        match exchange(&mut stream, target, "").await {
            Ok(goes_on) => {
                *open = goes_on.then_some(stream);
                return Ok(());
            }
            Err(Broken { why, no_byte_came }) if is_new || !no_byte_came => return Err(why),
            Err(_) => {
                tally.again.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

async fn once(address: SocketAddr, target: &str) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(text)?;
    let close = "Connection: close\r\n";
    let exchanged = exchange(&mut stream, target, close).await;
    exchanged.map(drop).map_err(|broken| broken.why)
}

/// Why an exchange broke off.
struct Broken {
    why: String,
    no_byte_came: bool,
}

/// One request and its whole answer; gives whether another may follow.
async fn exchange(stream: &mut TcpStream, target: &str, fields: &str) -> Result<bool, Broken> {
    let mut bytes = Vec::new();
    let result = exchanged(stream, target, fields, &mut bytes).await;
    result.map_err(|why| Broken {
        why,
        no_byte_came: bytes.is_empty(),
    })
}

async fn exchanged(
    stream: &mut TcpStream,
    target: &str,
    fields: &str,
    bytes: &mut Vec<u8>,
) -> Result<bool, String> {
    let text = |error: std::io::Error| error.to_string();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    loop {
        if let Some((head, rest)) = parted(bytes) {
            if !head.starts_with("HTTP/1.1 200 ") {
                return Err(head);
            }
            let length = head.to_ascii_lowercase();
            let length = length.split("content-length: ").nth(1);
            let length = length.and_then(|text| text.split("\r\n").next()?.parse().ok());
            let length: usize = length.ok_or("no length")?;
            if rest >= length {
                return Ok(!head.to_ascii_lowercase().contains("connection: close"));
            }
        }
        if stream.read_buf(bytes).await.map_err(text)? == 0 {
            return Err(format!("closed after {} bytes", bytes.len()));
        }
    }
}

/// The head as text, and how many bytes follow it.
fn parted(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end + 2]).into_owned();
    Some((head, bytes.len() - end - 4))
}

async fn over_http2(reader: &Reader, target: &str, tally: &Arc<Tally>) {
    let mut connection = reader.http2().await;
    let mut under_way = JoinSet::new();
    let mut is_open = true;
    while is_open && !tally.is_over() {
        while is_open && under_way.len() < 4 {
            // The edge said that it takes no more on this connection: no request was sent.
            match connection.clone().ready().await {
                Ok(ready) => connection = ready,
                Err(_) => is_open = false,
            }
            if !is_open {
                break;
            }
            let request = http::Request::get(format!("https://localhost{target}"));
            let sent = connection.send_request(request.body(()).unwrap(), true);
            match sent {
                Ok((response, _)) => {
                    under_way.spawn(async move { whole(response).await });
                }
                Err(_) => is_open = false,
            }
        }
        if let Some(done) = under_way.join_next().await {
            note(done.unwrap(), tally);
        }
    }
    while let Some(done) = under_way.join_next().await {
        note(done.unwrap(), tally);
    }
}

fn note(result: Result<(), h2::Error>, tally: &Tally) {
    match result {
        // RFC 9113, section 8.7: the request was not processed, and may be sent again.
        Err(error) if error.reason() == Some(h2::Reason::REFUSED_STREAM) => {
            tally.not_looked_at.fetch_add(1, Ordering::Relaxed);
        }
        // A stream above the last that the edge takes (RFC 9113, section 6.8).
        Err(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => {
            tally.not_looked_at.fetch_add(1, Ordering::Relaxed);
        }
        result => tally.note(result.map_err(|error| format!("HTTP/2: {error}"))),
    }
}

async fn whole(response: h2::client::ResponseFuture) -> Result<(), h2::Error> {
    let (head, mut body) = response.await?.into_parts();
    assert_eq!(head.status, 200);
    while let Some(piece) = body.data().await {
        let _window_opens = body.flow_control().release_capacity(piece?.len());
    }
    Ok(())
}

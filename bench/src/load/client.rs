//! One request at a time over a blocking connection: for looking at what a server answers, not for
//! load. Also finds the end of a response for the load generators.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first field of that name (lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(other, _)| other == name)?;
        Some(&found.1)
    }
}

/// Longest head of a response, in bytes.
const LONGEST: usize = 64 << 10;

/// Reads one object over a connection of its own. `field` is a further line or empty.
///
/// # Errors
/// Nobody answers, or not in HTTP.
pub fn fetch(address: SocketAddr, path: &str, field: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))
        .with_context(|| format!("nobody answers at {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request(address, path, field).as_bytes())?;
    read(&mut stream).with_context(|| format!("reading {path} from {address}"))
}

/// A request for a path.
pub fn request(address: SocketAddr, path: &str, field: &str) -> String {
    let line = if field.is_empty() { "" } else { "\r\n" };
    format!("GET {path} HTTP/1.1\r\nhost: {address}{line}{field}\r\n\r\n")
}

/// Reads one response.
pub fn read(stream: &mut impl Read) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 << 10];
    let mut whole = None;
    loop {
        if whole.is_none() {
            whole = head(&bytes)?;
        }
        if let Some(head) = &whole
            && bytes.len() >= head.length + head.body
        {
            let body = bytes.get(head.length..head.length + head.body);
            return Ok(Answer {
                status: head.status,
                fields: fields(&bytes)?,
                body: body.unwrap_or_default().to_vec(),
            });
        }
        match stream.read(&mut part)? {
            0 => bail!("the server closed the connection"),
            count => bytes.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
    }
}

/// The head of a response.
pub struct Head {
    pub status: u16,
    /// Its own length.
    pub length: usize,
    /// Length of the body after it.
    pub body: usize,
    /// The server ends the connection after it.
    pub close: bool,
}

/// The head, once it is whole.
pub fn head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes)? else {
        if bytes.len() > LONGEST {
            bail!("a head without end");
        }
        return Ok(None);
    };
    let status = response.code.unwrap_or(0);
    let told = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let body = match told {
        _ if matches!(status, 204 | 304) => 0,
        Some(field) => std::str::from_utf8(field.value)?.parse()?,
        None => bail!("a response {status} without content-length"),
    };
    let close = response.headers.iter().any(|field| {
        field.name.eq_ignore_ascii_case("connection") && field.value.eq_ignore_ascii_case(b"close")
    });
    Ok(Some(Head {
        status,
        length,
        body,
        close,
    }))
}

fn fields(bytes: &[u8]) -> anyhow::Result<Vec<(String, String)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    response.parse(bytes)?;
    let owned = response.headers.iter().map(|field| {
        (
            field.name.to_ascii_lowercase(),
            String::from_utf8_lossy(field.value).into_owned(),
        )
    });
    Ok(owned.collect())
}

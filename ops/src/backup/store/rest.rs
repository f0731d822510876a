//! A server that speaks restic's REST (restic, "REST Backend"), over HTTP/1.1 with or without TLS.
//!
//! Called by threads that may block; what is awaited runs on the runtime that it was made on. A
//! connection that did its work is kept for the next request. A request that found its connection dead
//! is asked once more on a new one: every act of this protocol may be done twice.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST, RANGE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use yagura_control::trust;

use super::{Kind, Store};

/// A connection is made in this time, or the place is away.
const CONNECTING: Duration = Duration::from_secs(10);
/// A request is answered in this time: a pack is some tens of MiB, over a slow line too.
const ANSWERING: Duration = Duration::from_secs(600);
/// Most of an answer that is taken: larger than any pack.
const MOST_BYTES: usize = 1 << 30;
/// Most connections that are kept.
const KEPT: usize = 4;

pub(crate) struct Rest {
    url: Uri,
    authorization: Option<HeaderValue>,
    tls: Option<TlsConnector>,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    runtime: Handle,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u32,
}

impl Rest {
    /// `user` is a name with the file of its password. Wants a runtime around it.
    pub(crate) fn new(
        url: &str,
        user: Option<&(String, PathBuf)>,
        trust: Option<&Path>,
    ) -> io::Result<Self> {
        let secret = match user {
            None => None,
            Some((name, file)) => Some((name.clone(), std::fs::read_to_string(file)?)),
        };
        let secret = secret
            .as_ref()
            .map(|(name, it)| (name.as_str(), it.trim_end()));
        Self::with_password(url, secret, trust)
    }

    pub(crate) fn with_password(
        url: &str,
        user: Option<(&str, &str)>,
        trust: Option<&Path>,
    ) -> io::Result<Self> {
        let url: Uri = url.parse().map_err(io::Error::other)?;
        let authorization = user.map(|(name, password)| {
            let basic = STANDARD.encode(format!("{name}:{password}"));
            let mut value =
                HeaderValue::from_str(&format!("Basic {basic}")).map_err(io::Error::other)?;
            value.set_sensitive(true);
            Ok::<_, io::Error>(value)
        });
        let secure = url.scheme_str() == Some("https");
        Ok(Self {
            authorization: authorization.transpose()?,
            tls: secure.then(|| connector(trust)).transpose()?,
            url,
            idle: Mutex::default(),
            runtime: Handle::try_current().map_err(io::Error::other)?,
        })
    }

    fn path(&self, kind: Kind, name: &str) -> String {
        let base = self.url.path();
        match kind {
            Kind::Config => format!("{base}config"),
            _ => format!("{base}{}/{name}", kind.folder()),
        }
    }

    /// Asks, and once more when the connection had died in the meantime.
    fn ask(
        &self,
        method: &Method,
        path: &str,
        range: Option<&str>,
        body: Bytes,
    ) -> io::Result<Bytes> {
        let request = || {
            let mut request = Request::builder()
                .method(method.clone())
                .uri(path)
                .header(HOST, self.url.authority().map_or("", |it| it.as_str()))
                .header(USER_AGENT, "yagura-ops")
                .header(ACCEPT, "application/vnd.x.restic.rest.v2");
            if let Some(value) = &self.authorization {
                request = request.header(AUTHORIZATION, value);
            }
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            request
                .body(Full::new(body.clone()))
                .map_err(io::Error::other)
        };
        let kept = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let asking = async {
            if let Some(sender) = kept
                && sender.is_ready()
                && let Ok(answer) = self.exchange(sender, request()?).await
            {
                return Ok(answer);
            }
            let sender = tokio::time::timeout(CONNECTING, self.connect())
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            self.exchange(sender, request()?).await
        };
        let timed = async { tokio::time::timeout(ANSWERING, asking).await };
        let (status, answer) = self
            .runtime
            .block_on(timed)
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if status.is_success() {
            return Ok(answer);
        }
        let kind = match status {
            StatusCode::NOT_FOUND => io::ErrorKind::NotFound,
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        Err(io::Error::new(
            kind,
            format!("{method} {path}: status {status}"),
        ))
    }

    async fn exchange(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> io::Result<(StatusCode, Bytes)> {
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES);
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(sender);
        }
        Ok((status, body))
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.url.port_u16();
        let port = port.unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return spoken(stream).await;
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        spoken(tls.connect(name, stream).await?).await
    }
}

async fn spoken<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // It ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

fn connector(authorities: Option<&Path>) -> io::Result<TlsConnector> {
    let config = trust::roots(authorities).and_then(trust::client);
    Ok(TlsConnector::from(Arc::new(
        config.map_err(io::Error::other)?,
    )))
}

impl Store for Rest {
    fn place(&self) -> String {
        self.url.to_string()
    }

    fn create(&self) -> io::Result<()> {
        let path = format!("{}?create=true", self.url.path());
        self.ask(&Method::POST, &path, None, Bytes::new()).map(drop)
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<(String, u32)>> {
        if kind == Kind::Config {
            let path = self.path(kind, "");
            return match self.ask(&Method::GET, &path, None, Bytes::new()) {
                Ok(config) => Ok(vec![(
                    "0".repeat(64),
                    u32::try_from(config.len()).unwrap_or(0),
                )]),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(error),
            };
        }
        let answer = match self.ask(&Method::GET, &self.path(kind, ""), None, Bytes::new()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            answer => answer?,
        };
        let listed: Option<Vec<Listed>> = serde_json::from_slice(&answer)?;
        let named = listed.unwrap_or_default().into_iter();
        Ok(named.map(|file| (file.name, file.size)).collect())
    }

    fn read(&self, kind: Kind, name: &str, part: Option<(u32, u32)>) -> io::Result<Bytes> {
        let path = self.path(kind, name);
        let Some((offset, length)) = part else {
            return self.ask(&Method::GET, &path, None, Bytes::new());
        };
        let last = u64::from(offset) + u64::from(length).saturating_sub(1);
        let range = format!("bytes={offset}-{last}");
        let answer = self.ask(&Method::GET, &path, Some(&range), Bytes::new())?;
        if answer.len() == usize::try_from(length).map_err(io::Error::other)? {
            return Ok(answer);
        }
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{path} is shorter than it was"),
        ))
    }

    fn write(&self, kind: Kind, name: &str, content: &[Bytes]) -> io::Result<()> {
        let body = match content {
            [only] => only.clone(),
            parts => parts.concat().into(),
        };
        self.ask(&Method::POST, &self.path(kind, name), None, body)
            .map(drop)
    }

    fn remove(&self, kind: Kind, name: &str) -> io::Result<()> {
        self.ask(&Method::DELETE, &self.path(kind, name), None, Bytes::new())
            .map(drop)
    }
}

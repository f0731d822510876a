//! An HTTP client over TLS that trusts the town's own authority and no other.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::callers;

/// Why a request had no answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One reader with one connection, opened anew when it was closed.
pub struct Reader {
    address: SocketAddr,
    host: String,
    tls: Arc<rustls::ClientConfig>,
    source: Option<[u8; 4]>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A field's value, or the empty string.
    pub fn field(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Reader {
    /// A reader of `host` at `address`, who trusts the authorities in the PEM file.
    pub fn new(address: SocketAddr, host: &str, authority: &Path) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address,
            host: host.to_owned(),
            tls: Arc::new(tls),
            source: None,
            connection: None,
        }
    }

    /// The same, whose connections come from this address.
    pub fn coming_from(self, address: [u8; 4]) -> Self {
        Self {
            source: Some(address),
            ..self
        }
    }

    /// A connection that speaks HTTP/2.
    pub async fn http2(&self) -> h2::client::SendRequest<Bytes> {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(self.host.clone()).unwrap();
        let connector = TlsConnector::from(Arc::new(tls));
        let stream = connector.connect(name, stream).await.unwrap();
        let (sender, driver) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(driver);
        sender
    }

    /// How it speaks TLS.
    pub fn tls(&self) -> Arc<rustls::ClientConfig> {
        self.tls.clone()
    }

    /// Another reader of the same site, with a connection of its own.
    pub fn another(&self) -> Self {
        let (address, host, tls) = (self.address, self.host.clone(), self.tls.clone());
        Self {
            address,
            host,
            tls,
            source: self.source,
            connection: None,
        }
    }

    /// GET, which must be answered.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.try_get(path)
            .await
            .unwrap_or_else(|failure| panic!("GET {path}: {failure}"))
    }

    /// GET, which may fail.
    pub async fn try_get(&mut self, path: &str) -> Result<Answer, Failure> {
        let request = Request::builder().method(Method::GET).uri(path);
        self.send(request.body(Full::default())?).await
    }

    /// Any request; `Host` is added.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let authority = format!("{}:{}", self.host, self.address.port());
        request
            .headers_mut()
            .insert(header::HOST, authority.parse()?);
        // A server may close an idle connection at any time; RFC 9110 section 9.2.2 lets a client
        // repeat what is safe on a new one, which is what `ready` finds out beforehand.
        let mut open = self.connection.take();
        let usable = match &mut open {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        let mut connection = match open.filter(|_| usable) {
            Some(open) => open,
            None => self.connect().await?,
        };
        let (head, body) = connection.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = match self.source {
            Some(source) => callers::from(source, self.address).await,
            None => TcpStream::connect(self.address).await?,
        };
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone())?;
        let stream = TlsConnector::from(self.tls.clone())
            .connect(name, stream)
            .await?;
        let (sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(sender)
    }
}

//! Outside the city hall: a host under which the edge leads to the staff's pages by a way that says
//! of every request that it comes from outside.
//!
//! The way is a small relay between edge and CMS. It is for browsers, which come from one address
//! and can therefore not be at the city hall and outside at once.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinHandle;

use super::Town;

/// The host, beside `staff.localhost`.
pub const HOST: &str = "outside.localhost";

/// The way in from outside; closed when dropped.
pub struct Outside(JoinHandle<()>);

struct Relay {
    socket: PathBuf,
    /// What the CMS knows as its own URL; browsers name the one they see.
    staff_url: HeaderValue,
}

impl Outside {
    /// Opens it. The edge learns of it when it starts.
    pub async fn open(town: &Town) -> Self {
        let listener = TcpListener::bind((town.place.address, 0)).await.unwrap();
        configure(town, listener.local_addr().unwrap());
        let relay = Arc::new(Relay {
            socket: town.data().join("run/cms-staff.sock"),
            staff_url: format!("https://staff.localhost:{}", town.place.https)
                .parse()
                .unwrap(),
        });
        Self(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let relay = relay.clone();
                tokio::spawn(async move {
                    let pass = service_fn(move |request| {
                        let relay = relay.clone();
                        async move { relay.pass(request).await }
                    });
                    let _closed = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), pass)
                        .await;
                });
            }
        }))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn configure(town: &Town, address: SocketAddr) {
    let config = town.config();
    let text = std::fs::read_to_string(&config).unwrap();
    let site = format!(
        "[[site]]\nname = \"outside\"\nhosts = [\"{HOST}\"]\norigin = \"http://{address}\"\ncache = false\n\
         max_body = \"32MiB\"\n\n[cms]\n"
    );
    std::fs::write(&config, text.replacen("[cms]\n", &site, 1)).unwrap();
}

impl Relay {
    async fn pass(&self, mut request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let headers = request.headers_mut();
        headers.insert("yagura-access", HeaderValue::from_static("outside"));
        let own = format!("https://{HOST}:");
        if let Some(origin) = headers.get_mut(header::ORIGIN)
            && origin.as_bytes().starts_with(own.as_bytes())
        {
            *origin = self.staff_url.clone();
        }
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        let (head, body) = answer.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

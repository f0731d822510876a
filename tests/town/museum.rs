//! The city's museum: a site of another CMS that knows nothing of Yagura, with a sitemap, and an
//! edge of its own before it that keeps last-good copies.
//!
//! What a page says follows from its number and version alone, so that any answer can be checked.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use yagura_control::client::Client;
use yagura_control::order::{EdgeStatus, Envelope, Order, Outcome, WarmerStatus};

use super::eventually;
use super::place::Place;
use super::process::Running;
use super::reader::{Answer, Failure};

const HOST: &str = "museum.example";

/// The museum, its edge, and the folder of both.
pub struct Museum {
    pub place: Place,
    pub pages: Arc<Pages>,
    site: Option<JoinHandle<()>>,
    edge: Option<Running>,
    folder: TempDir,
}

/// What the museum's site holds.
#[derive(Default)]
pub struct Pages(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    versions: Vec<u64>,
    unlisted: BTreeSet<usize>,
    broken: BTreeSet<usize>,
    /// Requests for each page.
    asked: Vec<usize>,
}

impl Pages {
    /// Changes a page; gives its new version.
    pub fn change(&self, number: usize) -> u64 {
        let mut inner = self.0.lock().unwrap();
        inner.versions[number] += 1;
        inner.versions[number]
    }

    /// The version of a page.
    pub fn version(&self, number: usize) -> u64 {
        self.0.lock().unwrap().versions[number]
    }

    /// Takes a page off the sitemap; it stays where it is.
    pub fn unlist(&self, number: usize) {
        self.0.lock().unwrap().unlisted.insert(number);
    }

    /// Lets a page be answered with 500.
    pub fn break_down(&self, number: usize) {
        self.0.lock().unwrap().broken.insert(number);
    }

    /// How often a page was asked for.
    pub fn asked(&self, number: usize) -> usize {
        self.0.lock().unwrap().asked[number]
    }
}

/// Path of a page.
pub fn path(number: usize) -> String {
    format!("/works/{number}.html")
}

/// What a page says.
pub fn text(number: usize, version: u64) -> String {
    let line = format!("work {number}, version {version}\n");
    line.repeat(100 + number * 37 % 400)
}

/// The version of which a text is the whole page.
pub fn version_of(number: usize, said: &[u8]) -> Option<u64> {
    let said = std::str::from_utf8(said).ok()?;
    let version = said.lines().next()?.rsplit(' ').next()?.parse().ok()?;
    (said == text(number, version)).then_some(version)
}

impl Museum {
    /// A museum of so many pages. Its site is open, its edge not yet. `site` is added to the edge's
    /// configuration of the site, `edge` to that of the edge.
    pub async fn open(pages: usize, edge: &str, site: &str) -> Self {
        let place = Place::claim();
        let folder = tempfile::Builder::new().prefix("yg").tempdir().unwrap();
        let (http, origin) = (place.http(), place.https());
        let config = format!(
            "[edge]\ndata = \"edge\"\ncontrol_socket = \"edge.sock\"\n{edge}\n\
             [[edge.listen]]\naddress = \"{http}\"\n\
             [[site]]\nname = \"museum\"\nhosts = [\"{HOST}\"]\norigin = \"http://{origin}\"\n\
             last_good = true\nsitemap = \"/sitemap.xml\"\nsitemap_interval = \"1s\"\n{site}\n"
        );
        std::fs::write(folder.path().join("yagura.toml"), config).unwrap();
        let inner = Inner {
            versions: vec![1; pages],
            asked: vec![0; pages],
            ..Inner::default()
        };
        let mut museum = Self {
            place,
            pages: Arc::new(Pages(Mutex::new(inner))),
            site: None,
            edge: None,
            folder,
        };
        museum.open_site().await;
        museum
    }

    /// Opens the museum's site.
    pub async fn open_site(&mut self) {
        let listener = TcpListener::bind(self.place.https()).await.unwrap();
        let pages = self.pages.clone();
        self.site = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let pages = pages.clone();
                connections.spawn(async move {
                    let answer = service_fn(move |request| {
                        let response = respond(&request, &pages);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let _closed = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        }));
    }

    /// Closes the museum's site, with every connection.
    pub async fn close_site(&mut self) {
        if let Some(site) = self.site.take() {
            site.abort();
            let _aborted = site.await;
        }
    }

    /// Whether the museum's site is open.
    pub const fn is_site_open(&self) -> bool {
        self.site.is_some()
    }

    /// Starts the edge.
    pub fn start_edge(&mut self) {
        let config = self.config().display().to_string();
        let running = Running::start(&["edge", "--config", &config], &self.log());
        self.edge = Some(running);
    }

    /// Takes a running edge over.
    pub fn run_as(&mut self, edge: Running) {
        self.edge = Some(edge);
    }

    /// Kills the edge (SIGKILL).
    pub fn kill_edge(&mut self) {
        self.edge.take().unwrap().kill();
    }

    /// The edge's process number.
    pub fn edge_pid(&self) -> u32 {
        self.edge.as_ref().unwrap().pid()
    }

    /// Waits until the edge answers readers.
    pub async fn edge_is_ready(&self) {
        let (address, socket) = (self.place.http(), self.socket());
        eventually("the edge listens", || async {
            TcpStream::connect(address).await.ok()
        })
        .await;
        eventually("the edge takes orders", || async {
            tokio::net::UnixStream::connect(&socket).await.ok()
        })
        .await;
    }

    /// How the edge stands.
    pub async fn status(&self) -> EdgeStatus {
        let client = Client::new(self.socket(), Duration::from_secs(20));
        let envelope = Envelope::of(Order::Status, "museum");
        match client.order(&envelope).await.unwrap().outcome {
            Outcome::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    /// How far the warmer is.
    pub async fn warmer(&self) -> WarmerStatus {
        let status = self.status().await;
        status.sites[0].warmer.clone().unwrap()
    }

    /// Reads a page from the edge.
    pub async fn read(&self, number: usize) -> Result<Answer, Failure> {
        get(self.place.http(), &path(number)).await
    }

    /// The edge's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("edge")
    }

    /// The edge's configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("yagura.toml")
    }

    /// What the edge printed.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("edge.sock")
    }
}

/// One request to the museum's site, on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Result<Answer, Failure> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    let request = Request::builder().uri(path).header(header::HOST, HOST);
    let response = sender
        .send_request(request.body(Full::<Bytes>::default())?)
        .await?;
    let (head, body) = response.into_parts();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    })
}

/// Every file below a folder that was not finished.
pub fn unfinished(folder: &Path) -> usize {
    let files = crate::withdraw::files(folder).into_iter();
    files
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "partial")
        })
        .count()
}

fn respond<B>(request: &Request<B>, pages: &Pages) -> Response<Full<Bytes>> {
    let mut inner = pages.0.lock().unwrap();
    let plain = |status: StatusCode, body: Vec<u8>| {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        response
    };
    let path = request.uri().path();
    match path {
        "/sitemap.xml" => {
            let index = format!(
                "<sitemapindex><sitemap><loc>https://{HOST}/pages.xml.gz</loc></sitemap></sitemapindex>"
            );
            return plain(StatusCode::OK, index.into());
        }
        "/pages.xml.gz" => return plain(StatusCode::OK, list(&inner)),
        _ => {}
    }
    let number = path
        .strip_prefix("/works/")
        .and_then(|rest| rest.strip_suffix(".html"))
        .and_then(|number| number.parse::<usize>().ok())
        .filter(|number| *number < inner.versions.len());
    let Some(number) = number else {
        return plain(StatusCode::NOT_FOUND, b"none".to_vec());
    };
    inner.asked[number] += 1;
    if inner.broken.contains(&number) {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, b"broken".to_vec());
    }
    let version = inner.versions[number];
    let tag = format!("\"{number}-{version}\"");
    let asked = |fields: &HeaderMap| {
        fields
            .get(header::IF_NONE_MATCH)
            .is_some_and(|asked| asked == tag.as_str())
    };
    let mut response = if asked(request.headers()) {
        plain(StatusCode::NOT_MODIFIED, Vec::new())
    } else {
        plain(StatusCode::OK, text(number, version).into())
    };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, tag.parse().unwrap());
    fields.insert(header::CACHE_CONTROL, "max-age=1".parse().unwrap());
    response
}

fn list(inner: &Inner) -> Vec<u8> {
    let mut map = String::from("<urlset>");
    for (number, version) in inner.versions.iter().enumerate() {
        if !inner.unlisted.contains(&number) {
            let path = path(number);
            map.push_str(&format!(
                "<url><loc>https://{HOST}{path}</loc><lastmod>{version}</lastmod></url>"
            ));
        }
    }
    map.push_str("<url><loc>https://elsewhere.example/</loc></url></urlset>");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(map.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

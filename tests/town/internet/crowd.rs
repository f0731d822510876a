//! Readers who come again and again: each asks his resolver, connects to what it says, and reads a
//! page. What failed is noted with the way that he took, because a reader whom the name leads to a
//! dead cloud cannot be helped by any edge, and one whom it leads to the edge can.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::Internet;
use super::resolvers::{Resolvers, resolve};
use crate::town::reader::Reader;

/// How long a reader waits for one page, before he calls it failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long he reads before he comes again.
const READS_FOR: Duration = Duration::from_millis(700);

/// What came of all visits.
#[derive(Debug, Default)]
pub struct Visits {
    /// Pages read through the cloud.
    pub through_cloud: AtomicUsize,
    /// Pages read from the edge itself.
    pub directly: AtomicUsize,
    /// The addresses at which pages were read, with how many.
    pub places: Mutex<HashMap<IpAddr, usize>>,
    /// Visits that failed at the cloud.
    pub failed_at_cloud: Mutex<Vec<String>>,
    /// Visits that failed at the edge, or before it was known where to go.
    pub failed_directly: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Visits {
    /// How many pages were read through the cloud, and directly.
    pub fn read(&self) -> (usize, usize) {
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (count(&self.through_cloud), count(&self.directly))
    }

    /// How many pages were read at an address.
    pub fn read_at(&self, address: IpAddr) -> usize {
        let places = self.places.lock().unwrap();
        places.get(&address).copied().unwrap_or(0)
    }

    /// Forgets the failures so far at the cloud, and tells how many they were.
    pub fn forgive_cloud(&self) -> usize {
        std::mem::take(&mut *self.failed_at_cloud.lock().unwrap()).len()
    }
}

/// Readers at work.
pub struct Crowd {
    pub visits: Arc<Visits>,
    readers: JoinSet<()>,
}

/// Where a visit goes to.
#[derive(Clone)]
struct Aim {
    host: &'static str,
    port: u16,
    cloud: IpAddr,
    tls: TlsConnector,
}

impl Crowd {
    /// So many readers, each with an address of his own, spread over the resolvers. Every third forges
    /// whom he is.
    pub(super) fn gather(
        count: usize,
        resolvers: &Resolvers,
        (host, port): (&'static str, u16),
        internet: &Internet,
    ) -> Self {
        let visits = Arc::new(Visits::default());
        let aim = Aim {
            host,
            port,
            cloud: internet.cloud_address(),
            tls: connector(internet.direct(), host, &internet.roots()),
        };
        let mut readers = JoinSet::new();
        for number in 0..count {
            let resolver = resolvers.addresses()[number % resolvers.addresses().len()];
            let (visits, aim) = (visits.clone(), aim.clone());
            readers.spawn(async move {
                // They do not all come at once.
                let share = u32::try_from(number).unwrap() * READS_FOR / 200;
                tokio::time::sleep(share).await;
                while !visits.over.load(Ordering::Relaxed) {
                    visit(number, resolver, &aim, &visits).await;
                    tokio::time::sleep(READS_FOR).await;
                }
            });
        }
        Self { visits, readers }
    }

    /// Lets every reader end his visit, and tells what came of them.
    pub async fn leave(mut self) -> Arc<Visits> {
        self.visits.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.readers.join_next().await {
            ended.unwrap();
        }
        self.visits
    }
}

fn connector(address: SocketAddr, host: &str, roots: &Path) -> TlsConnector {
    TlsConnector::from(Reader::new(address, host, roots).tls())
}

async fn visit(number: usize, resolver: SocketAddr, aim: &Aim, visits: &Visits) {
    let address = match resolve(resolver, aim.host).await {
        Ok(address) => address,
        Err(why) => {
            visits.failed_directly.lock().unwrap().push(why);
            return;
        }
    };
    let read = tokio::time::timeout(PATIENCE, page(number, address, aim)).await;
    let read = read.unwrap_or_else(|_| Err("no answer came".to_owned()));
    let at_cloud = address == aim.cloud;
    match read {
        Ok(()) => {
            let count = match at_cloud {
                true => &visits.through_cloud,
                false => &visits.directly,
            };
            count.fetch_add(1, Ordering::Relaxed);
            *visits.places.lock().unwrap().entry(address).or_default() += 1;
        }
        Err(why) => {
            let failed = match at_cloud {
                true => &visits.failed_at_cloud,
                false => &visits.failed_directly,
            };
            let why = format!("reader {number} at {address}: {why}");
            failed.lock().unwrap().push(why);
        }
    }
}

/// Reads one page from an address.
async fn page(number: usize, address: IpAddr, aim: &Aim) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let socket = TcpSocket::new_v4().map_err(told)?;
    let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
    socket
        .bind(([127, 120 + high, low, 9], 0).into())
        .map_err(told)?;
    let stream = socket.connect((address, aim.port).into()).await;
    let stream = stream.map_err(told)?;
    let name = ServerName::try_from(aim.host).unwrap();
    let mut stream = aim.tls.connect(name, stream).await.map_err(told)?;
    let forged = match number % 3 {
        0 => "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.90.0.7\r\n",
        _ => "",
    };
    let request = format!(
        "GET /page/{}?cc=max-age%3D2 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{forged}\r\n",
        number % 10,
        aim.host
    );
    stream.write_all(request.as_bytes()).await.map_err(told)?;
    let mut bytes = Vec::new();
    // Not every server says goodbye in TLS.
    let ended = stream.read_to_end(&mut bytes).await;
    let whole = bytes.starts_with(b"HTTP/1.1 200 ");
    if whole {
        return Ok(());
    }
    let head = String::from_utf8_lossy(&bytes);
    let first = head.lines().next().unwrap_or_default();
    Err(format!("{first:?} {ended:?}"))
}

//! Resolvers as providers have them: each asks one of the authoritative servers and keeps the answer
//! for its time; one of them longer than it should.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use tempfile::TempDir;
use tokio::net::UdpSocket;

use super::HOST;
use super::name_servers::{NameServers, ZONE};
use crate::town::bind::free_address;
use crate::town::eventually;
use crate::town::process::Running;

/// How long an answer is waited for before it is asked again.
const WAIT: Duration = Duration::from_millis(500);
/// How often it is asked.
const TIMES: usize = 6;
/// The shortest time for which the stubborn one keeps an answer, in seconds.
pub const STUBBORN_S: u32 = 4;

/// Running resolvers.
pub struct Resolvers {
    addresses: Vec<SocketAddr>,
    _running: Vec<Running>,
    _folder: TempDir,
}

impl Resolvers {
    /// One before each authoritative server, one before both, and a stubborn one.
    pub async fn start(names: &NameServers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = names.all();
        let stubborn = format!("--min-cache-ttl={STUBBORN_S}");
        let kinds: [(&[SocketAddr], Option<&str>); 4] = [
            (&[one], None),
            (&[two], None),
            (&[one, two], None),
            (&[one, two], Some(&stubborn)),
        ];
        let mut resolvers = Self {
            addresses: Vec::new(),
            _running: Vec::new(),
            _folder: folder,
        };
        for (number, (servers, further)) in kinds.into_iter().enumerate() {
            let address = free_address();
            let mut command = Command::new("/usr/sbin/dnsmasq");
            command
                .args([
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--no-resolv",
                ])
                .args([
                    "--no-hosts",
                    "--bind-interfaces",
                    "--no-negcache",
                    "--user=root",
                ])
                .arg(format!("--listen-address={}", address.ip()))
                .arg(format!("--port={}", address.port()))
                .arg("--pid-file");
            for server in servers {
                let (ip, port) = (server.ip(), server.port());
                command.arg(format!("--server=/{ZONE}/{ip}#{port}"));
            }
            command.args(further);
            let log = resolvers._folder.path().join(format!("log-{number}"));
            resolvers
                ._running
                .push(Running::start_command(&mut command, &log));
            eventually("the resolver answers", || async {
                resolve(address, HOST).await.ok()
            })
            .await;
            resolvers.addresses.push(address);
        }
        resolvers
    }

    /// Where they answer.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// The first address of a name, as a resolver tells it.
///
/// # Errors
/// It does not answer, or knows none.
pub async fn resolve(resolver: SocketAddr, name: &str) -> Result<IpAddr, String> {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    let mut full = Name::from_ascii(name).map_err(|error| error.to_string())?;
    full.set_fqdn(true);
    question.add_query(Query::query(full, RecordType::A));
    let bytes = question.to_vec().map_err(|error| error.to_string())?;
    let told = |error: std::io::Error| error.to_string();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let socket = socket.map_err(told)?;
    socket.connect(resolver).await.map_err(told)?;
    for _ in 0..TIMES {
        let _refused_until_it_listens = socket.send(&bytes).await;
        let mut answer = [0; 1232];
        let Ok(Ok(length)) = tokio::time::timeout(WAIT, socket.recv(&mut answer)).await else {
            continue;
        };
        let Ok(answer) = Message::from_vec(&answer[..length]) else {
            continue;
        };
        if answer.metadata.id != question.metadata.id {
            continue;
        }
        let addresses = answer.answers.iter().find_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        });
        if let Some(address) = addresses {
            return Ok(address);
        }
    }
    Err(format!("{resolver} knows no address of {name}"))
}

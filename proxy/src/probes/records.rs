//! Which addresses a cloud's records lead to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use yagura_certs::dns::{RData, RecordType, absolute, look};
use yagura_config::settings::DnsRecord;

/// How many names a cloud's name may lead through.
const MOST_STEPS: usize = 8;

/// The addresses that records lead to, at that port. A name is asked for at the site's own servers,
/// which may answer for it too, and else at the machine's resolver.
pub async fn addresses(
    records: &[DnsRecord],
    port: u16,
    servers: &[SocketAddr],
    patience: Duration,
) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for record in records {
        let more = match record {
            DnsRecord::Cname(target) => of_name(target, servers, patience).await,
            other => other.address().into_iter().collect(),
        };
        found.extend(
            more.into_iter()
                .map(|address| SocketAddr::new(address, port)),
        );
    }
    found.sort_unstable();
    found.dedup();
    found
}

async fn of_name(target: &str, servers: &[SocketAddr], patience: Duration) -> Vec<IpAddr> {
    for server in servers {
        let asked = tokio::time::timeout(patience, followed(*server, target)).await;
        if let Ok(found) = asked
            && !found.is_empty()
        {
            return found;
        }
    }
    let host = format!("{}:0", target.trim_end_matches('.'));
    let asked = tokio::time::timeout(patience, tokio::net::lookup_host(host)).await;
    match asked {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// The addresses of a name at one server, through its aliases; nothing where it does not know them.
async fn followed(server: SocketAddr, target: &str) -> Vec<IpAddr> {
    let Ok(mut present) = absolute(target) else {
        return Vec::new();
    };
    for _ in 0..MOST_STEPS {
        let (mut found, mut alias) = (Vec::new(), None);
        for kind in [RecordType::A, RecordType::AAAA] {
            let Ok(held) = look::of_kind(server, &present, kind).await else {
                return Vec::new();
            };
            for one in held {
                match one {
                    RData::A(address) => found.push(IpAddr::from(address.0)),
                    RData::AAAA(address) => found.push(IpAddr::from(address.0)),
                    RData::CNAME(name) => alias = Some(name.0),
                    _ => {}
                }
            }
        }
        match alias {
            Some(next) if found.is_empty() => present = next,
            _ => return found,
        }
    }
    Vec::new()
}

//! What the servers that answer for the names hold, and which addresses a cloud's records lead to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinSet;
use yagura_certs::dns::{Name, RData, RecordType, look};
use yagura_config::settings::{BypassSettings, DnsChanger, DnsRecord, DnsSettings};

use super::facts::{HeldRecord, ServerSeen};

/// The kinds of records that readers ask for.
const KINDS: [RecordType; 3] = [RecordType::A, RecordType::AAAA, RecordType::HTTPS];
/// How many names a cloud's name may lead through.
const MOST_STEPS: usize = 8;

/// The servers that answer for the names of a site.
///
/// # Errors
/// They are not named, and cannot be asked for.
pub async fn servers(
    bypass: &BypassSettings,
    zones: &[DnsSettings],
) -> Result<Vec<SocketAddr>, String> {
    if !bypass.servers.is_empty() {
        return Ok(bypass.servers.clone());
    }
    let DnsChanger::Update(dns) = &bypass.dns else {
        return Ok(Vec::new());
    };
    let zone = zones.iter().find(|zone| zone.name == *dns);
    let zone = zone.ok_or_else(|| format!("the [[dns]] \"{dns}\" is not configured"))?;
    if !zone.servers.is_empty() {
        return Ok(zone.servers.clone());
    }
    let name = name(&zone.zone)?;
    let servers = look::servers(zone.server, &name).await;
    servers.map_err(|error| error.to_string())
}

/// Asks every server for every name.
pub async fn seen(servers: &[SocketAddr], names: &[String], patience: Duration) -> Vec<ServerSeen> {
    let mut asking = JoinSet::new();
    for (place, server) in servers.iter().copied().enumerate() {
        let names = names.to_vec();
        asking.spawn(async move {
            let seen = tokio::time::timeout(patience, held(server, &names)).await;
            let mut seen = match seen {
                Ok(Ok(seen)) => seen,
                Ok(Err(why)) => faulty(why),
                Err(_) => faulty(format!("no answer within {patience:?}")),
            };
            seen.server = server.to_string();
            (place, seen)
        });
    }
    let mut all = asking.join_all().await;
    all.sort_unstable_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, seen)| seen).collect()
}

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
    let Ok(mut present) = name(target) else {
        return Vec::new();
    };
    for _ in 0..MOST_STEPS {
        let (mut found, mut alias) = (Vec::new(), None);
        for kind in [RecordType::A, RecordType::AAAA] {
            let Ok(held) = look::held(server, &present, kind).await else {
                return Vec::new();
            };
            for one in held {
                match one.data {
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

async fn held(server: SocketAddr, names: &[String]) -> Result<ServerSeen, String> {
    let words = |error: look::NoAnswer| error.to_string();
    let mut seen = ServerSeen::default();
    for host in names {
        let full = name(host)?;
        for kind in KINDS {
            for one in look::held(server, &full, kind).await.map_err(words)? {
                let ttl = Duration::from_secs(one.ttl_s.into());
                seen.ttl = seen.ttl.max(Some(ttl));
                let record = record(&one.data).map(|record| HeldRecord {
                    name: host.clone(),
                    record,
                });
                seen.held
                    .extend(record.filter(|it| !seen.held.contains(it)));
            }
        }
        if seen.serial.is_none() {
            seen.serial = look::serial(server, &full).await.map_err(words)?;
        }
    }
    Ok(seen)
}

/// A record that names addresses.
fn record(data: &RData) -> Option<DnsRecord> {
    Some(match data {
        RData::A(address) => DnsRecord::A(address.0),
        RData::AAAA(address) => DnsRecord::Aaaa(address.0),
        RData::CNAME(name) => {
            let target = name.0.to_ascii().to_ascii_lowercase();
            DnsRecord::Cname(target.trim_end_matches('.').to_owned())
        }
        _ => return None,
    })
}

fn faulty(why: String) -> ServerSeen {
    ServerSeen {
        fault: Some(why),
        ..ServerSeen::default()
    }
}

fn name(text: &str) -> Result<Name, String> {
    let mut name = Name::from_ascii(text).map_err(|error| format!("{text}: {error}"))?;
    name.set_fqdn(true);
    Ok(name)
}

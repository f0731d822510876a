//! What servers hold of a name: its records, for how long caches may keep them, and the serial number
//! of the zone. Nothing is changed here.

use std::net::SocketAddr;

use hickory_proto::rr::{Name, RData, RecordType};

pub use super::client::NoAnswer;
use super::client::{answer, ask};

/// The port of servers that NS records name.
const PORT: u16 = 53;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What it holds.
    pub data: RData,
    /// For how many seconds caches may keep it.
    pub ttl_s: u32,
}

/// What a server holds of a name and type; the CNAME where the name is one of those (RFC 1034,
/// section 3.6.2). Empty when there is nothing.
///
/// # Errors
/// It does not answer, or knows nothing of the zone.
pub async fn held(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
) -> Result<Vec<Held>, NoAnswer> {
    let records = answer(server, name, kind).await?.answers.into_iter();
    let is_asked = |kind_of: RecordType| kind_of == kind || kind_of == RecordType::CNAME;
    let wanted = records.filter(|it| it.name == *name && is_asked(it.record_type()));
    let held = wanted.map(|record| Held {
        ttl_s: record.ttl,
        data: record.data,
    });
    Ok(held.collect())
}

/// The serial number of the zone that a name is in, as a server has it. A server that answers for
/// the zone gives it also with an answer of nothing (RFC 2308, section 2).
///
/// # Errors
/// It does not answer, or knows nothing of the zone.
pub async fn serial(server: SocketAddr, name: &Name) -> Result<Option<u32>, NoAnswer> {
    let answer = answer(server, name, RecordType::SOA).await?;
    let mut records = answer.answers.iter().chain(&answer.authorities);
    Ok(records.find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    }))
}

/// The servers that a zone's NS records name, as its own server gives them; that server when there
/// are none.
///
/// # Errors
/// It does not answer, or one of them has no address.
pub async fn servers(server: SocketAddr, zone: &Name) -> Result<Vec<SocketAddr>, NoAnswer> {
    let mut servers = Vec::new();
    for record in ask(server, zone, RecordType::NS).await? {
        let RData::NS(name) = record else { continue };
        let host = name.0.to_ascii();
        let host = host.trim_end_matches('.').to_owned();
        let found = tokio::net::lookup_host((host.as_str(), PORT)).await;
        let found = found.map_err(|_| NoAnswer::Unusable {
            server,
            what: format!("its name server {host} has no address"),
        })?;
        // One address a server will do: behind the others is the same one.
        servers.extend(found.take(1));
    }
    if servers.is_empty() {
        servers.push(server);
    }
    Ok(servers)
}

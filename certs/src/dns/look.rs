//! What servers hold of a name: its records, and for how long caches may keep them. Only the answers of
//! servers that answer for the name count. Nothing is changed here.

use std::net::SocketAddr;

use hickory_proto::rr::{Name, RData, RecordType};

pub use super::client::NoAnswer;
use super::client::{ask, authoritative};
use super::record_set::SWITCHED;

/// The port of servers that NS records name.
const PORT: u16 = 53;

/// What a server that answers for the zone holds of a name, of the kinds that are switched, each
/// with its TTL in seconds.
///
/// # Errors
/// It does not answer, or does not answer for the zone: then its TTLs are what is left of others'.
pub async fn held(server: SocketAddr, name: &Name) -> Result<Vec<(u32, RData)>, NoAnswer> {
    let mut held = Vec::new();
    for kind in SWITCHED {
        let records = authoritative(server, name, kind).await?.answers.into_iter();
        let wanted = records.filter(|record| record.record_type() == kind && record.name == *name);
        held.extend(wanted.map(|record| (record.ttl, record.data)));
    }
    Ok(held)
}

/// What such a server holds of a name and type; the CNAME where the name is one of those (RFC 1034,
/// section 3.6.2). Empty when there is nothing.
///
/// # Errors
/// As above.
pub async fn of_kind(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
) -> Result<Vec<RData>, NoAnswer> {
    let records = authoritative(server, name, kind).await?.answers.into_iter();
    let is_asked = |kind_of: RecordType| kind_of == kind || kind_of == RecordType::CNAME;
    let wanted = records.filter(|it| it.name == *name && is_asked(it.record_type()));
    Ok(wanted.map(|record| record.data).collect())
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

//! Asks every direct address, over the very way that readers would come, whether its door is open and
//! its edge stands by it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use yagura_config::settings::{BypassSettings, DnsRecord};
use yagura_control::order::BypassStage;

/// Where an edge tells it, to other edges and to those who watch.
const PATH: &str = "/.well-known/yagura-ingress";
/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest answer.
const MOST_BYTES: usize = 4096;

/// What an edge tells of a site's door.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// Which edge.
    pub edge: String,
    /// Which site.
    pub site: String,
    /// `open` or `closed`.
    pub door: String,
    /// How far it is.
    pub stage: BypassStage,
}

impl Told {
    /// Whether the door of this site is open, and is meant to stay so.
    #[must_use]
    pub fn stands_by(&self, site: &str) -> bool {
        self.site == site && self.door == "open" && self.stage.stands_by()
    }
}

/// What all of them told, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doors(pub BTreeMap<SocketAddr, Result<Told, String>>);

impl Doors {
    /// Whether the DNS may lead to them.
    #[must_use]
    pub fn all_stand_by(&self, site: &str) -> bool {
        let stand_by =
            |told: &Result<Told, String>| told.as_ref().is_ok_and(|told| told.stands_by(site));
        !self.0.is_empty() && self.0.values().all(stand_by)
    }

    /// A line each.
    #[must_use]
    pub fn evidence(&self) -> Vec<String> {
        let line = |(address, told): (&SocketAddr, &Result<Told, String>)| match told {
            Ok(told) => format!(
                "door of {} at {address}: {}, {}",
                told.edge, told.door, told.stage
            ),
            Err(why) => format!("door at {address}: {why}"),
        };
        self.0.iter().map(line).collect()
    }
}

/// The addresses that direct records lead to.
#[must_use]
pub fn addresses(bypass: &BypassSettings) -> Vec<SocketAddr> {
    let address = |record: &DnsRecord| match record {
        DnsRecord::A(address) => Some(IpAddr::V4(*address)),
        DnsRecord::Aaaa(address) => Some(IpAddr::V6(*address)),
        DnsRecord::Cname(_) | DnsRecord::Https { .. } => None,
    };
    let addresses = bypass.direct.iter().filter_map(address);
    addresses
        .map(|address| SocketAddr::new(address, bypass.direct_port))
        .collect()
}

/// Asks all of them at once.
pub async fn ask(bypass: &BypassSettings, tls: &Arc<ClientConfig>) -> Doors {
    let Some(name) = bypass.names.first() else {
        return Doors::default();
    };
    let mut asking = JoinSet::new();
    for address in addresses(bypass) {
        let (name, tls) = (name.clone(), tls.clone());
        asking.spawn(async move {
            let told = tokio::time::timeout(PATIENCE, told(address, &name, tls)).await;
            let late = || Err("it does not answer".to_owned());
            (address, told.unwrap_or_else(|_| late()))
        });
    }
    let mut doors = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        doors.extend(answered);
    }
    Doors(doors)
}

async fn told(address: SocketAddr, name: &str, tls: Arc<ClientConfig>) -> Result<Told, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| words(&error))?;
    let server = ServerName::try_from(name.to_owned()).map_err(|error| words(&error))?;
    let stream = TlsConnector::from(tls).connect(server, stream).await;
    let stream = TokioIo::new(stream.map_err(|error| words(&error))?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
        .await
        .map_err(|error| words(&error))?;
    let request = Request::get(PATH)
        .header(header::HOST, name)
        .header(header::USER_AGENT, "yagura-bypass")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| words(&error))?;
    let exchange = async move {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| words(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("it answers {}", status.as_u16()));
        }
        let body = Limited::new(response.into_body(), MOST_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error| words(&error))?.to_bytes();
        serde_json::from_slice(&body).map_err(|_| "it tells nothing of a door".to_owned())
    };
    let (told, _closed) = tokio::join!(exchange, connection);
    told
}

#[cfg(test)]
mod tests {
    use super::super::dns_view::tests::settings;
    use super::*;

    fn told(site: &str, door: &str, stage: &str) -> Told {
        let text =
            format!(r#"{{"edge":"edge-1","site":"{site}","door":"{door}","stage":"{stage}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_dns_may_lead_to_doors_that_are_open_and_stay_so() {
        let address = |last| SocketAddr::from(([203, 0, 113, last], 443));
        let doors = |told: &[Result<Told, String>]| {
            let told = told
                .iter()
                .zip(1..)
                .map(|(told, last)| (address(last), told.clone()));
            Doors(told.collect())
        };
        let open = || Ok(told("town", "open", "open"));
        assert!(doors(&[open(), Ok(told("town", "open", "bypass"))]).all_stand_by("town"));
        for other in [
            Ok(told("town", "closed", "cloud")),
            Ok(told("town", "open", "draining")),
            Ok(told("town", "closed", "open")),
            Ok(told("museum", "open", "open")),
            Err("it does not answer".to_owned()),
        ] {
            let doors = doors(&[open(), other]);
            assert!(!doors.all_stand_by("town"), "{:?}", doors.evidence());
        }
        assert!(!doors(&[]).all_stand_by("town"));
    }

    #[test]
    fn only_addresses_are_asked() {
        let asked = addresses(&settings());
        let texts: Vec<String> = asked.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["203.0.113.5:443", "203.0.113.6:443"]);
    }
}

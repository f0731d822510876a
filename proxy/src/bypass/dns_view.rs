//! Where a server leads readers, by what it holds of the names that are switched. Pure.

use std::fmt;
use std::sync::Arc;

use yagura_certs::dns::{NoRecord, RData, RecordSet};
use yagura_config::settings::{BypassSettings, DnsRecord};

use super::seen::Leads;
use super::watch::Held;

/// The records that the names hold when readers come directly, and behind each cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sets {
    direct: RecordSet,
    clouds: Vec<(Arc<str>, RecordSet)>,
}

/// What one server holds: of each name its records, each with its TTL in seconds.
pub type Records = Vec<Vec<(u32, RData)>>;

impl Sets {
    /// Those of the configuration.
    ///
    /// # Errors
    /// A record cannot stand in the DNS.
    pub fn of(settings: &BypassSettings) -> Result<Self, NoRecord> {
        let behind = settings.behind.iter();
        let behind = behind.filter(|(_, records)| !records.is_empty());
        let clouds = behind.map(|(cloud, records)| Ok((cloud.as_str().into(), set(records)?)));
        Ok(Self {
            direct: set(&settings.direct)?,
            clouds: clouds.collect::<Result<Vec<_>, _>>()?,
        })
    }

    /// The direct ones.
    #[must_use]
    pub const fn direct(&self) -> &RecordSet {
        &self.direct
    }

    /// Those behind a cloud; of no cloud in particular, those of the first.
    #[must_use]
    pub fn behind(&self, cloud: Option<&str>) -> Option<&RecordSet> {
        let mut clouds = self.clouds.iter();
        let found = clouds.find(|(name, _)| cloud.is_none_or(|cloud| **name == *cloud));
        found.map(|(_, set)| set)
    }

    /// Where records lead, and to which cloud.
    #[must_use]
    pub fn judged(&self, records: &Records) -> (Held, Option<Arc<str>>) {
        let sets: Vec<RecordSet> = records.iter().map(|records| as_set(records)).collect();
        let all_hold =
            |wanted: &RecordSet| !sets.is_empty() && sets.iter().all(|set| set == wanted);
        let cloud = self.clouds.iter().find(|(_, set)| all_hold(set));
        let leads = match cloud {
            Some(_) => Leads::Cloud,
            None if all_hold(&self.direct) => Leads::Direct,
            None => Leads::Elsewhere,
        };
        let direct = self.direct.records();
        let all = records.iter().flatten();
        let ttls = all
            .filter(|(_, record)| direct.contains(record))
            .map(|(ttl_s, _)| *ttl_s);
        // A record that both sets have says nothing.
        let direct_ttl_s = if cloud.is_some() {
            0
        } else {
            ttls.max().unwrap_or(0)
        };
        let held = Held {
            leads,
            direct_ttl_s,
        };
        (held, cloud.map(|(name, _)| name.clone()))
    }
}

/// What a server holds, in one line.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The names.
    pub names: &'a [String],
    /// What it holds of each.
    pub records: &'a Records,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, records)) in self.names.iter().zip(self.records).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            match records.iter().map(|(ttl_s, _)| ttl_s).max() {
                None => write!(f, "{name}: nothing")?,
                Some(ttl_s) => write!(f, "{name}: {} (TTL {ttl_s} s)", as_set(records))?,
            }
        }
        Ok(())
    }
}

fn as_set(records: &[(u32, RData)]) -> RecordSet {
    RecordSet::of(records.iter().map(|(_, record)| record.clone()))
}

fn set(records: &[DnsRecord]) -> Result<RecordSet, NoRecord> {
    let texts: Vec<String> = records.iter().map(ToString::to_string).collect();
    RecordSet::parse(texts.iter().map(String::as_str))
}

#[cfg(test)]
pub mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use yagura_config::settings::{DnsChanger, Share, Without};

    use super::*;

    /// Settings of a site with two clouds.
    pub fn settings() -> BypassSettings {
        let address = |last| DnsRecord::A(Ipv4Addr::new(203, 0, 113, last));
        let https = DnsRecord::Https {
            priority: 1,
            target: String::new(),
            parameters: vec!["alpn=h2".into()],
        };
        BypassSettings {
            dns: DnsChanger::Update("city".into()),
            names: vec!["www.town.example".into(), "town.example".into()],
            direct: vec![address(5), address(6), https],
            behind: [
                (
                    "prefecture".to_owned(),
                    vec![DnsRecord::Cname("town.cloud.example".into())],
                ),
                ("successor".to_owned(), vec![address(77)]),
            ]
            .into(),
            ttl: Duration::from_secs(60),
            servers: Vec::new(),
            direct_port: 443,
            quiet: Share(10),
            drill_name: None,
            without: Without::default(),
        }
    }

    fn held(ttl_s: u32, texts: &[&str]) -> Vec<(u32, RData)> {
        let set = RecordSet::parse(texts.iter().copied()).unwrap();
        set.records()
            .iter()
            .map(|record| (ttl_s, record.clone()))
            .collect()
    }

    const DIRECT: [&str; 3] = ["HTTPS 1 . alpn=h2", "A 203.0.113.6", "A 203.0.113.5"];

    fn judged(records: &Records) -> (Leads, u32, Option<String>) {
        let sets = Sets::of(&settings()).unwrap();
        let (held, cloud) = sets.judged(records);
        (
            held.leads,
            held.direct_ttl_s,
            cloud.map(|cloud| cloud.to_string()),
        )
    }

    #[test]
    fn every_name_must_hold_exactly_the_records() {
        let direct = |ttl_s| held(ttl_s, &DIRECT);
        let cloud = || held(300, &["CNAME town.cloud.example."]);
        let cases: [(Records, Leads, u32, Option<&str>); 8] = [
            (vec![cloud(), cloud()], Leads::Cloud, 0, Some("prefecture")),
            (
                vec![held(60, &["A 203.0.113.77"]), held(60, &["A 203.0.113.77"])],
                Leads::Cloud,
                0,
                Some("successor"),
            ),
            (vec![direct(60), direct(90)], Leads::Direct, 90, None),
            // One name is behind, one record is missing, one is too many, nothing is there.
            (vec![direct(60), cloud()], Leads::Elsewhere, 60, None),
            (
                vec![direct(60), held(30, &DIRECT[..2])],
                Leads::Elsewhere,
                60,
                None,
            ),
            (
                vec![
                    direct(60),
                    held(60, &[&DIRECT[..], &["AAAA 2001:db8::1"]].concat()),
                ],
                Leads::Elsewhere,
                60,
                None,
            ),
            (vec![Vec::new(), Vec::new()], Leads::Elsewhere, 0, None),
            (Vec::new(), Leads::Elsewhere, 0, None),
        ];
        for (records, leads, ttl_s, cloud) in cases {
            let expected = (leads, ttl_s, cloud.map(str::to_owned));
            assert_eq!(judged(&records), expected, "{records:?}");
        }
    }

    #[test]
    fn what_a_server_holds_is_told_in_one_line() {
        let settings = settings();
        let records = vec![held(60, &["CNAME town.cloud.example."]), Vec::new()];
        let shown = Shown {
            names: &settings.names,
            records: &records,
        };
        assert_eq!(
            shown.to_string(),
            "www.town.example: CNAME town.cloud.example. (TTL 60 s); town.example: nothing"
        );
    }

    #[test]
    fn the_way_back_is_by_the_cloud_that_is_named() {
        let sets = Sets::of(&settings()).unwrap();
        let back = |cloud| sets.behind(cloud).map(ToString::to_string);
        assert_eq!(back(Some("successor")).as_deref(), Some("A 203.0.113.77"));
        assert_eq!(back(None).as_deref(), Some("CNAME town.cloud.example."));
        assert_eq!(back(Some("nobody")), None);
    }
}

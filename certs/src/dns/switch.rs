//! A switch of names from one set of records to another, as one update: compare and swap (RFC 2136,
//! section 2.4). The server does it only where every name holds exactly what it is expected to hold;
//! so two who switch at once, or somebody's own change, never become a mixture. Pure.

use hickory_proto::rr::rdata::{A, AAAA, CNAME, HTTPS, SVCB};
use hickory_proto::rr::{Name, RData, RecordType};

use super::record_set::{RecordSet, SWITCHED};
use super::update::{Change, Prerequisite, Update};

/// Kinds that a name with a CNAME must not hold besides (RFC 1034, section 3.6.2). A server passes
/// over a CNAME that is added beside them (RFC 2136, section 3.4.2.2), and the name would be empty.
const BESIDES: [RecordType; 10] = [
    RecordType::NS,
    RecordType::SOA,
    RecordType::MX,
    RecordType::TXT,
    RecordType::CAA,
    RecordType::SRV,
    RecordType::SVCB,
    RecordType::TLSA,
    RecordType::NAPTR,
    RecordType::SSHFP,
];

/// A switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// These names, each with the same records.
    pub names: Vec<Name>,
    /// What they hold before.
    pub from: RecordSet,
    /// What they hold after.
    pub to: RecordSet,
    /// The TTL that is written, in seconds.
    pub ttl_s: u32,
}

impl Switch {
    /// The update that does it.
    #[must_use]
    pub fn update(&self, zone: &Name) -> Update {
        let mut changes = Vec::new();
        for name in &self.names {
            // A CNAME and addresses cannot stand together, not even for a moment: first out, then in.
            for kind in SWITCHED {
                if self.from.of_kind(kind).next().is_some() {
                    changes.push(Change::RemoveAll(name.clone(), kind));
                }
            }
            changes.extend(self.to.records().iter().map(|data| Change::Add {
                name: name.clone(),
                ttl_s: self.ttl_s,
                data: data.clone(),
            }));
        }
        Update {
            zone: zone.clone(),
            prerequisites: self.prerequisites(),
            changes,
        }
    }

    /// An update that changes nothing, and is refused where that one would be: the key is asked for,
    /// the records must be as expected, and records are removed that nobody ever has.
    #[must_use]
    pub fn trial(&self, zone: &Name) -> Update {
        let mut changes = Vec::new();
        for name in &self.names {
            let kinds = SWITCHED.into_iter().filter(|kind| {
                let both = [&self.from, &self.to].into_iter();
                both.map(|set| set.of_kind(*kind).count()).sum::<usize>() > 0
            });
            changes.extend(
                kinds.filter_map(|kind| Some(Change::Remove(name.clone(), nobodys(kind)?))),
            );
        }
        Update {
            zone: zone.clone(),
            prerequisites: self.prerequisites(),
            changes,
        }
    }

    fn prerequisites(&self) -> Vec<Prerequisite> {
        let mut prerequisites = Vec::new();
        let aliases = self.to.of_kind(RecordType::CNAME).next().is_some();
        for name in &self.names {
            for kind in SWITCHED {
                let mut present = self.from.of_kind(kind).peekable();
                if present.peek().is_none() {
                    prerequisites.push(Prerequisite::ExistsNot(name.clone(), kind));
                }
                prerequisites
                    .extend(present.map(|data| Prerequisite::Is(name.clone(), data.clone())));
            }
            if aliases {
                let besides = BESIDES.map(|kind| Prerequisite::ExistsNot(name.clone(), kind));
                prerequisites.extend(besides);
            }
        }
        prerequisites
    }
}

/// A record that nobody has, to be removed.
fn nobodys(kind: RecordType) -> Option<RData> {
    let nobody = || Name::from_ascii("nobody.invalid.").ok();
    Some(match kind {
        RecordType::A => RData::A(A::new(0, 0, 0, 0)),
        RecordType::AAAA => RData::AAAA(AAAA::new(0, 0, 0, 0, 0, 0, 0, 0)),
        RecordType::CNAME => RData::CNAME(CNAME(nobody()?)),
        RecordType::HTTPS => RData::HTTPS(HTTPS(SVCB::new(u16::MAX, nobody()?, Vec::new()))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn switch(from: &[&str], to: &[&str]) -> Switch {
        let set = |texts: &[&str]| RecordSet::parse(texts.iter().copied()).unwrap();
        Switch {
            names: vec![name("www.town.example."), name("town.example.")],
            from: set(from),
            to: set(to),
            ttl_s: 60,
        }
    }

    fn of_first<T>(all: &[T], is: impl Fn(&T) -> bool) -> Vec<&T> {
        all.iter().filter(|one| is(one)).collect()
    }

    #[test]
    fn every_kind_is_expected_exactly_and_goes_out_before_others_come_in() {
        let switch = switch(
            &["CNAME town.cloud.example."],
            &["A 203.0.113.5", "AAAA 2001:db8::5", "HTTPS 1 . alpn=h2"],
        );
        let update = switch.update(&name("town.example."));
        let www = name("www.town.example.");
        let expected = of_first(&update.prerequisites, |one| match one {
            Prerequisite::Is(name, _) | Prerequisite::ExistsNot(name, _) => *name == www,
            Prerequisite::Exists(..) => panic!("{one:?}"),
        });
        assert_eq!(expected.len(), 4);
        assert!(matches!(expected[3], Prerequisite::Is(_, RData::CNAME(_))));
        let changes = of_first(&update.changes, |one| match one {
            Change::Add { name, .. } | Change::Remove(name, _) | Change::RemoveAll(name, _) => {
                *name == www
            }
        });
        assert_eq!(changes.len(), 4);
        assert_eq!(*changes[0], Change::RemoveAll(www, RecordType::CNAME));
        assert!(matches!(changes[3], Change::Add { ttl_s: 60, .. }));
    }

    #[test]
    fn an_alias_is_set_only_where_the_name_holds_nothing_else() {
        let there = switch(&["A 203.0.113.5"], &["CNAME town.cloud.example."]);
        let update = there.update(&name("town.example."));
        let mail = Prerequisite::ExistsNot(name("town.example."), RecordType::MX);
        assert!(update.prerequisites.contains(&mail));
        let addresses = switch(&["A 203.0.113.5"], &["A 198.51.100.7"]);
        let update = addresses.update(&name("town.example."));
        assert!(!update.prerequisites.contains(&mail));
    }

    #[test]
    fn a_trial_expects_the_same_and_changes_nothing() {
        let switch = switch(&["A 203.0.113.5"], &["CNAME town.cloud.example."]);
        let zone = name("town.example.");
        let (update, trial) = (switch.update(&zone), switch.trial(&zone));
        assert_eq!(update.prerequisites, trial.prerequisites);
        let removes_nobodys = |change: &Change| match change {
            Change::Remove(_, data) => {
                !switch.from.records().contains(data) && !switch.to.records().contains(data)
            }
            Change::Add { .. } | Change::RemoveAll(..) => false,
        };
        assert!(trial.changes.len() == 4 && trial.changes.iter().all(removes_nobodys));
    }
}

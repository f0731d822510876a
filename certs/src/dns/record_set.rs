//! What a name that is switched holds: its records of the kinds that lead readers somewhere, as a set.
//! Pure.

use std::fmt;

use hickory_proto::rr::rdata::HTTPS;
use hickory_proto::rr::{Name, RData, RecordType};

/// The kinds that are switched together: where one is left behind, some readers go one way and others
/// the other (RFC 9460, section 3: a client that knows HTTPS records goes by them).
pub const SWITCHED: [RecordType; 4] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::HTTPS,
    RecordType::CNAME,
];

/// Records of those kinds, in no order and each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordSet(Vec<RData>);

/// A text that is no record of a kind that is switched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is no A, AAAA, CNAME or HTTPS record")]
pub struct NoRecord(String);

impl RecordSet {
    /// A set of records as in a zone file, without name, time and class: `A 192.0.2.1`.
    ///
    /// # Errors
    /// One of them is none, or is of another kind.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, NoRecord> {
        let records = texts.into_iter().map(record);
        Ok(Self::of(records.collect::<Result<Vec<_>, _>>()?))
    }

    /// A set of records.
    #[must_use]
    pub fn of(records: impl IntoIterator<Item = RData>) -> Self {
        let mut set: Vec<RData> = Vec::new();
        for record in records {
            if !set.contains(&record) {
                set.push(record);
            }
        }
        // In an order of its own, so that equal sets are equal.
        set.sort_by_cached_key(|record| (u16::from(record.record_type()), record.to_string()));
        Self(set)
    }

    /// Those of one kind.
    pub fn of_kind(&self, kind: RecordType) -> impl Iterator<Item = &RData> {
        self.0
            .iter()
            .filter(move |record| record.record_type() == kind)
    }

    /// All of them.
    #[must_use]
    pub fn records(&self) -> &[RData] {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As in a zone file, a line each.
impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, record) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {record}", record.record_type())?;
        }
        Ok(())
    }
}

fn record(text: &str) -> Result<RData, NoRecord> {
    let no_record = || NoRecord(text.to_owned());
    let (kind, data) = text.trim().split_once(' ').ok_or_else(no_record)?;
    let kind = match kind.to_ascii_uppercase().as_str() {
        "A" => RecordType::A,
        "AAAA" => RecordType::AAAA,
        "HTTPS" => RecordType::HTTPS,
        "CNAME" => RecordType::CNAME,
        _ => return Err(no_record()),
    };
    let read = RData::try_from_str(kind, data).map_err(|_| no_record())?;
    Ok(match read {
        RData::CNAME(mut name) => {
            name.0 = full(name.0);
            RData::CNAME(name)
        }
        RData::HTTPS(HTTPS(mut binding)) => {
            binding.target_name = full(binding.target_name);
            // RFC 9460, section 2.2: in increasing order, each once; servers hold them so.
            binding.svc_params.sort_by_key(|(key, _)| u16::from(*key));
            RData::HTTPS(HTTPS(binding))
        }
        other => other,
    })
}

/// The name as it is meant in a configuration: from the root.
fn full(name: Name) -> Name {
    let mut name = name.to_lowercase();
    name.set_fqdn(true);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_is_read_and_printed_again() {
        for text in [
            "A 203.0.113.5",
            "AAAA 2001:db8::5",
            "CNAME town.cloud.example.",
            "HTTPS 1 . alpn=h2",
            "HTTPS 1 . alpn=h2,http/1.1 port=8443 ipv4hint=192.0.2.1",
            "HTTPS 0 town.cloud.example.",
        ] {
            let set = RecordSet::parse([text]).unwrap();
            let again = set.to_string().replace('"', "").replace(",,", ",");
            let again = RecordSet::parse([again.as_str()]).unwrap();
            assert_eq!(set, again, "{text}");
        }
        for text in [
            "",
            "A",
            "A x",
            "A 1.2.3",
            "AAAA 1.2.3.4",
            "TXT x",
            "MX 1 a.",
            "HTTPS . 1",
            "HTTPS 1 . alpn",
            "CNAME a..b",
        ] {
            assert_eq!(RecordSet::parse([text]), Err(NoRecord(text.to_owned())));
        }
    }

    #[test]
    fn sets_are_equal_whatever_their_order_case_and_last_dot() {
        let set = |texts: &[&str]| RecordSet::parse(texts.iter().copied()).unwrap();
        let one = set(&[
            "A 192.0.2.1",
            "AAAA 2001:db8::1",
            "HTTPS 1 . port=1 alpn=h2",
        ]);
        let other = set(&[
            "https 1 . alpn=h2 port=1",
            "aaaa 2001:DB8:0::1",
            "a 192.0.2.1",
            "A 192.0.2.1",
        ]);
        assert_eq!(one, other);
        assert_eq!(
            set(&["CNAME Town.Cloud.example"]),
            set(&["CNAME town.cloud.example."])
        );
        assert_ne!(one, set(&["A 192.0.2.1"]));
        assert_eq!(one.of_kind(RecordType::A).count(), 1);
        assert!(set(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in ".{0,80}") {
            let _any = RecordSet::parse([text.as_str()]);
            let _any = RecordSet::parse([format!("HTTPS {text}").as_str()]);
        }
    }
}

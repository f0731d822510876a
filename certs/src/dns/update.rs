//! A dynamic update as a message (RFC 2136): what must hold (section 2.4), and what changes then
//! (section 2.5). The server does all of it or nothing.

use hickory_proto::op::{Message, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// What must hold before anything changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Prerequisite {
    /// There are records of the type.
    Exists(Name, RecordType),
    /// There is none.
    ExistsNot(Name, RecordType),
    /// The records of the type are exactly these, counted together with the others of their name
    /// and type in the same update (section 2.4.2).
    Is(Name, RData),
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Adds a record; nothing happens when it is there already.
    Add {
        /// Of this name.
        name: Name,
        /// For so many seconds in caches.
        ttl_s: u32,
        /// With this in it.
        data: RData,
    },
    /// Removes exactly this record.
    Remove(Name, RData),
    /// Removes every record of the type.
    RemoveAll(Name, RecordType),
}

/// An update of one zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The zone's name.
    pub zone: Name,
    /// All of these must hold.
    pub prerequisites: Vec<Prerequisite>,
    /// In this order.
    pub changes: Vec<Change>,
}

impl Update {
    /// The message, unsigned.
    #[must_use]
    pub fn message(&self) -> Message {
        let mut message = Message::query();
        message.metadata.op_code = OpCode::Update;
        message.metadata.recursion_desired = false;
        let mut zone = Query::query(self.zone.clone(), RecordType::SOA);
        zone.set_query_class(DNSClass::IN);
        message.add_query(zone);
        message.add_answers(self.prerequisites.iter().map(prerequisite));
        message.add_authorities(self.changes.iter().map(change));
        message
    }
}

fn prerequisite(prerequisite: &Prerequisite) -> Record {
    match prerequisite {
        Prerequisite::Exists(name, kind) => empty(name, *kind, DNSClass::ANY),
        Prerequisite::ExistsNot(name, kind) => empty(name, *kind, DNSClass::NONE),
        Prerequisite::Is(name, data) => Record::from_rdata(name.clone(), 0, data.clone()),
    }
}

fn change(change: &Change) -> Record {
    match change {
        Change::Add { name, ttl_s, data } => Record::from_rdata(name.clone(), *ttl_s, data.clone()),
        Change::Remove(name, data) => {
            let mut record = Record::from_rdata(name.clone(), 0, data.clone());
            record.dns_class = DNSClass::NONE;
            record
        }
        Change::RemoveAll(name, kind) => empty(name, *kind, DNSClass::ANY),
    }
}

fn empty(name: &Name, kind: RecordType, class: DNSClass) -> Record {
    let mut record = Record::update0(name.clone(), 0, kind).into_record_of_rdata();
    record.dns_class = class;
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::{A, TXT};

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    #[test]
    fn sections_and_classes_are_those_of_the_rfc() {
        let www = name("www.town.example.");
        let address = |last| RData::A(A::new(192, 0, 2, last));
        let update = Update {
            zone: name("town.example."),
            prerequisites: vec![
                Prerequisite::Is(www.clone(), address(1)),
                Prerequisite::ExistsNot(www.clone(), RecordType::CNAME),
                Prerequisite::Exists(www.clone(), RecordType::A),
            ],
            changes: vec![
                Change::Remove(www.clone(), address(1)),
                Change::Add {
                    name: www.clone(),
                    ttl_s: 60,
                    data: address(2),
                },
                Change::RemoveAll(www, RecordType::AAAA),
            ],
        };
        let bytes = update.message().to_vec().unwrap();
        let read = Message::from_vec(&bytes).unwrap();
        assert_eq!(read.metadata.op_code, OpCode::Update);
        assert_eq!(read.queries[0].query_type(), RecordType::SOA);
        let classes = |records: &[Record]| {
            let of = records
                .iter()
                .map(|record| (record.dns_class, record.record_type(), record.ttl));
            of.collect::<Vec<_>>()
        };
        assert_eq!(
            classes(&read.answers),
            [
                (DNSClass::IN, RecordType::A, 0),
                (DNSClass::NONE, RecordType::CNAME, 0),
                (DNSClass::ANY, RecordType::A, 0),
            ]
        );
        assert_eq!(
            classes(&read.authorities),
            [
                (DNSClass::NONE, RecordType::A, 0),
                (DNSClass::IN, RecordType::A, 60),
                (DNSClass::ANY, RecordType::AAAA, 0),
            ]
        );
    }

    #[test]
    fn a_text_goes_through_unchanged() {
        let data = RData::TXT(TXT::new(vec!["gfj9Xq...Rg85nM".to_owned()]));
        let update = Update {
            zone: name("town.example."),
            prerequisites: Vec::new(),
            changes: vec![Change::Add {
                name: name("_acme-challenge.town.example."),
                ttl_s: 60,
                data: data.clone(),
            }],
        };
        let read = Message::from_vec(&update.message().to_vec().unwrap()).unwrap();
        assert_eq!(read.authorities[0].data, data);
    }
}

//! The change request for who changes the DNS by hand: exactly what the names hold, what they are to
//! hold, in which order, in Japanese and in English. Pure. Many cities' DNS is another company's, and
//! what is not said exactly is done wrongly at night on the telephone.

use std::fmt::Write;

use yagura_certs::dns::RecordSet;
use yagura_control::Timestamp;

use super::seen::Leads;

/// What is asked for.
pub struct ChangeRequest<'a> {
    /// The site.
    pub site: &'a str,
    /// The names.
    pub names: &'a [String],
    /// What they hold now.
    pub from: &'a RecordSet,
    /// What they are to hold.
    pub to: &'a RecordSet,
    /// The TTL, in seconds.
    pub ttl_s: u32,
    /// Where they lead then.
    pub leads: Leads,
    /// When it is asked for.
    pub at: Timestamp,
}

impl ChangeRequest<'_> {
    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        let zone = |set: &RecordSet, sign: char| {
            let mut lines = String::new();
            for name in self.names {
                for record in set.records() {
                    let kind = record.record_type();
                    let _infallible =
                        writeln!(lines, "  {sign} {name}. {} IN {kind} {record}", self.ttl_s);
                }
            }
            lines
        };
        let (out, in_) = (zone(self.from, '-'), zone(self.to, '+'));
        let (to_ja, to_en) = match self.leads {
            Leads::Direct => (
                "セキュリティクラウドを経由せず、直接公開に切り替えます。",
                "Readers are to come directly, not through the security cloud.",
            ),
            Leads::Cloud | Leads::Elsewhere => (
                "セキュリティクラウド経由に戻します。",
                "Readers are to come through the security cloud again.",
            ),
        };
        let (site, at, ttl_s) = (self.site, self.at, self.ttl_s);
        format!(
            "DNSレコード変更依頼（{site}）　{at}\n\n\
             {to_ja}\n\
             次のレコードを、すべての名前について同時に変更してください。TTLは必ず{ttl_s}秒とします。\n\
             「-」の行を削除し、「+」の行を追加します。ほかのレコードには触れないでください。\n\
             作業の直前に、この依頼がまだ有効かを電話で確認してください。\n\
             現在の内容が「-」の行と異なるときは、変更せずに連絡してください。\n\n\
             {out}{in_}\n\
             変更後は自動で確認します。作業者の氏名と受付番号を次で記録してください:\n\
             \x20 yagura cloud confirm-dns {site} --note \"...\"\n\n\
             ----\n\n\
             Request to change DNS records ({site}), {at}\n\n\
             {to_en}\n\
             Change these records at the same time for every name. The TTL must be {ttl_s} s.\n\
             Remove the lines with -, add those with +, and leave everything else as it is.\n\
             Ask by telephone, right before the change, whether this request still stands.\n\
             If the names do not hold what the lines with - say, change nothing and call us.\n\n\
             {out}{in_}\n\
             It is verified by itself. Record who did it, and under which number:\n\
             \x20 yagura cloud confirm-dns {site} --note \"...\"\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_of_every_name_is_there_in_both_languages() {
        let set = |texts: &[&str]| RecordSet::parse(texts.iter().copied()).unwrap();
        let names = ["www.town.example".to_owned(), "town.example".to_owned()];
        let text = ChangeRequest {
            site: "town",
            names: &names,
            from: &set(&["CNAME town.cloud.example."]),
            to: &set(&["A 203.0.113.5", "HTTPS 1 . alpn=h2"]),
            ttl_s: 60,
            leads: Leads::Direct,
            at: Timestamp(1_795_410_187_123),
        }
        .text();
        for line in [
            "  - www.town.example. 60 IN CNAME town.cloud.example.",
            "  + www.town.example. 60 IN A 203.0.113.5",
            "  + town.example. 60 IN A 203.0.113.5",
            "  yagura cloud confirm-dns town --note",
        ] {
            assert_eq!(text.matches(line).count(), 2, "{line}:\n{text}");
        }
        assert!(text.contains("IN HTTPS 1 . alpn="), "{text}");
        assert!(text.contains("直接公開") && text.contains("2026-11-23T14:03:07+09:00"));
    }
}

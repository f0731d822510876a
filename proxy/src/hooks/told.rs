//! What people are told of, and in which words: what happens to requests, and orders that need no
//! second person and are to be heard of all the same. Pure but for handing it over.

use yagura_control::Timestamp;
use yagura_control::approval::{Person, Step};
use yagura_control::order::{
    Decision, Envelope, Order, Outcome, Reply, RequestShown, RequestState,
};

use super::announcement::{Announcement, Kind};
use crate::routing::News;
use crate::state::Edge;

/// Tells every hook of an order that was carried out, where people are to hear of it.
pub fn announce(edge: &Edge, envelope: &Envelope, reply: &Reply) {
    if envelope.dry_run {
        return;
    }
    if let Some(announcement) = of_order(envelope, reply) {
        edge.hooks.announce(&announcement);
    }
}

/// What is told of an order.
#[must_use]
pub fn of_order(envelope: &Envelope, reply: &Reply) -> Option<Announcement> {
    let new = |kind| Announcement::new(kind, &reply.edge, reply.effective_at).by(&envelope.who);
    let reason = envelope.reason.as_deref().unwrap_or("-");
    let who = &envelope.who;
    Some(match &reply.outcome {
        Outcome::CloudChanged { site, stage } => {
            let (ja, en) = words(&envelope.order);
            new(Kind::Stage).of_site(site).saying(
                format!("【経路切替】{who} が {site} の{ja}を指示しました（段階：{stage}）。"),
                format!("{who} ordered {en} of {site} (stage: {stage})."),
            )
        }
        Outcome::StaffAdmitted {
            site,
            outside_until,
        } => {
            let announcement = new(Kind::Staff).of_site(site);
            match outside_until {
                Some(until) => announcement.saying(
                    format!(
                        "【職員サイト】{who} が {site} を {until} まで庁外に開放しました。理由：{reason}"
                    ),
                    format!("{who} opened {site} to the outside until {until}. Reason: {reason}"),
                ),
                None => announcement.saying(
                    format!("【職員サイト】{who} が {site} を庁内のみに戻しました。"),
                    format!("{who} closed {site} to the outside."),
                ),
            }
        }
        _ => return None,
    })
}

/// What is told of a request; that it was carried out says its decision.
#[must_use]
pub fn of_news(edge: &str, News { step, request }: &News) -> Option<Announcement> {
    let of = Of {
        edge,
        at: step.at(),
        request,
    };
    Some(match step {
        Step::Asked { .. } if request.break_glass.is_some() => of.done_alone(),
        Step::Asked { .. } if request.who == Person::of_edges().name => of.proposed(),
        Step::Asked { .. } => of.asked(),
        Step::Decided { decided, .. } => of.decided(&decided.by, &decided.decision),
        Step::Withdrawn { .. } => of.ended("取り下げられました", "was taken back"),
        Step::Expired { .. } => of.ended(
            "承認されないまま期限切れになりました",
            "is over: nobody decided in time",
        ),
        Step::Failed { why, .. } => of.ended(
            &format!("承認されましたが実行できませんでした（{why}）"),
            &format!("was approved and could not be carried out: {why}"),
        ),
        Step::Reviewed { reviewed, .. } => of.reviewed(&reviewed.by, &reviewed.note),
        Step::Done { .. } => return None,
    })
}

/// A request about which something is told.
struct Of<'a> {
    edge: &'a str,
    at: Timestamp,
    request: &'a RequestShown,
}

impl Of<'_> {
    fn about_request(&self, kind: Kind, who: &str) -> Announcement {
        let announcement = Announcement::new(kind, self.edge, self.at)
            .of_request(self.request)
            .by(who);
        match site_of(&self.request.order) {
            Some(site) => announcement.of_site(site),
            None => announcement,
        }
    }

    fn site(&self) -> &str {
        match self.request.order.as_ref() {
            Order::RecordRestore(_) => "CMS",
            order => site_of(order).unwrap_or("-"),
        }
    }

    fn reason(&self) -> &str {
        self.request.reason.as_deref().unwrap_or("-")
    }

    /// What must be known beside what is asked, in Japanese and English.
    fn without(&self) -> (String, String) {
        let lines = self.request.without.join("; ");
        match lines.is_empty() {
            true => Default::default(),
            false => (
                format!("【注意】直接公開中は次のものなしで運用します（{lines}）。"),
                format!("WITHOUT {lines}. "),
            ),
        }
    }

    fn proposed(&self) -> Announcement {
        let (site, reason) = (self.site(), self.reason());
        let (without_ja, without_en) = self.without();
        let (ja, en) = words(&self.request.order);
        let RequestShown { id, expires, .. } = self.request;
        self.about_request(Kind::Proposal, &self.request.who).saying(
            format!(
                "【自動提案】{site} の{ja}を提案します。理由：{reason}。{without_ja}承認されるまで切り替えません。\
                 承認：yagura approve {id}（期限 {expires}）"
            ),
            format!(
                "Proposal: {en} of {site}. Reason: {reason}. {without_en}Nothing is switched until it is \
                 approved: yagura approve {id} (until {expires})"
            ),
        )
    }

    fn asked(&self) -> Announcement {
        let (site, reason) = (self.site(), self.reason());
        let (without_ja, without_en) = self.without();
        let (ja, en) = words(&self.request.order);
        let RequestShown {
            id, who, expires, ..
        } = self.request;
        self.about_request(Kind::Request, who).saying(
            format!(
                "【承認依頼】{who} が {site} の{ja}を申請しました。理由：{reason}。{without_ja}\
                 承認：yagura approve {id}（期限 {expires}）"
            ),
            format!(
                "Request: {who} asks for {en} of {site}. Reason: {reason}. {without_en}Approve: yagura approve \
                 {id} (until {expires})"
            ),
        )
    }

    fn done_alone(&self) -> Announcement {
        let (site, reason) = (self.site(), self.reason());
        let (without_ja, without_en) = self.without();
        let (ja, en) = words(&self.request.order);
        let RequestShown { id, who, .. } = self.request;
        let by = self.request.break_glass.as_ref();
        let by = by.map_or_else(String::new, |it| it.review_by.to_string());
        self.about_request(Kind::BreakGlass, who).saying(
            format!(
                "【緊急・承認なし】{who} が {site} の{ja}を承認者なしで実行しました。理由：{reason}。{without_ja}\
                 {by} までに承認者が確認してください：yagura review {id}"
            ),
            format!(
                "BREAK-GLASS: {who} ordered {en} of {site} without a second person. Reason: {reason}. {without_en}\
                 An approver has to review it until {by}: yagura review {id}"
            ),
        )
    }

    fn decided(&self, who: &str, decision: &Decision) -> Announcement {
        let (site, id) = (self.site(), &self.request.id);
        let (wish_ja, wish_en) = words(&self.request.order);
        let (ja, en) = match decision {
            Decision::Approve => ("承認しました".to_owned(), "approved".to_owned()),
            Decision::Refuse { reason } => (
                format!("却下しました（{reason}）"),
                format!("refused ({reason})"),
            ),
        };
        let (then_ja, then_en) = match self.request.state {
            RequestState::Approved | RequestState::Done => {
                ("。実行します。", ". It is carried out.")
            }
            _ => ("。", "."),
        };
        self.about_request(Kind::Decision, who).saying(
            format!("【申請の結果】{who} が {site} の{wish_ja}（{id}）を{ja}{then_ja}"),
            format!("{who} {en} the request {id} ({wish_en} of {site}){then_en}"),
        )
    }

    fn ended(&self, ja: &str, en: &str) -> Announcement {
        let (site, id) = (self.site(), &self.request.id);
        let (wish_ja, wish_en) = words(&self.request.order);
        self.about_request(Kind::Decision, "").saying(
            format!("【申請の結果】{site} の{wish_ja}（{id}）は{ja}。"),
            format!("The request {id} ({wish_en} of {site}) {en}."),
        )
    }

    fn reviewed(&self, who: &str, finding: &str) -> Announcement {
        let id = &self.request.id;
        self.about_request(Kind::Review, who).saying(
            format!("【確認済み】緊急操作（{id}）を {who} が確認しました：{finding}"),
            format!("Reviewed: {who} has looked at break-glass {id}: {finding}"),
        )
    }
}

fn site_of(order: &Order) -> Option<&str> {
    match order {
        Order::Bypass(start) => Some(&start.site),
        Order::Return(start) => Some(&start.site),
        _ => None,
    }
}

/// What is wished, in Japanese and English.
const fn words(order: &Order) -> (&'static str, &'static str) {
    match order {
        Order::Bypass(_) => ("直接公開への切替", "the bypass"),
        Order::Return(_) => (
            "セキュリティクラウド経由への復帰",
            "the return behind the cloud",
        ),
        Order::AbortBypass(_) => ("直接公開の中止", "giving up the bypass"),
        Order::ConfirmDns(_) => ("DNS変更の確認", "that the change of the DNS was confirmed"),
        Order::RecordRestore(_) => ("データベースの復元", "a restore in place"),
        _ => ("操作", "an order"),
    }
}

#[cfg(test)]
mod tests {
    use yagura_control::approval::{Asked, Judged, Requests, rule};
    use yagura_control::order::StartBypass;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_123);

    fn bypass() -> Order {
        Order::Bypass(StartBypass {
            site: "town".to_owned(),
            asked_at: NOW,
            break_glass: false,
        })
    }

    fn shown(who: &str) -> RequestShown {
        RequestShown {
            id: "3f9a01".to_owned(),
            digest: String::new(),
            what: "bypass".to_owned(),
            without: Vec::new(),
            order: Box::new(bypass()),
            who: who.to_owned(),
            proof: String::new(),
            reason: Some("the cloud is down".to_owned()),
            at: NOW,
            expires: NOW,
            quorum: 1,
            role: "approver".to_owned(),
            approvers: Vec::new(),
            decisions: Vec::new(),
            state: RequestState::Waiting,
            since: NOW,
            number: None,
            words: String::new(),
            break_glass: None,
        }
    }

    /// That this person asked.
    fn asked(who: &str) -> News {
        let asked = Asked {
            order: bypass(),
            by: Person {
                name: who.to_owned(),
                proof: String::new(),
            },
            reason: "the cloud is down".to_owned(),
            at: Some(NOW),
            rule: rule(&bypass()).unwrap(),
            break_glass: None,
        };
        let Ok(Judged::New(step)) = Requests::default().ask(asked, NOW) else {
            panic!("it is a new request");
        };
        News {
            step: *step,
            request: shown(who),
        }
    }

    #[test]
    fn a_request_is_told_with_how_to_approve_it() {
        let mut without = asked("sato");
        without.request.without = vec!["the WAF: a drill".to_owned()];
        let told = of_news("edge-1", &without).unwrap();
        assert!(
            told.text_en
                .contains("is down. WITHOUT the WAF: a drill. Approve")
        );
        assert!(
            told.text_ja
                .contains("次のものなしで運用します（the WAF: a drill）。承認")
        );
        let it = of_news("edge-1", &asked("sato")).unwrap();
        assert_eq!((it.kind, it.site.as_deref()), (Kind::Request, Some("town")));
        assert_eq!(
            it.text_en,
            "Request: sato asks for the bypass of town. Reason: the cloud is down. Approve: yagura \
             approve 3f9a01 (until 2026-11-23T14:03:07+09:00)"
        );
        assert!(
            it.text_ja
                .contains("sato が town の直接公開への切替を申請しました")
        );
    }

    #[test]
    fn what_an_edge_asks_for_is_a_proposal() {
        let it = of_news("edge-1", &asked(&Person::of_edges().name)).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&it.json()).unwrap();
        assert_eq!(json["kind"], "proposal");
        assert_eq!(json["request"], "3f9a01");
        assert_eq!(json["site"], "town");
        assert_eq!(json["time"], "2026-11-23T14:03:07+09:00");
        let text = json["text"].as_str().unwrap();
        assert!(text.contains("承認されるまで切り替えません"), "{text}");
    }

    #[test]
    fn the_end_of_a_request_is_told_and_its_execution_is_no_news() {
        let request = shown("sato");
        let of = |step| {
            let request = request.clone();
            of_news("edge-1", &News { step, request })
        };
        let id = || match asked("sato").step {
            Step::Asked { request } => request.id,
            _ => panic!("it was asked for"),
        };
        let over = of(Step::Expired {
            request: id(),
            at: NOW,
        });
        let over = over.unwrap();
        assert_eq!(over.kind, Kind::Decision);
        assert_eq!(
            over.text_en,
            "The request 3f9a01 (the bypass of town) is over: nobody decided in time."
        );
        let done = of(Step::Done {
            request: id(),
            at: NOW,
            number: 7,
        });
        assert!(done.is_none());
    }

    #[test]
    fn staff_from_outside_are_told_of_and_other_orders_are_nobodys_alarm() {
        let told = |outcome| {
            let envelope = Envelope {
                reason: Some("earthquake".to_owned()),
                ..Envelope::of(Order::Reload, "sato")
            };
            let reply = Reply {
                edge: "edge-1".to_owned(),
                generation: 7,
                effective_at: NOW,
                outcome,
            };
            of_order(&envelope, &reply)
        };
        let opened = told(Outcome::StaffAdmitted {
            site: "staff".to_owned(),
            outside_until: Some(NOW),
        });
        assert_eq!(opened.unwrap().kind, Kind::Staff);
        let reloaded = told(Outcome::Reloaded {
            needs_restart: Vec::new(),
        });
        assert!(reloaded.is_none());
    }
}

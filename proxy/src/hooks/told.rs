//! Which orders people are told of, and in which words. Pure but for the last step.

use yagura_control::order::{
    Decision, Envelope, Order, Outcome, Reply, RequestShown, RequestState,
};

use super::announcement::{Announcement, Kind};
use crate::probes::propose::EDGES;
use crate::state::Edge;

/// Tells every hook of an order that was carried out, where people are to hear of it.
pub fn announce(edge: &Edge, envelope: &Envelope, reply: &Reply) {
    if envelope.dry_run {
        return;
    }
    if let Some(announcement) = announcement(envelope, reply) {
        edge.hooks.announce(&announcement);
    }
}

/// What is told of an order.
#[must_use]
pub fn announcement(envelope: &Envelope, reply: &Reply) -> Option<Announcement> {
    let new = |kind| Announcement::new(kind, &reply.edge, reply.effective_at).by(&envelope.who);
    let reason = envelope.reason.as_deref().unwrap_or("-");
    let who = &envelope.who;
    Some(match &reply.outcome {
        Outcome::Requested { request } => requested(new, request, reason),
        Outcome::Decided { request } => match &envelope.order {
            Order::Review(review) => {
                let (id, finding) = (&request.id, &review.finding);
                new(Kind::Review).of_request(request).saying(
                    format!("【確認済み】緊急操作（{id}）を {who} が確認しました：{finding}"),
                    format!("Reviewed: {who} has looked at break-glass {id}: {finding}"),
                )
            }
            order => decided(new(Kind::Decision), order, request, who),
        },
        Outcome::CloudChanged { site, .. } if breaks_glass(&envelope.order) => {
            let (ja, en) = words(&envelope.order);
            new(Kind::BreakGlass).of_site(site).saying(
                format!(
                    "【緊急・承認なし】{who} が {site} の{ja}を承認者なしで実行しました。理由：{reason}。\
                     24時間以内に承認者が確認してください（yagura request list）。"
                ),
                format!(
                    "BREAK-GLASS: {who} ordered {en} of {site} without a second person. Reason: {reason}. \
                     An approver has to review it within 24 h (yagura request list)."
                ),
            )
        }
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

fn requested(
    new: impl Fn(Kind) -> Announcement,
    request: &RequestShown,
    reason: &str,
) -> Announcement {
    let RequestShown {
        id, who, expires, ..
    } = request;
    let site = site_of(&request.order).unwrap_or_default();
    let (ja, en) = words(&request.order);
    let announcement = |kind| new(kind).of_site(site).of_request(request).by(who);
    if who.starts_with(EDGES) {
        return announcement(Kind::Proposal).saying(
            format!(
                "【自動提案】{site} の{ja}を提案します。理由：{reason}。承認されるまで切り替えません。\
                 承認：yagura approve {id}（期限 {expires}）"
            ),
            format!(
                "Proposal: {en} of {site}. Reason: {reason}. Nothing is switched until it is \
                 approved: yagura approve {id} (until {expires})"
            ),
        );
    }
    announcement(Kind::Request).saying(
        format!(
            "【承認依頼】{who} が {site} の{ja}を申請しました。理由：{reason}。\
             承認：yagura approve {id}（期限 {expires}）"
        ),
        format!(
            "Request: {who} asks for {en} of {site}. Reason: {reason}. Approve: yagura approve {id} \
             (until {expires})"
        ),
    )
}

fn decided(
    announcement: Announcement,
    order: &Order,
    request: &RequestShown,
    who: &str,
) -> Announcement {
    let id = &request.id;
    let site = site_of(&request.order).unwrap_or_default();
    let (wish_ja, wish_en) = words(&request.order);
    let (ja, en) = match order {
        Order::WithdrawRequest(_) => ("取り下げました".to_owned(), "withdrew".to_owned()),
        Order::Decide(decide) => match &decide.decision {
            Decision::Approve => ("承認しました".to_owned(), "approved".to_owned()),
            Decision::Refuse { reason } => (
                format!("却下しました（{reason}）"),
                format!("refused ({reason})"),
            ),
        },
        _ => ("決定しました".to_owned(), "decided".to_owned()),
    };
    let (then_ja, then_en) = match request.state {
        RequestState::Done => ("。実行を開始します。", ". It is carried out."),
        RequestState::Failed => (
            "。ただし実行できませんでした。",
            ". It could not be carried out.",
        ),
        _ => ("。", "."),
    };
    announcement.of_site(site).of_request(request).saying(
        format!("【申請の結果】{who} が {site} の{wish_ja}（{id}）を{ja}{then_ja}"),
        format!("{who} {en} the request {id} ({wish_en} of {site}){then_en}"),
    )
}

const fn breaks_glass(order: &Order) -> bool {
    match order {
        Order::Bypass(start) => start.break_glass,
        Order::Return(start) => start.break_glass,
        _ => false,
    }
}

fn site_of(order: &Order) -> Option<&str> {
    match order {
        Order::Bypass(start) => Some(&start.site),
        Order::Return(start) => Some(&start.site),
        Order::AbortBypass(of) => Some(&of.site),
        Order::ConfirmDns(confirm) => Some(&confirm.site),
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
        _ => ("操作", "an order"),
    }
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;
    use yagura_control::order::{BypassStage, Decide, StartBypass};

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_123);

    fn bypass(break_glass: bool) -> Order {
        Order::Bypass(StartBypass {
            site: "town".to_owned(),
            asked_at: NOW,
            break_glass,
        })
    }

    fn request(who: &str, state: RequestState) -> Box<RequestShown> {
        Box::new(RequestShown {
            id: "3f9a01".to_owned(),
            digest: String::new(),
            what: "bypass".to_owned(),
            order: Box::new(bypass(false)),
            who: who.to_owned(),
            reason: None,
            at: NOW,
            expires: NOW,
            quorum: 1,
            decisions: Vec::new(),
            state,
            words: String::new(),
            break_glass: None,
        })
    }

    fn told(order: Order, who: &str, outcome: Outcome) -> Option<Announcement> {
        let envelope = Envelope {
            reason: Some("the cloud is down".to_owned()),
            ..Envelope::of(order, who)
        };
        let reply = Reply {
            edge: "edge-1".to_owned(),
            generation: 7,
            effective_at: NOW,
            outcome,
        };
        announcement(&envelope, &reply)
    }

    #[test]
    fn a_request_is_told_with_how_to_approve_it() {
        let outcome = |who| Outcome::Requested {
            request: request(who, RequestState::Waiting),
        };
        let it = told(bypass(false), "sato", outcome("sato")).unwrap();
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
        let it = told(bypass(false), EDGES, outcome("edges (probes)")).unwrap();
        assert_eq!(it.kind, Kind::Proposal);
        let json: serde_json::Value = serde_json::from_slice(&it.json()).unwrap();
        assert_eq!(json["kind"], "proposal");
        assert_eq!(json["request"], "3f9a01");
        assert_eq!(json["time"], "2026-11-23T14:03:07+09:00");
    }

    #[test]
    fn decisions_and_what_was_done_alone_are_told() {
        let decide = Order::Decide(Decide {
            request: "3f9a01".to_owned(),
            digest: String::new(),
            decision: Decision::Approve,
        });
        let outcome = Outcome::Decided {
            request: request("sato", RequestState::Done),
        };
        let it = told(decide, "suzuki", outcome).unwrap();
        assert_eq!(
            it.text_en,
            "suzuki approved the request 3f9a01 (the bypass of town). It is carried out."
        );
        let alone = |stage| Outcome::CloudChanged {
            site: "town".to_owned(),
            stage,
        };
        let it = told(bypass(true), "sato", alone(BypassStage::Armed)).unwrap();
        assert_eq!(it.kind, Kind::BreakGlass);
        assert!(
            it.text_en.starts_with("BREAK-GLASS: sato"),
            "{}",
            it.text_en
        );
    }

    #[test]
    fn other_orders_are_nobodys_alarm() {
        let outcome = Outcome::Reloaded {
            needs_restart: Vec::new(),
        };
        assert!(told(Order::Reload, "sato", outcome).is_none());
    }
}

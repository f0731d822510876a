//! The report of a whole bypass and back, in both languages, word for word.

use yagura_control::Timestamp;
use yagura_control::order::{
    BypassStage, Decision, DecisionShown, HistoryLine, IngressEvent, Order, RequestShown,
    RequestState, StartBypass, StartReturn,
};

use super::*;
use crate::history::story::stories;

/// So many seconds after 2026-11-23 14:00:00 in Japan.
fn at(seconds: u64) -> Timestamp {
    Timestamp(1_795_410_000_000 + seconds * 1_000)
}

fn line(seconds: u64, who: &str, ingress: IngressEvent) -> HistoryLine {
    HistoryLine {
        number: None,
        at: at(seconds),
        who: who.to_owned(),
        reason: None,
        site: Some("town".to_owned()),
        what: String::new(),
        before: String::new(),
        after: String::new(),
        undoes: None,
        request: None,
        ingress: Some(ingress),
    }
}

fn path(seconds: u64, since: u64, works: bool) -> HistoryLine {
    let seen = IngressEvent::Path {
        cloud: Some("prefecture".to_owned()),
        works,
        since: at(since),
        why: match works {
            true => String::new(),
            false => "192.0.2.1:443: no answer within 5s".to_owned(),
        },
    };
    line(seconds, "probes", seen)
}

fn stage(seconds: u64, from: BypassStage, to: BypassStage, why: &str) -> HistoryLine {
    let why = why.to_owned();
    line(seconds, "ingress", IngressEvent::Stage { from, to, why })
}

fn request(id: &str, order: Order, who: &str, asked: u64, decided: Option<u64>) -> RequestShown {
    let reason = match order {
        Order::Bypass(_) => "the prefecture's cloud is down",
        _ => "the cloud is back",
    };
    RequestShown {
        id: id.to_owned(),
        digest: String::new(),
        what: String::new(),
        without: Vec::new(),
        order: Box::new(order),
        who: who.to_owned(),
        proof: "uid 7".to_owned(),
        reason: Some(reason.to_owned()),
        at: at(asked),
        expires: at(asked + 4 * 3_600),
        quorum: 1,
        role: "approver".to_owned(),
        approvers: Vec::new(),
        decisions: decided
            .map(|decided| DecisionShown {
                who: "suzuki".to_owned(),
                at: at(decided),
                decision: Decision::Approve,
            })
            .into_iter()
            .collect(),
        state: match decided {
            Some(_) => RequestState::Done,
            None => RequestState::Expired,
        },
        since: at(decided.unwrap_or(asked)),
        number: None,
        words: String::new(),
        break_glass: None,
    }
}

fn bypass(asked: u64) -> Order {
    Order::Bypass(StartBypass {
        site: "town".to_owned(),
        asked_at: at(asked),
        break_glass: false,
    })
}

fn back(asked: u64) -> Order {
    Order::Return(StartReturn {
        site: "town".to_owned(),
        cloud: None,
        asked_at: at(asked),
        break_glass: false,
    })
}

/// A cloud that failed, the bypass, and the way back.
fn whole() -> (Vec<HistoryLine>, Vec<RequestShown>) {
    use BypassStage::*;
    let confirmed = IngressEvent::DnsConfirmed {
        note: "vendor, ticket 4711".to_owned(),
    };
    let lines = vec![
        path(30, 10, false),
        stage(330, Cloud, Armed, "request 3f9a01 was approved"),
        stage(331, Armed, Open, "all is ready"),
        stage(333, Open, DnsChanging, "every door is open"),
        line(400, "sato", confirmed),
        stage(
            420,
            DnsChanging,
            Verifying,
            "A 203.0.113.5 for www.town.example",
        ),
        stage(430, Verifying, Bypass, "2 of 2 servers"),
        path(7_280, 7_210, true),
        stage(9_100, Bypass, DnsReturning, "request 77cc12 was approved"),
        stage(
            9_110,
            DnsReturning,
            ReturnVerifying,
            "CNAME town.cloud.example.",
        ),
        stage(9_120, ReturnVerifying, Draining, "2 of 2 servers"),
        stage(
            9_240,
            Draining,
            Cloud,
            "120 s passed, direct traffic has ceased",
        ),
    ];
    let requests = vec![
        request("3f9a01", bypass(200), "sato", 200, Some(330)),
        request("77cc12", back(9_000), "edges", 9_000, Some(9_100)),
    ];
    (lines, requests)
}

#[test]
fn a_whole_bypass_is_told_in_japanese() {
    let (lines, requests) = whole();
    let stories = stories(&lines, &requests, "town", Timestamp::ZERO);
    assert_eq!(
        report("town", "edge-1", &stories, Language::Ja),
        "\
# セキュリティクラウド切替の経過：town

エッジ edge-1 の記録による。時刻はすべて日本標準時。

## 経過 1

- 利用者への影響：2026-11-23 14:00:10 から 2026-11-23 14:07:10 まで（7分0秒。すべての権威DNSサーバが直接公開のアドレスを返すことを確認。DNSのキャッシュが残る利用者は、TTLの分だけ遅れて切り替わる）。
- 直接公開：2026-11-23 14:07:10 から 2026-11-23 16:32:00 まで（2時間24分）。
- 直接アクセスの受付終了：2026-11-23 16:34:00。
- 直接公開への切替：申請 sato、承認 suzuki（3f9a01）。
- クラウド経由への復帰：申請 edges、承認 suzuki（77cc12）。

| 時刻 | 内容 |
|---|---|
| 2026-11-23 14:00:10 | クラウド（prefecture）経由の障害を検知：192.0.2.1:443: no answer within 5s |
| 2026-11-23 14:03:20 | sato が直接公開への切替を申請（3f9a01）。理由：the prefecture's cloud is down |
| 2026-11-23 14:05:30 | suzuki が 3f9a01 を承認 |
| 2026-11-23 14:05:30 | 切替の条件を確認中（request 3f9a01 was approved） |
| 2026-11-23 14:05:31 | 直接アクセスの受付を開始（all is ready） |
| 2026-11-23 14:05:33 | DNSを直接公開のアドレスへ変更中（every door is open） |
| 2026-11-23 14:06:40 | sato がDNS変更の実施を報告：vendor, ticket 4711 |
| 2026-11-23 14:07:00 | DNSの変更をすべての権威サーバで確認中（A 203.0.113.5 for www.town.example） |
| 2026-11-23 14:07:10 | 直接公開へ切替完了（2 of 2 servers） |
| 2026-11-23 16:00:10 | クラウド（prefecture）経由の復旧を確認 |
| 2026-11-23 16:30:00 | edges がクラウド経由への復帰を申請（77cc12）。理由：the cloud is back |
| 2026-11-23 16:31:40 | suzuki が 77cc12 を承認 |
| 2026-11-23 16:31:40 | DNSをクラウドへ変更中（request 77cc12 was approved） |
| 2026-11-23 16:31:50 | DNSの復帰をすべての権威サーバで確認中（CNAME town.cloud.example.） |
| 2026-11-23 16:32:00 | DNSの復帰完了。直接アクセスの終息を待機（2 of 2 servers） |
| 2026-11-23 16:34:00 | クラウド経由の通常運用。直接アクセスの受付を終了（120 s passed, direct traffic has ceased） |
"
    );
}

#[test]
fn the_same_is_told_in_english() {
    let (lines, requests) = whole();
    let stories = stories(&lines, &requests, "town", Timestamp::ZERO);
    let told = report("town", "edge-1", &stories, Language::En);
    let beginning = "\
# Around the security cloud and back: town

As recorded by edge-1. All times are Japan Standard Time.

## Story 1

- Readers affected: from 2026-11-23 14:00:10 to 2026-11-23 14:07:10 (7 min; every DNS server gives the direct addresses; readers with an older answer in a cache follow within its TTL).
- Published directly: from 2026-11-23 14:07:10 to 2026-11-23 16:32:00 (2 h 24 min).
- Direct access refused again: 2026-11-23 16:34:00.
- Publishing directly: asked for by sato, approved by suzuki (3f9a01).
- Going back behind the cloud: asked for by edges, approved by suzuki (77cc12).

| Time | What happened |
|---|---|
| 2026-11-23 14:00:10 | The path through prefecture fails: 192.0.2.1:443: no answer within 5s |
| 2026-11-23 14:03:20 | sato asks: Publishing directly (3f9a01). Reason: the prefecture's cloud is down |
| 2026-11-23 14:05:30 | suzuki approves 3f9a01 |
";
    assert!(told.starts_with(beginning), "{told}");
}

#[test]
fn what_is_not_over_is_told_as_it_stands() {
    let lines = [path(30, 10, false)];
    let requests = [request("3f9a01", bypass(200), "edges", 200, None)];
    let told = |lines: &[HistoryLine]| {
        let stories = stories(lines, &requests, "town", Timestamp::ZERO);
        report("town", "edge-1", &stories, Language::En)
    };
    let still = told(&lines);
    assert!(
        still.contains("since 2026-11-23 14:00:10, and still"),
        "{still}"
    );
    assert!(still.contains("approved by nobody (3f9a01)"), "{still}");
    assert!(still.contains("nobody decided in time"), "{still}");
    let back = told(&[path(30, 10, false), path(700, 610, true)]);
    assert!(
        back.contains("to 2026-11-23 14:10:10 (10 min; the path through the cloud works again)"),
        "{back}"
    );
}

#[test]
fn stories_are_told_apart_and_blips_left_out() {
    let (mut lines, mut requests) = whole();
    lines.extend([path(20_030, 20_000, false), path(20_200, 20_100, true)]);
    let second = request("aa11bb", bypass(90_000), "sato", 90_000, None);
    requests.push(second);
    let of = |since| stories(&lines, &requests, "town", since);
    let all = of(Timestamp::ZERO);
    assert_eq!(all.len(), 2, "{all:#?}");
    assert_eq!(of(at(50_000)).len(), 1);
    let told = report("town", "edge-1", &all, Language::En);
    assert!(
        told.contains("the probes saw no failure of a cloud"),
        "{told}"
    );
    assert!(stories(&lines, &requests, "museum", Timestamp::ZERO).is_empty());
    let nothing = report("museum", "edge-1", &[], Language::Both);
    assert!(nothing.contains("記録はありません") && nothing.contains("No switch is recorded"));
}

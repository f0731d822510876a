//! The report in Japanese, for the city.

use std::time::Duration;

use yagura_control::order::{BypassStage, RequestState};

use super::{Language, Words};
use crate::history::story::{Ordered, Step, What, Wish};

pub(super) struct Japanese;

impl Words for Japanese {
    fn language(&self) -> Language {
        Language::Ja
    }

    fn title(&self, site: &str, edge: &str) -> String {
        format!(
            "# セキュリティクラウド切替の経過：{site}\n\n\
             エッジ {edge} の記録による。時刻はすべて日本標準時。\n"
        )
    }

    fn nothing(&self) -> &'static str {
        "この期間に切替の記録はありません。"
    }

    fn chapter(&self, number: usize) -> String {
        format!("経過 {number}")
    }

    fn columns(&self) -> [&'static str; 2] {
        ["時刻", "内容"]
    }

    fn span(&self, span: Duration) -> String {
        let seconds = span.as_secs();
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => format!("{seconds}秒"),
            (0, minutes, seconds) => format!("{minutes}分{seconds}秒"),
            (hours, minutes, _) => format!("{hours}時間{minutes}分"),
        }
    }

    fn not_affected(&self) -> String {
        "利用者への影響：監視では、クラウド経由の障害は確認されていません。".to_owned()
    }

    fn still_affected(&self, from: &str) -> String {
        format!("利用者への影響：{from} から継続中（クラウド経由の障害）。")
    }

    fn affected(&self, from: &str, until: &str, span: &str, by_bypass: bool) -> String {
        let end = match by_bypass {
            true => {
                "すべての権威DNSサーバが直接公開のアドレスを返すことを確認。DNSのキャッシュが残る利用者は、TTLの分だけ遅れて切り替わる"
            }
            false => "クラウド経由の復旧を確認",
        };
        format!("利用者への影響：{from} から {until} まで（{span}。{end}）。")
    }

    fn direct(&self, since: &str, until: Option<(String, String)>) -> String {
        match until {
            Some((until, span)) => format!("直接公開：{since} から {until} まで（{span}）。"),
            None => format!("直接公開：{since} から（継続中）。"),
        }
    }

    fn closed(&self, at: &str) -> String {
        format!("直接アクセスの受付終了：{at}。")
    }

    fn persons(&self, wish: Wish, who: &str, by: &[String], break_glass: bool, id: &str) -> String {
        let wish = wish_ja(wish);
        match (break_glass, by) {
            (true, []) => format!("{wish}：{who} が承認者なしで実行（緊急操作 {id}）。"),
            (true, by) => format!(
                "{wish}：{who} が承認者なしで実行（緊急操作 {id}）、事後承認 {}。",
                by.join("、")
            ),
            (false, []) => format!("{wish}：申請 {who}、承認なし（{id}）。"),
            (false, by) => format!("{wish}：申請 {who}、承認 {}（{id}）。", by.join("、")),
        }
    }

    fn step(&self, step: &Step) -> String {
        match &step.what {
            What::Fails { cloud, why } => format!("{}の障害を検知：{why}", path_ja(cloud.as_ref())),
            What::Works { cloud } => format!("{}の復旧を確認", path_ja(cloud.as_ref())),
            What::Asked {
                id,
                wish,
                who,
                reason,
                break_glass,
            } => {
                let wish = wish_ja(*wish);
                match break_glass {
                    true => {
                        format!("{who} が{wish}を承認者なしで実行（緊急操作 {id}）。理由：{reason}")
                    }
                    false => format!("{who} が{wish}を申請（{id}）。理由：{reason}"),
                }
            }
            What::Decided { id, who, refused } => match refused {
                None => format!("{who} が {id} を承認"),
                Some(reason) => format!("{who} が {id} を却下。理由：{reason}"),
            },
            What::Over { id, state } => match state {
                RequestState::Expired => format!("申請 {id} は期限切れ"),
                RequestState::Withdrawn => format!("申請 {id} は取り下げ"),
                RequestState::Failed => format!("申請 {id} は承認されたが実行できず"),
                _ => format!("{id} を実行"),
            },
            What::Reviewed { id, who, finding } => {
                format!("{who} が緊急操作 {id} を確認：{finding}")
            }
            What::Stage { to, why, .. } => format!("{}（{why}）", stage_ja(*to)),
            What::Ordered { who, what, words } => match what {
                Ordered::Abort => format!("{who} が直接公開の中止を指示。理由：{words}"),
                Ordered::ConfirmDns => format!("{who} がDNS変更の実施を報告：{words}"),
            },
        }
    }
}

fn path_ja(cloud: Option<&String>) -> String {
    match cloud {
        Some(cloud) => format!("クラウド（{cloud}）経由"),
        None => "直接経路".to_owned(),
    }
}

const fn wish_ja(wish: Wish) -> &'static str {
    match wish {
        Wish::Bypass => "直接公開への切替",
        Wish::Return => "クラウド経由への復帰",
    }
}

const fn stage_ja(stage: BypassStage) -> &'static str {
    match stage {
        BypassStage::Cloud => "クラウド経由の通常運用。直接アクセスの受付を終了",
        BypassStage::Armed => "切替の条件を確認中",
        BypassStage::Open => "直接アクセスの受付を開始",
        BypassStage::DnsChanging => "DNSを直接公開のアドレスへ変更中",
        BypassStage::Verifying => "DNSの変更をすべての権威サーバで確認中",
        BypassStage::Bypass => "直接公開へ切替完了",
        BypassStage::DnsReturning => "DNSをクラウドへ変更中",
        BypassStage::ReturnVerifying => "DNSの復帰をすべての権威サーバで確認中",
        BypassStage::Draining => "DNSの復帰完了。直接アクセスの終息を待機",
    }
}

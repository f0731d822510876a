//! What people are told of while a site goes around its cloud, in which words.

use yagura_control::Timestamp;
use yagura_control::order::Missing;

use super::stage::Stage;
use crate::hooks::announcement::{Announcement, Kind};

/// A stage for people, in Japanese.
const fn japanese(stage: Stage) -> &'static str {
    match stage {
        Stage::Cloud => "クラウド経由",
        Stage::Armed => "承認済み・準備確認中",
        Stage::Open => "直接公開の入口を開放",
        Stage::DnsChanging => "DNS変更中",
        Stage::Verifying => "DNS変更の確認中",
        Stage::Bypass => "直接公開中",
        Stage::DnsReturning => "DNSを戻し中",
        Stage::ReturnVerifying => "DNSの戻しの確認中",
        Stage::Draining => "最後の直接の閲覧者を待機中",
    }
}

/// Whose announcements, and of when.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The edge.
    pub edge: &'a str,
    /// The site.
    pub site: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Of<'_> {
    fn about_site(&self) -> Announcement {
        Announcement::new(Kind::Stage, self.edge, self.at).of_site(self.site)
    }

    /// A step was taken.
    #[must_use]
    pub fn step(&self, to: Stage, why: &str) -> Announcement {
        let Self { edge, site, .. } = self;
        self.about_site().saying(
            format!(
                "【経路切替】{site}（{edge}）：{}になりました。",
                japanese(to)
            ),
            format!("{site} ({edge}): {}. Because: {why}", to.describe()),
        )
    }

    /// Somebody must do something.
    #[must_use]
    pub fn trouble(&self, needs: &Missing) -> Announcement {
        let Self { edge, site, .. } = self;
        let (what, hint) = (&needs.what, &needs.hint);
        self.about_site().saying(
            format!("【要対応】{site}（{edge}）の経路切替に対応が必要です。詳細は英文と yagura cloud status を参照してください。"),
            format!("{site} ({edge}) needs somebody: {what}. {hint}"),
        )
    }

    /// A person must change the DNS; the request has both languages.
    #[must_use]
    pub fn request(&self, text: &str) -> Announcement {
        let Self { edge, site, .. } = self;
        self.about_site().saying(
            format!(
                "【DNS変更依頼】{site}（{edge}）：次の依頼をDNS事業者へ送ってください。\n\n{text}"
            ),
            format!("The DNS of {site} must be changed by hand; the request is above."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_words_of_its_own_in_both_languages() {
        let of = Of {
            edge: "edge-1",
            site: "town",
            at: Timestamp(1),
        };
        let mut texts = std::collections::HashSet::new();
        for stage in Stage::ALL {
            let told = of.step(stage, "because");
            assert!(told.text_ja.contains("town（edge-1）") && told.text_en.contains("because"));
            texts.insert((told.text_ja, told.text_en));
        }
        assert_eq!(texts.len(), Stage::ALL.len());
        let needs = Missing::new("a door is closed", "open it");
        assert!(
            of.trouble(&needs)
                .text_en
                .ends_with("a door is closed. open it")
        );
        assert!(of.request("- a\n+ b").text_ja.ends_with("- a\n+ b"));
    }
}

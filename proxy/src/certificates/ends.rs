//! Warnings that a certificate ends, told when a stage is reached and shown as long as it lasts. When
//! stages begin is decided in `yagura_certs::expiry::warning`.

use std::collections::BTreeMap;

use yagura_certs::Inspected;
use yagura_certs::expiry::warning::{Renewal, Stage, stage, warns};
use yagura_config::settings::CertificateSettings;
use yagura_control::Timestamp;

/// The stages that were told, by the certificate's name.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<String, Stage>);

/// The stage that somebody has to hear of; none while all is well.
pub(super) fn warned(
    certificate: &CertificateSettings,
    served: &Inspected,
    now: Timestamp,
) -> Option<Stage> {
    let renewal = if certificate.authorities.is_empty() {
        Renewal::ByHand
    } else {
        Renewal::ByItself
    };
    stage(served.not_before(), served.not_after(), now).filter(|stage| warns(*stage, renewal))
}

/// A stage in words, with what to do.
pub(super) fn words(certificate: &CertificateSettings, served: &Inspected, stage: Stage) -> String {
    let name = &certificate.name;
    let what = if certificate.authorities.is_empty() {
        format!("`yagura certs csr new --name {name}` begins the next one")
    } else {
        "`yagura status` says why it is not renewed by itself".to_owned()
    };
    let until = served.not_after().rfc3339();
    format!("certificate {name}: {} ({until}); {what}", stage.words())
}

impl Told {
    /// The stages now; gives those that were not told before. What is well again is forgotten.
    pub(super) fn news(&mut self, now: &BTreeMap<String, Stage>) -> Vec<String> {
        let is_new = |(name, stage): &(&String, &Stage)| self.0.get(*name) != Some(*stage);
        let news = now.iter().filter(is_new);
        let news = news.map(|(name, _)| name.clone()).collect();
        self.0.clone_from(now);
        news
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use yagura_certs::LocalAuthority;
    use yagura_config::settings::KeySetting;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp(1_795_400_000_000);

    fn certificate(authorities: &[&str]) -> CertificateSettings {
        CertificateSettings {
            name: "city".to_owned(),
            names: vec!["city.example".to_owned()],
            authorities: authorities.iter().map(|name| (*name).to_owned()).collect(),
            key: KeySetting::default(),
        }
    }

    #[test]
    fn each_stage_is_told_once_and_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::open_or_make(folder.path(), NOW).unwrap();
        let pem = authority.issue(&["city.example".to_owned()], NOW).unwrap();
        let served = Inspected::read(&pem.chain, &pem.key).unwrap();
        let stages = |certificate: &CertificateSettings| {
            let mut told = Told::default();
            let mut seen = Vec::new();
            for day in 0..=92 {
                let now = NOW.plus(DAY * day);
                let stage = warned(certificate, &served, now);
                let map = stage
                    .map(|stage| ("city".to_owned(), stage))
                    .into_iter()
                    .collect();
                for _ in told.news(&map) {
                    seen.push(words(certificate, &served, stage.unwrap()));
                }
            }
            seen
        };
        let by_hand = stages(&certificate(&[]));
        assert_eq!(by_hand.len(), 7, "{by_hand:#?}");
        assert!(by_hand[0].contains("order the next one") && by_hand[0].contains("csr new"));
        let by_itself = stages(&certificate(&["public"]));
        assert_eq!(by_itself.len(), 5, "{by_itself:#?}");
        assert!(by_itself[4].contains("EXPIRED") && by_itself[4].contains("yagura status"));
    }

    #[test]
    fn what_was_well_in_between_is_told_again() {
        let mut told = Told::default();
        let ends = BTreeMap::from([("city".to_owned(), Stage::SevenDays)]);
        assert_eq!(told.news(&ends), ["city"]);
        assert!(told.news(&ends).is_empty());
        assert!(told.news(&BTreeMap::new()).is_empty());
        assert_eq!(told.news(&ends), ["city"]);
    }
}

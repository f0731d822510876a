//! The findings that are still known: the newest few thousand, in memory. What they hold may be told:
//! numbers of rules, names of arguments, paths without queries.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use yagura_control::order::{MOST_FINDINGS, ShowWaf, WafFinding};

/// How many are kept.
const KEPT: usize = 8_000;
/// Longest path that is kept.
const LONGEST_PATH: usize = 200;

/// The findings.
#[derive(Debug, Default)]
pub struct Findings(Mutex<VecDeque<WafFinding>>);

impl Findings {
    /// Adds one.
    pub fn add(&self, mut finding: WafFinding) {
        if finding.path.len() > LONGEST_PATH {
            let end = (0..=LONGEST_PATH).rev();
            let end = end
                .into_iter()
                .find(|end| finding.path.is_char_boundary(*end));
            finding.path.truncate(end.unwrap_or(0));
            finding.path.push('…');
        }
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(finding);
    }

    /// Those that are asked for, the newest first.
    #[must_use]
    pub fn of(&self, asked: &ShowWaf) -> Vec<WafFinding> {
        let is_meant = |finding: &&WafFinding| {
            let site = asked.site.as_ref();
            let request = asked.request.as_ref();
            site.is_none_or(|site| *site == finding.site)
                && request.is_none_or(|request| *request == finding.request)
        };
        let kept = self.lock();
        let meant = kept.iter().rev().filter(is_meant);
        meant.take(MOST_FINDINGS).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<WafFinding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;

    use super::*;

    fn finding(number: usize) -> WafFinding {
        WafFinding {
            request: number.to_string(),
            at: Timestamp(0),
            site: if number.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            }
            .to_owned(),
            mode: "on".to_owned(),
            found: "attack".to_owned(),
            done: "refuse".to_owned(),
            method: "GET".to_owned(),
            path: "/あ".repeat(number % 100),
            rules: Vec::new(),
        }
    }

    #[test]
    fn the_newest_are_kept_and_told_by_request_and_site() {
        let findings = Findings::default();
        (0..KEPT + 10).for_each(|number| findings.add(finding(number)));
        let all = findings.of(&ShowWaf::default());
        assert_eq!(all.len(), MOST_FINDINGS);
        assert_eq!(all[0].request, (KEPT + 9).to_string());
        let of = |request: usize| {
            findings.of(&ShowWaf {
                request: Some(request.to_string()),
                site: None,
            })
        };
        assert_eq!(of(5).len(), 0);
        assert_eq!(of(KEPT).len(), 1);
        assert!(of(1099)[0].path.len() <= LONGEST_PATH + 3);
        let odd = findings.of(&ShowWaf {
            site: Some("odd".to_owned()),
            request: None,
        });
        assert!(odd.iter().all(|finding| finding.site == "odd"));
    }
}

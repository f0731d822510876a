//! Which copies go: pure.
//!
//! What a change feed or a sitemap names stays, whatever happens. Of the rest goes what nobody read
//! or confirmed for longer than it is kept; and when the quota is used up, what was not read or
//! confirmed for the longest time, as far as that makes the room that is wanted.

use std::time::Duration;

use yagura_control::Timestamp;

/// The operator's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Most bytes of copies on disk (`last_good`).
    pub quota_bytes: u64,
    /// How long a copy that no list names is kept after it was last read or confirmed
    /// (`last_good_keep`).
    pub keep: Duration,
}

/// What the decision needs to know of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its length.
    pub length_bytes: u64,
    /// When it was last written, confirmed or read (to the day).
    pub used_at: Timestamp,
    /// Whether a feed or a sitemap names it.
    pub listed: bool,
}

/// Indices of the candidates that go, so that `wanted_bytes` more fit. When nothing makes them fit,
/// only what is too old goes: giving up copies in vain helps nobody.
#[must_use]
pub fn leaving(
    candidates: &[Candidate],
    wanted_bytes: u64,
    rules: &Rules,
    now: Timestamp,
) -> Vec<usize> {
    let is_old = |copy: &Candidate| !copy.listed && now.since(copy.used_at) > rules.keep;
    let numbered = || candidates.iter().enumerate();
    let mut leaving: Vec<usize> = numbered()
        .filter_map(|(index, copy)| is_old(copy).then_some(index))
        .collect();
    let staying = numbered().filter(|(_, copy)| !is_old(copy));
    let sum = |copies: &mut dyn Iterator<Item = &Candidate>| {
        copies.fold(0_u64, |sum, copy| sum.saturating_add(copy.length_bytes))
    };
    let mut held = sum(&mut staying.clone().map(|(_, copy)| copy));
    let fits = |held: u64, most: u64| held.saturating_add(wanted_bytes) <= most;
    if fits(held, rules.quota_bytes) {
        return leaving;
    }
    let listed = sum(&mut candidates.iter().filter(|copy| copy.listed));
    if !fits(listed, rules.quota_bytes) {
        return leaving;
    }
    // A little more than is needed, so that the next copy does not look through all of them again.
    let most = rules.quota_bytes - rules.quota_bytes / SLACK;
    let mut unlisted: Vec<_> = staying.filter(|(_, copy)| !copy.listed).collect();
    unlisted.sort_by_key(|(_, copy)| copy.used_at);
    for (index, copy) in unlisted {
        if fits(held, most) {
            break;
        }
        held = held.saturating_sub(copy.length_bytes);
        leaving.push(index);
    }
    leaving
}

/// One part in so many of the quota is made free at once.
const SLACK: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn copies() -> impl Strategy<Value = Vec<Candidate>> {
        let copy =
            (1_u64..100, 0_u64..1000, any::<bool>()).prop_map(|(length, used, listed)| Candidate {
                length_bytes: length,
                used_at: Timestamp(used),
                listed,
            });
        proptest::collection::vec(copy, 0..60)
    }

    proptest! {
        #[test]
        fn what_goes_is_right(
            candidates in copies(),
            quota_bytes in 0_u64..4000,
            wanted in 0_u64..200,
            keep_ms in 0_u64..1200,
        ) {
            let rules = Rules { quota_bytes, keep: Duration::from_millis(keep_ms) };
            let now = Timestamp(1000);
            let going = leaving(&candidates, wanted, &rules, now);
            let goes = |index: &usize| going.contains(index);
            let is_old = |copy: &Candidate| 1000 - copy.used_at.0 > keep_ms;
            let all = || candidates.iter().enumerate();

            prop_assert!(going.iter().all(|index| !candidates[*index].listed), "a listed copy goes");
            for (index, copy) in all() {
                if !copy.listed && is_old(copy) {
                    prop_assert!(goes(&index), "a copy is kept for too long");
                }
            }
            let held: u64 = all().filter(|(i, _)| !goes(i)).map(|(_, c)| c.length_bytes).sum();
            let listed: u64 = candidates.iter().filter(|c| c.listed).map(|c| c.length_bytes).sum();
            let early: Vec<&Candidate> = all()
                .filter(|(i, c)| goes(i) && !is_old(c))
                .map(|(_, c)| c)
                .collect();
            if listed + wanted <= quota_bytes {
                prop_assert!(held + wanted <= quota_bytes, "there is no room though there could be");
            } else {
                prop_assert!(early.is_empty(), "copies went in vain");
            }
            if let Some(youngest) = early.iter().map(|c| c.used_at).max() {
                let oldest_left = all().filter(|(i, c)| !goes(i) && !c.listed).map(|(_, c)| c.used_at).min();
                prop_assert!(oldest_left.is_none_or(|left| left >= youngest), "a younger copy went first");
                let longest = early.iter().map(|c| c.length_bytes).max().unwrap_or(0);
                let needed = quota_bytes - quota_bytes / SLACK;
                prop_assert!(held + wanted + longest > needed, "more went than was needed");
            }
        }
    }
}

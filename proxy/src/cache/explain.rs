//! What would become of a request, from what was found for it (`sight.rs`): the facts behind
//! `yagura cache show`. Pure; `stages/lookup.rs` carries out what is only told here.

use yagura_control::Timestamp;
use yagura_control::order::{
    AnswerShown, IfOriginFails, NotOnError, PurgeShown, StoredShown, Target, VaryShown,
};

use super::directives::{Directives, Fields};
use super::key::SiteCache;
use super::purges::{Purged, Verdict};
use super::stored::Stored;
use super::{Lookup, validate, vary};

/// What a request would be answered with, once it comes to the cache.
#[must_use]
pub fn answer(found: &Lookup, wants: &Directives, origin_is_dead: bool) -> AnswerShown {
    let has_validator = |stored: &Stored| validate::conditions(stored).is_some();
    let asked = |stored: Option<&Stored>, if_origin_fails| match stored {
        Some(stored) if has_validator(stored) => AnswerShown::Confirm { if_origin_fails },
        _ => AnswerShown::Fetch { if_origin_fails },
    };
    match found {
        Lookup::Fresh(_) => AnswerShown::Hit,
        Lookup::StaleWhileRevalidate(_) => AnswerShown::StaleWhileRevalidate,
        Lookup::Stale(_) if origin_is_dead => AnswerShown::LastGood,
        _ if wants.only_if_cached => AnswerShown::NothingSuitable,
        Lookup::Stale(prepared) => asked(Some(&prepared.stored), IfOriginFails::LastGood),
        Lookup::Unconfirmed(prepared) => asked(Some(&prepared.stored), IfOriginFails::Unavailable),
        Lookup::Withdrawn => asked(None, IfOriginFails::Gone),
        Lookup::Absent => asked(None, IfOriginFails::Unavailable),
    }
}

/// The stored response that was looked at.
#[must_use]
pub fn stored(
    site: &SiteCache,
    stored: &Stored,
    verdict: Verdict,
    fields: &impl Fields,
    now: Timestamp,
) -> StoredShown {
    let text = |name: &str| stored.headers.first(name).map(str::to_owned);
    let (terms, seen) = (&stored.terms, site.rules.seen(fields));
    let selected = vary::selects(terms, &seen);
    let vary = terms.vary.iter().map(|(field, value)| {
        let alone = super::Terms {
            vary: vec![(field.clone(), value.clone())],
            ..terms.clone()
        };
        VaryShown {
            field: field.clone(),
            stored: value.clone(),
            same: vary::selects(&alone, &seen),
        }
    });
    StoredShown {
        status: stored.status.as_u16(),
        body_bytes: stored.body.len() as u64,
        requested_at: stored.requested_at,
        received_at: stored.received_at,
        age_s: stored.age_s(now),
        lifetime_s: terms.lifetime_s,
        basis: terms.basis,
        stale_while_revalidate_s: terms.window_s(site.window_s),
        not_on_error: if verdict == Verdict::Withdrawn {
            Some(NotOnError::Withdrawn)
        } else if !selected {
            Some(NotOnError::OtherVariant)
        } else if terms.must_revalidate {
            Some(NotOnError::MustRevalidate)
        } else if !(site.last_good || terms.allows_on_error(stored.age_s(now))) {
            Some(NotOnError::SharedMaxAge)
        } else {
            None
        },
        vary: vary.collect(),
        etag: text("etag"),
        last_modified: text("last-modified"),
        tags: stored.tags.iter().map(ToString::to_string).collect(),
    }
}

/// Purges that address a request, those that concern what is stored marked.
#[must_use]
pub fn purges(purges: &[(Target, Purged)], stored: Option<&Stored>) -> Vec<PurgeShown> {
    let told = |at: Timestamp| (at > Timestamp::ZERO).then_some(at);
    let shown = purges.iter().map(|(target, purged)| PurgeShown {
        target: target.clone(),
        refreshed_at: told(purged.refreshed_at),
        withdrawn_at: told(purged.withdrawn_at),
        concerns_stored: stored.is_some_and(|stored| {
            stored.requested_at <= purged.refreshed_at.max(purged.withdrawn_at)
        }),
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::super::stored::tests::response;
    use super::*;
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    #[test]
    fn every_finding_has_its_answer() {
        let prepared = || Arc::new(response("town\n\n/a", "text", "", NOW).prepare(false));
        let bare = || {
            let mut bare = response("town\n\n/a", "text", "", NOW);
            bare.headers.clear();
            Arc::new(bare.prepare(false))
        };
        let confirm = |if_origin_fails| AnswerShown::Confirm { if_origin_fails };
        let fetch = |if_origin_fails| AnswerShown::Fetch { if_origin_fails };
        use IfOriginFails::{Gone, LastGood, Unavailable};
        for (found, alive, dead) in [
            (
                Lookup::Fresh(prepared()),
                AnswerShown::Hit,
                AnswerShown::Hit,
            ),
            (
                Lookup::StaleWhileRevalidate(prepared()),
                AnswerShown::StaleWhileRevalidate,
                AnswerShown::StaleWhileRevalidate,
            ),
            (
                Lookup::Stale(prepared()),
                confirm(LastGood),
                AnswerShown::LastGood,
            ),
            (
                Lookup::Stale(bare()),
                fetch(LastGood),
                AnswerShown::LastGood,
            ),
            (
                Lookup::Unconfirmed(prepared()),
                confirm(Unavailable),
                confirm(Unavailable),
            ),
            (
                Lookup::Unconfirmed(bare()),
                fetch(Unavailable),
                fetch(Unavailable),
            ),
            (Lookup::Withdrawn, fetch(Gone), fetch(Gone)),
            (Lookup::Absent, fetch(Unavailable), fetch(Unavailable)),
        ] {
            let wants = Directives::default();
            assert_eq!(answer(&found, &wants, false), alive, "{found:?}");
            assert_eq!(answer(&found, &wants, true), dead, "{found:?}");
            let only = Directives {
                only_if_cached: true,
                ..wants
            };
            let asks = matches!(
                alive,
                AnswerShown::Confirm { .. } | AnswerShown::Fetch { .. }
            );
            let told = answer(&found, &only, false);
            assert_eq!(told == AnswerShown::NothingSuitable, asks, "{found:?}");
        }
    }
}

//! What would become of a request, in words for the operator at 3 a.m.; the lines about the stored
//! response stand in `copy.rs`. Pure.

use yagura_control::Timestamp;
use yagura_control::order::{
    AnswerShown, Basis, CacheShown, IfOriginFails, Level, NotOnError, PurgeShown, Target,
};

use super::copy;
use crate::output::span;

/// A block of aligned lines.
pub(super) fn told(shown: &CacheShown, now: Timestamp) -> String {
    let mut lines = vec![
        ("answer", answer(shown)),
        ("because", reason(shown)),
        ("site", site(shown)),
        ("key", key(shown)),
    ];
    if shown.stores {
        lines.push(("lies", place(shown)));
    }
    if let Some(stored) = &shown.stored {
        lines.extend(copy::lines(stored));
    }
    lines.extend(shown.purges.iter().map(|one| ("purge", purge(one, now))));
    lines
        .iter()
        .map(|(name, text)| format!("  {name:<11}{text}\n"))
        .collect()
}

fn answer(shown: &CacheShown) -> String {
    let if_fails = |if_origin_fails: &IfOriginFails| match if_origin_fails {
        IfOriginFails::LastGood => "if the origin fails, the copy",
        IfOriginFails::Gone => "if the origin fails, 410 Gone",
        IfOriginFails::Unavailable => "if the origin fails, 503 with the notice",
    };
    match &shown.answer {
        AnswerShown::Redirect(redirect) => format!("{} to {}", redirect.status, redirect.to),
        AnswerShown::ToHttps => "308 to the same URL with https".to_owned(),
        AnswerShown::Notice => "503 with the notice".to_owned(),
        AnswerShown::Disaster => "the disaster page".to_owned(),
        AnswerShown::Pass => "what the origin says".to_owned(),
        AnswerShown::Hit if shown.level == Level::Hot => "the copy, from memory".to_owned(),
        AnswerShown::Hit => "the copy, from disk".to_owned(),
        AnswerShown::StaleWhileRevalidate => {
            "the stale copy, while a new one is fetched".to_owned()
        }
        AnswerShown::LastGood => "the stale copy, as last-good".to_owned(),
        AnswerShown::Confirm { if_origin_fails } => format!(
            "the copy, if the origin confirms it, else what the origin says; {}",
            if_fails(if_origin_fails)
        ),
        AnswerShown::Fetch { if_origin_fails } => {
            format!("what the origin says; {}", if_fails(if_origin_fails))
        }
        AnswerShown::NothingSuitable => "504 Gateway Timeout".to_owned(),
    }
}

fn reason(shown: &CacheShown) -> String {
    let why = match &shown.answer {
        AnswerShown::Redirect(redirect) if redirect.note.is_empty() => {
            format!("the table of redirects has {}", redirect.from)
        }
        AnswerShown::Redirect(redirect) => format!(
            "the table of redirects has {} ({})",
            redirect.from, redirect.note
        ),
        AnswerShown::ToHttps => "the site is not served over plain HTTP".to_owned(),
        AnswerShown::Notice => "an operator put it in place of the site".to_owned(),
        AnswerShown::Disaster => "an operator put it in place of the home page".to_owned(),
        AnswerShown::Pass if !shown.stores => "the site stores nothing".to_owned(),
        AnswerShown::Pass => {
            "the request has a condition that only the origin can judge".to_owned()
        }
        _ => of_the_copy(shown),
    };
    match &shown.answer {
        AnswerShown::LastGood => format!("{why}, and the origin was found dead just now"),
        AnswerShown::NothingSuitable => format!("{why}, and the request is only-if-cached"),
        _ => why,
    }
}

/// Why the copy is, or is not, an answer by itself.
fn of_the_copy(shown: &CacheShown) -> String {
    let purged = |withdrawn: bool| {
        let at = |purge: &PurgeShown| {
            if withdrawn {
                purge.withdrawn_at
            } else {
                purge.refreshed_at
            }
        };
        shown.purges.iter().filter_map(at).max()
    };
    let withdrawn = || match purged(true) {
        Some(at) => format!("it was withdrawn on {}", at.rfc3339()),
        None => "it was withdrawn".to_owned(),
    };
    let Some(stored) = &shown.stored else {
        return match (&shown.answer, shown.level) {
            (
                AnswerShown::Fetch {
                    if_origin_fails: IfOriginFails::Gone,
                },
                _,
            ) => withdrawn(),
            (_, Level::Damaged) => "the copy on disk is damaged".to_owned(),
            _ => "nothing is stored for this URL".to_owned(),
        };
    };
    match stored.not_on_error {
        Some(NotOnError::Withdrawn) => return withdrawn(),
        Some(NotOnError::OtherVariant) => {
            let fields = stored.vary.iter().filter(|vary| !vary.same);
            let fields: Vec<&str> = fields.map(|vary| vary.field.as_str()).collect();
            return format!("the copy is for another {}", fields.join(", "));
        }
        _ => {}
    }
    let refreshed = purged(false).filter(|at| stored.requested_at <= *at);
    let left_s = stored.lifetime_s.saturating_sub(stored.age_s);
    if let Some(at) = refreshed {
        return format!("it was purged on {}, and is older", at.rfc3339());
    }
    if matches!(stored.basis, Basis::NoCache | Basis::TargetedNoCache) {
        return "the origin wants to be asked each time (no-cache)".to_owned();
    }
    match &shown.answer {
        AnswerShown::Hit if left_s > 0 => format!("it is fresh for another {}", span(left_s)),
        AnswerShown::Hit => "the request accepts a stale copy (max-stale)".to_owned(),
        _ if left_s > 0 => "the request's Cache-Control wants a fresher one".to_owned(),
        _ if stored.lifetime_s == 0 => "it is never fresh by itself".to_owned(),
        _ => format!(
            "it is stale since {}",
            span(stored.age_s - stored.lifetime_s)
        ),
    }
}

fn site(shown: &CacheShown) -> String {
    let origin = match shown.origin_up {
        Some(true) => "its origin answers",
        Some(false) => "its origin DOES NOT ANSWER",
        None => "its origin was not asked yet",
    };
    let restricted = if shown.restricted {
        "; only for the addresses in allow_from"
    } else {
        ""
    };
    let reload = if shown.honours_reload {
        ""
    } else {
        "; a reader's reload is not passed on"
    };
    format!("{}; {origin}{reload}{restricted}", shown.site)
}

fn key(shown: &CacheShown) -> String {
    let mut key = shown.target.clone();
    if let Some(host) = &shown.host {
        key = format!("{host} {key}");
    }
    if !shown.dropped.is_empty() {
        key.push_str(&format!("; dropped: {}", shown.dropped.join(" ")));
    }
    match shown.cookies.as_deref() {
        None => {}
        Some([]) => key.push_str("; no cookie counts"),
        Some(cookies) => key.push_str(&format!("; cookies that count: {}", cookies.join(" "))),
    }
    key
}

fn place(shown: &CacheShown) -> String {
    match (shown.level, shown.on_disk, shown.keeps_last_good) {
        (Level::Hot, true, _) => "in memory, and on disk as last-good",
        (Level::Hot, false, true) => "in memory, not on disk",
        (Level::Hot, false, false) => "in memory; the site keeps no last-good copies",
        (Level::LastGood, ..) => "on disk as last-good, not in memory",
        (Level::Damaged, ..) => "on disk, DAMAGED; it is removed when a reader asks for it",
        (Level::Nowhere, _, true) => "nowhere",
        (Level::Nowhere, _, false) => "nowhere; the site keeps no last-good copies",
    }
    .to_owned()
}

fn purge(purge: &PurgeShown, now: Timestamp) -> String {
    let what = match &purge.target {
        Target::Tag(tag) => format!("tag {tag}"),
        Target::Path(_) => "this URL".to_owned(),
        Target::Prefix(prefix) => format!("prefix {prefix}"),
        Target::Everything => "the whole site".to_owned(),
    };
    let at = |at: Timestamp| format!("{} ({} ago)", at.rfc3339(), span(now.since(at).as_secs()));
    let ways = [
        purge
            .withdrawn_at
            .map(|time| format!("withdrawn {}", at(time))),
        purge
            .refreshed_at
            .map(|time| format!("refreshed {}", at(time))),
    ];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    let concerns = if purge.concerns_stored {
        "concerns the copy"
    } else {
        "no copy is older"
    };
    format!("{what}: {}; {concerns}", ways.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_control::order::{StoredShown, VaryShown};

    const NOW: Timestamp = Timestamp(1_795_000_100_000);

    fn copy() -> StoredShown {
        StoredShown {
            status: 200,
            body_bytes: 20_480,
            requested_at: Timestamp(1_795_000_065_000),
            received_at: Timestamp(1_795_000_065_000),
            age_s: 35,
            lifetime_s: 60,
            basis: Basis::MaxAge,
            stale_while_revalidate_s: 30,
            not_on_error: None,
            vary: Vec::new(),
            etag: Some("\"1\"".into()),
            last_modified: None,
            tags: vec!["page-1".into()],
        }
    }

    fn shown(answer: AnswerShown, stored: Option<StoredShown>) -> CacheShown {
        CacheShown {
            site: "town".into(),
            target: "/a".into(),
            host: None,
            dropped: vec!["utm_source=x".into()],
            cookies: None,
            restricted: false,
            stores: true,
            keeps_last_good: true,
            honours_reload: true,
            origin_up: Some(true),
            level: stored.as_ref().map_or(Level::Nowhere, |_| Level::Hot),
            on_disk: stored.is_some(),
            stored,
            purges: Vec::new(),
            answer,
        }
    }

    #[test]
    fn a_hit_is_told_in_aligned_lines() {
        let told = told(&shown(AnswerShown::Hit, Some(copy())), NOW);
        assert_eq!(
            told,
            "  answer     the copy, from memory\n\
             \x20 because    it is fresh for another 25 s\n\
             \x20 site       town; its origin answers\n\
             \x20 key        /a; dropped: utm_source=x\n\
             \x20 lies       in memory, and on disk as last-good\n\
             \x20 response   status 200, 20 KiB; asked for 2026-11-18T20:07:45+09:00, received or confirmed 2026-11-18T20:07:45+09:00\n\
             \x20 age        35 s of 1 min (max-age of Cache-Control); 25 s left\n\
             \x20 stale      shown for 30 s while a new one is fetched; shown when the origin fails\n\
             \x20 validators etag \"1\"\n\
             \x20 tags       page-1\n"
        );
    }

    #[test]
    fn the_reason_is_the_one_that_decided() {
        let purged = |mut shown: CacheShown| {
            shown.purges.push(PurgeShown {
                target: Target::Prefix("/".into()),
                refreshed_at: Some(NOW),
                withdrawn_at: None,
                concerns_stored: true,
            });
            shown
        };
        let confirm = |if_origin_fails| AnswerShown::Confirm { if_origin_fails };
        let last_good = || confirm(IfOriginFails::LastGood);
        let with = |change: &dyn Fn(&mut StoredShown)| {
            let mut copy = copy();
            change(&mut copy);
            Some(copy)
        };
        let fetch = AnswerShown::Fetch {
            if_origin_fails: IfOriginFails::Unavailable,
        };
        for (shown, words) in [
            (shown(fetch.clone(), None), "nothing is stored for this URL"),
            (purged(shown(last_good(), Some(copy()))), "it was purged on"),
            (shown(last_good(), Some(copy())), "wants a fresher one"),
            (
                shown(last_good(), with(&|copy| copy.age_s = 70)),
                "stale since 10 s",
            ),
            (
                shown(last_good(), with(&|copy| copy.lifetime_s = 0)),
                "never fresh",
            ),
            (
                shown(last_good(), with(&|copy| copy.basis = Basis::NoCache)),
                "asked each time",
            ),
            (
                shown(
                    fetch,
                    with(&|copy| {
                        copy.not_on_error = Some(NotOnError::OtherVariant);
                        copy.vary.push(VaryShown {
                            field: "accept-language".into(),
                            stored: None,
                            same: false,
                        });
                    }),
                ),
                "the copy is for another accept-language",
            ),
        ] {
            let because = reason(&shown);
            assert!(because.contains(words), "{because}");
        }
    }
}

//! `yagura redirect show`, `list`, `export` and `report` at the edge: tells redirects with how often
//! they were answered. What was counted and not yet written is written first, so that all counts.

use std::collections::HashMap;
use std::sync::Arc;

use yagura_control::Day;
use yagura_control::order::{
    Outcome, RedirectCounted, RedirectsShown, Refusal, RefusalCode, Reply, ShowRedirects,
};
use yagura_control::redirect::cells;

use crate::redirect_hits::recorder;
use crate::routing::Site;
use crate::state::Edge;

/// Most redirects in one reply.
const MOST: usize = 50_000;

/// What is known of one redirect's use.
#[derive(Clone, Debug, Default)]
struct Use {
    hits: u64,
    last: Option<Day>,
    by_day: Vec<(Day, u64)>,
}

/// Tells redirects of a site.
///
/// # Errors
/// There is no such site, or none with that source.
pub async fn show(edge: &Arc<Edge>, asked: &ShowRedirects) -> Result<Reply, Refusal> {
    let (edge, asked) = (edge.clone(), asked.clone());
    let shown = tokio::task::spawn_blocking(move || {
        recorder::record(&edge);
        let plan = edge.switchboard.plan().clone();
        let site = plan
            .site_named(&asked.site)
            .ok_or_else(|| unknown(&asked.site))?;
        let shown = shown(&edge, site, &asked)?;
        let outcome = Outcome::RedirectsShown(Box::new(shown));
        let now = edge.clock.now();
        Ok(edge.switchboard.reply(plan.generation, now, outcome))
    });
    shown.await.unwrap_or_else(|error| {
        Err(Refusal {
            code: RefusalCode::Malformed,
            message: error.to_string(),
            hint: "look into the log of the edge".to_owned(),
        })
    })
}

/// A refusal for a site that is not there.
pub fn unknown(site: &str) -> Refusal {
    Refusal {
        code: RefusalCode::UnknownSite,
        message: format!("there is no site \"{site}\""),
        hint: "`yagura status` tells the edge's sites".to_owned(),
    }
}

fn shown(edge: &Edge, site: &Site, asked: &ShowRedirects) -> Result<RedirectsShown, Refusal> {
    let now = edge.clock.now();
    let today = Day::of(now);
    let table = &site.redirects;
    let rows: Vec<u32> = match &asked.source {
        Some(source) => vec![row_of(site, source)?],
        None => {
            let limit = asked.limit.unwrap_or(MOST).min(MOST);
            let all = 0..u32::try_from(table.len()).unwrap_or(u32::MAX);
            all.skip(asked.skip).take(limit).collect()
        }
    };
    let redirects: Vec<_> = rows.iter().filter_map(|row| table.redirect(*row)).collect();
    let mut uses: HashMap<String, Use> = redirects
        .iter()
        .map(|redirect| (redirect.source(), Use::default()))
        .collect();
    let store = edge.redirect_hits.as_ref();
    let days = store.map(|store| store.days()).unwrap_or_default();
    let first = asked.days.map(|days| today.before(days.saturating_sub(1)));
    for day in days
        .iter()
        .filter(|day| first.is_none_or(|first| **day >= first))
    {
        let Some(store) = store else { break };
        for (source, count) in store.counts(*day, &site.settings.name) {
            let Some(used) = uses.get_mut(&source) else {
                continue;
            };
            used.hits += count;
            used.last = used.last.max(Some(*day));
            if asked.source.is_some() {
                used.by_day.push((*day, count));
            }
        }
    }
    let redirects = redirects.into_iter().map(|redirect| {
        let used = uses.remove(&redirect.source()).unwrap_or_default();
        RedirectCounted {
            expired: redirect.until.is_some_and(|until| now >= until.end()),
            hits: used.hits,
            last_used: used.last,
            by_day: used.by_day,
            redirect,
        }
    });
    Ok(RedirectsShown {
        total: table.len(),
        today,
        counted_since: days.first().copied(),
        redirects: redirects.collect(),
    })
}

/// The redirect with that source, or the one that a request for it is answered by.
fn row_of(site: &Site, text: &str) -> Result<u32, Refusal> {
    let refusal = |message: String| Refusal {
        code: RefusalCode::Invalid,
        message,
        hint: "`yagura redirect list` tells all sources".to_owned(),
    };
    let source = cells::source(text).map_err(refusal)?;
    let row = site.redirects.row_of(source.host.as_deref(), &source.path);
    row.ok_or_else(|| refusal(format!("there is no redirect from \"{text}\"")))
}

//! Active checks: each upstream of a site is asked for one page in regular intervals, so that it is
//! known to be dead before readers find out, and to be alive again without them.
//!
//! Origins are plain HTTP over TCP or a Unix socket; there is no certificate of an origin to check.

use std::sync::Arc;
use std::time::Duration;

use yagura_config::settings::{CheckSettings, ExpectedStatus};

use super::{Upstream, Upstreams};
use crate::cache::{FetchError, Origin};
use crate::state::Edge;

/// Most bytes of a body that are read to find a text in it.
const MOST_BYTES: usize = 256 << 10;
/// How often the plan is looked at for sites that have checks.
const LOOK: Duration = Duration::from_millis(500);

/// Checks every site that wants it, until the task is dropped. Follows the plan: a site or a check
/// that a new configuration brings is taken up.
pub async fn run(edge: Arc<Edge>) {
    let mut tasks = tokio::task::JoinSet::new();
    let mut due = std::collections::HashMap::new();
    loop {
        let now = yagura_control::clock::monotonic();
        let plan = edge.switchboard.plan().clone();
        for site in plan.sites() {
            let Some(check) = &site.settings.check else {
                continue;
            };
            for upstream in &site.upstreams {
                let name = (site.settings.name.clone(), upstream.place.clone());
                let next = due.entry(name).or_insert(now);
                if *next > now {
                    continue;
                }
                // An answer is waited for no longer than the interval, so none overtakes another.
                *next = now + check.interval;
                let (upstreams, upstream) = (site.seen.upstreams.clone(), upstream.clone());
                let (check, edge) = (check.clone(), edge.clone());
                tasks.spawn(async move { one(&edge, &upstreams, &upstream, &check).await });
            }
        }
        due.retain(|_, next| *next + Duration::from_secs(3_600) > now);
        tokio::time::sleep(LOOK).await;
        while tasks.try_join_next().is_some() {}
    }
}

async fn one(edge: &Edge, upstreams: &Upstreams, upstream: &Upstream, check: &CheckSettings) {
    let patience = check.timeout.min(check.interval);
    let asking = tokio::time::timeout(patience, asked(&upstream.origin, check));
    let seen = asking
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {patience:?}")));
    upstreams.note_check(upstream, seen, edge.clock.now());
}

async fn asked(origin: &Arc<Origin>, check: &CheckSettings) -> Result<(), String> {
    let told = |error: FetchError| error.to_string();
    let mut fields = Origin::own_fields(&origin.host).map_err(told)?;
    let agent = http::HeaderValue::from_static("yagura-check");
    fields.insert(http::header::USER_AGENT, agent);
    let answer = origin
        .get(&fields, &check.path, |_| ())
        .await
        .map_err(told)?;
    if !is_expected(answer.status.as_u16(), check.status) {
        return Err(format!("status {}", answer.status.as_u16()));
    }
    let Some(text) = &check.contains else {
        return Ok(());
    };
    let (mut body, mut read) = (answer.body, Vec::new());
    while let Some(piece) = body.piece().await.map_err(told)? {
        read.extend_from_slice(&piece);
        if found(&read, text.as_bytes()) {
            return Ok(());
        }
        if read.len() > MOST_BYTES {
            break;
        }
    }
    Err(format!("the text \"{text}\" is not in the page"))
}

fn is_expected(status: u16, expected: ExpectedStatus) -> bool {
    match expected {
        ExpectedStatus::Success => (200..400).contains(&status),
        ExpectedStatus::Exactly(wanted) => status == wanted,
    }
}

fn found(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len().max(1)).any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_expected_or_not() {
        let ok = ExpectedStatus::Success;
        assert_eq!(
            [199, 200, 304, 400, 503].map(|s| is_expected(s, ok)),
            [false, true, true, false, false]
        );
        let one = ExpectedStatus::Exactly(204);
        assert_eq!([200, 204].map(|s| is_expected(s, one)), [false, true]);
        assert!(found("サンプル市".as_bytes(), "プル".as_bytes()));
        assert!(!found(b"a", b"ab"));
    }
}

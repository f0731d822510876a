//! What was found: the newest few thousand in memory, all of some months on disk
//! (`findings/store.rs`). What they hold may be told: numbers of rules, names of arguments, paths
//! without queries.
//!
//! A request that is inspected puts its finding into memory and into a queue, and is done. A task of
//! its own writes the queue to the disk ([`run`]); what the disk does not take is counted, and harms
//! nobody.

mod store;

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use yagura_control::Timestamp;
use yagura_control::order::{MOST_FINDINGS, ShowWaf, WafFinding};

use crate::state::Edge;
use store::{Store, millis};

/// How many are kept in memory.
const KEPT: usize = 8_000;
/// How many wait for the disk at most.
const QUEUED: usize = 4_096;
/// Longest path that is kept.
const LONGEST_PATH: usize = 200;
/// How often it is looked for what is kept too long.
const TIDY: Duration = Duration::from_secs(3600);
/// How long what was written may wait for the disk's word.
const SYNC: Duration = Duration::from_secs(1);

/// The findings.
#[derive(Debug, Default)]
pub struct Findings {
    newest: Mutex<Newest>,
    /// Where they last; none without a folder of the edge's.
    folder: Option<PathBuf>,
    store: Mutex<Option<Store>>,
    queue: Mutex<Vec<WafFinding>>,
    queued: Notify,
    /// How many never reached the disk.
    pub lost: Lost,
}

#[derive(Debug, Default)]
struct Newest {
    findings: VecDeque<WafFinding>,
    /// Whether there are others, on the disk.
    are_some: bool,
}

/// Findings that are not on the disk.
#[derive(Debug, Default)]
pub struct Lost {
    /// The queue was full.
    pub in_queue: AtomicU64,
    /// The disk took nothing.
    pub on_disk: AtomicU64,
    /// Why it took nothing the last time.
    why: Mutex<Option<String>>,
}

impl Findings {
    /// Those that last in a folder.
    #[must_use]
    pub fn of_folder(folder: Option<PathBuf>) -> Self {
        Self {
            newest: Mutex::new(Newest {
                findings: VecDeque::new(),
                are_some: folder.is_some(),
            }),
            store: Mutex::new(folder.clone().map(Store::new)),
            folder,
            ..Self::default()
        }
    }

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
        if self.folder.is_some() {
            let mut queue = lock(&self.queue);
            if queue.len() < QUEUED {
                queue.push(finding.clone());
            } else {
                self.lost.in_queue.fetch_add(1, Ordering::Relaxed);
            }
            drop(queue);
            self.queued.notify_one();
        }
        let mut newest = lock(&self.newest);
        if newest.findings.len() >= KEPT {
            newest.findings.pop_front();
            newest.are_some = self.folder.is_some();
        }
        newest.findings.push_back(finding);
    }

    /// Those that are asked for and not older than they are kept, the newest first. Reads the disk
    /// where memory does not have them all.
    pub async fn of(&self, asked: &ShowWaf, now: Timestamp, keep: Duration) -> Vec<WafFinding> {
        let oldest = Timestamp(now.0.saturating_sub(millis(keep)));
        let since = asked.since.unwrap_or(oldest).max(oldest);
        let (found, is_all) = self.in_memory(asked, since);
        let Some(folder) = self.folder.clone().filter(|_| !is_all) else {
            return found;
        };
        let meant = asked.clone();
        let reading = move || {
            let is_meant = |finding: &WafFinding| is_meant(finding, &meant, since);
            store::read(&folder, MOST_FINDINGS, is_meant).0
        };
        let on_disk = tokio::task::spawn_blocking(reading).await;
        merged(found, on_disk.unwrap_or_default())
    }

    /// What memory has, and whether that is all that can be told.
    fn in_memory(&self, asked: &ShowWaf, since: Timestamp) -> (Vec<WafFinding>, bool) {
        let newest = lock(&self.newest);
        let meant = newest.findings.iter().rev();
        let meant = meant.filter(|finding| is_meant(finding, asked, since));
        let found: Vec<WafFinding> = meant.take(MOST_FINDINGS).cloned().collect();
        let reaches_back = newest
            .findings
            .front()
            .is_some_and(|first| first.at < since);
        let is_all = !newest.are_some
            || reaches_back
            || found.len() >= MOST_FINDINGS
            || (asked.request.is_some() && !found.is_empty());
        (found, is_all)
    }

    /// Takes what is on the disk into memory, behind what came meanwhile. Blocks.
    fn remember(&self) {
        let Some(folder) = &self.folder else { return };
        // What came since the start may be there already.
        let (before, is_all) = store::read(folder, KEPT, |_| true);
        let mut newest = lock(&self.newest);
        let since: Vec<WafFinding> = newest.findings.iter().rev().cloned().collect();
        let mut all = merged(since, before);
        newest.are_some = !is_all || all.len() > KEPT;
        all.truncate(KEPT);
        newest.findings = all.into_iter().rev().collect();
    }

    /// Writes what waits for the disk. Blocks. Gives whether it is to be asked again soon.
    pub fn write(&self, now: Timestamp) -> bool {
        let mut store = lock(&self.store);
        let Some(store) = store.as_mut() else {
            return false;
        };
        let due = std::mem::take(&mut *lock(&self.queue));
        let written = match due.as_slice() {
            [] => store.sync(),
            due => store.append(now, due),
        };
        let mut why = lock(&self.lost.why);
        match written {
            Ok(()) => *why = None,
            Err(error) => {
                let count = due.len() as u64;
                self.lost.on_disk.fetch_add(count, Ordering::Relaxed);
                if why.is_none() {
                    tracing::error!(%error, "findings of the WAF cannot be written");
                }
                *why = Some(error.to_string());
            }
        }
        store.is_unsafe()
    }

    fn tidy(&self, now: Timestamp, keep: Duration) {
        if let Some(store) = lock(&self.store).as_ref() {
            store.tidy(now, keep);
        }
    }

    /// What somebody should look at.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let why = lock(&self.lost.why).clone()?;
        let lost = self.lost.on_disk.load(Ordering::Relaxed);
        Some(format!(
            "findings are not written, {lost} since the start will be lost with this process: {why}"
        ))
    }
}

/// Writes what is found until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let blocking = |work: fn(&Edge) -> bool| {
        let edge = edge.clone();
        async move {
            let work = tokio::task::spawn_blocking(move || work(&edge));
            work.await.unwrap_or(false)
        }
    };
    let findings = &edge.waf.findings;
    if findings.folder.is_none() {
        return;
    }
    blocking(|edge| {
        edge.waf.findings.remember();
        false
    })
    .await;
    let mut tidied = None;
    let mut again = false;
    loop {
        let now = yagura_control::clock::monotonic();
        if tidied.is_none_or(|at| now.duration_since(at) >= TIDY) {
            tidied = Some(now);
            blocking(|edge| {
                let keep = kept(edge);
                edge.waf.findings.tidy(edge.clock.now(), keep);
                false
            })
            .await;
        }
        let wait = if again { SYNC } else { TIDY };
        let _or_later = tokio::time::timeout(wait, findings.queued.notified()).await;
        again = blocking(|edge| edge.waf.findings.write(edge.clock.now())).await;
    }
}

/// How long they are kept.
#[must_use]
pub fn kept(edge: &Edge) -> Duration {
    let settings = edge.switchboard.settings();
    let waf = settings.waf.as_ref();
    // Without [waf] what there was is still told.
    waf.map_or(Duration::from_secs(90 * 86_400), |waf| waf.keep_findings)
}

fn is_meant(finding: &WafFinding, asked: &ShowWaf, since: Timestamp) -> bool {
    let site = asked.site.as_ref();
    let request = asked.request.as_ref();
    finding.at >= since
        && site.is_none_or(|site| *site == finding.site)
        && request.is_none_or(|request| *request == finding.request)
}

/// Both, each once, the newest first.
fn merged(found: Vec<WafFinding>, more: Vec<WafFinding>) -> Vec<WafFinding> {
    let mut all = found;
    let name = |finding: &WafFinding| (finding.request.clone(), finding.mode.clone(), finding.at);
    let mut known: HashSet<_> = all.iter().map(name).collect();
    all.extend(
        more.into_iter()
            .filter(|finding| known.insert(name(finding))),
    );
    all.sort_by_key(|finding| std::cmp::Reverse(finding.at));
    all
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_secs(1_000);
    const NOW: Timestamp = Timestamp(1_000_000);

    pub(super) fn finding(number: usize) -> WafFinding {
        WafFinding {
            request: number.to_string(),
            at: Timestamp(number as u64),
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

    fn of(request: usize) -> ShowWaf {
        ShowWaf {
            request: Some(request.to_string()),
            ..ShowWaf::default()
        }
    }

    #[tokio::test]
    async fn the_newest_are_kept_and_told_by_request_and_site() {
        let findings = Findings::default();
        (0..KEPT + 10).for_each(|number| findings.add(finding(number)));
        let asked = |asked: ShowWaf| {
            let findings = &findings;
            async move { findings.of(&asked, NOW, KEEP).await }
        };
        let all = asked(ShowWaf::default()).await;
        assert_eq!(all.len(), MOST_FINDINGS);
        assert_eq!(all[0].request, (KEPT + 9).to_string());
        assert_eq!(asked(of(5)).await.len(), 0);
        assert_eq!(asked(of(KEPT)).await.len(), 1);
        assert!(asked(of(1099)).await[0].path.len() <= LONGEST_PATH + 3);
        let odd = asked(ShowWaf {
            site: Some("odd".to_owned()),
            ..ShowWaf::default()
        });
        assert!(odd.await.iter().all(|finding| finding.site == "odd"));
        let late = asked(ShowWaf {
            since: Some(Timestamp(KEPT as u64)),
            ..ShowWaf::default()
        });
        assert_eq!(late.await.len(), 10);
    }

    #[tokio::test]
    async fn what_memory_has_forgotten_is_on_the_disk_until_it_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        let place = Some(folder.path().join("waf"));
        let findings = Findings::of_folder(place.clone());
        for number in 0..KEPT + 10 {
            findings.add(finding(number));
            if number % 1_000 == 0 {
                findings.write(NOW);
            }
        }
        findings.write(NOW);
        assert!(!findings.write(NOW), "nothing is left to be written");
        assert_eq!(findings.of(&of(5), NOW, KEEP).await.len(), 1);

        // Another process, before and after it has read them.
        let findings = Findings::of_folder(place);
        findings.add(finding(90_000));
        for _ in 0..2 {
            assert_eq!(findings.of(&of(5), NOW, KEEP).await.len(), 1);
            assert_eq!(findings.of(&of(KEPT), NOW, KEEP).await.len(), 1);
            let all = findings.of(&ShowWaf::default(), NOW, KEEP).await;
            assert_eq!(all[0].request, "90000");
            assert_eq!(all[1].request, (KEPT + 9).to_string());
            findings.remember();
        }
        let later = Timestamp(1_000_006);
        assert_eq!(findings.of(&of(5), later, KEEP).await.len(), 0);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_and_a_full_queue_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("waf");
        std::fs::write(&place, "in its place").unwrap();
        let findings = Findings::of_folder(Some(place.clone()));
        (0..QUEUED + 3).for_each(|number| findings.add(finding(number)));
        assert_eq!(findings.lost.in_queue.load(Ordering::Relaxed), 3);
        findings.write(NOW);
        assert_eq!(findings.lost.on_disk.load(Ordering::Relaxed), QUEUED as u64);
        assert!(findings.warning().unwrap().contains("are not written"));
        std::fs::remove_file(place).unwrap();
        findings.add(finding(1));
        findings.write(NOW);
        assert_eq!(findings.warning(), None);
    }
}

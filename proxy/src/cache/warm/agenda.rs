//! What a warmer is to fetch, and when: pure. Time is counted from the warmer's start.
//!
//! Every URL that is wanted stays on the agenda until it is held or no longer wanted. A URL that
//! fails waits longer each time. When the origin cannot be reached, or several URLs fail one after
//! another that never failed before, it is the origin that fails: everything rests, longer each
//! time, and then one single fetch tries.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::pace::Pace;
use crate::cache::backoff;

/// Fetches at a time; the origin has readers and staff to serve as well.
const MOST_UNDER_WAY: usize = 8;
const URL_FIRST: Duration = Duration::from_secs(1);
const URL_MOST: Duration = Duration::from_secs(30 * 60);
const ORIGIN_FIRST: Duration = Duration::from_millis(500);
const ORIGIN_MOST: Duration = Duration::from_secs(5 * 60);
/// So many URLs that fail for their first time, with none held in between, are the origin's fault.
const ORIGINS_FAULT: u32 = 5;
/// A disk that refuses is asked again by the store itself; see `LastGood::try_again`.
const DISK: Duration = Duration::from_secs(1);

/// Why a URL is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is something new, or nothing is held.
    Fetch,
    /// Whether what is held still holds.
    Confirm,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is held, or there is nothing to hold.
    Held,
    /// It failed, and others may not.
    BrokenUrl,
    /// The origin cannot be reached.
    BrokenOrigin,
    /// The copy could not be written.
    BrokenDisk,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for this.
    Ask(String, Kind),
    /// Look again at that time.
    Wait(Duration),
    /// Look again when something was asked for comes back, or more is wanted.
    Nothing,
}

#[derive(Clone, Debug)]
struct Wish {
    kind: Kind,
    due_at: Duration,
    failures: u32,
    /// The feed's number, for a change that was never tried.
    seq: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    UnderWay,
    /// Under way, and wanted anew meanwhile.
    Overtaken,
    /// Under way, and no longer wanted.
    Unwanted,
}

/// The agenda of one site.
#[derive(Clone, Debug)]
pub struct Agenda {
    pace: Pace,
    wishes: HashMap<String, Wish>,
    queue: BTreeSet<(Duration, String)>,
    untried: BTreeSet<u64>,
    fetches: usize,
    failing: usize,
    under_way: usize,
    origin_failures: u32,
    rest_until: Duration,
    news_of_failure: u32,
}

impl Agenda {
    /// An empty agenda of so many fetches a second.
    #[must_use]
    pub fn new(per_second: usize) -> Self {
        Self {
            pace: Pace::new(per_second),
            wishes: HashMap::new(),
            queue: BTreeSet::new(),
            untried: BTreeSet::new(),
            fetches: 0,
            failing: 0,
            under_way: 0,
            origin_failures: 0,
            rest_until: Duration::ZERO,
            news_of_failure: 0,
        }
    }

    /// A URL is to be fetched now; `seq` is its number in the feed.
    pub fn fetch(&mut self, path: &str, seq: Option<u64>, now: Duration) {
        let wish = match self.take(path) {
            Some(before) if before.state != State::Waiting => Wish {
                kind: Kind::Fetch,
                seq,
                state: State::Overtaken,
                ..before
            },
            _ => Wish {
                kind: Kind::Fetch,
                due_at: now,
                failures: 0,
                seq,
                state: State::Waiting,
            },
        };
        self.put(path.to_owned(), wish);
    }

    /// A URL whose fetch failed before the warmer was started.
    pub fn fetch_again(&mut self, path: &str, now: Duration) {
        self.fetch(path, None, now);
        if let Some(mut wish) = self.take(path) {
            wish.failures = wish.failures.max(1);
            self.put(path.to_owned(), wish);
        }
    }

    /// A URL is to be confirmed at some time, unless something else is planned for it.
    pub fn confirm(&mut self, path: &str, due_at: Duration) {
        if !self.wishes.contains_key(path) {
            let wish = Wish {
                kind: Kind::Confirm,
                due_at,
                failures: 0,
                seq: None,
                state: State::Waiting,
            };
            self.put(path.to_owned(), wish);
        }
    }

    /// A URL is no longer wanted.
    pub fn drop(&mut self, path: &str) {
        if let Some(wish) = self.take(path)
            && wish.state != State::Waiting
        {
            let unwanted = Wish {
                kind: Kind::Confirm,
                failures: 0,
                seq: None,
                state: State::Unwanted,
                ..wish
            };
            self.put(path.to_owned(), unwanted);
        }
    }

    /// Nothing is wanted any longer.
    pub fn clear(&mut self) {
        let paths: Vec<String> = self.wishes.keys().cloned().collect();
        for path in paths {
            self.drop(&path);
        }
    }

    /// The origin gave a sign of life: it is tried again at once.
    pub fn heard_from_origin(&mut self, now: Duration) {
        self.rest_until = self.rest_until.min(now);
    }

    /// What to do next; what it says to ask counts as asked.
    pub fn next(&mut self, now: Duration) -> Next {
        let tries_one = self.origin_failures > 0 && self.under_way > 0;
        if self.under_way >= MOST_UNDER_WAY || tries_one {
            return Next::Nothing;
        }
        let Some((due_at, path)) = self.queue.first().cloned() else {
            return Next::Nothing;
        };
        let at = due_at.max(self.pace.free_at()).max(self.rest_until);
        if at > now {
            return Next::Wait(at);
        }
        let Some(mut wish) = self.take(&path) else {
            return Next::Nothing;
        };
        let kind = wish.kind;
        wish.state = State::UnderWay;
        self.put(path.clone(), wish);
        self.pace.take(now);
        self.under_way += 1;
        Next::Ask(path, kind)
    }

    /// Notes what came of asking; `chance` is from 0 to 1. Gives whether the URL is done with.
    pub fn ended(&mut self, path: &str, came: Came, now: Duration, chance: f64) -> bool {
        self.under_way = self.under_way.saturating_sub(1);
        if came == Came::Held {
            (self.origin_failures, self.news_of_failure) = (0, 0);
        }
        if came == Came::BrokenOrigin {
            self.origin_failed(now, chance);
        }
        let Some(mut wish) = self.take(path).filter(|wish| wish.state != State::Unwanted) else {
            return true;
        };
        let overtaken = wish.state == State::Overtaken;
        wish.state = State::Waiting;
        wish.due_at = now;
        match came {
            Came::Held if !overtaken => return true,
            Came::Held => wish.failures = 0,
            Came::BrokenUrl if overtaken => {}
            Came::BrokenUrl => {
                wish.failures = wish.failures.saturating_add(1);
                wish.seq = None;
                wish.due_at = now + backoff::pause(wish.failures, URL_FIRST, URL_MOST, chance);
                if wish.failures == 1 {
                    self.news_of_failure += 1;
                }
                if self.news_of_failure >= ORIGINS_FAULT {
                    self.news_of_failure = 0;
                    self.origin_failed(now, chance);
                }
            }
            Came::BrokenOrigin => {}
            Came::BrokenDisk => wish.due_at = now + DISK,
        }
        self.put(path.to_owned(), wish);
        false
    }

    /// Whether a URL is still to be fetched.
    #[must_use]
    pub fn is_owed(&self, path: &str) -> bool {
        self.wishes
            .get(path)
            .is_some_and(|wish| wish.kind == Kind::Fetch)
    }

    /// How many URLs are still to be fetched.
    #[must_use]
    pub const fn owed(&self) -> usize {
        self.fetches
    }

    /// How many of the URLs failed when last tried.
    #[must_use]
    pub const fn failing(&self) -> usize {
        self.failing
    }

    /// The URLs that are to be fetched and failed when last tried.
    pub fn failing_urls(&self) -> impl Iterator<Item = &str> {
        let failing = |wish: &Wish| wish.failures > 0 && wish.kind == Kind::Fetch;
        self.wishes
            .iter()
            .filter(move |(_, wish)| failing(wish))
            .map(|(path, _)| path.as_str())
    }

    /// The lowest number of the feed that was not tried yet.
    #[must_use]
    pub fn first_untried(&self) -> Option<u64> {
        self.untried.first().copied()
    }

    /// Until when the origin is left alone.
    #[must_use]
    pub fn rests_until(&self, now: Duration) -> Option<Duration> {
        (self.rest_until > now).then_some(self.rest_until)
    }

    /// While the origin rests already, failures of what was under way tell nothing new.
    fn origin_failed(&mut self, now: Duration, chance: f64) {
        if now >= self.rest_until {
            self.origin_failures = self.origin_failures.saturating_add(1);
            let wait = backoff::pause(self.origin_failures, ORIGIN_FIRST, ORIGIN_MOST, chance);
            self.rest_until = now + wait;
        }
    }

    fn put(&mut self, path: String, wish: Wish) {
        self.fetches += usize::from(wish.kind == Kind::Fetch);
        self.failing += usize::from(wish.failures > 0);
        self.untried.extend(wish.seq);
        if wish.state == State::Waiting {
            self.queue.insert((wish.due_at, path.clone()));
        }
        self.wishes.insert(path, wish);
    }

    fn take(&mut self, path: &str) -> Option<Wish> {
        let (path, wish) = self.wishes.remove_entry(path)?;
        self.fetches -= usize::from(wish.kind == Kind::Fetch);
        self.failing -= usize::from(wish.failures > 0);
        if let Some(seq) = wish.seq {
            self.untried.remove(&seq);
        }
        self.queue.remove(&(wish.due_at, path));
        Some(wish)
    }
}

//! What was ordered and what moved by itself, as far as it is remembered, and what taking an order
//! back would mean. Pure; the journal keeps it on disk.

use std::collections::{HashSet, VecDeque};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
use yagura_control::order::{
    Ban, CloseStaff, Decision, HistoryLine, IngressEvent, LiftBan, NoticeOf, OpenStaff, Order,
    Purge, RaiseNotice, Refusal, RefusalCode, Route, ShowHistory, Target,
};

use super::effect::refusal;

/// So many lines are remembered, also beyond a snapshot of the journal.
const MOST: usize = 10_000;
/// So many targets of a purge are named.
const NAMED: usize = 5;

/// The newest [`MOST`] entries, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(VecDeque<Entry>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is told of it.
    #[serde(flatten)]
    pub line: HistoryLine,
    /// What it changed.
    pub subject: Subject,
    /// The order that takes it back, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<Order>,
}

/// What an order changes of a site. Of two orders about the same, the later one builds on the
/// earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Nothing: it moved by itself.
    Move,
    /// Its way.
    Route,
    /// The notice in place of it.
    Notice,
    /// Its redirects.
    Redirects,
    /// What of it is stored.
    Stored,
    /// The settings of the edge.
    Settings,
    /// The disaster page in place of its home page.
    Disaster,
    /// A post of that number on the disaster page.
    Post(u64),
    /// Whether a network is let in.
    Ban(IpNet),
    /// Whether the outside is admitted to it.
    Staff,
}

/// How an order changed things, in words, and how it is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
    /// The order that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<Order>,
}

impl History {
    /// Adds what happened.
    pub fn push(&mut self, entry: Entry) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// What is asked for, oldest first.
    #[must_use]
    pub fn lines(&self, asked: &ShowHistory) -> Vec<HistoryLine> {
        let about = |entry: &&Entry| {
            let site = entry.line.site.as_ref();
            asked.site.is_none() || site.is_none() || site == asked.site.as_ref()
        };
        let newest = self.0.iter().rev().filter(about).take(asked.last);
        let mut lines: Vec<_> = newest.map(|entry| entry.line.clone()).collect();
        lines.reverse();
        lines
    }

    /// The order that takes another one back.
    ///
    /// # Errors
    /// It is not there, cannot be taken back, or later orders build on it.
    pub fn inverse_of(&self, number: u64, now: Timestamp) -> Result<Order, Refusal> {
        let invalid = |what: String, hint: &str| refusal(RefusalCode::Invalid, what, hint);
        let is_it = |entry: &&Entry| entry.line.number == Some(number);
        let Some(entry) = self.0.iter().find(is_it) else {
            let hint = "`yagura history` lists them";
            return Err(invalid(format!("there is no order {number}"), hint));
        };
        if let Some(later) = self.building_on(entry, number) {
            let what = format!(
                "order {later} changed the same after order {number}: {}",
                entry.line.what
            );
            let hint = format!("take back {later} first, or give the order that you want");
            return Err(invalid(what, &hint));
        }
        let inverse = entry.inverse.clone().ok_or_else(|| {
            let what = format!("order {number} cannot be taken back: {}", entry.line.what);
            invalid(what, instead(entry.subject))
        })?;
        Ok(still_to_come(inverse, now))
    }

    /// The orders by which entries can be taken back.
    pub fn inverses(&self) -> impl Iterator<Item = &Order> {
        self.0.iter().filter_map(|entry| entry.inverse.as_ref())
    }

    /// A later order about the same that is in force and is no taking back.
    fn building_on(&self, entry: &Entry, number: u64) -> Option<u64> {
        let mut taken_back = HashSet::new();
        for other in self.0.iter().rev() {
            let Some(later) = other.line.number else {
                continue;
            };
            if later <= number {
                return None;
            }
            if other.subject != entry.subject || other.line.site != entry.line.site {
                continue;
            }
            if taken_back.contains(&later) {
                continue;
            }
            match other.line.undoes {
                // What it took back and it itself together changed nothing.
                Some(undone) if undone > number => {
                    taken_back.insert(undone);
                }
                _ => return Some(later),
            }
        }
        None
    }
}

/// What to do in place of taking it back.
const fn instead(subject: Subject) -> &'static str {
    match subject {
        Subject::Redirects => "import the table that was in force before, with --replace",
        Subject::Stored => {
            "what was refreshed comes anew from the origin; what was withdrawn is published anew in the CMS"
        }
        Subject::Settings => "put the earlier file in its place, and reload",
        Subject::Move
        | Subject::Route
        | Subject::Notice
        | Subject::Disaster
        | Subject::Post(_)
        | Subject::Staff
        | Subject::Ban(_) => "give the order that you want",
    }
}

/// An order of which the time is over means none.
fn still_to_come(order: Order, now: Timestamp) -> Order {
    match order {
        Order::Route(mut set) if set.until.is_some_and(|until| until <= now) => {
            (set.route, set.until) = (Route::Auto, None);
            Order::Route(set)
        }
        Order::RaiseNotice(notice) if notice.until.is_some_and(|until| until <= now) => {
            Order::LowerNotice(NoticeOf { site: notice.site })
        }
        Order::RaiseDisaster(page) if page.until.is_some_and(|until| until <= now) => {
            Order::LowerDisaster(NoticeOf { site: page.site })
        }
        Order::Ban(Ban { range, until }) if until.is_some_and(|until| until <= now) => {
            Order::LiftBan(LiftBan { range })
        }
        Order::OpenStaff(OpenStaff { site, until }) if until <= now => {
            Order::CloseStaff(CloseStaff { site })
        }
        order => order,
    }
}

impl Subject {
    /// What an order changes.
    #[must_use]
    pub const fn of(order: &Order) -> Self {
        match order {
            Order::Route(_) => Self::Route,
            Order::RaiseNotice(_) | Order::LowerNotice(_) => Self::Notice,
            Order::ImportRedirects(_) => Self::Redirects,
            Order::Purge(_) => Self::Stored,
            Order::Reload => Self::Settings,
            Order::RaiseDisaster(_) | Order::LowerDisaster(_) => Self::Disaster,
            Order::AddPost(add) => Self::Post(add.post.number),
            Order::DropPost(drop) => Self::Post(drop.number),
            Order::Ban(ban) => Self::Ban(ban.range),
            Order::LiftBan(LiftBan { range }) => Self::Ban(*range),
            Order::OpenStaff(_) | Order::CloseStaff(_) => Self::Staff,
            Order::Status
            | Order::ShowCache(_)
            | Order::CacheStats
            | Order::ShowHistory(_)
            | Order::ShowNotice(_)
            | Order::ShowDisaster(_)
            | Order::ShowRedirects(_)
            | Order::CheckTargets(_)
            | Order::Bans
            | Order::ShowWaf(_)
            | Order::Upgrade(_)
            | Order::TakeCertificate(_)
            | Order::ShowProofs(_)
            | Order::Bypass(_)
            | Order::Return(_)
            | Order::AbortBypass(_)
            | Order::ConfirmDns(_)
            | Order::CloudStatus
            | Order::RecordRestore(_)
            | Order::ShowRequests
            | Order::Decide(_)
            | Order::WithdrawRequest(_)
            | Order::Review(_)
            | Order::Undo(_) => Self::Move,
        }
    }
}

/// The site that an order is about.
#[must_use]
pub fn site_of(order: &Order) -> Option<&str> {
    match order {
        Order::Route(set) => Some(&set.site),
        Order::RaiseNotice(notice) => Some(&notice.site),
        Order::LowerNotice(of) | Order::LowerDisaster(of) => Some(&of.site),
        Order::RaiseDisaster(raise) => Some(&raise.site),
        Order::AddPost(add) => Some(&add.site),
        Order::DropPost(drop) => Some(&drop.site),
        Order::ImportRedirects(import) => Some(&import.site),
        Order::Purge(purge) => Some(&purge.site),
        Order::Bypass(start) => Some(&start.site),
        Order::Return(back) => Some(&back.site),
        Order::AbortBypass(of) => Some(&of.site),
        Order::ConfirmDns(confirm) => Some(&confirm.site),
        Order::OpenStaff(open) => Some(&open.site),
        Order::CloseStaff(close) => Some(&close.site),
        _ => None,
    }
}

/// An order in words.
#[must_use]
pub fn words(order: &Order) -> String {
    match order {
        Order::Route(set) => {
            let until = set.until.map(|until| format!(" until {until}"));
            format!("route {}{}", set.route, until.unwrap_or_default())
        }
        Order::ImportRedirects(import) => {
            let lines = import.csv.lines().count().saturating_sub(1);
            let how = if import.replace {
                "in place of"
            } else {
                "added to"
            };
            format!("{lines} redirects {how} those in force")
        }
        Order::Purge(purge) => purged(purge),
        Order::RaiseNotice(notice) => raised(notice),
        Order::LowerNotice(_) => "notice down".to_owned(),
        Order::Reload => "read the configuration again".to_owned(),
        Order::Undo(undo) => format!("take back order {}", undo.number),
        Order::Ban(Ban { range, until }) => match until {
            Some(until) => format!("ban {range} until {until}"),
            None => format!("ban {range}"),
        },
        Order::LiftBan(LiftBan { range }) => format!("let {range} in again"),
        Order::RaiseDisaster(raise) => {
            let langs: Vec<&str> = raise.texts.iter().map(|text| text.lang.as_str()).collect();
            format!("disaster page up in {}", langs.join(", "))
        }
        Order::LowerDisaster(_) => "disaster page down".to_owned(),
        Order::Bypass(_) => "publish without the security cloud".to_owned(),
        Order::Return(back) => match &back.cloud {
            Some(cloud) => format!("back behind the security cloud \"{cloud}\""),
            None => "back behind the security cloud".to_owned(),
        },
        Order::AbortBypass(_) => "give up the bypass".to_owned(),
        Order::ConfirmDns(confirm) => format!("the DNS was changed by hand: {}", confirm.note),
        Order::OpenStaff(open) => format!("admit everybody to the staff site until {}", open.until),
        Order::RecordRestore(restore) => restore.describe(),
        Order::CloseStaff(_) => "admit city hall alone to the staff site".to_owned(),
        Order::Decide(decide) => match &decide.decision {
            Decision::Approve => format!("request {} approved", decide.request),
            Decision::Refuse { reason } => format!("request {} refused: {reason}", decide.request),
        },
        Order::WithdrawRequest(it) => format!("request {} withdrawn", it.request),
        Order::Review(review) => format!("{} reviewed: {}", review.request, review.finding),
        Order::AddPost(add) => format!("post {} added", add.post.number),
        Order::DropPost(drop) => format!("post {} taken off", drop.number),
        Order::Status
        | Order::Bans
        | Order::ShowWaf(_)
        | Order::Upgrade(_)
        | Order::TakeCertificate(_)
        | Order::ShowProofs(_)
        | Order::CloudStatus
        | Order::ShowRequests
        | Order::ShowCache(_)
        | Order::CacheStats
        | Order::ShowHistory(_)
        | Order::ShowNotice(_)
        | Order::ShowDisaster(_)
        | Order::ShowRedirects(_)
        | Order::CheckTargets(_) => "a question".to_owned(),
    }
}

/// What an order was on the way around a security cloud.
#[must_use]
pub fn ingress_event(order: &Order) -> Option<IngressEvent> {
    match order {
        Order::AbortBypass(_) => Some(IngressEvent::Aborted),
        Order::ConfirmDns(confirm) => Some(IngressEvent::DnsConfirmed {
            note: confirm.note.clone(),
        }),
        _ => None,
    }
}

/// How a path was and is, in words.
#[must_use]
pub fn path_words(seen: &IngressEvent) -> (String, String) {
    let IngressEvent::Path {
        cloud,
        works,
        since,
        why,
    } = seen
    else {
        return (String::new(), String::new());
    };
    let path = match cloud {
        Some(cloud) => format!("the path through {cloud}"),
        None => "the direct path".to_owned(),
    };
    match works {
        true => (
            format!("{path} failed"),
            format!("{path} has worked since {since}"),
        ),
        false => (
            format!("{path} worked"),
            format!("{path} has failed since {since}: {why}"),
        ),
    }
}

fn raised(notice: &RaiseNotice) -> String {
    let langs: Vec<&str> = notice.texts.iter().map(|text| text.lang.as_str()).collect();
    let title = notice.texts.first().and_then(|text| text.title.as_deref());
    let title = title
        .map(|title| format!(" \"{title}\""))
        .unwrap_or_default();
    let mut words = format!("notice up{title} in {}", langs.join(", "));
    if let Some(until) = notice.until {
        words.push_str(&format!(" until {until}"));
    }
    if !notice.except.is_empty() {
        words.push_str(&format!(", but for {}", notice.except.join(", ")));
    }
    words
}

fn purged(purge: &Purge) -> String {
    let mut parts = Vec::new();
    for (verb, targets) in [("refresh", &purge.refresh), ("withdraw", &purge.withdraw)] {
        if targets.is_empty() {
            continue;
        }
        let named = targets.iter().take(NAMED).map(|target| match target {
            Target::Tag(tag) => format!("tag {tag}"),
            Target::Path(path) => path.clone(),
            Target::Prefix(prefix) => format!("{prefix}*"),
            Target::Everything => "everything".to_owned(),
        });
        let named: Vec<String> = named.collect();
        let more = match targets.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        parts.push(format!("{verb} {}{more}", named.join(", ")));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use yagura_control::order::SetRoute;

    use super::*;

    fn route(site: &str, route: Route) -> Order {
        Order::Route(SetRoute {
            site: site.into(),
            route,
            until: None,
        })
    }

    fn entry(number: u64, order: &Order, inverse: Option<Order>, undoes: Option<u64>) -> Entry {
        Entry {
            line: HistoryLine {
                number: Some(number),
                at: Timestamp(number),
                who: "test".into(),
                reason: None,
                site: site_of(order).map(str::to_owned),
                what: words(order),
                before: String::new(),
                after: String::new(),
                undoes,
                request: None,
                ingress: None,
            },
            subject: Subject::of(order),
            inverse,
        }
    }

    fn history(entries: impl IntoIterator<Item = Entry>) -> History {
        let mut history = History::default();
        entries.into_iter().for_each(|entry| history.push(entry));
        history
    }

    fn said(result: Result<Order, Refusal>) -> String {
        match result {
            Ok(order) => words(&order),
            Err(refusal) => refusal.message,
        }
    }

    #[test]
    fn only_what_nothing_builds_on_is_taken_back() {
        let (auto, standby) = (route("a", Route::Auto), route("a", Route::Standby(1)));
        let notice = route("a", Route::Notice);
        let purge = Order::Purge(Purge {
            site: "a".into(),
            withdraw: vec![Target::Path("/x".into())],
            ..Purge::default()
        });
        let mut history = history([
            entry(2, &standby, Some(auto.clone()), None),
            entry(3, &notice, Some(standby.clone()), None),
            entry(
                4,
                &route("b", Route::Notice),
                Some(route("b", Route::Auto)),
                None,
            ),
            entry(5, &purge, None, None),
        ]);
        let undo = |history: &History, number| said(history.inverse_of(number, Timestamp(9)));
        assert_eq!(undo(&history, 1), "there is no order 1");
        assert_eq!(
            undo(&history, 2),
            "order 3 changed the same after order 2: route standby 1"
        );
        assert_eq!(undo(&history, 3), "route standby 1");
        assert_eq!(undo(&history, 4), "route auto");
        assert_eq!(
            undo(&history, 5),
            "order 5 cannot be taken back: withdraw /x"
        );
        // Once 3 is taken back, 2 can be; and the taking back itself.
        history.push(entry(6, &standby, Some(notice), Some(3)));
        assert_eq!(undo(&history, 2), "route auto");
        assert_eq!(undo(&history, 6), "route notice");
        assert!(undo(&history, 3).starts_with("order 6 changed the same"));
        // Taken back again, 3 is in force once more.
        history.push(entry(7, &route("a", Route::Notice), Some(standby), Some(6)));
        assert_eq!(
            undo(&history, 2),
            "order 3 changed the same after order 2: route standby 1"
        );
    }

    #[test]
    fn an_order_whose_time_is_over_comes_back_as_none() {
        let inverse = Order::Route(SetRoute {
            site: "a".into(),
            route: Route::Notice,
            until: Some(Timestamp(5)),
        });
        let order = route("a", Route::Standby(1));
        let history = history([entry(2, &order, Some(inverse), None)]);
        let undo = |now| said(history.inverse_of(2, Timestamp(now)));
        assert!(undo(4).starts_with("route notice until "));
        assert_eq!(undo(5), "route auto");
    }

    #[test]
    fn an_opening_whose_time_is_over_comes_back_as_closed() {
        let open = Order::OpenStaff(OpenStaff {
            site: "a".into(),
            until: Timestamp(5),
        });
        let close = Order::CloseStaff(CloseStaff { site: "a".into() });
        let history = history([entry(2, &close, Some(open.clone()), None)]);
        assert_eq!(history.inverse_of(2, Timestamp(4)), Ok(open));
        assert_eq!(history.inverse_of(2, Timestamp(5)), Ok(close));
    }

    #[test]
    fn the_oldest_lines_go() {
        let order = route("a", Route::Notice);
        let numbers = 1..=MOST as u64 + 5;
        let history = history(numbers.map(|number| entry(number, &order, None, None)));
        let asked = ShowHistory {
            site: None,
            last: usize::MAX,
        };
        let lines = history.lines(&asked);
        assert_eq!((lines.len(), lines[0].number), (MOST, Some(6)));
        let other = ShowHistory {
            site: Some("b".into()),
            last: 10,
        };
        assert!(history.lines(&other).is_empty());
    }
}

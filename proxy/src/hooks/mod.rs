//! People are told what must not go unnoticed (`[[hook]]`): requests and decisions, what was done
//! without a second person, stages of a bypass, a DNS that does not change.
//!
//! - `announcement.rs`: what is told, as JSON.
//! - `told.rs`: which orders are told of; pure.
//! - `run.rs`: one task a hook. How a hook is reached, and when it is tried again, stands in
//!   `yagura_control::hook`, for the operations desk too.
//!
//! Each hook has a queue of its own, so that a slow one keeps no other waiting, and nothing on the
//! way of a request waits for any. Announcements live in memory: what waits for people stands in the
//! journal, and `yagura request list` shows it whoever was told.

pub mod announcement;
pub mod run;
pub mod told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use yagura_config::settings::HookSettings;
use yagura_control::Timestamp;

use announcement::Announcement;
use yagura_control::hook::queue::{Counts, Queue};

/// Every hook, with what it is still to be told.
#[derive(Debug, Default)]
pub struct Hooks {
    all: Mutex<BTreeMap<String, Arc<Hook>>>,
}

/// One hook.
#[derive(Debug)]
struct Hook {
    settings: HookSettings,
    queue: Mutex<Queue>,
    /// Told when something is added.
    added: Notify,
}

impl Hooks {
    /// Puts an announcement into every queue; waits for nothing.
    pub fn announce(&self, announcement: &Announcement) {
        let body = announcement.json();
        for hook in self.all().values() {
            hook.queue().push(body.clone(), announcement.at);
            hook.added.notify_one();
        }
    }

    /// How each hook stands, by its name.
    #[must_use]
    pub fn counts(&self) -> Vec<(String, Counts)> {
        let all = self.all();
        let counts = all
            .iter()
            .map(|(name, hook)| (name.clone(), hook.queue().counts()));
        counts.collect()
    }

    /// What needs somebody, in words.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let all = self.all();
        let failing = all.iter().filter_map(|(name, hook)| {
            let queue = hook.queue();
            let (since, why) = queue.failing()?;
            let waiting = queue.counts().waiting;
            let minutes = now.since(since).as_secs() / 60;
            Some(format!(
                "hook {name} has taken nothing for {minutes} min, {waiting} announcements wait: {why}"
            ))
        });
        failing.collect()
    }

    /// Takes over other settings. A hook of the same name keeps what it is still to be told: one that
    /// was put right hears it in the new way.
    fn set(&self, settings: &[HookSettings]) {
        let mut all = self.all();
        let former = std::mem::take(&mut *all);
        for hook in settings {
            let kept = former.get(&hook.name).filter(|kept| kept.settings == *hook);
            let anew = || {
                let waits = former.get(&hook.name).map(|it| it.queue().handed_over());
                Arc::new(Hook {
                    settings: hook.clone(),
                    queue: Mutex::new(waits.unwrap_or_default()),
                    added: Notify::new(),
                })
            };
            let hook = kept.map_or_else(anew, Arc::clone);
            all.insert(hook.settings.name.clone(), hook);
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Hook>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hook {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use yagura_config::settings::HookWay;

    use super::*;
    use announcement::Kind;

    fn hook(name: &str, program: &str) -> HookSettings {
        HookSettings {
            name: name.to_owned(),
            way: HookWay::Command(vec![program.to_owned()]),
        }
    }

    fn waiting(hooks: &Hooks) -> Vec<(String, usize)> {
        let counts = hooks.counts().into_iter();
        counts
            .map(|(name, counts)| (name, counts.waiting))
            .collect()
    }

    #[test]
    fn every_hook_is_told_and_one_that_stays_keeps_its_queue() {
        let hooks = Hooks::default();
        hooks.set(&[hook("a", "/bin/true"), hook("b", "/bin/true")]);
        let announcement = Announcement::new(Kind::Request, "edge-1", Timestamp(0));
        hooks.announce(&announcement);
        let both = [("a".to_owned(), 1), ("b".to_owned(), 1)];
        assert_eq!(waiting(&hooks), both);
        hooks.set(&[hook("a", "/bin/true"), hook("b", "/bin/false")]);
        assert_eq!(waiting(&hooks), both);
        hooks.set(&[hook("a", "/bin/true"), hook("c", "/bin/false")]);
        assert_eq!(waiting(&hooks), [("a".to_owned(), 1), ("c".to_owned(), 0)]);
        assert!(hooks.warnings(Timestamp(0)).is_empty());
    }
}

//! Looks at both levels as a lookup would, and changes nothing. What comes of it is told by
//! `explain.rs`.

use std::sync::Arc;

use yagura_control::order::{Level, Target};
use yagura_control::{TagSet, Timestamp};

use super::directives::{Directives, Fields};
use super::key::SiteCache;
use super::last_good::format::Damage;
use super::prepared::Prepared;
use super::purges::{Purged, Verdict};
use super::stored::Stored;
use super::{Cache, Lookup, vary};

/// What was seen of a request's key, without changing anything.
#[derive(Debug)]
pub struct Sight {
    /// Where the response lies that was looked at.
    pub level: Level,
    /// Whether a sound copy is on disk.
    pub on_disk: bool,
    /// That response; of another variant when the one that is asked for is not there.
    pub stored: Option<Stored>,
    /// What the purges say of it.
    pub verdict: Verdict,
    /// Purges that address the request.
    pub purges: Vec<(Target, Purged)>,
    /// What the lookup would find.
    pub found: Lookup,
}

impl Cache {
    /// Looks at both levels as a lookup would, and changes nothing: nothing is taken into memory,
    /// and a damaged copy stays where it is.
    pub async fn look_at(
        self: &Arc<Self>,
        site: &SiteCache,
        key: &str,
        fields: &impl Fields,
        wants: &Directives,
        now: Timestamp,
    ) -> Sight {
        let seen = &site.rules.seen(fields);
        let hot = self.hot.find(key).map(|last| {
            let wanted = vary::variant_for(&last.stored.terms, seen);
            self.hot.variant(key, &wanted).unwrap_or(last)
        });
        let is_usable = |found: &Lookup| !matches!(found, Lookup::Absent);
        let judged =
            |prepared: &Arc<Prepared>| self.judge(site, prepared.clone(), seen, wants, now);
        let on_disk = self.look_on_disk(site, key).await;
        let mut level = Level::Hot;
        let mut prepared = hot;
        if !prepared
            .as_ref()
            .map(judged)
            .is_some_and(|found| is_usable(&found))
        {
            match &on_disk {
                Ok(Some(stored)) => {
                    level = Level::LastGood;
                    prepared = Some(Arc::new(stored.clone().prepare(site.encodes)));
                }
                Err(_) if prepared.is_none() => level = Level::Damaged,
                _ => {}
            }
        }
        let mut found = prepared.as_ref().map_or(Lookup::Absent, judged);
        if !is_usable(&found) && self.purges.is_withdrawn(key) {
            found = Lookup::Withdrawn;
        }
        let stored = prepared.map(|prepared| prepared.stored.clone());
        let none = TagSet::default();
        let tags = stored.as_ref().map_or(&none, |stored| &stored.tags);
        Sight {
            level: match level {
                Level::Hot if stored.is_none() => Level::Nowhere,
                level => level,
            },
            on_disk: matches!(on_disk, Ok(Some(_))),
            verdict: stored
                .as_ref()
                .map_or(Verdict::Valid, |stored| self.purges.verdict(stored)),
            purges: self.purges.concerning(key, tags),
            stored,
            found,
        }
    }

    async fn look_on_disk(
        self: &Arc<Self>,
        site: &SiteCache,
        key: &str,
    ) -> Result<Option<Stored>, Damage> {
        let (cache, key, keeps) = (self.clone(), key.to_owned(), site.last_good);
        let look = move || match &cache.last_good {
            Some(last_good) if keeps => last_good.look(&key),
            _ => Ok(None),
        };
        tokio::task::spawn_blocking(look).await.unwrap_or(Ok(None))
    }
}

//! What operators want of each site: the sum of the orders in force. What becomes of it is decided
//! in `decide.rs`. Kept in the journal's snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
use yagura_control::order::{
    BypassStage, DisasterPost, OpenStaff, RaiseDisaster, RaiseNotice, Route,
};

use super::decide::Because;
use crate::bypass::stage::Ingress;

/// The wishes for every site, by its name. A site that is not configured any more keeps them: it
/// may come back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intents(BTreeMap<String, SiteIntent>);

/// The wishes for one site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteIntent {
    /// A way that beats health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Given<Route>>,
    /// A notice in place of the site; it beats the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Given<RaiseNotice>>,
    /// The disaster page in place of the home page, without its posts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disaster: Option<Given<RaiseDisaster>>,
    /// The outside admitted to a site for staff, until a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Given<OpenStaff>>,
    /// How far the site is on its way around its cloud.
    #[serde(default, skip_serializing_if = "Ingress::is_default")]
    pub ingress: Ingress,
    /// Posts of the disaster page; also those that are off it and not yet with the CMS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<KeptPost>,
}

/// A post, and what is still to be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPost {
    /// The post.
    pub post: DisasterPost,
    /// Whether it is on the page.
    pub shown: bool,
    /// Whether the CMS is still to get it.
    pub to_hand_over: bool,
}

impl SiteIntent {
    /// The posts on the page, the oldest first.
    #[must_use]
    pub fn shown_posts(&self) -> Vec<DisasterPost> {
        let shown = self.posts.iter().filter(|kept| kept.shown);
        shown.map(|kept| kept.post.clone()).collect()
    }

    /// The posts that the CMS is still to get, the oldest first.
    pub fn to_hand_over(&self) -> impl Iterator<Item = &DisasterPost> {
        let posts = self.posts.iter().filter(|kept| kept.to_hand_over);
        posts.map(|kept| &kept.post)
    }

    /// Forgets posts with which nothing is to be done.
    fn forget_done(&mut self) {
        self.posts.retain(|kept| kept.shown || kept.to_hand_over);
    }
}

/// Something ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given<T> {
    /// What.
    pub what: T,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Since when it holds.
    pub at: Timestamp,
    /// Who ordered it.
    pub who: String,
    /// Why, as told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl<T> Given<T> {
    /// This order as the reason of what is decided.
    #[must_use]
    pub fn because(&self) -> Because {
        Because::Ordered {
            who: self.who.clone(),
            reason: self.reason.clone(),
        }
    }

    /// Whether its time is not over.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Intents {
    /// The wishes for a site.
    #[must_use]
    pub fn of(&self, site: &str) -> SiteIntent {
        self.0.get(site).cloned().unwrap_or_default()
    }

    /// The same with another route for a site. `auto` is the wish for none.
    #[must_use]
    pub fn with_route(&self, site: &str, route: Given<Route>) -> Self {
        let route = (route.what != Route::Auto).then_some(route);
        self.with(site, |intent| intent.route = route)
    }

    /// The same with a notice for a site, or without one.
    #[must_use]
    pub fn with_notice(&self, site: &str, notice: Option<Given<RaiseNotice>>) -> Self {
        self.with(site, |intent| intent.notice = notice)
    }

    /// The same with a site elsewhere on its way around its cloud.
    #[must_use]
    pub fn with_ingress(&self, site: &str, ingress: Ingress) -> Self {
        self.with(site, |intent| intent.ingress = ingress)
    }

    /// Where every site stands on its way around its cloud, of those that have ever left it.
    #[must_use]
    pub fn ingresses(&self) -> BTreeMap<String, Ingress> {
        let all = self.0.iter();
        let away = all.filter(|(_, intent)| !intent.ingress.is_default());
        away.map(|(site, intent)| (site.clone(), intent.ingress.clone()))
            .collect()
    }

    /// The same with the outside admitted to a site for staff, or not.
    #[must_use]
    pub fn with_outside(&self, site: &str, outside: Option<Given<OpenStaff>>) -> Self {
        self.with(site, |intent| intent.outside = outside)
    }

    /// The same with a site at another stage of its way around its cloud.
    #[must_use]
    pub fn with_stage(&self, site: &str, stage: BypassStage) -> Self {
        self.with(site, |intent| intent.ingress.stage = stage)
    }

    /// The same with a disaster page for a site; without one its posts are off the page.
    #[must_use]
    pub fn with_disaster(&self, site: &str, disaster: Option<Given<RaiseDisaster>>) -> Self {
        self.with(site, |intent| {
            if disaster.is_none() {
                intent.posts.iter_mut().for_each(|kept| kept.shown = false);
                intent.forget_done();
            }
            intent.disaster = disaster;
        })
    }

    /// The same with a post on the disaster page of a site, which goes to the CMS where there is one.
    #[must_use]
    pub fn with_post(&self, site: &str, post: DisasterPost, to_hand_over: bool) -> Self {
        self.with(site, |intent| {
            let is_it = |kept: &&mut KeptPost| kept.post.number == post.number;
            if let Some(kept) = intent.posts.iter_mut().find(is_it) {
                kept.shown = true;
                return;
            }
            let later = |kept: &KeptPost| kept.post.number > post.number;
            let place = intent.posts.iter().position(later);
            let kept = KeptPost {
                post,
                shown: true,
                to_hand_over,
            };
            intent
                .posts
                .insert(place.unwrap_or(intent.posts.len()), kept);
        })
    }

    /// The same without a post on the disaster page of a site. One that was a mistake is nothing for
    /// the CMS either.
    #[must_use]
    pub fn without_post(&self, site: &str, number: u64) -> Self {
        self.with(site, |intent| {
            intent.posts.retain(|kept| kept.post.number != number);
        })
    }

    /// The same when the CMS has taken posts of a site.
    #[must_use]
    pub fn handed_over(&self, site: &str, numbers: &[u64]) -> Self {
        self.with(site, |intent| {
            for kept in &mut intent.posts {
                kept.to_hand_over &= !numbers.contains(&kept.post.number);
            }
            intent.forget_done();
        })
    }

    /// Every notice.
    pub fn notices(&self) -> impl Iterator<Item = &RaiseNotice> {
        let notices = self.0.values().filter_map(|intent| intent.notice.as_ref());
        notices.map(|given| &given.what)
    }

    fn with(&self, site: &str, change: impl FnOnce(&mut SiteIntent)) -> Self {
        let mut intents = self.clone();
        change(intents.0.entry(site.to_owned()).or_default());
        intents
    }

    /// When the next order ends by itself, after `now`.
    #[must_use]
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.0.values().flat_map(|intent| {
            let route = intent.route.as_ref().and_then(|route| route.until);
            let notice = intent.notice.as_ref().and_then(|notice| notice.until);
            let disaster = intent.disaster.as_ref().and_then(|page| page.until);
            let outside = intent.outside.as_ref().and_then(|outside| outside.until);
            let pages = notice.into_iter().chain(disaster);
            route.into_iter().chain(pages).chain(outside)
        });
        ends.filter(|until| *until > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(what: Route, until: Option<u64>) -> Given<Route> {
        Given {
            what,
            until: until.map(Timestamp),
            at: Timestamp(0),
            who: "test".into(),
            reason: None,
        }
    }

    #[test]
    fn the_next_end_is_the_first_to_come() {
        let intents = Intents::default()
            .with_route("a", given(Route::Primary, Some(30)))
            .with_route("b", given(Route::LastGood, Some(20)))
            .with_route("c", given(Route::LastGood, None));
        let next = |now| intents.next_end(Timestamp(now)).map(|end| end.0);
        assert_eq!(
            [0, 19, 20, 29, 30].map(next),
            [Some(20), Some(20), Some(30), Some(30), None]
        );
        let open = Given {
            what: OpenStaff {
                site: "b".into(),
                until: Timestamp(10),
            },
            until: Some(Timestamp(10)),
            at: Timestamp(0),
            who: "test".into(),
            reason: None,
        };
        let opened = intents.with_outside("b", Some(open));
        assert_eq!(opened.next_end(Timestamp(0)), Some(Timestamp(10)));
        assert_eq!(opened.next_end(Timestamp(10)), Some(Timestamp(20)));
        assert_eq!(opened.with_outside("b", None), intents);
        let auto = intents.with_route("a", given(Route::Auto, None));
        assert_eq!(auto.of("a"), SiteIntent::default());
    }
}

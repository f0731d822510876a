//! A disaster page put up or taken down, and its posts.

use yagura_control::Timestamp;
use yagura_control::order::{
    AddPost, DisasterPost, DropPost, LONGEST_POST_BYTES, MOST_POSTS, NoticeOf, Order, Outcome,
    RaiseDisaster, Refusal, RefusalCode,
};

use super::{Giver, refusal, unknown_site};
use crate::disaster::{Raised, hand_over, page};
use crate::notice;
use crate::routing::history::Change;
use crate::routing::intent::Given;
use crate::routing::plan::{Plan, Site};

/// How far ahead of this edge's clock a post's time may be.
const CLOCKS_DIFFER_MS: u64 = 300_000;

/// The plan with the page, or with another text on it, not yet decided.
pub fn raised(raise: &RaiseDisaster, given: &Giver, before: &Plan, generation: u64) -> Plan {
    let site = &raise.site;
    let page = Given {
        what: RaiseDisaster {
            posts: Vec::new(),
            ..raise.clone()
        },
        until: raise.until,
        at: before
            .intents
            .of(site)
            .disaster
            .map_or(given.at, |present| present.at),
        who: given.who.clone(),
        reason: given.reason.clone(),
    };
    let mut intents = before.intents.with_disaster(site, Some(page));
    for post in &raise.posts {
        intents = intents.with_post(site, post.clone(), hands_over(before, site));
    }
    before.with_intents(generation, intents)
}

/// The plan without it, not yet decided.
pub fn lowered(site: &str, before: &Plan, generation: u64) -> Plan {
    before.with_intents(generation, before.intents.with_disaster(site, None))
}

/// The plan with one more post, not yet decided.
pub fn posted(add: &AddPost, given: &Giver, before: &Plan, generation: u64) -> Plan {
    let mut post = add.post.clone();
    if post.who.is_empty() {
        post.who.clone_from(&given.who);
    }
    let hands_over = hands_over(before, &add.site);
    let intents = before.intents.with_post(&add.site, post, hands_over);
    before.with_intents(generation, intents)
}

/// The plan without a post, not yet decided.
pub fn dropped(drop: &DropPost, before: &Plan, generation: u64) -> Plan {
    let intents = before.intents.without_post(&drop.site, drop.number);
    before.with_intents(generation, intents)
}

/// Whether the site has a CMS that takes posts.
fn hands_over(plan: &Plan, site: &str) -> bool {
    let site = plan.site_named(site);
    site.is_some_and(|site| site.settings.feed_socket.is_some())
}

/// The order that makes the page of a site what it is.
#[must_use]
pub fn present(site: &str, plan: &Plan, now: Timestamp) -> Order {
    let intent = plan.intents.of(site);
    match intent
        .disaster
        .as_ref()
        .filter(|page| page.is_in_force(now))
    {
        Some(page) => Order::RaiseDisaster(RaiseDisaster {
            posts: intent.shown_posts(),
            ..page.what.clone()
        }),
        None => Order::LowerDisaster(NoticeOf {
            site: site.to_owned(),
        }),
    }
}

/// The order that brings a post back.
///
/// # Errors
/// There is no such post.
pub fn brings_back(drop: &DropPost, plan: &Plan) -> Result<Order, Refusal> {
    let posts = plan.intents.of(&drop.site).shown_posts();
    let post = posts.into_iter().find(|post| post.number == drop.number);
    let post = post.ok_or_else(|| {
        let what = format!("there is no post {} on the page", drop.number);
        invalid(what, "`yagura disaster show` lists them")
    })?;
    Ok(Order::AddPost(AddPost {
        site: drop.site.clone(),
        post,
    }))
}

/// Whether a page can be put up.
///
/// # Errors
/// Why not.
pub fn check(raise: &RaiseDisaster, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    let site = site(&raise.site, plan)?;
    if let Some(until) = raise.until.filter(|until| *until <= now) {
        return Err(invalid(format!("{until} is over"), "give a time to come"));
    }
    notice::check_texts(&raise.texts).map_err(|(what, hint)| invalid(what, &hint))?;
    let without_posts = RaiseDisaster {
        posts: Vec::new(),
        ..raise.clone()
    };
    let bytes = Raised::new(without_posts, &site.settings.look, now).largest();
    if bytes > page::MOST_BYTES - 2 * LONGEST_POST_BYTES {
        let what = format!("the page would have {bytes} bytes before its first post");
        let most = page::MOST_BYTES - 2 * LONGEST_POST_BYTES;
        let hint = format!("shorten the text: the page must stay light, {most} bytes at most");
        return Err(invalid(what, &hint));
    }
    Ok(())
}

/// Whether a post can be added.
///
/// # Errors
/// Why not.
pub fn check_post(add: &AddPost, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    let site = site(&add.site, plan)?;
    let intent = plan.intents.of(&add.site);
    let Some(disaster) = intent
        .disaster
        .as_ref()
        .filter(|page| page.is_in_force(now))
    else {
        let what = format!("no disaster page is up for {}", add.site);
        return Err(invalid(
            what,
            "put it up first: `yagura disaster up --text FILE.md SITE`",
        ));
    };
    let DisasterPost {
        number,
        lang,
        markdown,
        ..
    } = &add.post;
    let mut posts = intent.shown_posts();
    if !notice::is_language(lang) {
        return Err(invalid(
            format!("\"{lang}\" is no language"),
            "write ja, en, zh-Hans, ...",
        ));
    }
    if markdown.trim().is_empty() || markdown.len() > LONGEST_POST_BYTES {
        let what = format!(
            "a post has 1 to {LONGEST_POST_BYTES} bytes, this one {}",
            markdown.len()
        );
        return Err(invalid(what, "write several short posts"));
    }
    if posts.iter().any(|post| post.number == *number) {
        let what = format!("there is a post {number} already");
        return Err(invalid(
            what,
            "it was taken before; look at `yagura disaster show`",
        ));
    }
    if *number > now.0.saturating_add(CLOCKS_DIFFER_MS) {
        let what = format!("the post is from {}, which is to come", add.post.at());
        return Err(invalid(what, "look at the clocks of both machines"));
    }
    if posts.len() >= MOST_POSTS {
        let what = format!("there are {MOST_POSTS} posts already");
        return Err(invalid(
            what,
            "take old ones off: `yagura disaster drop NUMBER SITE`",
        ));
    }
    posts.push(add.post.clone());
    let with_it = RaiseDisaster {
        posts,
        ..disaster.what.clone()
    };
    let bytes = Raised::new(with_it, &site.settings.look, now).largest();
    if bytes > page::MOST_BYTES {
        let what = format!("a page with it would have {bytes} bytes");
        return Err(invalid(
            what,
            "shorten it; tables and lists take more than plain text",
        ));
    }
    Ok(())
}

/// The plan, decided, with what is replied and told of the change.
///
/// # Errors
/// There is no such site.
pub fn changed(
    name: &str,
    before: &Plan,
    plan: Plan,
    (inverse, now): (Order, Timestamp),
) -> Result<(Plan, Outcome, Change), Refusal> {
    let (was, is) = (site(name, before)?.clone(), site(name, &plan)?.clone());
    let outcome = Outcome::DisasterChanged {
        site: name.to_owned(),
        status: hand_over::status(&is, &plan, now),
        bytes: is.disaster.as_ref().map_or(0, |raised| raised.largest()),
    };
    let change = Change {
        before: words(&was),
        after: words(&is),
        inverse: Some(inverse),
    };
    Ok((plan, outcome, change))
}

fn words(site: &Site) -> String {
    match &site.disaster {
        None => "the home page".to_owned(),
        Some(raised) => format!(
            "the disaster page with {} posts",
            raised.disaster.posts.len()
        ),
    }
}

fn site<'p>(name: &str, plan: &'p Plan) -> Result<&'p std::sync::Arc<Site>, Refusal> {
    plan.site_named(name)
        .ok_or_else(|| unknown_site(name, plan))
}

fn invalid(what: String, hint: &str) -> Refusal {
    refusal(RefusalCode::Invalid, what, hint)
}

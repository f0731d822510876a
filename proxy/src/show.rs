//! `yagura cache show` at the edge: takes a request through the same decisions as a reader's, and
//! tells what they are. It asks no origin and changes nothing. What of it is pure stands in
//! `cache/explain.rs`; `stages/` is where the same decisions are carried out.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use yagura_config::settings::{HostPattern, PlainHttp};
use yagura_control::Timestamp;
use yagura_control::order::{
    AnswerShown, CacheShown, Outcome, RedirectShown, Refusal, RefusalCode, Reply, ShowCache,
};

use crate::cache::{Directives, Fields, explain};
use crate::disaster;
use crate::routing::{Plan, Site, without_port};
use crate::stages::lookup::FOR_THE_ORIGIN;
use crate::state::Edge;

/// Tells what would become of a GET now.
///
/// # Errors
/// There is no such site, or a field cannot stand in a request.
pub async fn cache(edge: &Edge, asked: &ShowCache) -> Result<Reply, Refusal> {
    let plan = edge.switchboard.plan().clone();
    let fields = fields(asked)?;
    let site = site(&plan, asked)?;
    let host = host(site, asked);
    let asked = &ShowCache {
        target: site.cache.spelled(&asked.target).into_owned(),
        ..asked.clone()
    };
    let key = site.cache.key(&host, &asked.target);
    let now = edge.clock.now();
    let wants = Directives::of_request(&fields);
    let sight = edge
        .cache
        .look_at(&site.cache, &key, &fields, &wants, now)
        .await;
    let answer = before_the_cache(site, &host, asked, &fields, now).unwrap_or_else(|| {
        explain::answer(
            &sight.found,
            &wants,
            site.seen.upstreams.are_left_alone(now),
        )
    });
    let rules = &site.cache.rules;
    let shown = CacheShown {
        site: site.settings.name.clone(),
        target: rules.target(&asked.target).into_owned(),
        host: site.cache.is_keyed_by_host().then(|| host.clone()),
        dropped: rules.dropped(&asked.target).map(str::to_owned).collect(),
        cookies: rules.cookies().map(<[String]>::to_vec),
        restricted: site.settings.staff || !site.settings.allow_from.is_empty(),
        stores: site.cache.stores,
        keeps_last_good: site.cache.last_good,
        honours_reload: site.cache.honours_reload,
        origin_up: site.seen.upstreams.answered_last(),
        level: sight.level,
        on_disk: sight.on_disk,
        stored: sight
            .stored
            .as_ref()
            .map(|stored| explain::stored(&site.cache, stored, sight.verdict, &fields, now)),
        purges: explain::purges(&sight.purges, sight.stored.as_ref()),
        answer,
    };
    let outcome = Outcome::CacheShown(Box::new(shown));
    Ok(edge.switchboard.reply(plan.generation, now, outcome))
}

/// What is answered before the request comes to the cache, in the order of the stages.
fn before_the_cache(
    site: &Site,
    host: &str,
    asked: &ShowCache,
    fields: &HeaderMap,
    now: Timestamp,
) -> Option<AnswerShown> {
    if let Some(redirect) = site.redirect_of(host, &asked.target, now) {
        return Some(AnswerShown::Redirect(RedirectShown {
            status: redirect.status(),
            to: redirect.location(&asked.target, &site.cache.rules),
            from: redirect.path().to_owned(),
            note: redirect.purpose(),
        }));
    }
    if asked.plain_http && matches!(site.settings.http, PlainHttp::RedirectToHttps { .. }) {
        return Some(AnswerShown::ToHttps);
    }
    let left_out = site
        .notice
        .as_ref()
        .is_some_and(|one| one.leaves_out(&asked.target));
    if !site.shows_site() && !left_out {
        return Some(AnswerShown::Notice);
    }
    if site.covers(&asked.target) && asked.target != disaster::USUAL_HOME {
        return Some(AnswerShown::Disaster);
    }
    let for_the_origin = FOR_THE_ORIGIN.iter().any(|name| fields.has(name));
    (!site.cache.stores || for_the_origin).then_some(AnswerShown::Pass)
}

fn site<'p>(plan: &'p Plan, asked: &ShowCache) -> Result<&'p Arc<Site>, Refusal> {
    let (found, wanted) = match (&asked.site, &asked.host) {
        (Some(name), _) => (plan.site_named(name), format!("named \"{name}\"")),
        (None, Some(host)) => (
            plan.site_of(without_port(host)),
            format!("with the host \"{host}\""),
        ),
        (None, None) => (plan.sites().first(), "at all".to_owned()),
    };
    found.ok_or_else(|| {
        let known = plan.sites().iter().map(|site| site.settings.name.as_str());
        let known: Vec<&str> = known.collect();
        Refusal {
            code: RefusalCode::UnknownSite,
            message: format!("there is no site {wanted}"),
            hint: format!("sites of this edge: {}", known.join(", ")),
        }
    })
}

fn host(site: &Site, asked: &ShowCache) -> String {
    let first = || {
        site.settings.hosts.iter().find_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        })
    };
    let host = asked.host.as_deref().map(without_port);
    host.map(str::to_ascii_lowercase)
        .or_else(first)
        .unwrap_or_else(|| "localhost".to_owned())
}

fn fields(asked: &ShowCache) -> Result<HeaderMap, Refusal> {
    let mut fields = HeaderMap::new();
    for (name, value) in &asked.fields {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                fields.append(name, value);
            }
            _ => {
                return Err(Refusal {
                    code: RefusalCode::Invalid,
                    message: format!("\"{name}: {value}\" is no field of a request"),
                    hint: "write it as --header 'Accept-Language: ja'".to_owned(),
                });
            }
        }
    }
    Ok(fields)
}

//! Lists for machines: the Atom feed (RFC 4287), the sitemap (sitemaps.org), robots.txt (RFC 9309).

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::IntoResponse;

use crate::domain::{Language, PageId, tags};
use crate::render::dates;
use crate::state::CmsState;
use crate::web::answer::{Answer, rendered};
use crate::web::cache_policy::CachePolicy;

/// Entries of the Atom feed.
const NEWS: i64 = 30;
/// Most URLs in one sitemap; the protocol allows 50,000.
const PER_SITEMAP: i64 = 20_000;

struct NewsEntry {
    title: String,
    id: String,
    path: String,
    published: String,
    updated: String,
    summary: String,
}

#[derive(Template)]
#[template(path = "public/news.xml")]
struct News {
    public_url: String,
    updated: String,
    entries: Vec<NewsEntry>,
}

struct SitemapEntry {
    path: String,
    day: String,
}

#[derive(Template)]
#[template(path = "public/sitemap.xml")]
struct Sitemap {
    public_url: String,
    entries: Vec<SitemapEntry>,
}

#[derive(Template)]
#[template(path = "public/sitemap_index.xml")]
struct SitemapIndex {
    public_url: String,
    numbers: Vec<i64>,
}

pub(super) async fn news(State(state): State<CmsState>) -> Answer {
    let public_url = state.settings.public_url.clone();
    let pages = state.store.latest_news(NEWS).await?;
    let newest = pages
        .first()
        .map_or_else(|| state.now(), |page| page.updated_at);
    let entries = pages.into_iter().map(|page| NewsEntry {
        // The number of the page, because its path may one day change and its id may not.
        id: format!("{public_url}/#page-{}", page.id),
        path: page.path.to_string(),
        published: page.published_at.unwrap_or(page.updated_at).rfc3339(),
        updated: page.updated_at.rfc3339(),
        title: page.title,
        summary: page.summary,
    });
    let feed = News {
        updated: newest.rfc3339(),
        entries: entries.collect(),
        public_url,
    };
    rendered(
        &feed,
        "application/atom+xml; charset=utf-8",
        CachePolicy::Page(tags::set([tags::news()])),
    )
}

pub(super) async fn sitemap(State(state): State<CmsState>) -> Answer {
    let public_url = state.settings.public_url.clone();
    let last = state.store.last_page().await?.0;
    let policy = CachePolicy::Page(tags::set([tags::sitemap()]));
    if last > PER_SITEMAP {
        let numbers = (1..=(last - 1) / PER_SITEMAP + 1).collect();
        return rendered(
            &SitemapIndex {
                public_url,
                numbers,
            },
            "application/xml",
            policy,
        );
    }
    let entries = entries(&state, 1).await?;
    rendered(
        &Sitemap {
            public_url,
            entries,
        },
        "application/xml",
        policy,
    )
}

/// `/sitemaps/N.xml`: the pages whose numbers lie in the Nth part.
pub(super) async fn sitemap_part(
    State(state): State<CmsState>,
    Path(file): Path<String>,
) -> Answer {
    let number: Option<i64> = file
        .strip_suffix(".xml")
        .and_then(|number| number.parse().ok());
    let Some(number) = number.filter(|number| (1..=1_000_000).contains(number)) else {
        return super::not_found::answer(&state, Language::Ja).await;
    };
    let map = Sitemap {
        public_url: state.settings.public_url.clone(),
        entries: entries(&state, number).await?,
    };
    rendered(
        &map,
        "application/xml",
        CachePolicy::Page(tags::set([tags::sitemap()])),
    )
}

async fn entries(state: &CmsState, part: i64) -> Result<Vec<SitemapEntry>, crate::CmsError> {
    let after = PageId((part - 1) * PER_SITEMAP);
    let pages = state.store.sitemap(after, PER_SITEMAP).await?;
    let within = pages
        .into_iter()
        .take_while(|(id, _, _)| id.0 <= after.0 + PER_SITEMAP);
    let mut entries: Vec<SitemapEntry> = within
        .map(|(_, path, updated)| SitemapEntry {
            path,
            day: dates::machine(dates::day_in_japan(updated)),
        })
        .collect();
    if part == 1 {
        let categories = state.store.categories().await?;
        let listings = categories
            .iter()
            .map(|category| super::frame::category_path(&category.slug));
        let fixed = ["/", "/soshiki/", "/calendar/"].map(str::to_owned);
        let fixed = fixed.into_iter().chain(listings).map(|path| SitemapEntry {
            path,
            day: String::new(),
        });
        entries.splice(0..0, fixed);
    }
    Ok(entries)
}

pub(super) async fn robots(State(state): State<CmsState>) -> Answer {
    let text = format!(
        "User-agent: *\nDisallow: /search/\n\nSitemap: {}/sitemap.xml\n",
        state.settings.public_url
    );
    Ok((Extension(CachePolicy::Page(Default::default())), text).into_response())
}

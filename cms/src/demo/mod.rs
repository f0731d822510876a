//! The city of the demo: サンプル市, a site that reads like a real one and is the same for the same
//! seed.
//!
//! `content/` holds what is written by hand, as plain text; `content.rs` reads it, `markup.rs` makes
//! documents of it, `plan.rs` puts the whole city together without a database. `canvas.rs`,
//! `scenes.rs` and `forms.rs` make the pictures and PDF forms, `redirects.rs` the legacy addresses,
//! `series.rs` the numbered notices that fill a load test. [`install`] writes all of it into a store.

mod canvas;
mod content;
mod dates;
mod forms;
mod markup;
mod organisation;
mod plan;
mod redirects;
mod scenes;
mod series;
#[cfg(test)]
mod tests;

use secrecy::{ExposeSecret, SecretString};
use time::Date;
use url::Url;
use yagura_control::redirect;

use crate::actions::{add_media, publish, sign_in};
use crate::domain::page::Draft;
use crate::domain::{Actor, Page, PageId, Revision, Role};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{Change, media, organisation as rows, page_changes, people};
use plan::{City, PlannedPage};

/// Pages in one transaction.
const BATCH: usize = 500;
/// Legacy addresses.
const REDIRECTS: usize = 5_000;

/// What city is wanted.
pub struct DemoPlan {
    /// How many Japanese pages; 400 are made in any case, more are numbered notices.
    pub pages: usize,
    /// The same seed makes the same city.
    pub seed: u64,
    /// The day around which events lie and before which everything was published.
    pub today: Date,
}

/// An account of the demo.
pub struct DemoAccount {
    /// What is typed to sign in.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its password.
    pub password: SecretString,
}

/// What was made.
#[derive(Debug)]
pub struct DemoReport {
    /// Live pages in every language.
    pub pages: usize,
    /// Pictures.
    pub images: usize,
    /// PDF files.
    pub attachments: usize,
    /// Legacy addresses in the table.
    pub redirects: usize,
    /// The table, for `yagura redirect` and the edge.
    pub redirects_csv: String,
}

/// Fills an empty database with the city. `progress` is told how many pages of how many are there.
///
/// # Errors
/// [`CmsError::Refused`] when the database holds pages already; otherwise the database or the
/// folder of media failed.
pub async fn install(
    state: &CmsState,
    plan: &DemoPlan,
    accounts: &[DemoAccount],
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<DemoReport, CmsError> {
    if state.store.page_count().await? > 0 {
        return Err(CmsError::refused(
            "ページのあるデータベースには、サンプル市を入れられません。",
        ));
    }
    let (seed, today) = (plan.seed, plan.today);
    // Drawing and compressing the pictures takes a while and must not hold up other tasks.
    let city = tokio::task::spawn_blocking(move || plan::city(seed, today)).await;
    let city = city.map_err(|error| CmsError::refused(error.to_string()))??;
    install_organisation(state, accounts).await?;
    install_media(state, &city).await?;
    let pages = install_pages(state, plan, &city, progress).await?;
    let host = Url::parse(&state.settings.public_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let paths: Vec<&str> = city
        .pages
        .iter()
        .map(|page| page.page.path.as_str())
        .collect();
    let table = redirects::redirects(&paths, host.as_deref(), seed, today, REDIRECTS);
    Ok(DemoReport {
        pages,
        images: city.pictures.len(),
        attachments: city.files.len(),
        redirects: table.len(),
        redirects_csv: redirect::to_csv(&table),
    })
}

async fn install_organisation(state: &CmsState, accounts: &[DemoAccount]) -> Result<(), CmsError> {
    let mut change = state.store.begin().await?;
    for category in organisation::categories() {
        rows::insert_category(&mut change, &category).await?;
    }
    for department in organisation::departments() {
        rows::insert_department(&mut change, &department).await?;
    }
    for account in accounts {
        let hash = sign_in::hash_password(account.password.expose_secret())?;
        people::upsert_user(
            &mut change,
            &account.login,
            &account.name,
            account.role,
            &hash,
        )
        .await?;
    }
    state.commit(change).await
}

/// Media are committed before the pages, because publishing looks them up outside its change.
async fn install_media(state: &CmsState, city: &City) -> Result<(), CmsError> {
    let at = state.now();
    let mut described = Vec::new();
    for asset in city.pictures.iter().chain(&city.files) {
        let item = add_media::describe(&asset.file_name, &asset.alt, asset.size, &asset.content)?;
        add_media::store_content(state, &item.id, &asset.content).await?;
        described.push(item);
    }
    let mut change = state.store.begin().await?;
    for item in &described {
        media::insert_media(&mut change, item, at).await?;
    }
    state.commit(change).await
}

/// Writes every page, the further ones made one batch at a time; gives how many there are.
async fn install_pages(
    state: &CmsState,
    plan: &DemoPlan,
    city: &City,
    progress: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<usize, CmsError> {
    let further = plan.pages.saturating_sub(plan::JAPANESE_PAGES);
    let total = city.pages.len() + further;
    let mut first = None;
    let mut done = 0;
    progress(done, total);
    while done < total {
        let mut change = state.store.begin().await?;
        for index in done..total.min(done + BATCH) {
            let made;
            let page = match city.pages.get(index) {
                Some(page) => page,
                None => {
                    made = series::page(index - city.pages.len(), plan.seed, plan.today)?;
                    &made
                }
            };
            let id = install_page(state, &mut change, city, page, first.unwrap_or(1)).await?;
            let expected = *first.get_or_insert(id.0) + i64::try_from(index).unwrap_or(i64::MAX);
            if id.0 != expected {
                return Err(CmsError::refused(
                    "作成中に、ほかの人がページを追加しました。空のデータベースでやり直してください。",
                ));
            }
        }
        state.commit(change).await?;
        done = total.min(done + BATCH);
        progress(done, total);
    }
    Ok(total)
}

/// Writes and publishes a page. `first` is the number of the city's first page; the others follow
/// it without gaps, which is how links know their targets before these are written.
async fn install_page(
    state: &CmsState,
    change: &mut Change,
    city: &City,
    planned: &PlannedPage,
    first: i64,
) -> Result<PageId, CmsError> {
    let actor = Actor::system();
    let at = planned.published;
    let mut new = planned.page.clone();
    new.translation_of = planned.original.map(|index| plan::id_of(index, first));
    let draft: Draft = city.draft(planned, first);
    let id = page_changes::insert(change, &new, &draft, planned.author, at).await?;
    let page = Page {
        id,
        kind: new.kind,
        path: new.path,
        category: new.category,
        department: new.department,
        language: new.language,
        translation_of: new.translation_of,
        urgent: new.urgent,
        title: draft.title.clone(),
        summary: draft.summary.clone(),
        newest_revision: 1,
        live_revision: None,
        published_at: None,
        updated_at: at,
        withdrawn_at: None,
    };
    let revision = Revision {
        page: id,
        number: 1,
        title: draft.title,
        summary: draft.summary,
        document: draft.document,
        fields: draft.fields,
        author: planned.author.to_owned(),
        created_at: at,
    };
    publish::check(&revision)?;
    publish::make_public(state, change, &actor, &page, &revision, at).await?;
    Ok(id)
}

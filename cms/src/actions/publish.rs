//! Makes the newest revision the one readers see, and tells every edge.

use yagura_control::Timestamp;
use yagura_control::order::{Purge, Target};

use super::listings;
use crate::domain::{Actor, Page, PageId, Revision, tags};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{Change, audit, jobs, page_changes, search, urls};

/// Publishes revision `number`, which must be the newest.
///
/// # Errors
/// [`CmsError::Refused`] with every rule the text breaks, [`CmsError::Conflict`] when it is not the
/// newest any more.
pub async fn publish(
    state: &CmsState,
    actor: &Actor,
    page: PageId,
    number: i64,
) -> Result<Timestamp, CmsError> {
    let at = state.now();
    let mut change = state.store.begin().await?;
    let present = page_changes::page_in(&mut change, page).await?;
    let revision = page_changes::revision_in(&mut change, page, present.newest_revision).await?;
    if revision.number != number {
        return Err(CmsError::Conflict {
            by: revision.author,
            number: revision.number,
            at: revision.created_at,
        });
    }
    check(&revision)?;
    make_public(state, &mut change, actor, &present, &revision, at).await?;
    let mut refresh = listings::tags_of(&present);
    refresh.extend(tags::page(page));
    let refresh = refresh
        .into_iter()
        .map(Target::Tag)
        .chain([Target::Path(present.path.to_string())]);
    let purge = Purge {
        site: state.settings.site.clone(),
        refresh: refresh.collect(),
        withdraw: Vec::new(),
    };
    jobs::queue(&mut change, &state.edges(), &purge, Some(page), at).await?;
    state.commit(change).await?;
    Ok(at)
}

/// The part of a publication that needs no edge to be told: shared with loading many pages.
pub(crate) async fn make_public(
    state: &CmsState,
    change: &mut Change,
    actor: &Actor,
    page: &Page,
    revision: &Revision,
    at: Timestamp,
) -> Result<(), CmsError> {
    page_changes::make_live(change, revision, at).await?;
    let words = format!(
        "{}\n{}\n{}",
        revision.title,
        revision.summary,
        revision.document.plain_text()
    );
    search::index(change, state.store.dialect(), page.id, &words).await?;
    let version = format!("{}-{}", revision.number, at.0);
    let own = tags::set([tags::own(page.id), tags::page(page.id)]);
    urls::present(change, page.path.as_str(), &version, &own).await?;
    for media in state.store.media_of(&revision.document.media()).await? {
        urls::present_once(change, &media.url_path(), &media.id.0).await?;
    }
    listings::changed(change, page, &version).await?;
    let revisions = (page.live_revision, Some(revision.number));
    audit::insert(
        change,
        at,
        actor,
        "publish",
        Some(page.id),
        revisions,
        page.path.as_str(),
    )
    .await
}

/// What must hold before readers see a text.
pub(crate) fn check(revision: &Revision) -> Result<(), CmsError> {
    let faults = revision.document.check();
    if faults.is_empty() {
        return Ok(());
    }
    let told = |fault: &crate::domain::DocumentFault| {
        format!("{}番目のまとまり: {}", fault.block, fault.kind.told())
    };
    Err(CmsError::Refused(faults.iter().map(told).collect()))
}

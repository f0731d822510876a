//! Takes a page off the public site: readers never see it again, at no edge, in no mode.

use yagura_control::Timestamp;
use yagura_control::order::{Purge, Target};

use super::listings;
use crate::domain::{Actor, PageId, tags};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{audit, jobs, page_changes, search, urls};

/// Withdraws the page.
///
/// # Errors
/// [`CmsError::Refused`] when readers do not see it anyway.
pub async fn withdraw(
    state: &CmsState,
    actor: &Actor,
    page: PageId,
) -> Result<Timestamp, CmsError> {
    let at = state.now();
    let mut change = state.store.begin().await?;
    let present = page_changes::page_in(&mut change, page).await?;
    if present.live_revision.is_none() {
        return Err(CmsError::refused("このページは公開されていません。"));
    }
    page_changes::take_off(&mut change, page, at).await?;
    search::remove(&mut change, state.store.dialect(), page).await?;
    urls::withdrawn(&mut change, present.path.as_str()).await?;
    listings::changed(
        &mut change,
        &present,
        &format!("{}-{}", present.newest_revision, at.0),
    )
    .await?;
    let revisions = (present.live_revision, None);
    audit::insert(
        &mut change,
        at,
        actor,
        "withdraw",
        Some(page),
        revisions,
        present.path.as_str(),
    )
    .await?;
    // Pages that link to it show its path no longer; the page itself is gone at once.
    let shown = listings::tags_of(&present)
        .into_iter()
        .chain(tags::page(page));
    let own = tags::own(page).map(Target::Tag);
    let purge = Purge {
        site: state.settings.site.clone(),
        refresh: shown.map(Target::Tag).collect(),
        withdraw: own
            .into_iter()
            .chain([Target::Path(present.path.to_string())])
            .collect(),
    };
    jobs::queue(&mut change, &state.edges(), &purge, Some(page), at).await?;
    state.commit(change).await?;
    Ok(at)
}

//! Makes a page with a first, unpublished revision.

use crate::actions::save_draft;
use crate::domain::page::Draft;
use crate::domain::{Actor, PageId};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::pages::NewPage;
use crate::store::{audit, page_changes};

/// Makes the page.
///
/// # Errors
/// [`CmsError::Refused`] when the title is missing or the address is taken.
pub async fn create_page(
    state: &CmsState,
    actor: &Actor,
    page: &NewPage,
    draft: &Draft,
) -> Result<PageId, CmsError> {
    save_draft::check(page.kind, draft)?;
    if state.store.page_at(page.path.as_str()).await?.is_some() {
        return Err(CmsError::refused(format!(
            "アドレス {} は使われています。別の名前にしてください。",
            page.path
        )));
    }
    let at = state.now();
    let mut change = state.store.begin().await?;
    let id = page_changes::insert(&mut change, page, draft, &actor.name, at).await?;
    audit::insert(
        &mut change,
        at,
        actor,
        "create_page",
        Some(id),
        (None, None),
        page.path.as_str(),
    )
    .await?;
    state.commit(change).await?;
    Ok(id)
}

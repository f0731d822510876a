//! Saves what was written as a new revision; readers see nothing of it yet.

use crate::domain::page::Draft;
use crate::domain::{Actor, PageId, PageKind};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{audit, page_changes};

/// Longest title, in characters.
const LONGEST_TITLE: usize = 200;
/// Longest summary, in characters.
const LONGEST_SUMMARY: usize = 400;

/// Saves a revision that is based on revision `based_on`; gives its number. What equals the newest
/// revision is not saved again.
///
/// # Errors
/// [`CmsError::Conflict`] when somebody saved in between, [`CmsError::Refused`] with what is wrong.
pub async fn save_draft(
    state: &CmsState,
    actor: &Actor,
    page: PageId,
    based_on: i64,
    urgent: bool,
    draft: &Draft,
) -> Result<i64, CmsError> {
    let at = state.now();
    let mut change = state.store.begin().await?;
    let present = page_changes::page_in(&mut change, page).await?;
    let newest = page_changes::revision_in(&mut change, page, present.newest_revision).await?;
    if based_on != newest.number {
        return Err(CmsError::Conflict {
            by: newest.author,
            number: newest.number,
            at: newest.created_at,
        });
    }
    check(present.kind, draft)?;
    let same = newest.title == draft.title
        && newest.summary == draft.summary
        && newest.document == draft.document
        && newest.fields == draft.fields;
    if urgent != present.urgent {
        page_changes::set_urgent(&mut change, page, urgent).await?;
    }
    let number = if same {
        newest.number
    } else {
        page_changes::add_revision(&mut change, &present, draft, &actor.name, at).await?
    };
    let live = present.live_revision;
    let detail = format!("revision {number}");
    audit::insert(
        &mut change,
        at,
        actor,
        "save_draft",
        Some(page),
        (live, live),
        &detail,
    )
    .await?;
    state.commit(change).await?;
    Ok(number)
}

/// What must hold for every revision, published or not.
pub(super) fn check(kind: PageKind, draft: &Draft) -> Result<(), CmsError> {
    let mut faults = Vec::new();
    if draft.title.trim().is_empty() {
        faults.push("タイトルを入力してください。".to_owned());
    }
    if draft.title.chars().count() > LONGEST_TITLE {
        faults.push(format!("タイトルは{LONGEST_TITLE}文字までにしてください。"));
    }
    if draft.summary.chars().count() > LONGEST_SUMMARY {
        faults.push(format!("概要は{LONGEST_SUMMARY}文字までにしてください。"));
    }
    if draft.fields.kind() != kind {
        faults
            .push("ページの種類に合わない項目があります。ページを開き直してください。".to_owned());
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(CmsError::Refused(faults))
    }
}

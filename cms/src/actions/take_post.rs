//! Takes a post of a disaster page that an edge hands over, as a draft: it was public at the edge
//! already, and staff decide what becomes of it.

use yagura_control::order::HandedPost;

use crate::actions::create_page::create_page;
use crate::domain::page::{Draft, KindFields};
use crate::domain::{Actor, Language, PageId, PageKind, PagePath, markdown};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::pages::NewPage;

/// Where it goes by default, as far as there is such a category and department.
const PREFERRED: &str = "bosai";
/// Longest summary, in characters.
const SUMMARY: usize = 100;

/// Takes it once, however often and by how many edges it is handed over; gives its page.
///
/// # Errors
/// There is no category or department yet, or the database failed.
pub async fn take_post(state: &CmsState, handed: &HandedPost) -> Result<PageId, CmsError> {
    let post = &handed.post;
    let categories = state.store.categories().await?;
    let departments = state.store.departments().await?;
    let category = categories.iter().find(|one| one.slug == PREFERRED);
    let department = departments.iter().find(|one| one.slug == PREFERRED);
    let (Some(category), Some(department)) = (
        category.or(categories.first()),
        department.or(departments.first()),
    ) else {
        return Err(CmsError::refused("分類と部署を先に登録してください。"));
    };
    let language = Language::ALL.into_iter().find(|one| {
        let first = post.lang.split('-').next().unwrap_or_default();
        one.code().eq_ignore_ascii_case(first)
    });
    let language = language.unwrap_or_default();
    let name = format!("saigai-{}", post.number);
    let path = PagePath::new(language, &category.slug, &name)
        .map_err(|error| CmsError::refused(error.to_string()))?;
    if let Some(present) = state.store.page_at(path.as_str()).await? {
        return Ok(present.id);
    }
    let read = markdown::read(&post.markdown);
    let title = read.title.unwrap_or_else(|| {
        let at = post.at().in_japan();
        let (day, hour, minute) = (at.day(), at.hour(), at.minute());
        format!(
            "災害情報 {}月{day}日 {hour}:{minute:02}",
            u8::from(at.month())
        )
    });
    let words: String = post
        .markdown
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let page = NewPage {
        kind: PageKind::Article,
        path,
        category: category.slug.clone(),
        department: department.slug.clone(),
        language,
        translation_of: None,
        urgent: true,
    };
    let draft = Draft {
        title,
        summary: words.chars().take(SUMMARY).collect(),
        document: read.document,
        fields: KindFields::Article,
    };
    let actor = Actor {
        user: None,
        name: format!("{} ({})", post.who, handed.edge),
    };
    create_page(state, &actor, &page, &draft).await
}

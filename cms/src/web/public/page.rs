//! One page of any kind and language.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::{StatusCode, Uri};
use yagura_control::TagSet;

use super::contact::Contact;
use super::frame::{Frame, LanguageLink, Step, category_path};
use crate::domain::{KindFields, Language, Page, PageId, PagePath, PageState, Revision, tags};
use crate::error::CmsError;
use crate::render::{FileFacts, Html, Phrases, Surroundings, dates, outline, render};
use crate::state::CmsState;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

/// One line of what a kind of page tells besides its text.
struct Fact {
    name: &'static str,
    value: String,
    telephone: bool,
}

#[derive(Template)]
#[template(path = "public/page.html")]
struct PageView {
    frame: Frame,
    breadcrumb: Vec<Step>,
    kind_label: &'static str,
    /// For machines and for people.
    updated: (String, String),
    summary: String,
    translations: Vec<LanguageLink>,
    answer: Option<String>,
    facts: Vec<Fact>,
    contents: Option<Html>,
    body: Html,
    contact: Option<Contact>,
}

/// Whatever stands at a path, or the page that says that nothing does.
pub(super) async fn by_path(State(state): State<CmsState>, uri: Uri) -> Answer {
    let path = uri.path();
    if let Some((page, revision)) = state.store.live_page_at(path).await? {
        let (view, tags) = view(&state, &page, &revision).await?;
        return html(&view, CachePolicy::Page(tags));
    }
    let first = path.split('/').nth(1).unwrap_or_default();
    if path.len() == first.len() + 1 && state.store.category(first).await?.is_some() {
        return Ok(Redirect::permanent(&category_path(first)).into_response());
    }
    let withdrawn = state
        .store
        .page_at(path)
        .await?
        .is_some_and(|page| page.state() == PageState::Withdrawn);
    let status = if withdrawn {
        StatusCode::GONE
    } else {
        StatusCode::NOT_FOUND
    };
    super::not_found::with_status(
        &state,
        Language::from_code(first).unwrap_or_default(),
        status,
    )
    .await
}

/// A page as readers would see it, for staff.
///
/// # Errors
/// The database failed.
pub(crate) async fn preview(state: &CmsState, page: &Page, revision: &Revision) -> Answer {
    let (mut view, _) = view(state, page, revision).await?;
    view.frame.preview = true;
    view.frame.indexed = false;
    view.frame.canonical = String::new();
    html(&view, CachePolicy::NoStore)
}

async fn view(
    state: &CmsState,
    page: &Page,
    revision: &Revision,
) -> Result<(PageView, TagSet), CmsError> {
    let phrases = Phrases::of(page.language);
    let linked = revision.document.linked_pages();
    let rendered = render(
        &revision.document,
        &surroundings(state, revision, phrases).await?,
    );
    let family = state.store.translations(page).await?;
    let department = state.store.department(&page.department).await?;
    let categories = state.store.categories().await?;
    let category = categories
        .iter()
        .find(|category| category.slug == page.category);
    let paths: Vec<(Language, String)> = family
        .iter()
        .map(|one| (one.language, one.path.to_string()))
        .collect();
    let frame = Frame::new(
        page.language,
        &state.settings.public_url,
        &categories,
        &revision.title,
    )
    .at(page.path.as_str())
    .described(&revision.summary)
    .within(&page.category)
    .translated(&paths);
    let mut breadcrumb = vec![Step::own(frame.home_path, phrases.home)];
    if let (Language::Ja, Some(category)) = (page.language, category) {
        breadcrumb.push(Step::japanese(
            category_path(&category.slug),
            &category.name,
        ));
    }
    breadcrumb.push(Step::own("", &revision.title));
    let day = dates::day_in_japan(if page.live_revision.is_some() {
        page.updated_at
    } else {
        revision.created_at
    });
    // The page changes with those it links to, and with its own translations.
    let shown = linked
        .iter()
        .copied()
        .chain(family.iter().map(|one| one.id));
    let original = page.translation_of.unwrap_or(page.id);
    let tags = tags::set(
        [
            tags::own(page.id),
            tags::page(page.id),
            tags::page(original),
            tags::department(&page.department),
        ]
        .into_iter()
        .chain(shown.map(tags::page)),
    );
    let view = PageView {
        translations: family
            .iter()
            .filter_map(|one| translation(&frame, one.language, page.language))
            .collect(),
        breadcrumb,
        kind_label: if page.language == Language::Ja {
            page.kind.label()
        } else {
            ""
        },
        updated: (dates::machine(day), dates::long(day, page.language)),
        summary: revision.summary.clone(),
        answer: answer(&revision.fields),
        facts: facts(&revision.fields, page.language),
        contents: outline::contents(&rendered.headings),
        body: rendered.body,
        contact: department.map(Contact::from),
        frame,
    };
    Ok((view, tags))
}

fn translation(frame: &Frame, language: Language, own: Language) -> Option<LanguageLink> {
    let link = frame
        .languages
        .iter()
        .find(|link| link.tag == language.tag())?;
    Some(LanguageLink {
        current: language == own,
        ..link.clone()
    })
}

async fn surroundings(
    state: &CmsState,
    revision: &Revision,
    phrases: &'static Phrases,
) -> Result<Surroundings, CmsError> {
    let paths = state
        .store
        .live_paths(&revision.document.linked_pages())
        .await?;
    let pages: BTreeMap<PageId, PagePath> = paths
        .into_iter()
        .map(|(id, path)| (id, PagePath::stored(path)))
        .collect();
    let media = state.store.media_of(&revision.document.media()).await?;
    let files = media.into_iter().map(|media| {
        let pixels = media.width.zip(media.height);
        let facts = FileFacts {
            url: media.url_path(),
            content_type: media.content_type,
            bytes: u64::try_from(media.bytes).unwrap_or(0),
            pixels: pixels.and_then(|(width, height)| {
                Some((width.try_into().ok()?, height.try_into().ok()?))
            }),
        };
        (media.id, facts)
    });
    Ok(Surroundings {
        pages,
        files: files.collect(),
        phrases,
    })
}

fn answer(fields: &KindFields) -> Option<String> {
    match fields {
        KindFields::Faq { answer_summary } if !answer_summary.is_empty() => {
            Some(answer_summary.clone())
        }
        _ => None,
    }
}

fn facts(fields: &KindFields, language: Language) -> Vec<Fact> {
    let words = Phrases::of(language);
    let plain = |name, value: &String| Fact {
        name,
        value: value.clone(),
        telephone: false,
    };
    let facts = match fields {
        KindFields::Article | KindFields::Faq { .. } => Vec::new(),
        KindFields::Procedure {
            who,
            documents,
            place,
            fee,
        } => vec![
            plain(words.who, who),
            plain(words.documents, documents),
            plain(words.place, place),
            plain(words.fee, fee),
        ],
        KindFields::Facility {
            address,
            telephone,
            hours,
            closed,
        } => vec![
            plain(words.address, address),
            Fact {
                name: words.telephone,
                value: telephone.clone(),
                telephone: true,
            },
            plain(words.hours, hours),
            plain(words.closed, closed),
        ],
        KindFields::Event {
            starts_on,
            ends_on,
            place,
            fee,
        } => vec![
            plain(words.dates, &dates::span(*starts_on, *ends_on, language)),
            plain(words.place, place),
            plain(words.fee, fee),
        ],
    };
    facts
        .into_iter()
        .filter(|fact| !fact.value.is_empty())
        .collect()
}

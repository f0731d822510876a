//! Which listings show a page, by URL and by tag: what a publication changes besides the page.

use yagura_control::{Tag, TagSet};

use crate::domain::{Language, Page, PageKind, tags};
use crate::error::CmsError;
use crate::store::{Change, urls};

/// Tags of every listing that shows the page, or would.
pub(super) fn tags_of(page: &Page) -> Vec<Tag> {
    let mut listings = vec![
        tags::category(&page.category),
        tags::department(&page.department),
        tags::language(page.language),
        tags::sitemap(),
        tags::search(),
    ];
    if page.language == Language::Ja {
        listings.extend([tags::home(), tags::news()]);
    }
    // The original and the other translations of a page link to it.
    listings.extend(page.translation_of.map(tags::page));
    if page.kind == PageKind::Event {
        listings.push(tags::calendar());
    }
    listings.into_iter().flatten().collect()
}

/// Fixed URLs of the listings, with their tags; edges keep last-good copies of these.
fn urls_of(page: &Page) -> Vec<(String, TagSet)> {
    let mut listings = vec![("/sitemap.xml".to_owned(), tags::set([tags::sitemap()]))];
    if page.language == Language::Ja {
        listings.extend([
            ("/".to_owned(), tags::set([tags::home()])),
            ("/news.atom".to_owned(), tags::set([tags::news()])),
            (
                format!("/{}/", page.category),
                tags::set([tags::category(&page.category)]),
            ),
            ("/soshiki/".to_owned(), TagSet::default()),
            (
                format!("/soshiki/{}/", page.department),
                tags::set([tags::department(&page.department)]),
            ),
        ]);
    } else {
        let top = format!("/{}/", page.language.code());
        listings.push((top, tags::set([tags::language(page.language)])));
    }
    if page.kind == PageKind::Event {
        listings.push(("/calendar/".to_owned(), tags::set([tags::calendar()])));
    }
    listings
}

/// Tells the change feed that the listings of the page have changed.
pub(super) async fn changed(
    change: &mut Change,
    page: &Page,
    version: &str,
) -> Result<(), CmsError> {
    for (path, tags) in urls_of(page) {
        urls::present(change, &path, version, &tags).await?;
    }
    Ok(())
}

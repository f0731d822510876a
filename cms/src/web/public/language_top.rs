//! The first page of a language other than Japanese: what there is in it, by category.

use askama::Template;

use super::frame::Frame;
use super::teaser::Teaser;
use crate::domain::{Language, tags};
use crate::state::CmsState;
use crate::store::pages::LiveFilter;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

/// Most pages listed; a town has some dozens in each language.
const MOST: i64 = 500;

struct Group {
    name: String,
    items: Vec<Teaser>,
}

#[derive(Template)]
#[template(path = "public/language_top.html")]
struct LanguageTop {
    frame: Frame,
    greeting: &'static str,
    nothing: &'static str,
    groups: Vec<Group>,
}

pub(super) async fn show(state: &CmsState, language: Language) -> Answer {
    let (greeting, nothing) = words(language);
    let categories = state.store.categories().await?;
    let filter = LiveFilter {
        language: Some(language),
        ..LiveFilter::default()
    };
    let (pages, _) = state.store.live_pages(&filter, MOST, 0).await?;
    let groups = categories.iter().filter_map(|category| {
        let within = pages.iter().filter(|page| page.category == category.slug);
        let items: Vec<Teaser> = within.map(Teaser::of).collect();
        (!items.is_empty()).then(|| Group {
            name: category_name(language, &category.slug, &category.name),
            items,
        })
    });
    let title = crate::render::Phrases::of(language).city;
    let page = LanguageTop {
        frame: Frame::new(language, &state.settings.public_url, &categories, title)
            .at(super::frame::home_path(language))
            .described(greeting),
        greeting,
        nothing,
        groups: groups.collect(),
    };
    html(
        &page,
        CachePolicy::Page(tags::set([tags::language(language)])),
    )
}

const fn words(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::Ja => (
            "サンプル市の公式ウェブサイトです。",
            "ページはまだありません。",
        ),
        Language::En => (
            "Information for residents and visitors of Sample City. More is available in Japanese.",
            "There are no pages in English yet.",
        ),
        Language::Zh => (
            "面向样本市居民和访客的信息。更多内容请参阅日语页面。",
            "目前还没有中文页面。",
        ),
        Language::Ko => (
            "샘플시 주민과 방문객을 위한 안내입니다. 더 많은 정보는 일본어 페이지에 있습니다.",
            "아직 한국어 페이지가 없습니다.",
        ),
    }
}

/// What a category is called in the language; its Japanese name where we have none.
fn category_name(language: Language, slug: &str, japanese: &str) -> String {
    let names: [(&str, &str, &str); 8] = [
        ("kurashi", "Daily life and procedures", "生活与手续"),
        ("kosodate", "Children and education", "育儿与教育"),
        ("kenko", "Health and welfare", "健康与福利"),
        ("bosai", "Disaster preparedness and safety", "防灾与安全"),
        ("gomi", "Waste and environment", "垃圾与环境"),
        ("shigoto", "Work and business", "工作与产业"),
        ("kanko", "Tourism, culture and sports", "旅游、文化与体育"),
        ("shisei", "City government", "市政信息"),
    ];
    let found = names.into_iter().find(|(known, _, _)| *known == slug);
    match (language, found) {
        (Language::En, Some((_, english, _))) => english.to_owned(),
        (Language::Zh, Some((_, _, chinese))) => chinese.to_owned(),
        _ => japanese.to_owned(),
    }
}

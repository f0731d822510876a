//! The home page: 緊急情報 first, then where to look, what is new, what is on.

use askama::Template;
use axum::extract::State;
use time::Duration;

use super::frame::{Frame, Icon, Link, department_path};
use super::teaser::{self, EventTeaser, Teaser};
use crate::domain::{KindFields, Language, PageKind, tags};
use crate::render::dates;
use crate::state::CmsState;
use crate::store::pages::LiveFilter;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

const NEWS: i64 = 8;
const EVENTS: i64 = 5;
const PROCEDURES: i64 = 6;
/// How far ahead events are shown, in days.
const AHEAD: i64 = 60;
/// Words that readers of town sites look for most.
const WORDS: [&str; 6] = [
    "住民票",
    "ごみの分別",
    "予防接種",
    "保育所",
    "ハザードマップ",
    "マイナンバーカード",
];

#[derive(Template)]
#[template(path = "public/home.html")]
struct Home {
    frame: Frame,
    urgent: Vec<Teaser>,
    words: Vec<Link>,
    news: Vec<Teaser>,
    events: Vec<EventTeaser>,
    procedures: Vec<Teaser>,
    departments: Vec<Link>,
}

pub(super) async fn show(State(state): State<CmsState>) -> Answer {
    let store = &state.store;
    let categories = store.categories().await?;
    let today = dates::day_in_japan(state.now());
    let urgent = store
        .urgent_pages()
        .await?
        .iter()
        .map(|page| Teaser::of(page).dated(page))
        .collect();
    let news = store
        .latest_news(NEWS)
        .await?
        .iter()
        .map(|page| Teaser::of(page).short().dated(page).labelled(&categories))
        .collect();
    let last = today.saturating_add(Duration::days(AHEAD));
    let events = store.events_between(today, last, EVENTS).await?;
    let events = events.into_iter().filter_map(|event| {
        let fields = KindFields::Event {
            starts_on: event.starts_on,
            ends_on: event.ends_on,
            place: event.place,
            fee: String::new(),
        };
        teaser::event(
            event.page.path.to_string(),
            event.page.title,
            &fields,
            Some(today),
        )
    });
    let wanted = LiveFilter {
        kind: Some(PageKind::Procedure),
        language: Some(Language::Ja),
        ..LiveFilter::default()
    };
    let procedures = store.live_pages(&wanted, PROCEDURES, 0).await?.0;
    let departments = store.departments().await?;
    let mut frame = Frame::new(Language::Ja, &state.settings.public_url, &categories, "サンプル市公式ウェブサイト")
        .at("/")
        .described("サンプル市の公式ウェブサイトです。くらしの手続き、子育て、健康・福祉、防災などの情報をお知らせします。");
    frame.home = true;
    let home = Home {
        frame,
        urgent,
        words: WORDS
            .iter()
            .map(|word| Link::new(super::search::path(word), *word))
            .collect(),
        news,
        events: events.collect(),
        procedures: procedures
            .iter()
            .map(|page| Teaser::of(page).labelled(&categories))
            .collect(),
        departments: departments
            .iter()
            .map(|one| Link::new(department_path(&one.slug), &one.name))
            .collect(),
    };
    html(&home, CachePolicy::Page(tags::set([tags::home()])))
}

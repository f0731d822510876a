//! The promises, one function each. They may follow one another on one database.

use std::collections::BTreeMap;

use yagura_cms::actions::create_page::create_page;
use yagura_cms::actions::publish::publish;
use yagura_cms::actions::save_draft::save_draft;
use yagura_cms::actions::sign_in::{Credentials, SignedIn, session_id, sign_in, sign_out};
use yagura_cms::actions::withdraw::withdraw;
use yagura_cms::demo::{self, DemoPlan};
use yagura_cms::domain::document::{Block, Inline};
use yagura_cms::domain::page::Draft;
use yagura_cms::domain::{
    Actor, Document, KindFields, Language, PageId, PageKind, PagePath, Place,
};
use yagura_cms::store::jobs::Delivery;
use yagura_cms::store::pages::{LiveFilter, NewPage, StaffFilter};
use yagura_cms::{CmsError, CmsState};
use yagura_control::feed::Change;

use crate::Cms;

fn draft(title: &str, words: &str) -> Draft {
    let text = Inline::Text {
        text: words.to_owned(),
        marks: Vec::new(),
    };
    Draft {
        title: title.to_owned(),
        summary: "概要".to_owned(),
        document: Document::new(vec![Block::Paragraph {
            content: vec![text],
        }]),
        fields: KindFields::Article,
    }
}

fn new_page(name: &str) -> NewPage {
    NewPage {
        kind: PageKind::Article,
        path: PagePath::new(Language::Ja, "kurashi", name).unwrap(),
        category: "kurashi".to_owned(),
        department: String::new(),
        language: Language::Ja,
        translation_of: None,
        urgent: false,
    }
}

async fn created(state: &CmsState, name: &str) -> PageId {
    let department = state.store.departments().await.unwrap().remove(0).slug;
    let page = NewPage {
        department,
        ..new_page(name)
    };
    create_page(
        state,
        &Actor::system(),
        &page,
        &draft(&format!("題 {name}"), "本文"),
    )
    .await
    .unwrap()
}

pub async fn a_second_city_is_refused(cms: &Cms) {
    let plan = DemoPlan {
        pages: 400,
        seed: 7,
        today: time::macros::date!(2026 - 11 - 24),
    };
    let refused = demo::install(&cms.state, &plan, &[], &|_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(refused, CmsError::Refused(_)), "{refused}");
}

pub async fn drafts_are_seen_by_staff_alone(cms: &Cms) {
    let state = &cms.state;
    let id = created(state, "a-draft").await;
    assert!(
        state
            .store
            .live_page_at("/kurashi/a-draft.html")
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        state
            .store
            .url_version("/kurashi/a-draft.html")
            .await
            .unwrap()
            .is_none()
    );
    let filter = StaffFilter {
        text: "題 a-draft",
        state: Some("draft"),
        ..StaffFilter::default()
    };
    let (found, total) = state.store.pages_for_staff(&filter, 10, 0).await.unwrap();
    assert_eq!((found.len(), total, found[0].id), (1, 1, id));
    let taken = create_page(
        state,
        &Actor::system(),
        &NewPage {
            department: found[0].department.clone(),
            ..new_page("a-draft")
        },
        &draft("x", "y"),
    )
    .await;
    assert!(matches!(taken, Err(CmsError::Refused(_))));
}

pub async fn publishing_is_one_change(cms: &Cms) {
    let state = &cms.state;
    let id = created(state, "published").await;
    let actor = Actor::system();
    let number = save_draft(
        state,
        &actor,
        id,
        1,
        true,
        &draft("公開した題", "防災無線の聞き方"),
    )
    .await
    .unwrap();
    let at = publish(state, &actor, id, number).await.unwrap();
    let (page, revision) = state
        .store
        .live_page_at("/kurashi/published.html")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (page.title.as_str(), revision.number, page.urgent),
        ("公開した題", 2, true)
    );
    assert_eq!((page.published_at, page.updated_at), (Some(at), at));
    // The record, the jobs of both edges, and the feed's entry came with it.
    let audit = state.store.audit_of(id).await.unwrap();
    let told: Vec<&str> = audit.iter().map(|record| record.action.as_str()).collect();
    assert_eq!(told, ["publish", "save_draft", "create_page"]);
    assert_eq!(
        (audit[0].before_revision, audit[0].after_revision),
        (None, Some(2))
    );
    assert_eq!(
        state.store.delivery(id).await.unwrap(),
        Delivery::UnderWay { done: 0, of: 2 }
    );
    assert!(
        state
            .store
            .url_version("/kurashi/published.html")
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        state
            .store
            .urgent_pages()
            .await
            .unwrap()
            .iter()
            .any(|page| page.id == id)
    );
    // A newer draft changes nothing for readers.
    save_draft(state, &actor, id, number, true, &draft("次の題", "次の文"))
        .await
        .unwrap();
    let (page, _) = state
        .store
        .live_page_at("/kurashi/published.html")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(page.title, "公開した題");
}

pub async fn of_two_writers_the_second_is_told(cms: &Cms) {
    let state = &cms.state;
    let id = created(state, "two-writers").await;
    let actor = Actor::system();
    save_draft(state, &actor, id, 1, false, &draft("一人目", "一"))
        .await
        .unwrap();
    let second = save_draft(state, &actor, id, 1, false, &draft("二人目", "二")).await;
    assert!(matches!(second, Err(CmsError::Conflict { number: 2, .. })));
    assert_eq!(state.store.page(id).await.unwrap().unwrap().title, "一人目");
    assert!(matches!(
        publish(state, &actor, id, 1).await,
        Err(CmsError::Conflict { number: 2, .. })
    ));
    // Saving what is there already makes no revision.
    assert_eq!(
        save_draft(state, &actor, id, 2, false, &draft("一人目", "一"))
            .await
            .unwrap(),
        2
    );
    assert_eq!(state.store.revisions(id).await.unwrap().len(), 2);
}

pub async fn withdrawing_takes_a_page_off(cms: &Cms) {
    let state = &cms.state;
    let id = created(state, "taken-off").await;
    let actor = Actor::system();
    assert!(matches!(
        withdraw(state, &actor, id).await,
        Err(CmsError::Refused(_))
    ));
    publish(state, &actor, id, 1).await.unwrap();
    withdraw(state, &actor, id).await.unwrap();
    let path = "/kurashi/taken-off.html";
    assert!(state.store.live_page_at(path).await.unwrap().is_none());
    assert_eq!(state.store.search("taken", 10, 0).await.unwrap().1, 0);
    let entry = newest_of(state, path).await;
    assert_eq!(entry, Change::Withdrawn);
    // Its text is kept, and it can be published again.
    assert_eq!(state.store.revisions(id).await.unwrap().len(), 1);
    publish(state, &actor, id, 1).await.unwrap();
    assert!(state.store.live_page_at(path).await.unwrap().is_some());
    assert_ne!(newest_of(state, path).await, Change::Withdrawn);
}

pub async fn a_refused_publication_changes_nothing(cms: &Cms) {
    let state = &cms.state;
    let id = created(state, "refused").await;
    let mut faulty = draft("題", "本文");
    faulty.document.content.push(
        serde_json::from_str(r#"{"type":"heading","attrs":{"level":4},"content":[]}"#).unwrap(),
    );
    let number = save_draft(state, &Actor::system(), id, 1, false, &faulty)
        .await
        .unwrap();
    let audit = state.store.audit_of(id).await.unwrap().len();
    let Err(CmsError::Refused(reasons)) = publish(state, &Actor::system(), id, number).await else {
        panic!("published with faults");
    };
    assert!(
        reasons.len() >= 2 && reasons.iter().all(|reason| reason.contains('。')),
        "{reasons:?}"
    );
    assert!(
        state
            .store
            .live_page_at("/kurashi/refused.html")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(state.store.audit_of(id).await.unwrap().len(), audit);
    assert_eq!(state.store.delivery(id).await.unwrap(), Delivery::Nothing);
}

pub async fn jobs_are_given_in_order_to_each_edge(cms: &Cms) {
    let state = &cms.state;
    let edges = state.edges();
    let mut given = BTreeMap::new();
    for edge in &edges {
        let mut numbers = Vec::new();
        while let Some(job) = state.store.next_job(edge).await.unwrap() {
            state.store.job_failed(job.id, "no answer").await.unwrap();
            let again = state.store.next_job(edge).await.unwrap().unwrap();
            assert_eq!((again.id, again.attempts), (job.id, job.attempts + 1));
            state
                .store
                .job_acknowledged(job.id, state.now())
                .await
                .unwrap();
            numbers.push((job.id, job.purge.site.clone()));
        }
        assert!(numbers.is_sorted() && numbers.iter().all(|(_, site)| site == "town"));
        given.insert(edge.clone(), numbers.len());
    }
    assert!(
        given[&edges[0]] > 0 && given[&edges[0]] == given[&edges[1]],
        "{given:?}"
    );
    let page = state
        .store
        .page_at("/kurashi/published.html")
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(
        state.store.delivery(page.id).await.unwrap(),
        Delivery::Live(_)
    ));
}

pub async fn the_feed_tells_each_url_once(cms: &Cms) {
    let state = &cms.state;
    let epoch = state.store.epoch("first".to_owned()).await.unwrap();
    assert_eq!(
        state.store.epoch("second".to_owned()).await.unwrap(),
        epoch,
        "an epoch is made once"
    );
    let mut seen = BTreeMap::new();
    let mut since = 0;
    loop {
        let page = state.store.feed_page(&epoch, since, 100).await.unwrap();
        assert!(page.entries.is_sorted_by_key(|entry| entry.seq) && page.entries.len() <= 100);
        let Some(last) = page.entries.last() else {
            break;
        };
        since = last.seq;
        for entry in &page.entries {
            assert!(
                seen.insert(entry.path.clone(), entry.seq).is_none(),
                "{} twice",
                entry.path
            );
        }
    }
    let head = state.store.feed_page(&epoch, since, 1).await.unwrap().head;
    assert_eq!(head, since);
    let files = seen
        .keys()
        .filter(|path| path.starts_with("/media/"))
        .count();
    let pages = seen.keys().filter(|path| path.ends_with(".html")).count();
    assert!(pages >= 440 && files == 120, "{pages} pages, {files} files");
    for listing in [
        "/",
        "/news.atom",
        "/kurashi/",
        "/soshiki/",
        "/sitemap.xml",
        "/en/",
        "/calendar/",
    ] {
        assert!(seen.contains_key(listing), "{listing}");
    }
}

pub async fn words_are_found(cms: &Cms) {
    let store = &cms.state.store;
    let found = |words: &'static str| async move { store.search(words, 50, 0).await.unwrap() };
    let (pages, total) = found("防災無線").await;
    assert!(
        total >= 1
            && pages
                .iter()
                .any(|page| page.path.as_str() == "/kurashi/published.html")
    );
    assert!(found("ごみ").await.1 > 5);
    assert!(found("ごみ 分別").await.1 <= found("ごみ").await.1);
    assert_eq!(
        found("無線防災").await.1,
        0,
        "letters in another order are another word"
    );
    for hostile in ["\" OR 1=1 --", "' | !", "NEAR(", "*", "", "   ", "a:b & c"] {
        let _ = store.search(hostile, 10, 0).await.unwrap();
    }
}

/// Signs in at the city hall.
async fn signed_in(state: &CmsState, login: &str, password: &str) -> Result<SignedIn, CmsError> {
    let credentials = Credentials {
        login,
        password,
        proof: None,
        place: Place::CityHall,
    };
    sign_in(state, &credentials).await
}

pub async fn sessions_begin_and_end(cms: &Cms) {
    let state = &cms.state;
    for login in ["hanako", "nobody"] {
        let refused = signed_in(state, login, "wrong").await;
        assert!(matches!(
            refused,
            Err(CmsError::SignInRefused(Place::CityHall))
        ));
    }
    let signed_in = signed_in(state, "hanako", "correct horse").await.unwrap();
    let id = session_id(&signed_in.token);
    let session = state
        .store
        .session(&id, state.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(session.user.login, "hanako");
    assert!(
        state
            .store
            .session(&signed_in.token, state.now())
            .await
            .unwrap()
            .is_none(),
        "the word itself is not stored"
    );
    let later = state.now().plus(std::time::Duration::from_secs(9 * 3600));
    assert!(
        state.store.session(&id, later).await.unwrap().is_none(),
        "a session lasts a working day"
    );
    sign_out(state, &signed_in.token).await.unwrap();
    assert!(
        state
            .store
            .session(&id, state.now())
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn writers_at_once_lose_nothing(cms: &Cms) {
    let state = &cms.state;
    let id = created(state, "contended").await;
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let state = state.clone();
            tokio::spawn(async move {
                save_draft(
                    &state,
                    &Actor::system(),
                    id,
                    1,
                    false,
                    &draft(&format!("題{number}"), "x"),
                )
                .await
            })
        })
        .collect();
    let mut saved = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(number) => {
                saved += 1;
                assert_eq!(number, 2);
            }
            Err(CmsError::Conflict { number: 2, .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(
        (saved, state.store.revisions(id).await.unwrap().len()),
        (1, 2)
    );
}

/// Whatever the two databases could order or count differently.
pub async fn everything_told(cms: &Cms) -> Vec<String> {
    let store = &cms.state.store;
    let mut told = Vec::new();
    for category in store.categories().await.unwrap() {
        for kind in PageKind::ALL {
            let filter = LiveFilter {
                category: Some(&category.slug),
                kind: Some(kind),
                ..LiveFilter::default()
            };
            let (pages, total) = store.live_pages(&filter, 1000, 0).await.unwrap();
            told.push(format!("{} {} {total}", category.slug, kind.code()));
            told.extend(
                pages
                    .iter()
                    .map(|page| format!("{} {} {}", page.path, page.title, page.updated_at.0)),
            );
        }
    }
    for words in [
        "ごみ",
        "住民票",
        "マイナンバー",
        "city",
        "図書館 休館",
        "市",
        "2026",
    ] {
        let (pages, total) = store.search(words, 100, 0).await.unwrap();
        told.push(format!("search {words} {total}"));
        told.extend(pages.iter().map(|page| page.path.to_string()));
    }
    let (first, last) = (
        time::macros::date!(2026 - 11 - 01),
        time::macros::date!(2027 - 01 - 31),
    );
    let events = store.events_between(first, last, 100).await.unwrap();
    told.extend(
        events
            .iter()
            .map(|event| format!("{} {} {}", event.page.path, event.starts_on, event.place)),
    );
    let mapped = store.sitemap(PageId(0), 10_000).await.unwrap();
    told.extend(
        mapped
            .iter()
            .map(|(id, path, at)| format!("{id} {path} {}", at.0)),
    );
    let feed = store.feed_page("", 0, 10_000).await.unwrap();
    told.extend(
        feed.entries
            .iter()
            .map(|entry| format!("{} {} {:?}", entry.seq, entry.path, entry.change)),
    );
    assert!(told.len() > 1500, "{} lines", told.len());
    told
}

async fn newest_of(state: &CmsState, path: &str) -> Change {
    let feed = state.store.feed_page("", 0, 10_000).await.unwrap();
    feed.entries
        .into_iter()
        .find(|entry| entry.path == path)
        .unwrap()
        .change
}

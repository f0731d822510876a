//! What must hold for the city as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use time::macros::date;
use yagura_config::settings::{CmsSettings, CommandSettings, Origin};
use yagura_control::{SystemClock, redirect};

use super::plan::{self, City, FILES, JAPANESE_PAGES, PICTURES};
use super::{DemoAccount, DemoPlan, REDIRECTS, install};
use super::{content, dates, markup, organisation, redirects, series};
use crate::domain::{KindFields, Language, MediaId, PageKind, Role};
use crate::error::CmsError;
use crate::state::CmsState;

const TODAY: time::Date = date!(2026 - 11 - 24);

fn made() -> City {
    plan::city(7, TODAY).unwrap()
}

#[test]
fn every_text_may_be_published_and_no_mark_is_left_in_it() {
    let city = made();
    for page in &city.pages {
        let draft = city.draft(page, 1);
        assert_eq!(draft.document.check(), [], "{}", page.page.path);
        assert!(!draft.document.content.is_empty(), "{}", page.page.path);
        let words = format!(
            "{}{}{}",
            draft.title,
            draft.summary,
            draft.document.plain_text()
        );
        for sign in ["**", "](", "{", "}", "《", "|", "===", "lorem"] {
            assert!(!words.contains(sign), "{sign} in {}", page.page.path);
        }
        assert!(
            !draft.title.is_empty() && draft.title.chars().count() <= 100,
            "{}",
            page.page.path
        );
        assert!(
            !draft.summary.is_empty() && draft.summary.chars().count() <= 200,
            "{}",
            page.page.path
        );
        assert_eq!(draft.fields.kind(), page.page.kind);
    }
}

#[test]
fn titles_and_paths_are_the_pages_own_and_the_counts_are_right() {
    let city = made();
    let count = |language| {
        city.pages
            .iter()
            .filter(|page| page.page.language == language)
            .count()
    };
    assert!(
        content::subjects().len() <= JAPANESE_PAGES,
        "{}",
        content::subjects().len()
    );
    assert!(
        content::subjects().len() >= JAPANESE_PAGES - 40,
        "{}",
        content::subjects().len()
    );
    assert_eq!(
        (
            count(Language::Ja),
            count(Language::En),
            count(Language::Zh)
        ),
        (JAPANESE_PAGES, 20, 20)
    );
    let mut seen = BTreeMap::new();
    for page in &city.pages {
        for what in [
            format!("{} {}", page.page.language.code(), page.title),
            page.page.path.to_string(),
        ] {
            assert_eq!(seen.insert(what.clone(), ()), None, "{what}");
        }
    }
    let of = |kind| {
        city.pages
            .iter()
            .filter(|page| page.page.kind == kind && page.original.is_none())
            .count()
    };
    for (kind, least) in [
        (PageKind::Article, 100),
        (PageKind::Procedure, 90),
        (PageKind::Facility, 50),
        (PageKind::Event, 50),
        (PageKind::Faq, 40),
    ] {
        assert!(of(kind) >= least, "{kind:?}: {}", of(kind));
    }
    let urgent = city
        .pages
        .iter()
        .filter(|page| page.page.urgent && page.original.is_none())
        .count();
    assert!((2..=3).contains(&urgent), "{urgent}");
}

#[test]
fn categories_and_departments_are_known() {
    let categories: BTreeSet<String> = organisation::categories()
        .into_iter()
        .map(|known| known.slug)
        .collect();
    let departments: BTreeSet<String> = organisation::departments()
        .into_iter()
        .map(|known| known.slug)
        .collect();
    assert_eq!((categories.len(), departments.len()), (8, 12));
    let city = made();
    for page in &city.pages {
        assert!(
            categories.contains(&page.page.category),
            "{}",
            page.page.path
        );
        assert!(
            departments.contains(&page.page.department),
            "{}",
            page.page.path
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let city = made();
    for page in &city.pages {
        let wanted = |target: &str| {
            assert!(
                city.resolve(target, page.page.language, 1).is_some(),
                "{target} in {}",
                page.page.path
            );
            None
        };
        let _ = markup::blocks(&page.text, &wanted);
        page.related
            .iter()
            .filter(|name| !name.is_empty())
            .for_each(|name| {
                wanted(name);
            });
    }
    // The first page is written before any number is known.
    let first = city.pages.first().unwrap();
    assert!(city.draft(first, 1).document.linked_pages().is_empty());
    let linked: usize = city
        .pages
        .iter()
        .map(|page| city.draft(page, 1).document.linked_pages().len())
        .sum();
    assert!(linked > 400, "{linked}");
}

#[test]
fn every_picture_and_every_form_is_shown() {
    let city = made();
    assert_eq!((city.pictures.len(), city.files.len()), (PICTURES, FILES));
    let shown: BTreeSet<MediaId> = city
        .pages
        .iter()
        .flat_map(|page| city.draft(page, 1).document.media())
        .collect();
    let there: BTreeSet<MediaId> = city
        .pictures
        .iter()
        .chain(&city.files)
        .map(|asset| MediaId::of(&asset.content))
        .collect();
    assert_eq!(there.len(), PICTURES + FILES);
    assert_eq!(shown, there);
}

#[test]
fn forms_are_pdf_files_whose_table_points_at_their_objects() {
    for file in &made().files {
        let text = String::from_utf8_lossy(&file.content);
        assert!(
            file.content.starts_with(b"%PDF-1.7\n") && text.ends_with("%%EOF\n"),
            "{}",
            file.file_name
        );
        let start: usize = text
            .rsplit("startxref\n")
            .next()
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let table = String::from_utf8_lossy(&file.content[start..]).into_owned();
        assert!(table.starts_with("xref\n0 9\n"), "{table}");
        for (number, line) in (1..9).zip(table.lines().skip(3)) {
            assert_eq!(line.len() + 1, 20);
            let at: usize = line[..10].parse().unwrap();
            assert!(
                file.content[at..].starts_with(format!("{number} 0 obj").as_bytes()),
                "{}",
                file.file_name
            );
        }
    }
}

#[test]
fn days_lie_where_they_should() {
    let city = made();
    for page in &city.pages {
        if let KindFields::Event {
            starts_on, ends_on, ..
        } = page.fields
        {
            assert!(
                starts_on >= dates::after(TODAY, -37) && ends_on <= dates::after(TODAY, 127),
                "{}",
                page.page.path
            );
            assert!(starts_on <= ends_on);
        }
        assert!(page.published < dates::at(TODAY, 0), "{}", page.page.path);
    }
}

#[test]
fn the_same_seed_makes_the_same_city() {
    let (one, two) = (made(), made());
    for (a, b) in one.pages.iter().zip(&two.pages) {
        assert_eq!(
            (one.draft(a, 5), a.published),
            (two.draft(b, 5), b.published)
        );
    }
}

#[test]
fn redirects_are_a_table_that_is_read_back() {
    let city = made();
    let paths: Vec<&str> = city
        .pages
        .iter()
        .map(|page| page.page.path.as_str())
        .collect();
    let table = redirects::redirects(&paths, Some("www.city.sample.example"), 7, TODAY, REDIRECTS);
    assert_eq!(table.len(), 5_000);
    assert_eq!(
        redirect::parse_csv(&redirect::to_csv(&table)).unwrap(),
        table
    );
    assert!(
        table
            .iter()
            .all(|redirect| paths.contains(&redirect.to.as_str()))
    );
}

#[test]
fn the_archive_has_no_two_pages_alike() {
    let city = made();
    let mut seen: BTreeSet<String> = city
        .pages
        .iter()
        .map(|page| page.page.path.to_string())
        .collect();
    let mut titles: BTreeSet<String> = city.pages.iter().map(|page| page.title.clone()).collect();
    for number in 0..3_000 {
        let page = series::page(number, 7, TODAY).unwrap();
        assert!(
            seen.insert(page.page.path.to_string()),
            "{}",
            page.page.path
        );
        assert!(titles.insert(page.title.clone()), "{}", page.title);
        assert_eq!(
            city.draft(&page, 1).document.check(),
            [],
            "{}",
            page.page.path
        );
        assert!(page.published < dates::at(TODAY, 0));
    }
}

#[tokio::test]
async fn a_store_is_filled_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let settings = CmsSettings {
        public_listen: Origin::Unix(place("public.sock")),
        staff_listen: Origin::Unix(place("staff.sock")),
        feed_socket: place("feed.sock"),
        database: format!("sqlite:{}", place("cms.sqlite").display()).into(),
        media: place("media"),
        public_url: "https://www.city.sample.example:8443".to_owned(),
        staff_url: "https://cms.city.sample.example:8443".to_owned(),
        site: "www".to_owned(),
        edges: CommandSettings::default(),
    };
    let state = CmsState::open(settings, Arc::new(SystemClock))
        .await
        .unwrap();
    let plan = DemoPlan {
        pages: 1_100,
        seed: 7,
        today: TODAY,
    };
    let accounts = [DemoAccount {
        login: "editor".to_owned(),
        name: "佐藤 美咲".to_owned(),
        role: Role::Editor,
        password: "demo-only-password".to_owned().into(),
    }];
    let told = std::sync::Mutex::new(Vec::new());
    let report = install(&state, &plan, &accounts, &|done, total| {
        told.lock().unwrap().push((done, total))
    })
    .await;
    let report = report.unwrap();
    assert_eq!(
        (
            report.pages,
            report.images,
            report.attachments,
            report.redirects
        ),
        (1_140, 80, 40, 5_000)
    );
    assert_eq!(
        told.into_inner().unwrap(),
        [(0, 1_140), (500, 1_140), (1_000, 1_140), (1_140, 1_140)]
    );
    assert_eq!(state.store.page_count().await.unwrap(), 1_140);
    assert!(
        report
            .redirects_csv
            .contains("https://www.city.sample.example/")
    );

    // Links lead to the pages they were written for.
    let (_, moving_in) = state
        .store
        .live_page_at("/kurashi/tennyu.html")
        .await
        .unwrap()
        .unwrap();
    let paths = state
        .store
        .live_paths(&moving_in.document.linked_pages())
        .await
        .unwrap();
    assert!(
        paths
            .values()
            .any(|path| path == "/kosodate/jido-teate.html"),
        "{paths:?}"
    );
    let (page, _) = state
        .store
        .live_page_at("/zh/kurashi/tennyu.html")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(state.store.translations(&page).await.unwrap().len(), 3);
    assert_eq!(state.store.urgent_pages().await.unwrap().len(), 3);
    assert!(state.store.search("粗大ごみ", 10, 0).await.unwrap().1 > 3);

    assert!(matches!(
        install(&state, &plan, &[], &|_, _| ()).await,
        Err(CmsError::Refused(_))
    ));
}

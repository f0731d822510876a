//! The whole city without a database: which pages there are, when they were published, what they
//! show. Pure: the same seed and day give the same city.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use time::{Date, Weekday};
use yagura_control::Timestamp;

use super::content::{self, Record};
use super::{dates, forms, markup, scenes, series};
use crate::domain::document::{AttachmentAttrs, Block, ImageAttrs};
use crate::domain::page::Draft;
use crate::domain::{KindFields, Language, MediaId, PageId, PageKind, PagePath};
use crate::error::CmsError;
use crate::store::pages::NewPage;

/// Japanese pages of the city itself, without the numbered notices of a load test.
pub(super) const JAPANESE_PAGES: usize = 400;
/// Pictures.
pub(super) const PICTURES: usize = 80;
/// PDF forms.
pub(super) const FILES: usize = 40;
/// Those who write.
const AUTHORS: [&str; 6] = [
    "佐藤 美咲",
    "鈴木 健一",
    "高橋 由美",
    "田中 大輔",
    "渡辺 恵",
    "小林 誠",
];

/// The city.
pub(super) struct City {
    /// Its pages in the order they are written; the Japanese ones before the translations.
    pub(super) pages: Vec<PlannedPage>,
    /// Pictures.
    pub(super) pictures: Vec<Asset>,
    /// PDF forms.
    pub(super) files: Vec<Asset>,
    places: BTreeMap<String, usize>,
}

/// A picture or file.
pub(super) struct Asset {
    /// As readers save it.
    pub(super) file_name: String,
    /// What is to be seen in it; of a file, what it is.
    pub(super) alt: String,
    /// Width and height of pictures.
    pub(super) size: Option<(i64, i64)>,
    /// The file itself.
    pub(super) content: Vec<u8>,
}

/// A page to be written.
pub(super) struct PlannedPage {
    /// Where it will be.
    pub(super) page: NewPage,
    /// Place of the page it translates.
    pub(super) original: Option<usize>,
    /// Its title.
    pub(super) title: String,
    /// One or two sentences.
    pub(super) summary: String,
    /// What its kind tells besides.
    pub(super) fields: KindFields,
    /// The text, in the markup.
    pub(super) text: String,
    /// Names of pages it leads on to.
    pub(super) related: Vec<String>,
    /// Place of its picture.
    pub(super) picture: Option<usize>,
    /// Place of its form.
    pub(super) file: Option<usize>,
    /// When it was published.
    pub(super) published: Timestamp,
    /// Who wrote it.
    pub(super) author: &'static str,
}

/// Makes the city.
///
/// # Errors
/// A name cannot be part of an address, or a picture cannot be encoded.
pub(super) fn city(seed: u64, today: Date) -> Result<City, CmsError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut city = City {
        pages: Vec::new(),
        pictures: Vec::new(),
        files: Vec::new(),
        places: BTreeMap::new(),
    };
    for record in content::subjects().into_iter().take(JAPANESE_PAGES) {
        city.add_subject(&record, today, &mut random)?;
    }
    for number in 0..JAPANESE_PAGES.saturating_sub(city.pages.len()) {
        let page = series::monthly(number, today)?;
        city.push(format!("monthly-{number}"), page);
    }
    for record in content::translations() {
        city.add_translation(&record, today)?;
    }
    Ok(city)
}

/// The number a page will have when the first one has `first`.
pub(super) fn id_of(place: usize, first: i64) -> PageId {
    PageId(first.saturating_add(i64::try_from(place).unwrap_or(i64::MAX)))
}

/// The path of a page.
pub(super) fn path_of(
    language: Language,
    category: &str,
    name: &str,
) -> Result<PagePath, CmsError> {
    PagePath::new(language, category, name).map_err(|error| CmsError::refused(error.to_string()))
}

impl City {
    /// What is written at first into a page, with links to the numbers the pages have when the first
    /// has `first`.
    pub(super) fn draft(&self, page: &PlannedPage, first: i64) -> Draft {
        let language = page.page.language;
        let resolve = |target: &str| self.resolve(target, language, first);
        let mut blocks = markup::blocks(&page.text, &resolve);
        if let Some(picture) = page.picture.and_then(|place| self.pictures.get(place)) {
            let attrs = ImageAttrs {
                media: MediaId::of(&picture.content).0,
                alt: picture.alt.clone(),
                decorative: false,
                caption: String::new(),
            };
            blocks.insert(blocks.len().min(1), Block::Image { attrs });
        }
        if let Some(file) = page.file.and_then(|place| self.files.get(place)) {
            blocks.push(markup::heading(
                2,
                vec![markup::plain("様式のダウンロード")],
            ));
            let attrs = AttachmentAttrs {
                media: MediaId::of(&file.content).0,
                label: file.alt.clone(),
            };
            blocks.push(Block::Attachment { attrs });
        }
        let related = page.related.iter().filter_map(|name| {
            let place = *self.places.get(name)?;
            Some(markup::linked_item(
                &self.pages.get(place)?.title,
                resolve(name)?,
            ))
        });
        let related: Vec<_> = related.collect();
        if !related.is_empty() {
            blocks.push(markup::heading(2, vec![markup::plain("関連するページ")]));
            blocks.push(Block::BulletList { content: related });
        }
        Draft {
            title: page.title.clone(),
            summary: page.summary.clone(),
            document: markup::document(blocks),
            fields: page.fields.clone(),
        }
    }

    /// Where a target leads: to a page in the same language, or else in Japanese.
    pub(super) fn resolve(&self, target: &str, language: Language, first: i64) -> Option<String> {
        if target.contains(':') || target.starts_with('/') {
            return Some(target.to_owned());
        }
        let translated = self.places.get(&format!("{}/{target}", language.code()));
        let place = translated.or_else(|| self.places.get(target))?;
        Some(format!("page:{}", id_of(*place, first)))
    }

    fn push(&mut self, name: String, page: PlannedPage) {
        self.places.insert(name, self.pages.len());
        self.pages.push(page);
    }

    fn add_subject(
        &mut self,
        record: &Record,
        today: Date,
        random: &mut ChaCha8Rng,
    ) -> Result<(), CmsError> {
        let when = (record.kind() == PageKind::Event).then(|| days_of(record, today));
        let told = |key: &str| dates::filled(record.head(key), today, when);
        let title = told("title");
        let (category, name) = (record.word(1), record.word(3));
        let page = NewPage {
            kind: record.kind(),
            path: path_of(Language::Ja, category, name)?,
            category: category.to_owned(),
            department: record.word(2).to_owned(),
            language: Language::Ja,
            translation_of: None,
            urgent: !record.head("urgent").is_empty(),
        };
        let summary = if record.head("summary").is_empty() {
            told("answer")
        } else {
            told("summary")
        };
        let planned = PlannedPage {
            page,
            original: None,
            picture: self.picture(record, name, random)?,
            file: self.form(record, name),
            title,
            summary,
            fields: fields_of(record, today, when, record.kind()),
            text: dates::filled(&record.text, today, when),
            related: record
                .head("related")
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
            published: published(record, today, when, random),
            author: AUTHORS.choose(random).copied().unwrap_or("佐藤 美咲"),
        };
        self.push(name.to_owned(), planned);
        Ok(())
    }

    fn add_translation(&mut self, record: &Record, today: Date) -> Result<(), CmsError> {
        let (code, name) = (record.word(0), record.word(1));
        let Some(language) = Language::from_code(code) else {
            return Ok(());
        };
        let Some((place, original)) = self
            .places
            .get(name)
            .and_then(|place| Some((*place, self.pages.get(*place)?)))
        else {
            return Ok(());
        };
        let when = match original.fields {
            KindFields::Event {
                starts_on, ends_on, ..
            } => Some((starts_on, ends_on)),
            _ => None,
        };
        let planned = PlannedPage {
            page: NewPage {
                language,
                path: path_of(language, &original.page.category, name)?,
                ..original.page.clone()
            },
            original: Some(place),
            title: record.head("title").to_owned(),
            summary: record.head("summary").to_owned(),
            fields: fields_of(record, today, when, original.page.kind),
            text: record.text.clone(),
            related: Vec::new(),
            picture: None,
            file: None,
            published: original
                .published
                .plus(std::time::Duration::from_secs(1_800)),
            author: original.author,
        };
        self.push(format!("{code}/{name}"), planned);
        Ok(())
    }

    /// Draws the picture a record asks for: `picture: KIND | SUBJECT`.
    fn picture(
        &mut self,
        record: &Record,
        name: &str,
        random: &mut ChaCha8Rng,
    ) -> Result<Option<usize>, CmsError> {
        let Some((kind, subject)) = record.head("picture").split_once('|') else {
            return Ok(None);
        };
        if self.pictures.len() >= PICTURES {
            return Ok(None);
        }
        let scene = scenes::scene(kind.trim(), subject.trim(), random);
        let scene = scene.map_err(|error| CmsError::refused(error.to_string()))?;
        let size = (
            i64::from(super::canvas::WIDTH),
            i64::from(super::canvas::HEIGHT),
        );
        let file_name = format!("{name}.png");
        self.pictures.push(Asset {
            file_name,
            alt: scene.alt,
            size: Some(size),
            content: scene.png,
        });
        Ok(Some(self.pictures.len() - 1))
    }

    /// Makes the form a record asks for: `form: TITLE | ITEM、ITEM、…`.
    fn form(&mut self, record: &Record, name: &str) -> Option<usize> {
        let (title, items) = record.head("form").split_once('|')?;
        if self.files.len() >= FILES {
            return None;
        }
        let department = super::organisation::departments()
            .into_iter()
            .find(|known| known.slug == record.word(2));
        let department = department
            .map(|department| department.name)
            .unwrap_or_default();
        let items: Vec<&str> = items.trim().split('、').collect();
        let content = forms::form(title.trim(), &department, &items);
        let alt = format!("{}（記入用）", title.trim());
        self.files.push(Asset {
            file_name: format!("{name}.pdf"),
            alt,
            size: None,
            content,
        });
        Some(self.files.len() - 1)
    }
}

fn fields_of(
    record: &Record,
    today: Date,
    when: Option<(Date, Date)>,
    kind: PageKind,
) -> KindFields {
    let told = |key: &str| dates::filled(record.head(key), today, when);
    match kind {
        PageKind::Article => KindFields::Article,
        PageKind::Procedure => KindFields::Procedure {
            who: told("who"),
            documents: told("documents"),
            place: told("place"),
            fee: told("fee"),
        },
        PageKind::Facility => KindFields::Facility {
            address: told("address"),
            telephone: told("telephone"),
            hours: told("hours"),
            closed: told("closed"),
        },
        PageKind::Event => {
            let (starts_on, ends_on) = when.unwrap_or((today, today));
            KindFields::Event {
                starts_on,
                ends_on,
                place: told("place"),
                fee: told("fee"),
            }
        }
        PageKind::Faq => KindFields::Faq {
            answer_summary: told("answer"),
        },
    }
}

/// The days of an event: `on: 12`, `on: 12..14`, with `sat` (the next Saturday from then) and
/// `every 7` (that much later for each row of its list). Nothing takes place at the turn of the year.
fn days_of(record: &Record, today: Date) -> (Date, Date) {
    let mut words = record.head("on").split_whitespace();
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let range = words.next().unwrap_or_default();
    let (first, last) = range.split_once("..").unwrap_or((range, range));
    let length = number(last) - number(first);
    let mut start = number(first);
    let mut weekday = None;
    while let Some(word) = words.next() {
        match word {
            "every" => start += record.row * number(words.next().unwrap_or_default()),
            "sat" => weekday = Some(Weekday::Saturday),
            "sun" => weekday = Some(Weekday::Sunday),
            "tue" => weekday = Some(Weekday::Tuesday),
            "thu" => weekday = Some(Weekday::Thursday),
            _ => {}
        }
    }
    let day = dates::after(today, start);
    let day = (0..7)
        .map(|more| dates::after(day, more))
        .find(|day| weekday.is_none_or(|wanted| day.weekday() == wanted));
    let day = day.unwrap_or(today);
    let day = if dates::is_year_end(day) {
        dates::after(day, 7)
    } else {
        day
    };
    (day, dates::after(day, length))
}

/// Urgent pages came last in the evening before, events some weeks ahead of their day, and of the
/// others more lately than long ago.
fn published(
    record: &Record,
    today: Date,
    when: Option<(Date, Date)>,
    random: &mut ChaCha8Rng,
) -> Timestamp {
    if !record.head("urgent").is_empty() {
        return dates::at(
            dates::after(today, -1),
            20 * 60 + 5 * u32::try_from(record.head("urgent").len()).unwrap_or(0),
        );
    }
    let chance: f64 = random.random();
    let ago = 1 + (chance * chance * 397.0) as i64;
    let day = match when {
        Some((first, _)) => dates::after(first, -random.random_range(14..45))
            .min(dates::after(today, -1 - ago % 25)),
        None => dates::after(today, -ago),
    };
    dates::in_office_hours(day, random)
}

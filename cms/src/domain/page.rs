//! A page and its revisions.
//!
//! A page is a place: a path, an owner, a language. What stands there is a revision, an immutable
//! row. Publishing points the page at a revision; withdrawing takes the pointer away.

use serde::{Deserialize, Serialize};
use time::Date;
use yagura_control::Timestamp;

use super::{Document, Language, PagePath};

/// A page, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageId(pub i64);

impl std::fmt::Display for PageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What kind of page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// 記事
    Article,
    /// 手続き
    Procedure,
    /// 施設
    Facility,
    /// イベント
    Event,
    /// よくある質問
    Faq,
}

impl PageKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Article,
        Self::Procedure,
        Self::Facility,
        Self::Event,
        Self::Faq,
    ];

    /// Its word in rows and forms.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Procedure => "procedure",
            Self::Facility => "facility",
            Self::Event => "event",
            Self::Faq => "faq",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Article => "記事",
            Self::Procedure => "手続き",
            Self::Facility => "施設",
            Self::Event => "イベント",
            Self::Faq => "よくある質問",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What a kind of page tells besides its text. Empty texts are left out of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KindFields {
    /// Nothing more.
    Article,
    /// How something is applied for.
    Procedure {
        /// 対象となる人
        who: String,
        /// 必要なもの
        documents: String,
        /// 受付窓口
        place: String,
        /// 手数料
        fee: String,
    },
    /// A place to go to.
    Facility {
        /// 所在地
        address: String,
        /// 電話番号
        telephone: String,
        /// 開館時間
        hours: String,
        /// 休館日
        closed: String,
    },
    /// Something that takes place.
    Event {
        /// First day.
        starts_on: Date,
        /// Last day, the first again for a single one.
        ends_on: Date,
        /// 会場
        place: String,
        /// 参加費
        fee: String,
    },
    /// A question.
    Faq {
        /// The answer in one or two sentences.
        answer_summary: String,
    },
}

impl KindFields {
    /// Which kind they belong to.
    #[must_use]
    pub const fn kind(&self) -> PageKind {
        match self {
            Self::Article => PageKind::Article,
            Self::Procedure { .. } => PageKind::Procedure,
            Self::Facility { .. } => PageKind::Facility,
            Self::Event { .. } => PageKind::Event,
            Self::Faq { .. } => PageKind::Faq,
        }
    }

    /// Fields of a kind with nothing filled in; events take place on `today`.
    #[must_use]
    pub const fn empty(kind: PageKind, today: Date) -> Self {
        let none = String::new;
        match kind {
            PageKind::Article => Self::Article,
            PageKind::Procedure => Self::Procedure {
                who: none(),
                documents: none(),
                place: none(),
                fee: none(),
            },
            PageKind::Facility => Self::Facility {
                address: none(),
                telephone: none(),
                hours: none(),
                closed: none(),
            },
            PageKind::Event => Self::Event {
                starts_on: today,
                ends_on: today,
                place: none(),
                fee: none(),
            },
            PageKind::Faq => Self::Faq {
                answer_summary: none(),
            },
        }
    }
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Its number.
    pub id: PageId,
    /// What kind of page it is.
    pub kind: PageKind,
    /// Where readers find it.
    pub path: PagePath,
    /// Slug of its category.
    pub category: String,
    /// Slug of the department that answers for it.
    pub department: String,
    /// Its language.
    pub language: Language,
    /// The Japanese page it is a translation of.
    pub translation_of: Option<PageId>,
    /// Whether it stands under 緊急情報 on the home page while it is live.
    pub urgent: bool,
    /// Title of its newest revision.
    pub title: String,
    /// Summary of its newest revision.
    pub summary: String,
    /// Number of its newest revision.
    pub newest_revision: i64,
    /// Number of the revision readers see.
    pub live_revision: Option<i64>,
    /// When it was first published.
    pub published_at: Option<Timestamp>,
    /// When what readers see last changed; before the first publication, when it was last saved.
    pub updated_at: Timestamp,
    /// When it was withdrawn; none while it is live or was never published.
    pub withdrawn_at: Option<Timestamp>,
}

/// How a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// 下書き: never published.
    Draft,
    /// 公開中: readers see the newest revision.
    Live,
    /// 公開中（未公開の変更あり）: readers see an older revision.
    Changed,
    /// 公開停止: taken off.
    Withdrawn,
}

impl PageState {
    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Draft => "下書き",
            Self::Live => "公開中",
            Self::Changed => "公開中（未公開の変更あり）",
            Self::Withdrawn => "公開停止",
        }
    }
}

impl Page {
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> PageState {
        match (self.live_revision, self.withdrawn_at) {
            (Some(live), _) if live == self.newest_revision => PageState::Live,
            (Some(_), _) => PageState::Changed,
            (None, Some(_)) => PageState::Withdrawn,
            (None, None) => PageState::Draft,
        }
    }
}

/// An immutable state of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// The page.
    pub page: PageId,
    /// Counted from 1 within the page.
    pub number: i64,
    /// The page's title.
    pub title: String,
    /// One or two sentences for listings and search engines.
    pub summary: String,
    /// The text.
    pub document: Document,
    /// What its kind tells besides.
    pub fields: KindFields,
    /// Who saved it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// What staff write; becomes a revision when it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The page's title.
    pub title: String,
    /// One or two sentences for listings and search engines.
    pub summary: String,
    /// The text.
    pub document: Document,
    /// What its kind tells besides.
    pub fields: KindFields,
}

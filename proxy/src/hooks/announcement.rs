//! What people are told, as JSON: the words in `text`, which chats show as they are, and beside it
//! what programs want to know. Nothing secret is in it.

use bytes::Bytes;
use serde::Serialize;
use yagura_control::Timestamp;
use yagura_control::order::RequestShown;

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An edge asks for a switch.
    Proposal,
    /// Somebody asks for what needs a second person.
    Request,
    /// A request was approved, refused or withdrawn.
    Decision,
    /// Somebody did without a second person what needs one.
    BreakGlass,
    /// That was looked at afterwards.
    Review,
    /// A site went on to another stage between its cloud and the open internet.
    Stage,
    /// Staff were admitted from outside, or no longer.
    Staff,
}

/// One announcement.
#[derive(Clone, Debug, Serialize)]
pub struct Announcement {
    /// The words, Japanese first.
    pub text: String,
    /// What it is about.
    pub kind: Kind,
    /// The edge that tells it. Each edge tells of its own orders; whoever wants each request once
    /// goes by its id.
    pub edge: String,
    /// The site that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// When, in the time of Japan.
    pub time: String,
    /// Who did it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// The request's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Until when it can be approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The words in Japanese.
    pub text_ja: String,
    /// The words in English.
    pub text_en: String,
}

impl Announcement {
    /// One without words yet.
    #[must_use]
    pub fn new(kind: Kind, edge: &str, at: Timestamp) -> Self {
        Self {
            text: String::new(),
            kind,
            edge: edge.to_owned(),
            site: None,
            at,
            time: at.rfc3339(),
            who: String::new(),
            request: None,
            expires: None,
            text_ja: String::new(),
            text_en: String::new(),
        }
    }

    /// About a site.
    #[must_use]
    pub fn of_site(mut self, site: &str) -> Self {
        self.site = Some(site.to_owned());
        self
    }

    /// With who did it.
    #[must_use]
    pub fn by(mut self, who: &str) -> Self {
        who.clone_into(&mut self.who);
        self
    }

    /// About a request.
    #[must_use]
    pub fn of_request(mut self, request: &RequestShown) -> Self {
        self.request = Some(request.id.clone());
        self.expires = Some(request.expires.rfc3339());
        self
    }

    /// With its words.
    #[must_use]
    pub fn saying(mut self, japanese: String, english: String) -> Self {
        self.text = format!("{japanese}\n{english}");
        (self.text_ja, self.text_en) = (japanese, english);
        self
    }

    /// As it is sent.
    #[must_use]
    pub fn json(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

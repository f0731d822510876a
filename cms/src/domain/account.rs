//! Who works with the CMS.

use serde::{Deserialize, Serialize};

/// A member of staff, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes and publishes pages.
    Editor,
    /// Does everything.
    Admin,
}

impl Role {
    /// Its word in rows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of a word; the lesser one when the word is unknown.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        if code == "admin" {
            Self::Admin
        } else {
            Self::Editor
        }
    }
}

/// An account. The password's hash is not part of it; see `actions::sign_in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// What is typed to sign in.
    pub login: String,
    /// The person's name, shown to colleagues.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Who does something, as the audit records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The account, or none for the system itself.
    pub user: Option<UserId>,
    /// The name written into records.
    pub name: String,
}

impl Actor {
    /// The system itself: the demo, an import.
    #[must_use]
    pub fn system() -> Self {
        Self {
            user: None,
            name: "system".to_owned(),
        }
    }
}

impl From<&User> for Actor {
    fn from(user: &User) -> Self {
        Self {
            user: Some(user.id),
            name: user.name.clone(),
        }
    }
}

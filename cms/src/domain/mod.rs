//! What the CMS is about, without a database or a browser: pages, their text, who writes them.
//!
//! Everything here is pure. Begin with [`page`], then [`document`].

pub mod account;
pub mod document;
mod document_check;
mod document_walk;
pub mod language;
pub mod markdown;
pub mod media;
pub mod organisation;
pub mod page;
pub mod password;
pub mod path;
pub mod patience;
pub mod place;
pub mod second_factor;
pub mod tags;
pub mod tokens;

pub use account::{Actor, Role, User, UserId};
pub use document::Document;
pub use document_check::{DocumentFault, FaultKind};
pub use language::Language;
pub use media::{Media, MediaId};
pub use organisation::{Category, Department};
pub use page::{KindFields, Page, PageId, PageKind, PageState, Revision};
pub use path::PagePath;
pub use place::Place;
pub use second_factor::{Proof, Secret};

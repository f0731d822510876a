//! From what is stored to what a browser reads: documents, dates, links and files as HTML.
//!
//! Everything here is pure: whatever a document needs from the store (paths of pages it links to,
//! files it shows) is looked up before and handed over as [`Surroundings`]. The frame around a
//! document is not here but in `web::public` with its templates. Begin with [`document`].

pub mod dates;
pub mod document;
pub mod file_facts;
pub mod html;
pub mod link;
pub mod outline;
pub mod phrases;
pub mod qr_code;

pub use document::{Rendered, Surroundings, render};
pub use file_facts::FileFacts;
pub use html::Html;
pub use phrases::Phrases;

//! What staff do, one verb a file. Each is one transaction: the change, its audit record, and the
//! jobs that follow from it, together or not at all.

pub mod add_media;
pub mod create_page;
mod listings;
pub mod password;
pub mod publish;
pub mod save_draft;
pub mod second_factor;
pub mod sign_in;
pub mod take_post;
pub mod withdraw;

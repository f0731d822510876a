//! The pages of the CMS over HTTP.

pub mod cache_policy;

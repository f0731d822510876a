//! The pages of the CMS over HTTP: what readers get, through edges (`public`), and where staff
//! write (`staff`). Both share how responses are kept (`cache_policy`) and finished (`answer`).

pub mod answer;
pub mod cache_policy;
pub mod public;
pub mod staff;

//! The staff's style sheet and editor, and the frame around their pages.

use std::sync::LazyLock;

use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::session::Staff;
use crate::web::cache_policy::CachePolicy;
use crate::web::public::assets::{Asset, version_of};

/// The editor is built from `editor/` before this crate; `build.rs` says where it lies.
static ASSETS: [Asset; 4] = [
    Asset {
        name: "staff.css",
        content_type: "text/css; charset=utf-8",
        content: include_bytes!("../../../assets/staff/staff.css"),
    },
    Asset {
        name: "icon.svg",
        content_type: "image/svg+xml",
        content: include_bytes!("../../../assets/public/icon.svg"),
    },
    Asset {
        name: "editor.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!(concat!(env!("OUT_DIR"), "/editor.js")),
    },
    Asset {
        name: "editor.css",
        content_type: "text/css; charset=utf-8",
        content: include_bytes!(concat!(env!("OUT_DIR"), "/editor.css")),
    },
];

static VERSION: LazyLock<String> = LazyLock::new(|| version_of(&ASSETS));

/// What every staff page shows around its own part.
pub struct StaffFrame {
    /// The page's title and first heading.
    pub title: String,
    /// Name of who is signed in; empty for nobody.
    pub user: String,
    /// What forms send back.
    pub csrf: String,
}

impl StaffFrame {
    /// For somebody signed in.
    #[must_use]
    pub fn new(title: impl Into<String>, staff: &Staff) -> Self {
        Self {
            title: title.into(),
            user: staff.user.name.clone(),
            csrf: staff.csrf.clone(),
        }
    }

    /// For nobody in particular.
    #[must_use]
    pub fn bare(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            user: String::new(),
            csrf: String::new(),
        }
    }

    /// URL of a file.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        format!("/assets/{}/{name}", *VERSION)
    }
}

pub(super) async fn show(Path((version, name)): Path<(String, String)>) -> Response {
    match ASSETS
        .iter()
        .find(|asset| asset.name == name && version == *VERSION)
    {
        Some(asset) => {
            let fields = [(header::CONTENT_TYPE, asset.content_type)];
            (Extension(CachePolicy::Immutable), fields, asset.content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

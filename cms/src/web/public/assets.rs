//! The files that come with the program: the style sheet and the pictures of the frame.
//!
//! They are served under the hash of all of them together, so that a new program has new URLs, the
//! old ones can be kept for ever, and the style sheet can name a picture beside it.

use std::sync::LazyLock;

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name, the last part of its URL.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub content: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "site.css",
        content_type: "text/css; charset=utf-8",
        content: include_bytes!("../../../assets/public/site.css"),
    },
    Asset {
        name: "hero.svg",
        content_type: "image/svg+xml",
        content: include_bytes!("../../../assets/public/hero.svg"),
    },
    Asset {
        name: "icon.svg",
        content_type: "image/svg+xml",
        content: include_bytes!("../../../assets/public/icon.svg"),
    },
];

static VERSION: LazyLock<String> = LazyLock::new(|| version_of(&ASSETS));

/// What distinguishes these files from those of another version of the program.
#[must_use]
pub fn version_of(assets: &[Asset]) -> String {
    let mut hasher = blake3::Hasher::new();
    for asset in assets {
        // The length keeps two files from reading like one.
        hasher.update(&asset.content.len().to_le_bytes());
        hasher.update(asset.content);
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// What distinguishes the files of this program from those of another version of it.
#[must_use]
pub fn version() -> &'static str {
    &VERSION
}

/// Path of a file, for templates.
#[must_use]
pub fn path(name: &str) -> String {
    format!("/static/{}/{name}", version())
}

/// Paths of all files, for the change feed.
#[must_use]
pub fn paths() -> Vec<String> {
    ASSETS.iter().map(|asset| path(asset.name)).collect()
}

/// The file of a name.
#[must_use]
pub fn find(name: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_file() {
        for path in paths() {
            let name = path.rsplit('/').next().unwrap();
            assert!(path.starts_with("/static/"));
            assert!(!find(name).unwrap().content.is_empty());
        }
    }

    #[test]
    fn the_style_sheet_asks_nobody_else() {
        let sheet = std::str::from_utf8(find("site.css").unwrap().content).unwrap();
        assert!(
            !sheet.contains("http")
                || sheet.matches("http").count() == sheet.matches("href^=\"http\"").count()
        );
        assert!(!sheet.contains("@import"));
    }
}

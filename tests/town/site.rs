//! The public site as a list of URLs: every page of the sitemap, and every picture and file in them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::reader::Reader;

/// What every URL answers with, as it was when all was well.
pub struct Site {
    pub pages: BTreeMap<String, Bytes>,
    pub files: BTreeMap<String, Bytes>,
}

impl Site {
    /// Reads the whole site.
    pub async fn read(reader: &mut Reader) -> Self {
        let sitemap = reader.get("/sitemap.xml").await;
        let urls = sitemap
            .text()
            .split("<loc>")
            .skip(1)
            .map(|rest| rest.split("</loc>").next().unwrap());
        // Listings change with the day; pages do not.
        let paths: Vec<String> = urls
            .map(|url| format!("/{}", url.splitn(4, '/').nth(3).unwrap()))
            .filter(|path| path.ends_with(".html"))
            .collect();
        let mut pages = BTreeMap::new();
        let mut links = BTreeSet::new();
        for path in paths {
            let answer = reader.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            let text = answer.text();
            for attribute in ["src=\"/media/", "href=\"/media/"] {
                links.extend(
                    text.split(attribute)
                        .skip(1)
                        .map(|rest| format!("/media/{}", rest.split('"').next().unwrap())),
                );
            }
            pages.insert(path, answer.body);
        }
        let mut files = BTreeMap::new();
        for path in links {
            let answer = reader.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            files.insert(path, answer.body);
        }
        Self { pages, files }
    }

    /// Every URL.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Bytes)> {
        self.pages.iter().chain(&self.files)
    }

    /// Path of some page of a kind of address; the same each time.
    pub fn page(&self, number: usize) -> &str {
        self.pages
            .keys()
            .filter(|path| path.matches('/').count() == 2)
            .nth(number)
            .unwrap()
    }
}

//! The frame of a public page: what `base.html` needs besides the page's own part.
//!
//! The frame shows the categories and the languages and nothing that changes with a publication, so
//! that publishing one page never makes every other page stale. 緊急情報 therefore stands on the
//! home page alone.

use super::assets;
use crate::domain::{Category, Language};
use crate::render::Phrases;

/// Everything the frame shows.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The words of its language.
    pub words: &'static Phrases,
    /// The page's title and first heading.
    pub title: String,
    /// One or two sentences for search engines; may be empty.
    pub description: String,
    /// How readers reach the site, without a slash at the end.
    pub public_url: String,
    /// The page's own URL; empty where it has none (a preview, an error).
    pub canonical: String,
    /// The first page of its language.
    pub home_path: &'static str,
    /// Whether this is the Japanese home page.
    pub home: bool,
    /// Whether search engines may list it.
    pub indexed: bool,
    /// Whether it is shown to staff before it is published.
    pub preview: bool,
    /// The categories.
    pub navigation: Vec<CategoryLink>,
    /// The languages.
    pub languages: Vec<LanguageLink>,
}

/// A link with its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Where it leads; empty for none.
    pub href: String,
    /// What it says.
    pub text: String,
    /// Whether readers are there already.
    pub current: bool,
}

impl Link {
    /// A link to somewhere else.
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
            current: false,
        }
    }
}

/// A link to a category.
#[derive(Clone, Debug)]
pub struct CategoryLink {
    /// Where it leads.
    pub href: String,
    /// Its name.
    pub text: String,
    /// Its picture.
    pub icon: Icon,
    /// Whether the page stands in it.
    pub current: bool,
}

/// A link to the same page, or to the site, in a language.
#[derive(Clone, Debug)]
pub struct LanguageLink {
    /// BCP 47.
    pub tag: &'static str,
    /// The language's name in itself.
    pub name: &'static str,
    /// Where it leads.
    pub href: String,
    /// Whether it is the page's language.
    pub current: bool,
    /// Whether it leads to the very page in that language, not just to the language's first page.
    pub translated: bool,
}

/// One step of the breadcrumb; the last has no `href`.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it leads; empty for the page itself.
    pub href: String,
    /// What it says.
    pub text: String,
    /// Whether the text is Japanese on a page of another language.
    pub japanese: bool,
}

impl Step {
    /// A step to a page whose name is Japanese.
    pub fn japanese(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
            japanese: true,
        }
    }

    /// A step in the language of the page.
    pub fn own(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            href: href.into(),
            text: text.into(),
            japanese: false,
        }
    }
}

/// The picture of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// くらし
    Home,
    /// 子育て
    Child,
    /// 健康・福祉
    Health,
    /// 防災
    Shield,
    /// ごみ
    Recycle,
    /// しごと
    Work,
    /// 観光・文化
    Culture,
    /// 市政
    Hall,
    /// Everything else.
    Leaf,
}

impl Icon {
    /// The picture for a category's slug.
    #[must_use]
    pub fn of(slug: &str) -> Self {
        let pictures = [
            ("kurashi", Self::Home),
            ("kosodate", Self::Child),
            ("kenko", Self::Health),
            ("fukushi", Self::Health),
            ("bosai", Self::Shield),
            ("anzen", Self::Shield),
            ("gomi", Self::Recycle),
            ("kankyo", Self::Leaf),
            ("shigoto", Self::Work),
            ("sangyo", Self::Work),
            ("kanko", Self::Culture),
            ("bunka", Self::Culture),
            ("shisei", Self::Hall),
        ];
        // 健康 and 環境 begin like 観光 in letters, so whole parts are compared.
        let part_is = |part: &str| slug.split('-').any(|piece| piece == part);
        pictures
            .into_iter()
            .find(|(part, _)| part_is(part))
            .map_or(Self::Leaf, |(_, icon)| icon)
    }
}

impl Frame {
    /// The frame of a page in a language, for the site at `public_url`.
    #[must_use]
    pub fn new(language: Language, public_url: &str, categories: &[Category], title: &str) -> Self {
        Self {
            words: Phrases::of(language),
            title: title.to_owned(),
            description: String::new(),
            public_url: public_url.to_owned(),
            canonical: String::new(),
            home_path: home_path(language),
            home: false,
            indexed: true,
            preview: false,
            navigation: categories.iter().map(category_link).collect(),
            languages: Language::ALL
                .into_iter()
                .map(|other| language_link(other, other == language))
                .collect(),
        }
    }

    /// With the path the page is read at.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.canonical = format!("{}{path}", self.public_url);
        self
    }

    /// With a description.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    /// Standing in a category.
    #[must_use]
    pub fn within(mut self, slug: &str) -> Self {
        let here = category_path(slug);
        for link in &mut self.navigation {
            link.current = link.href == here;
        }
        self
    }

    /// Not for search engines.
    #[must_use]
    pub const fn unlisted(mut self) -> Self {
        self.indexed = false;
        self
    }

    /// With this very page in other languages.
    #[must_use]
    pub fn translated(mut self, paths: &[(Language, String)]) -> Self {
        for (language, path) in paths {
            for link in &mut self.languages {
                if link.tag == language.tag() {
                    link.href.clone_from(path);
                    link.translated = true;
                }
            }
        }
        self
    }

    /// URL of a file that comes with the program.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::path(name)
    }
}

/// The first page of a language.
#[must_use]
pub const fn home_path(language: Language) -> &'static str {
    match language {
        Language::Ja => "/",
        Language::En => "/en/",
        Language::Zh => "/zh/",
        Language::Ko => "/ko/",
    }
}

/// The listing of a category.
#[must_use]
pub fn category_path(slug: &str) -> String {
    format!("/{slug}/")
}

/// The page of a department.
#[must_use]
pub fn department_path(slug: &str) -> String {
    format!("/soshiki/{slug}/")
}

fn category_link(category: &Category) -> CategoryLink {
    CategoryLink {
        href: category_path(&category.slug),
        text: category.name.clone(),
        icon: Icon::of(&category.slug),
        current: false,
    }
}

fn language_link(language: Language, current: bool) -> LanguageLink {
    LanguageLink {
        tag: language.tag(),
        name: Phrases::of(language).name,
        href: home_path(language).to_owned(),
        current,
        translated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translation_replaces_the_first_page_of_its_language() {
        let frame = Frame::new(Language::Ja, "https://a.example", &[], "ごみ")
            .translated(&[(Language::En, "/en/gomi/a.html".to_owned())]);
        let hrefs: Vec<&str> = frame
            .languages
            .iter()
            .map(|link| link.href.as_str())
            .collect();
        assert_eq!(hrefs, ["/", "/en/gomi/a.html", "/zh/", "/ko/"]);
    }

    #[test]
    fn each_category_has_its_own_picture() {
        assert_eq!(Icon::of("kanko-bunka"), Icon::Culture);
        assert_eq!(Icon::of("gomi-kankyo"), Icon::Recycle);
        assert_eq!(Icon::of("kenko"), Icon::Health);
        assert_eq!(Icon::of("something"), Icon::Leaf);
    }
}

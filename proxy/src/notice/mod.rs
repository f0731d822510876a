//! A notice that an operator put in place of a site: checked, rendered once, held by the edge.
//!
//! - `markdown.rs`: from Markdown to harmless HTML; `page.rs`: the whole page, and its other forms.
//! - `negotiate.rs`: which form a reader gets.
//! - `files.rs`: attachments and images.
//!
//! Whether it is shown is decided in `routing/decide.rs`; `stages/notice.rs` answers with it.

pub mod files;
pub mod markdown;
pub mod negotiate;
pub mod page;

use std::collections::HashMap;

use bytes::Bytes;
use yagura_config::settings::LookSettings;
use yagura_control::Timestamp;
use yagura_control::order::{LONGEST_TEXT_BYTES, MOST_FILES, MOST_TEXTS, NoticeText, RaiseNotice};

/// Most paths that are left out, and the longest of them and of a title, in bytes.
const MOST_EXCEPTIONS: usize = 100;
const LONGEST_BYTES: usize = 1_000;

/// A notice, ready to be answered with.
#[derive(Debug)]
pub struct Raised {
    /// Since when it is up.
    pub at: Timestamp,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// Its forms.
    pub html: Bytes,
    /// See [`page::plain`].
    pub plain: Bytes,
    /// See [`page::json`].
    pub json: Bytes,
    except: Vec<String>,
    /// The hash of each file, by its name.
    files: HashMap<String, String>,
}

impl Raised {
    /// Renders a notice in a site's look.
    #[must_use]
    pub fn new(notice: &RaiseNotice, look: &LookSettings, at: Timestamp) -> Self {
        let files = notice.files.iter();
        Self {
            at,
            until: notice.until,
            html: page::html(notice, look, at).into(),
            plain: page::plain(notice).into(),
            json: page::json(notice).into(),
            except: notice.except.clone(),
            files: files
                .filter_map(|file| Some((file.name.clone(), file.digest.clone()?)))
                .collect(),
        }
    }

    /// Whether a target is answered as usual. One that a server could read as another path is not.
    #[must_use]
    pub fn leaves_out(&self, target: &str) -> bool {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let lower = path.to_ascii_lowercase();
        if path.contains("/.")
            || lower.contains("%2e")
            || lower.contains("%2f")
            || path.contains('\\')
        {
            return false;
        }
        self.except.iter().any(|except| {
            path == except || (except.ends_with('/') && path.starts_with(except.as_str()))
        })
    }

    /// The hash and the type of the file that a target asks for.
    #[must_use]
    pub fn file(&self, target: &str) -> Option<(&str, &'static str)> {
        let name = target.split('?').next()?.strip_prefix(markdown::FILES)?;
        let digest = self.files.get(name)?;
        Some((digest, files::media_type(name)?))
    }

    /// How soon to try again: when it ends, else in five minutes.
    #[must_use]
    pub fn retry_after_s(&self, now: Timestamp) -> u64 {
        match self.until {
            Some(until) => until
                .since(now)
                .as_millis()
                .div_ceil(1_000)
                .try_into()
                .unwrap_or(300),
            None => 300,
        }
    }
}

/// What is wrong with a notice, with a hint. Its files are looked at where they are taken.
///
/// # Errors
/// The first fault.
pub fn check(notice: &RaiseNotice) -> Result<(), (String, String)> {
    let fault = |what: String, hint: &str| Err((what, hint.to_owned()));
    check_texts(&notice.texts)?;
    for except in &notice.except {
        if !except.starts_with('/') || except.len() > LONGEST_BYTES || except.contains(['?', '#']) {
            let hint = "begin it with a slash, without a query; /a/ stands for all beneath";
            return fault(format!("\"{except}\" is no path"), hint);
        }
    }
    if notice.except.len() > MOST_EXCEPTIONS || notice.files.len() > MOST_FILES {
        let what = format!("more than {MOST_EXCEPTIONS} paths or {MOST_FILES} files");
        return fault(what, "leave some out");
    }
    Ok(())
}

/// What is wrong with the languages of a text, with a hint.
///
/// # Errors
/// The first fault.
pub fn check_texts(texts: &[NoticeText]) -> Result<(), (String, String)> {
    let fault = |what: String, hint: &str| Err((what, hint.to_owned()));
    if texts.is_empty() || texts.len() > MOST_TEXTS {
        let what = format!("there have to be 1 to {MOST_TEXTS} texts");
        return fault(what, "give one --text for each language");
    }
    for (index, text) in texts.iter().enumerate() {
        let lang = &text.lang;
        if !is_language(lang) {
            return fault(
                format!("\"{lang}\" is no language"),
                "write ja, en, zh-Hans, ...",
            );
        }
        let mut before = texts.iter().take(index);
        if before.any(|other| other.lang.eq_ignore_ascii_case(lang)) {
            return fault(format!("there are two texts in {lang}"), "join them");
        }
        if text.markdown.trim().is_empty() || text.markdown.len() > LONGEST_TEXT_BYTES {
            let what =
                format!("the text in {lang} is empty or longer than {LONGEST_TEXT_BYTES} bytes");
            return fault(what, "write what readers have to know");
        }
        let title = text.title.as_deref().unwrap_or("-");
        if title.trim().is_empty() || title.len() > LONGEST_BYTES {
            return fault(
                format!("the title in {lang} cannot be used"),
                "write one line",
            );
        }
    }
    Ok(())
}

/// Whether it can be a language tag (RFC 5646), which is also the part's id on the page.
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notice(except: &[&str]) -> RaiseNotice {
        RaiseNotice {
            site: "town".into(),
            texts: vec![NoticeText {
                lang: "ja".into(),
                title: None,
                markdown: "本文".into(),
            }],
            until: None,
            except: except.iter().map(|path| (*path).to_owned()).collect(),
            files: Vec::new(),
        }
    }

    fn raised(except: &[&str]) -> Raised {
        let look = LookSettings {
            name: "町".into(),
            is_drill: false,
            colour: "#000000".into(),
        };
        Raised::new(&notice(except), &look, Timestamp(0))
    }

    #[test]
    fn exceptions_are_paths_or_folders() {
        let raised = raised(&["/ok.html", "/open/"]);
        for target in ["/ok.html", "/ok.html?a=1", "/open/", "/open/a/b?c"] {
            assert!(raised.leaves_out(target), "{target}");
        }
        for target in [
            "/",
            "/ok.htm",
            "/ok.html/",
            "/open",
            "/opens",
            "/open/../x",
            "/open/%2E%2e/x",
            "/open/.%2fx",
        ] {
            assert!(!raised.leaves_out(target), "{target}");
        }
    }

    #[test]
    fn what_cannot_be_shown_is_told() {
        assert_eq!(check(&notice(&["/a/"])), Ok(()));
        let with = |change: fn(&mut RaiseNotice)| {
            let mut notice = notice(&[]);
            change(&mut notice);
            check(&notice).unwrap_err().0
        };
        assert!(with(|n| n.texts.clear()).contains("1 to 10 texts"));
        assert!(with(|n| n.texts[0].lang = "\"><".into()).contains("is no language"));
        assert!(with(|n| n.texts.push(n.texts[0].clone())).contains("two texts in ja"));
        assert!(with(|n| n.texts[0].markdown = " ".into()).contains("is empty"));
        assert!(with(|n| n.except.push("a".into())).contains("is no path"));
    }

    #[test]
    fn readers_are_told_when_to_come_back() {
        let mut raised = raised(&[]);
        assert_eq!(raised.retry_after_s(Timestamp(0)), 300);
        raised.until = Some(Timestamp(10_500));
        assert_eq!(raised.retry_after_s(Timestamp(1_000)), 10);
    }

    proptest! {
        #[test]
        fn a_language_is_safe_in_an_attribute(tag in "[a-zA-Z0-9-]{0,12}|\\PC{0,8}") {
            if is_language(&tag) {
                prop_assert!(tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            }
        }
    }
}

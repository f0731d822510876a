//! `yagura notice`: a page that the edges show in place of a site.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use yagura_control::order::{
    LARGEST_FILE_BYTES, NoticeFile, NoticeOf, NoticeShown, NoticeText, Order, Outcome, RaiseNotice,
};

use crate::arguments::{NoticeCommand, NoticeShowArguments, NoticeUpArguments, WordsArguments};
use crate::{edges, route};

pub(crate) fn run(command: &NoticeCommand) -> anyhow::Result<ExitCode> {
    match command {
        NoticeCommand::Up(arguments) => {
            let notice = notice(arguments)?;
            edges::give(Order::RaiseNotice(notice), &arguments.order)
        }
        NoticeCommand::Down(arguments) => {
            let site = arguments.site.name();
            edges::give(Order::LowerNotice(NoticeOf { site }), &arguments.order)
        }
        NoticeCommand::Show(arguments) => show(arguments),
    }
}

fn notice(arguments: &NoticeUpArguments) -> anyhow::Result<RaiseNotice> {
    let files: anyhow::Result<Vec<_>> = arguments.attach.iter().map(|path| file(path)).collect();
    Ok(RaiseNotice {
        site: arguments.site.name(),
        texts: texts(&arguments.words)?,
        until: route::time(arguments.until.as_deref())?,
        except: arguments.except.clone(),
        files: files?,
    })
}

/// What a page says, in every language given.
pub(crate) fn texts(words: &WordsArguments) -> anyhow::Result<Vec<NoticeText>> {
    let mut texts = Vec::new();
    for text in &words.text {
        let (lang, file) = with_language(text).unwrap_or((&words.lang, text));
        let markdown =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        texts.push(NoticeText {
            lang: lang.to_owned(),
            title: None,
            markdown,
        });
    }
    for title in &words.title {
        set_title(&mut texts, title)?;
    }
    Ok(texts)
}

/// A language before an equals sign, and what stands behind it.
fn with_language(text: &str) -> Option<(&str, &str)> {
    let (lang, rest) = text.split_once('=')?;
    let first = lang.split('-').next()?;
    let plain = lang.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    ((2..=3).contains(&first.len()) && plain).then_some((lang, rest))
}

/// Gives a title to the text of its language, or to the first one without a title.
fn set_title(texts: &mut [NoticeText], title: &str) -> anyhow::Result<()> {
    let named = with_language(title)
        .and_then(|(lang, rest)| Some((texts.iter().position(|text| text.lang == lang)?, rest)));
    let first = || {
        let index = texts.iter().position(|text| text.title.is_none());
        index.map(|index| (index, title))
    };
    let found = named.or_else(first);
    match found.and_then(|(index, title)| Some((texts.get_mut(index)?, title))) {
        Some((text, title)) => text.title = Some(title.to_owned()),
        None => bail!("there are more titles than texts"),
    }
    Ok(())
}

fn file(path: &Path) -> anyhow::Result<NoticeFile> {
    let told = || format!("cannot read {}", path.display());
    let content = std::fs::read(path).with_context(told)?;
    if content.len() > LARGEST_FILE_BYTES {
        bail!(
            "{} is larger than {LARGEST_FILE_BYTES} bytes",
            path.display()
        );
    }
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(NoticeFile {
        name: name.with_context(told)?.to_owned(),
        content: Some(BASE64_STANDARD.encode(content)),
        digest: None,
    })
}

fn show(arguments: &NoticeShowArguments) -> anyhow::Result<ExitCode> {
    let site = arguments.site.name();
    edges::ask(
        Order::ShowNotice(NoticeOf { site }),
        &arguments.edges,
        |reply| {
            let Outcome::Notice { shown } = &reply.outcome else {
                return;
            };
            match shown {
                None => println!(
                    "{}: no notice is up for {}",
                    reply.edge,
                    arguments.site.name()
                ),
                Some(shown) if arguments.html => print!("{}", shown.html),
                Some(shown) => print!("{}", told(&reply.edge, shown)),
            }
        },
    )
}

fn told(edge: &str, shown: &NoticeShown) -> String {
    let NoticeShown {
        notice, at, who, ..
    } = shown;
    let until = match notice.until {
        Some(until) => format!("until {until}"),
        None => "until it is taken down".to_owned(),
    };
    let mut told = format!(
        "{edge}: a notice is up for {} since {at}, {until}, by {who}\n",
        notice.site
    );
    for text in &notice.texts {
        let title = text.title.as_deref().unwrap_or("(its first heading)");
        told.push_str(&format!(
            "\n[{}] {title}\n{}\n",
            text.lang,
            text.markdown.trim_end()
        ));
    }
    for except in &notice.except {
        told.push_str(&format!("\nas usual: {except}"));
    }
    for file in &notice.files {
        told.push_str(&format!("\nattached: {}", file.name));
    }
    told.push('\n');
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_stand_before_an_equals_sign() {
        assert_eq!(with_language("en=flood.md"), Some(("en", "flood.md")));
        assert_eq!(with_language("zh-Hans=a=b.md"), Some(("zh-Hans", "a=b.md")));
        for text in ["flood.md", "/a/b=c.md", "a b=c", "english=x"] {
            assert_eq!(with_language(text), None, "{text}");
        }
    }

    #[test]
    fn titles_go_to_the_text_of_their_language() {
        let text = |lang: &str| NoticeText {
            lang: lang.into(),
            title: None,
            markdown: "x".into(),
        };
        let mut texts = [text("ja"), text("en")];
        set_title(&mut texts, "en=Closed").unwrap();
        set_title(&mut texts, "a=b").unwrap();
        let titles = texts.each_ref().map(|text| text.title.as_deref());
        assert_eq!(titles, [Some("a=b"), Some("Closed")]);
        assert!(set_title(&mut texts, "third").is_err());
    }
}

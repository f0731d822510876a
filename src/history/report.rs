//! `yagura history SITE --report`: the story of a bypass, to be pasted into the city's report. Pure;
//! every time is that of Japan. In Japanese, and the same in English.

mod english;
mod japanese;
#[cfg(test)]
mod tests;

use std::time::Duration;

use yagura_control::Timestamp;

use super::story::{Step, Story, What, Wish};
use english::English;
use japanese::Japanese;

/// Whose words are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
    /// Both, one after the other.
    Both,
}

/// The stories of a site as one edge tells them.
pub(super) fn report(site: &str, edge: &str, stories: &[Story], language: Language) -> String {
    let mut told = String::new();
    for words in [&Japanese as &dyn Words, &English] {
        if language != Language::Both && language != words.language() {
            continue;
        }
        if !told.is_empty() {
            told.push('\n');
        }
        told.push_str(&words.title(site, edge));
        if stories.is_empty() {
            told.push_str(&format!("\n{}\n", words.nothing()));
        }
        for (number, story) in stories.iter().enumerate() {
            told.push_str(&chapter(words, number + 1, story));
        }
    }
    told
}

fn chapter(words: &dyn Words, number: usize, story: &Story) -> String {
    let mut told = format!("\n## {}\n\n", words.chapter(number));
    for line in summary(words, story) {
        told.push_str(&format!("- {line}\n"));
    }
    let [time, what] = words.columns();
    told.push_str(&format!("\n| {time} | {what} |\n|---|---|\n"));
    for step in &story.steps {
        let what = words.step(step).replace('|', "\\|").replace('\n', " ");
        told.push_str(&format!("| {} | {what} |\n", clock(step.at)));
    }
    told
}

fn summary(words: &dyn Words, story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match story.affected() {
        None => words.not_affected(),
        Some(affected) => match affected.until {
            None => words.still_affected(&clock(affected.from)),
            Some(until) => words.affected(
                &clock(affected.from),
                &clock(until),
                &words.span(until.since(affected.from)),
                affected.by_bypass,
            ),
        },
    });
    if let Some(direct) = story.direct_since() {
        let until = story.back_since();
        let span = until.map(|until| words.span(until.since(direct)));
        lines.push(words.direct(&clock(direct), until.map(clock).zip(span)));
    }
    if let Some(closed) = story.closed_at() {
        lines.push(words.closed(&clock(closed)));
    }
    for step in &story.steps {
        match &step.what {
            What::Asked {
                id,
                wish,
                who,
                break_glass,
                ..
            } => {
                let by = approvers(story, id);
                lines.push(words.persons(*wish, who, &by, *break_glass, id));
            }
            _ => continue,
        }
    }
    lines
}

/// Who approved a request.
fn approvers(story: &Story, request: &str) -> Vec<String> {
    let decided = story.steps.iter().filter_map(|step| match &step.what {
        What::Decided {
            id,
            who,
            refused: None,
        } if id == request => Some(who.clone()),
        _ => None,
    });
    decided.collect()
}

/// `2026-11-23 14:03:07`
fn clock(at: Timestamp) -> String {
    let text = at.rfc3339();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// One language.
trait Words {
    fn language(&self) -> Language;
    fn title(&self, site: &str, edge: &str) -> String;
    fn nothing(&self) -> &'static str;
    fn chapter(&self, number: usize) -> String;
    fn columns(&self) -> [&'static str; 2];
    fn span(&self, span: Duration) -> String;
    fn not_affected(&self) -> String;
    fn still_affected(&self, from: &str) -> String;
    fn affected(&self, from: &str, until: &str, span: &str, by_bypass: bool) -> String;
    fn direct(&self, since: &str, until: Option<(String, String)>) -> String;
    fn closed(&self, at: &str) -> String;
    fn persons(&self, wish: Wish, who: &str, by: &[String], break_glass: bool, id: &str) -> String;
    fn step(&self, step: &Step) -> String;
}

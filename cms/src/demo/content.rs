//! Reads `content/`: subjects written by hand, and the lists they are repeated over.
//!
//! A record begins with `=== KIND CATEGORY DEPARTMENT NAME`, then lines `key: value`, then `---` and
//! the text. With `for: LIST` it is made once for each row of that list in `lists.txt`, where
//! `{column}` stands for the row's value. Translations begin with `=== LANGUAGE NAME`.

use std::collections::BTreeMap;

use crate::domain::PageKind;

const LISTS: &str = include_str!("content/lists.txt");
const SUBJECTS: [&str; 10] = [
    include_str!("content/urgent.txt"),
    include_str!("content/kurashi.txt"),
    include_str!("content/kosodate.txt"),
    include_str!("content/kenko.txt"),
    include_str!("content/bosai.txt"),
    include_str!("content/gomi.txt"),
    include_str!("content/shigoto.txt"),
    include_str!("content/kanko.txt"),
    include_str!("content/shisei.txt"),
    include_str!("content/faq.txt"),
];
const TRANSLATIONS: [&str; 2] = [
    include_str!("content/english.txt"),
    include_str!("content/chinese.txt"),
];

/// One record.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The words after `===`.
    pub(super) words: Vec<String>,
    /// The lines before the text.
    head: BTreeMap<String, String>,
    /// The text, in the markup.
    pub(super) text: String,
    /// Which row of its list it is made for, from 0.
    pub(super) row: i64,
}

impl Record {
    /// A line before the text; empty when it is not there.
    pub(super) fn head(&self, key: &str) -> &str {
        self.head.get(key).map_or("", String::as_str)
    }

    /// A word after `===`; empty when it is not there.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The kind of page it is.
    pub(super) fn kind(&self) -> PageKind {
        PageKind::from_code(self.word(0)).unwrap_or(PageKind::Article)
    }
}

/// Every Japanese page that is written by hand or repeated over a list.
pub(super) fn subjects() -> Vec<Record> {
    let lists = lists();
    let mut records = Vec::new();
    for source in SUBJECTS.iter().flat_map(|file| sources(file)) {
        let record = parsed(&source, 0);
        match lists.get(record.head("for")) {
            Some(rows) => {
                let rows = (0..)
                    .zip(rows)
                    .map(|(row, columns)| parsed(&filled(&source, columns), row));
                records.extend(rows);
            }
            None => records.push(record),
        }
    }
    records
}

/// Every translation.
pub(super) fn translations() -> Vec<Record> {
    TRANSLATIONS
        .iter()
        .flat_map(|file| sources(file))
        .map(|source| parsed(&source, 0))
        .collect()
}

type Row = Vec<(String, String)>;

/// The lists: `@ NAME`, a line of columns, then the rows.
fn lists() -> BTreeMap<String, Vec<Row>> {
    let mut lists: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for part in LISTS.split("\n@ ").skip(1) {
        let mut lines = part.lines().map(str::trim).filter(|line| !line.is_empty());
        let name = lines.next().unwrap_or_default().to_owned();
        let columns: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .split('|')
            .map(str::trim)
            .collect();
        let row = |line: &str| {
            let values = line.split('|').map(|value| value.trim().to_owned());
            columns
                .iter()
                .map(|column| (*column).to_owned())
                .zip(values)
                .collect()
        };
        lists.insert(name, lines.map(row).collect());
    }
    lists
}

fn sources(file: &str) -> Vec<String> {
    file.split("\n=== ").skip(1).map(str::to_owned).collect()
}

fn filled(source: &str, columns: &Row) -> String {
    let fill = |text: String, (column, value): &(String, String)| {
        text.replace(&format!("{{{column}}}"), value)
    };
    columns.iter().fold(source.to_owned(), fill)
}

fn parsed(source: &str, row: i64) -> Record {
    let (top, text) = source.split_once("\n---").unwrap_or((source, ""));
    let mut lines = top.lines();
    let words = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let pair = |line: &str| {
        line.split_once(':')
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
    };
    Record {
        words,
        head: lines.filter_map(pair).collect(),
        text: text.trim().to_owned(),
        row,
    }
}

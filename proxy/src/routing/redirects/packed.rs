//! Redirects packed: all texts of the table in one, departments and printed matter kept once, so
//! that a table is a few large pieces of memory, which go back to the system when it is replaced.

use std::collections::HashMap;

use yagura_control::redirect::Redirect;
use yagura_control::{Day, Timestamp};

/// The number that stands for every host of the site.
pub const ANY_HOST: u16 = 0;

/// The rows of a table.
#[derive(Debug, Default)]
pub struct Packed {
    texts: Box<str>,
    rows: Box<[Row]>,
    /// The host with number n stands at n - 1.
    hosts: Box<[Box<str>]>,
    /// Departments and printed matter; the first is empty.
    words: Box<[Box<str>]>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    path: Span,
    to: Span,
    note: Span,
    department: u32,
    printed: u32,
    copies: Option<u32>,
    until: Option<Day>,
    host: u16,
    status: u16,
    keep_query: bool,
}

/// Where a text lies.
#[derive(Clone, Copy, Debug)]
struct Span {
    at: u32,
    length: u16,
}

impl Packed {
    /// Packs a table. What does not fit is cut, but for that tables are refused long before.
    pub fn new(redirects: &[Redirect]) -> Self {
        let mut texts = String::new();
        let mut hosts = Numbers::default();
        let mut words = Numbers::default();
        words.number("");
        let rows = redirects.iter().map(|redirect| {
            let host = redirect.host.as_deref().map(|host| hosts.number(host) + 1);
            Row {
                path: add(&mut texts, &redirect.path),
                to: add(&mut texts, &redirect.to),
                note: add(&mut texts, &redirect.note),
                department: words.number(&redirect.department),
                printed: words.number(&redirect.printed),
                copies: redirect.copies,
                until: redirect.until,
                host: host.map_or(ANY_HOST, |host| u16::try_from(host).unwrap_or(u16::MAX)),
                status: redirect.status,
                keep_query: redirect.keep_query,
            }
        });
        Self {
            rows: rows.collect(),
            texts: texts.into(),
            hosts: hosts.all.into(),
            words: words.all.into(),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of a host that some row belongs to. There are few of them.
    pub fn host_number(&self, host: &str) -> Option<u16> {
        let place = self.hosts.iter().position(|one| **one == *host)?;
        u16::try_from(place + 1).ok()
    }

    /// The number of a row's host.
    pub fn host(&self, row: u32) -> u16 {
        self.row(row).map_or(ANY_HOST, |row| row.host)
    }

    /// The name of a row's host.
    pub fn host_name(&self, row: u32) -> Option<&str> {
        let place = usize::from(self.host(row)).checked_sub(1)?;
        self.hosts.get(place).map(|host| &**host)
    }

    /// A row's source, without its host.
    pub fn path(&self, row: u32) -> &str {
        self.row(row).map_or("", |row| self.text(row.path))
    }

    /// A row's target.
    pub fn to(&self, row: u32) -> &str {
        self.row(row).map_or("", |row| self.text(row.to))
    }

    /// A row's status.
    pub fn status(&self, row: u32) -> u16 {
        self.row(row).map_or(302, |row| row.status)
    }

    /// Whether a row's target is given what is left of the query.
    pub fn keeps_query(&self, row: u32) -> bool {
        self.row(row).is_some_and(|row| row.keep_query)
    }

    /// The last day on which a row redirects.
    pub fn until(&self, row: u32) -> Option<Day> {
        self.row(row)?.until
    }

    /// Whether a row redirects now.
    pub fn is_live(&self, row: u32, now: Timestamp) -> bool {
        self.until(row).is_none_or(|until| now < until.end())
    }

    /// A row as it was.
    pub fn redirect(&self, number: u32) -> Option<Redirect> {
        let row = self.row(number)?;
        let word = |number: u32| self.words.get(number as usize).map_or("", |word| word);
        Some(Redirect {
            host: self.host_name(number).map(str::to_owned),
            path: self.text(row.path).to_owned(),
            to: self.text(row.to).to_owned(),
            status: row.status,
            keep_query: row.keep_query,
            until: row.until,
            department: word(row.department).to_owned(),
            printed: word(row.printed).to_owned(),
            copies: row.copies,
            note: self.text(row.note).to_owned(),
        })
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        let many = |texts: &[Box<str>]| {
            let lengths = texts.iter().map(|text| size_of_val(text) + text.len());
            lengths.sum::<usize>()
        };
        self.texts.len() + size_of_val(&*self.rows) + many(&self.hosts) + many(&self.words)
    }

    fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)
    }

    fn text(&self, span: Span) -> &str {
        let begin = span.at as usize;
        let text = self.texts.get(begin..begin + usize::from(span.length));
        text.unwrap_or_default()
    }
}

fn add(texts: &mut String, text: &str) -> Span {
    let at = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    texts.push_str(text);
    Span {
        at,
        length: u16::try_from(text.len()).unwrap_or(0),
    }
}

/// Texts that are kept once, in the order in which they came.
#[derive(Default)]
struct Numbers {
    all: Vec<Box<str>>,
    of: HashMap<Box<str>, u32>,
}

impl Numbers {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.of.get(text) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(text.into());
        self.of.insert(text.into(), number);
        number
    }
}

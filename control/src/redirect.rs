//! One redirect of the table for printed codes and legacy URLs, and the table's CSV form.
//!
//! Heading line `from,to` with, in any order and if wanted, `status` and `note`. `from` is an
//! absolute path with an optional query (`/q/a1b2`, `/index.php?id=12`), or a whole URL when the
//! redirect belongs to one host. `to` is an absolute path or an http(s) URL. `status` is 301
//! (when left out), 302, 307 or 308. Every fault of a file is reported, with its line.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The longest `from` or `to`, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// One redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The host it belongs to, lower case without port; every host of the site when `None`.
    pub host: Option<String>,
    /// Path and query as requested, percent-encoded, compared exactly.
    pub path: String,
    /// Where it leads: an absolute path or an http(s) URL.
    pub to: String,
    /// 301, 302, 307 or 308 (RFC 9110, section 15.4).
    pub status: u16,
    /// What it is for: the printed matter, the department.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A fault in a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Fault {
    /// Line in the CSV text, from 1.
    pub line: u64,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Reads a whole table.
///
/// # Errors
/// Every fault of the table; none of its redirects counts then.
pub fn parse_csv(text: &str) -> Result<Vec<Redirect>, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(headings) => {
            Columns::find(headings).map_err(|message| vec![Fault { line: 1, message }])?
        }
        Err(e) => {
            return Err(vec![Fault {
                line: 1,
                message: e.to_string(),
            }]);
        }
    };
    let mut redirects = Vec::new();
    let mut faults = Vec::new();
    let mut seen: HashMap<(Option<String>, String), u64> = HashMap::new();
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(e) => {
                let line = e.position().map_or(0, csv::Position::line);
                faults.push(Fault {
                    line,
                    message: format!("the row cannot be read: {e}"),
                });
                continue;
            }
        };
        let line = row.position().map_or(0, csv::Position::line);
        match columns.redirect(&row) {
            Ok(redirect) => {
                let key = (redirect.host.clone(), redirect.path.clone());
                if let Some(first) = seen.insert(key, line) {
                    faults.push(Fault {
                        line,
                        message: format!(
                            "{:?} is redirected already in line {first}; keep one of them",
                            redirect.path
                        ),
                    });
                }
                redirects.push(redirect);
            }
            Err(message) => faults.push(Fault { line, message }),
        }
    }
    if faults.is_empty() {
        Ok(redirects)
    } else {
        Err(faults)
    }
}

/// Writes a table that [`parse_csv`] reads back the same.
#[must_use]
pub fn to_csv(redirects: &[Redirect]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(["from", "to", "status", "note"]);
    for redirect in redirects {
        let from = match &redirect.host {
            Some(host) => format!("https://{host}{}", redirect.path),
            None => redirect.path.clone(),
        };
        let status = redirect.status.to_string();
        let _ = writer.write_record([&from, &redirect.to, &status, &redirect.note]);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

struct Columns {
    from: usize,
    to: usize,
    status: Option<usize>,
    note: Option<usize>,
}

impl Columns {
    fn find(headings: &csv::StringRecord) -> Result<Self, String> {
        let at = |name: &str| headings.iter().position(|h| h.eq_ignore_ascii_case(name));
        if let Some(unknown) = headings.iter().find(|h| {
            !["from", "to", "status", "note"]
                .iter()
                .any(|k| h.eq_ignore_ascii_case(k))
        }) {
            return Err(format!(
                "column {unknown:?} is unknown; columns are from, to, status, note"
            ));
        }
        match (at("from"), at("to")) {
            (Some(from), Some(to)) => Ok(Self {
                from,
                to,
                status: at("status"),
                note: at("note"),
            }),
            _ => Err("the heading line must name the columns from and to".into()),
        }
    }

    fn redirect(&self, row: &csv::StringRecord) -> Result<Redirect, String> {
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let (host, path) = parse_from(cell(self.from))?;
        let to = parse_to(cell(self.to))?;
        let status = match self.status.map(cell) {
            None | Some("" | "301") => 301,
            Some("302") => 302,
            Some("307") => 307,
            Some("308") => 308,
            Some(other) => {
                return Err(format!(
                    "status {other:?} is no redirect; use 301, 302, 307 or 308"
                ));
            }
        };
        if host.is_none() && path == to {
            return Err(format!("{path:?} leads to itself"));
        }
        Ok(Redirect {
            host,
            path,
            to,
            status,
            note: self.note.map(cell).unwrap_or_default().into(),
        })
    }
}

fn parse_from(text: &str) -> Result<(Option<String>, String), String> {
    let after_scheme = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let (host, path) = match after_scheme {
        None => (None, text),
        Some(rest) => {
            let slash = rest
                .find('/')
                .ok_or_else(|| format!("from {text:?} has no path after the host"))?;
            let (authority, path) = rest.split_at(slash);
            let host = authority
                .split(':')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            if host.is_empty() || authority.contains('@') {
                return Err(format!("from {text:?} has no host name"));
            }
            (Some(host), path)
        }
    };
    check_path("from", path)?;
    if path.contains('#') {
        return Err(format!(
            "from {text:?} has a fragment, which browsers never send; drop it"
        ));
    }
    Ok((host, path.to_owned()))
}

fn parse_to(text: &str) -> Result<String, String> {
    let path = match text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            return Err(format!("to {text:?} has no host name"));
        }
        Some(_) => text,
        None if text.starts_with("//") => {
            return Err(format!(
                "to {text:?} has no scheme; write https:// before it"
            ));
        }
        None => {
            check_path("to", text)?;
            text
        }
    };
    check_characters("to", path)?;
    Ok(text.to_owned())
}

fn check_path(column: &str, path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("{column} {path:?} must start with / or http(s)://"));
    }
    check_characters(column, path)
}

/// Only what may stand in a request target and in a Location field: visible ASCII.
fn check_characters(column: &str, text: &str) -> Result<(), String> {
    if text.len() > MAX_URL_BYTES {
        return Err(format!("{column} is longer than {MAX_URL_BYTES} bytes"));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(format!("{column} {text:?} holds {c:?}; percent-encode it")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_table_as_a_city_writes_it() {
        let csv = "\u{feff}from,to,note\n/q/a1b2,/kurashi/gomi.html,広報 2019年4月号\n\
                   https://Old.Town.example/index.php?id=3,https://www.town.example/,\n";
        let table = parse_csv(csv).unwrap();
        assert_eq!(table[0].status, 301);
        assert_eq!(table[0].note, "広報 2019年4月号");
        assert_eq!(table[1].host.as_deref(), Some("old.town.example"));
        assert_eq!(table[1].path, "/index.php?id=3");
    }

    #[test]
    fn tells_every_fault_with_its_line() {
        let csv = "from,to,status\nq,/a,\n/b,/c,303\n/d,/e,\n/d,/f,\n/くらし,/g,\n/h,//evil.example,\n/i,/i,\n";
        let faults = parse_csv(csv).unwrap_err();
        assert_eq!(
            faults.iter().map(|f| f.line).collect::<Vec<_>>(),
            [2, 3, 5, 6, 7, 8]
        );
    }

    proptest! {
        #[test]
        fn what_it_writes_it_reads(
            paths in proptest::collection::btree_set("/[a-z0-9?=&%.-]{1,30}", 0..20),
            note in "[ぁ-んa-z\",\n]{0,12}"
        ) {
            let table: Vec<Redirect> = paths.into_iter().map(|path| Redirect {
                host: None, path, to: "/".into(), status: 301, note: note.trim().into(),
            }).collect();
            prop_assert_eq!(parse_csv(&to_csv(&table)).unwrap(), table);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,300}") {
            let _ = parse_csv(&format!("from,to\n{text}"));
        }
    }
}

//! A table of redirects as CSV.
//!
//! The heading line names the columns, in any order, in English or Japanese; `from` and `to` must
//! be there, the others may be left out:
//!
//! | Column | In Japanese | What stands there |
//! |---|---|---|
//! | `from` | 転送元 | a path with an optional query, a whole URL, or a [pattern](super::pattern) |
//! | `to` | 転送先 | a path or an http(s) URL |
//! | `status` | ステータス | 301 (when left out), 302, 303, 307 or 308 |
//! | `department` | 担当課 | who answers for it |
//! | `printed` | 印刷物 | on what it was printed |
//! | `copies` | 部数 | how many |
//! | `until` | 期限 | the last day on which it redirects |
//! | `keep_query` | クエリ引継ぎ | yes, when the query goes to the target too |
//! | `note` | 備考 | what else |

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::csv_rows::{self, quoted};
use super::{MAX_PATTERNS, MAX_REDIRECTS, Pattern, Redirect, cells};

/// A fault in a table.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    thiserror::Error,
)]
#[error("line {line}: {message}")]
pub struct Fault {
    /// Line in the CSV text, from 1.
    pub line: u64,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// A redirect with the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From 1.
    pub line: u64,
    /// What stands there.
    pub redirect: Redirect,
}

/// The columns: their names as [`to_csv`] writes them, then the others they go by, without blanks,
/// underscores and hyphens.
const COLUMNS: [(&str, &[&str]); 9] = [
    (
        "from",
        &["source", "転送元", "転送元url", "旧url", "リンク元"],
    ),
    (
        "to",
        &[
            "target",
            "destination",
            "転送先",
            "転送先url",
            "新url",
            "リンク先",
        ],
    ),
    (
        "status",
        &["code", "statuscode", "ステータス", "ステータスコード"],
    ),
    (
        "department",
        &["担当課", "担当", "担当部署", "所管課", "所管", "部署"],
    ),
    ("printed", &["printedmatter", "印刷物", "媒体", "掲載物"]),
    ("copies", &["numberprinted", "部数", "印刷部数", "発行部数"]),
    (
        "until",
        &["expiry", "expires", "期限", "有効期限", "終了日"],
    ),
    (
        "keepquery",
        &["クエリ引継ぎ", "クエリ引継", "クエリを引き継ぐ"],
    ),
    ("note", &["notes", "備考", "メモ", "摘要"]),
];

const HEADINGS: [&str; 9] = [
    "from",
    "to",
    "status",
    "department",
    "printed",
    "copies",
    "until",
    "keep_query",
    "note",
];

/// Reads a whole table: the rows that can be read, and every fault.
#[must_use]
pub fn read(text: &str) -> (Vec<Row>, Vec<Fault>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = csv_rows::rows(text).into_iter();
    let mut faults = Vec::new();
    let columns = match lines.next() {
        None => Err(Fault {
            line: 1,
            message: format!("the table is empty; begin it with {}", HEADINGS.join(",")),
        }),
        Some(Err(unreadable)) => Err(Fault {
            line: unreadable.line,
            message: unreadable.why.to_owned(),
        }),
        Some(Ok(row)) => Columns::find(&row.cells).map_err(|message| Fault {
            line: row.line,
            message,
        }),
    };
    let columns = match columns {
        Ok(columns) => columns,
        Err(fault) => return (Vec::new(), vec![fault]),
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut patterns = 0;
    for line in lines {
        let row = match line {
            Ok(row) => row,
            Err(unreadable) => {
                faults.push(Fault {
                    line: unreadable.line,
                    message: unreadable.why.to_owned(),
                });
                continue;
            }
        };
        let line = row.line;
        let mut fault = |message| faults.push(Fault { line, message });
        let Some(redirect) = columns.redirect(&row.cells, &mut fault) else {
            continue;
        };
        if let Some(first) = seen.get(&redirect.source()) {
            fault(format!(
                "\"{}\" is redirected already in line {first}; keep one of them",
                redirect.source()
            ));
        } else {
            seen.insert(redirect.source(), line);
        }
        if Pattern::is_meant(&redirect.path) {
            patterns += 1;
            if patterns == MAX_PATTERNS + 1 {
                fault(format!(
                    "this is one pattern too many; a table has {MAX_PATTERNS} at most"
                ));
            }
        }
        if rows.len() == MAX_REDIRECTS {
            fault(format!(
                "this is one redirect too many; a table has {MAX_REDIRECTS} at most"
            ));
            break;
        }
        rows.push(Row { line, redirect });
    }
    (rows, faults)
}

/// Reads a whole table.
///
/// # Errors
/// Every fault of the table; none of its redirects counts then.
pub fn parse_csv(text: &str) -> Result<Vec<Redirect>, Vec<Fault>> {
    let (rows, faults) = read(text);
    if faults.is_empty() {
        Ok(rows.into_iter().map(|row| row.redirect).collect())
    } else {
        Err(faults)
    }
}

/// Writes a table that [`parse_csv`] reads back the same.
#[must_use]
pub fn to_csv(redirects: &[Redirect]) -> String {
    let mut text = HEADINGS.join(",") + "\r\n";
    for redirect in redirects {
        let cells = [
            redirect.source(),
            redirect.to.clone(),
            redirect.status.to_string(),
            redirect.department.clone(),
            redirect.printed.clone(),
            redirect
                .copies
                .map_or(String::new(), |copies| copies.to_string()),
            redirect
                .until
                .map_or(String::new(), |until| until.to_string()),
            if redirect.keep_query { "yes" } else { "" }.to_owned(),
            redirect.note.clone(),
        ];
        let cells = cells.each_ref().map(|cell| quoted(cell));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Where each column of [`COLUMNS`] stands.
struct Columns([Option<usize>; COLUMNS.len()]);

impl Columns {
    fn find(headings: &[String]) -> Result<Self, String> {
        let known = || HEADINGS.join(", ");
        let mut places = [None; COLUMNS.len()];
        for (place, heading) in headings.iter().enumerate() {
            if heading.is_empty() {
                continue;
            }
            let name = plain(heading);
            let column = COLUMNS
                .iter()
                .position(|(own, others)| name == *own || others.contains(&name.as_str()));
            match column.and_then(|column| places.get_mut(column)) {
                None => {
                    return Err(format!(
                        "column \"{heading}\" is unknown; columns are {}",
                        known()
                    ));
                }
                Some(Some(_)) => return Err(format!("column \"{heading}\" is there twice")),
                Some(free) => *free = Some(place),
            }
        }
        match places {
            [Some(_), Some(_), ..] => Ok(Self(places)),
            _ => Err(format!(
                "the heading line must name the columns from and to (転送元, 転送先); columns are {}",
                known()
            )),
        }
    }

    /// The redirect of a row; every fault of its cells is told.
    fn redirect(&self, row: &[String], fault: &mut impl FnMut(String)) -> Option<Redirect> {
        let mut told = false;
        let Self(places) = self;
        let named = |place: usize| places.contains(&Some(place));
        if let Some((_, cell)) = (0..)
            .zip(row)
            .find(|(place, cell)| !named(*place) && !cell.is_empty())
        {
            fault(format!(
                "\"{}\" stands in a column without a heading; put a cell that holds a separator in quotes",
                cell.chars().take(40).collect::<String>()
            ));
            told = true;
        }
        let mut kept = |message: String| {
            fault(message);
            told = true;
        };
        let cells: [&str; COLUMNS.len()] =
            places.map(|place| place.and_then(|at| row.get(at)).map_or("", String::as_str));
        let [
            from,
            to,
            status,
            department,
            printed,
            copies,
            until,
            keep_query,
            note,
        ] = cells;
        let source = cells::source(from).map_err(&mut kept).ok();
        let pattern = source.as_ref().and_then(|source| source.pattern.as_ref());
        // Without its source nothing can be said of what a target captures.
        let target = match &source {
            None => None,
            Some(_) => cells::target(to, pattern).map_err(&mut kept).ok(),
        };
        let status = cells::status(status).map_err(&mut kept).ok();
        let until = cells::date(until).map_err(&mut kept).ok();
        let copies = cells::copies(copies).map_err(&mut kept).ok();
        let keep_query = cells::yes(keep_query).map_err(&mut kept).ok();
        let department = cells::words("department", department)
            .map_err(&mut kept)
            .ok();
        let printed = cells::words("printed", printed).map_err(&mut kept).ok();
        let note = cells::words("note", note).map_err(&mut kept).ok();
        let source = source?;
        let redirect = Redirect {
            host: source.host,
            path: source.path,
            to: target?,
            status: status?,
            keep_query: keep_query?,
            until: until?,
            department: department?,
            printed: printed?,
            copies: copies?,
            note: note?,
        };
        if redirect.host.is_none() && redirect.path == redirect.to {
            kept(format!("\"{}\" leads to itself", redirect.path));
        }
        (!told).then_some(redirect)
    }
}

/// A heading without what makes no difference.
fn plain(heading: &str) -> String {
    let counts = |c: &char| !c.is_whitespace() && !"_-‐－・".contains(*c);
    let half = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    };
    let letters = heading.chars().filter(counts).map(half);
    letters.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_table_as_a_city_writes_it() {
        let csv = "\u{feff}転送元,転送先,担当課,印刷物,部 数,期限,備考\r\n\
                   /q/a1b2,/kurashi/gomi.html,環境課,広報 2019年4月号,\"48,000\",令和8年3月31日,\r\n\
                   https://Old.Town.example/index.php?id=3,https://www.town.example/,,,,,\"二行の\r\n備考\"\r\n\
                   /soshiki/{s}/{p}.html,/section/{s}/{p},,,,,\r\n,,,,,,\r\n";
        let table = parse_csv(csv).unwrap();
        assert_eq!(table.len(), 3);
        assert_eq!(table[0].status, 301);
        assert_eq!(table[0].department, "環境課");
        assert_eq!(
            (table[0].printed.as_str(), table[0].copies),
            ("広報 2019年4月号", Some(48_000))
        );
        assert_eq!(table[0].until.unwrap().to_string(), "2026-03-31");
        assert_eq!(table[1].host.as_deref(), Some("old.town.example"));
        assert_eq!(table[1].path, "/index.php?id=3");
        assert_eq!(table[1].note, "二行の\n備考");
        assert_eq!(table[2].path, "/soshiki/{s}/{p}.html");
    }

    #[test]
    fn tells_every_fault_with_its_line() {
        let csv = "from,to,status,until\nq,/a,\n/b,/c,304\n/d,/e,\n/d,/f,\n/g h,/g,\n/h,//evil.example,\n\
                   /i,/i,\n/{x},/{y},\n/{x,/,\n/j,/k,999,soon\n/l,/m,,,x\n";
        let (rows, faults) = read(csv);
        let lines: Vec<u64> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 3, 5, 6, 7, 8, 9, 10, 11, 11, 12], "{faults:?}");
        assert_eq!(rows.len(), 2, "what can be read is given too");
    }

    #[test]
    fn headings_must_be_known() {
        for (heading, word) in [
            ("from", "転送先"),
            ("from,to,colour", "colour"),
            ("from,to,転送元", "twice"),
            ("", "empty"),
        ] {
            let faults = parse_csv(heading).unwrap_err();
            assert!(faults[0].message.contains(word), "{faults:?}");
        }
        assert!(parse_csv(" From ; TO ;Keep-Query\n/a;/b;yes").unwrap()[0].keep_query);
    }

    proptest! {
        #[test]
        fn what_it_writes_it_reads(
            paths in proptest::collection::btree_set("/[a-z0-9?=&%.-]{1,30}", 0..20),
            words in "[ぁ-んa-z\",;\n\t]{0,12}", copies in proptest::option::of(any::<u32>()),
            keep_query in any::<bool>(), until in proptest::option::of(0u64..4_000_000_000),
        ) {
            // A percent-encoded byte has one spelling in a table.
            let paths: std::collections::BTreeSet<String> =
                paths.iter().map(|path| super::super::escapes::spelled_once(path).into_owned()).collect();
            let table: Vec<Redirect> = paths.into_iter().map(|path| Redirect {
                note: words.clone(),
                department: words.trim().into(),
                copies,
                keep_query,
                until: until.map(|seconds| crate::Day::of(crate::Timestamp(seconds * 1000))),
                ..Redirect::new(path, "/")
            }).collect();
            prop_assert_eq!(parse_csv(&to_csv(&table)).unwrap(), table);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,300}") {
            let _ = parse_csv(&format!("from,to\n{text}"));
            let _ = parse_csv(&text);
        }
    }
}

//! What is CSV (RFC 4180), as spreadsheets write it: separated by commas, semicolons or tabs,
//! with any line ends, quoted cells with line breaks in them.
//!
//! Written here because a table must not be half read: a quotation mark that is never closed would
//! swallow every row after it, and libraries for CSV take that as one long cell.

/// A row with the line it begins in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRow {
    /// From 1.
    pub line: u64,
    /// Without blanks around, unless they were quoted.
    pub cells: Vec<String>,
}

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line it begins in, or in which its open quotation mark stands.
    pub line: u64,
    /// Why, and what to do.
    pub why: &'static str,
}

const NOT_CLOSED: &str =
    "a quotation mark is opened and never closed; close it, or write it as \"\" inside quotes";
const AFTER_CLOSING: &str = "text follows a closing quotation mark; write a quotation mark inside quotes as \"\", \
     and a separator after the closing one";

/// Every row that has a cell with something in it, or why it cannot be read.
#[must_use]
pub fn rows(text: &str) -> Vec<Result<CsvRow, Unreadable>> {
    let (separator, skipped) = separator(text);
    let rest = text.get(skipped..).unwrap_or_default();
    let mut reader = Reader {
        separator,
        characters: rest.chars().peekable(),
        line: if skipped > 0 { 2 } else { 1 },
    };
    let mut rows = Vec::new();
    while reader.characters.peek().is_some() {
        let row = reader.row();
        let is_empty = |row: &CsvRow| row.cells.iter().all(String::is_empty);
        if !row.as_ref().is_ok_and(is_empty) {
            rows.push(row);
        }
    }
    rows
}

/// A cell as it is written between commas.
#[must_use]
pub fn quoted(cell: &str) -> String {
    let plain = !cell.contains(['"', ',', ';', '\t', '\r', '\n'])
        && cell.trim() == cell
        && !cell.starts_with("sep=");
    if plain {
        cell.to_owned()
    } else {
        format!("\"{}\"", cell.replace('"', "\"\""))
    }
}

/// The separator, and how much of the text says so (`sep=;`, as Excel understands it).
fn separator(text: &str) -> (char, usize) {
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    let said = first
        .strip_prefix("sep=")
        .and_then(|rest| rest.chars().next());
    if let Some(separator @ (',' | ';' | '\t')) = said {
        let rest = text.get(first.len()..).unwrap_or_default();
        let end = ["\r\n", "\n", "\r"]
            .iter()
            .find(|end| rest.starts_with(**end));
        return (separator, first.len() + end.map_or(0, |end| end.len()));
    }
    let count = |separator: char| first.matches(separator).count();
    let most = [',', ';', '\t']
        .into_iter()
        .rev()
        .max_by_key(|one| count(*one));
    (most.unwrap_or(','), 0)
}

struct Reader<'t> {
    separator: char,
    characters: std::iter::Peekable<std::str::Chars<'t>>,
    line: u64,
}

impl Reader<'_> {
    fn row(&mut self) -> Result<CsvRow, Unreadable> {
        let line = self.line;
        let mut cells = Vec::new();
        let mut fault = None;
        loop {
            let (cell, why) = self.cell();
            cells.push(cell);
            fault = fault.or(why);
            match self.characters.next() {
                Some(c) if c == self.separator => {}
                Some(c) => {
                    self.end_of_line(c);
                    break;
                }
                None => break,
            }
        }
        match fault {
            Some(unreadable) => Err(unreadable),
            None => Ok(CsvRow { line, cells }),
        }
    }

    /// Reads up to a separator, the end of the line or of the text, and leaves that there.
    fn cell(&mut self) -> (String, Option<Unreadable>) {
        let mut blanks = String::new();
        while let Some(c) = self.next_if(|c| c.is_whitespace()) {
            blanks.push(c);
        }
        if self.characters.peek() != Some(&'"') {
            let text = self.until_end(blanks);
            return (text.trim().to_owned(), None);
        }
        let opened = self.line;
        self.characters.next();
        let mut cell = String::new();
        loop {
            match self.characters.next() {
                None => {
                    let why = NOT_CLOSED;
                    return (cell, Some(Unreadable { line: opened, why }));
                }
                Some('"') if self.characters.next_if_eq(&'"').is_some() => cell.push('"'),
                Some('"') => break,
                Some(c @ ('\n' | '\r')) => {
                    self.end_of_line(c);
                    cell.push('\n');
                }
                Some(c) => cell.push(c),
            }
        }
        let after = self.until_end(String::new());
        let fault = (!after.trim().is_empty()).then_some(Unreadable {
            line: opened,
            why: AFTER_CLOSING,
        });
        (cell, fault)
    }

    fn until_end(&mut self, mut text: String) -> String {
        while let Some(c) = self.next_if(|_| true) {
            text.push(c);
        }
        text
    }

    /// The next character, unless the cell ends there.
    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let separator = self.separator;
        let ends = |c: char| c == separator || c == '\n' || c == '\r';
        self.characters.next_if(|c| !ends(*c) && wanted(*c))
    }

    /// `c` begins the end of a line.
    fn end_of_line(&mut self, c: char) {
        if c == '\r' {
            self.characters.next_if_eq(&'\n');
        }
        self.line += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(u64, Vec<String>)> {
        let rows = rows(text).into_iter().map(Result::unwrap);
        rows.map(|row| (row.line, row.cells)).collect()
    }

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn rows_know_their_lines() {
        let text = "a,b\r\n\r\n\"x\r\ny\",\" z\"\n,,\n  p ,　q　\rlast";
        let expected = vec![
            (1, cells(&["a", "b"])),
            (3, cells(&["x\ny", " z"])),
            (6, cells(&["p", "q"])),
            (7, cells(&["last"])),
        ];
        assert_eq!(read(text), expected);
        assert_eq!(
            read("a;b\n\"1;2\";3"),
            [(1, cells(&["a", "b"])), (2, cells(&["1;2", "3"]))]
        );
        assert_eq!(
            read("a\tb\n\t3"),
            [(1, cells(&["a", "b"])), (2, cells(&["", "3"]))]
        );
        assert_eq!(read("sep=;\r\na;b,c\n"), [(2, cells(&["a", "b,c"]))]);
    }

    #[test]
    fn an_open_quotation_mark_is_found_where_it_stands() {
        let rows = rows("a,b\n\"x\"y,1\nc,d\ne,\"f\ng,h\n");
        let lines: Vec<u64> = rows
            .iter()
            .filter_map(|row| Some(row.as_ref().err()?.line))
            .collect();
        assert_eq!(lines, [2, 4]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            table in proptest::collection::vec(
                proptest::collection::vec("[a-z\",;\t\n あ=]{1,8}", 3), 1..5)
        ) {
            // The first row decides the separator.
            let head = "h,h,h\n".to_owned();
            let lines = table.iter().map(|row| {
                row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n"
            });
            let text = head + &lines.collect::<String>();
            let read: Vec<Vec<String>> = read(&text).into_iter().skip(1).map(|row| row.1).collect();
            prop_assert_eq!(read, table);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a,;\t\"\r\n あ]{0,60}") {
            let lines = text.split('\n').count() + text.matches('\r').count();
            for row in rows(&text) {
                let line = match row { Ok(row) => row.line, Err(unreadable) => unreadable.line };
                prop_assert!(line as usize <= lines);
            }
        }
    }
}

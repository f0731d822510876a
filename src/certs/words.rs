//! Dates and tables as people read them.

use std::time::Duration;

use yagura_control::Timestamp;

/// A date and time in Japan, to the minute.
pub(super) fn instant(at: Timestamp) -> String {
    let local = at.in_japan();
    let (year, month, day) = local.to_calendar_date();
    let month = u8::from(month);
    let (hour, minute) = (local.hour(), local.minute());
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

/// How long until then: whole days, or hours when it is less than three days.
pub(super) fn left(until: Timestamp, now: Timestamp) -> String {
    if now >= until {
        return "over".to_owned();
    }
    let left = until.since(now);
    match left.as_secs() / 3_600 {
        hours if left >= Duration::from_secs(3 * 86_400) => format!("{} d", hours / 24),
        hours => format!("{hours} h"),
    }
}

/// The first of some names, and how many more there are.
pub(super) fn names(names: &[String]) -> String {
    match names {
        [] => "-".to_owned(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    }
}

/// Lines in columns that are as wide as their widest cell.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| wide(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width + 2 - wide(cell)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How many columns of a terminal a text takes: two for what is not of Latin width.
fn wide(text: &str) -> usize {
    let columns = |c: char| if u32::from(c) < 0x1100 { 1 } else { 2 };
    text.chars().map(columns).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_also_in_japanese() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["NAME", "ORG", "X"]), row(["a", "サンプル市", "y"])]);
        assert_eq!(text, "NAME  ORG         X\na     サンプル市  y\n");
    }

    #[test]
    fn the_rest_of_a_life_is_told_in_days_then_hours() {
        let now = Timestamp(1_795_400_000_000);
        let after = |hours: u64| left(now.plus(Duration::from_secs(hours * 3_600)), now);
        assert_eq!(
            [after(0), after(5), after(71), after(72)],
            ["over", "5 h", "71 h", "3 d"]
        );
    }
}

//! What the library writes for its log about a rule that matched, read for what may be told: the
//! rule's number, its words, and the name of the variable. What stood there is personal data, and is
//! never kept. Pure.

use crate::request::Match;

/// Rules that only add up what others found, or stop because of it.
const SUMS: [std::ops::RangeInclusive<u32>; 2] = [949_000..=949_999, 980_000..=980_999];
/// Longest name of a variable that is kept.
const LONGEST: usize = 60;

/// A line's match; none when it tells of no rule, or of a sum.
#[must_use]
pub fn read(line: &str) -> Option<Match> {
    let rule: u32 = tagged(line, "id")?.parse().ok()?;
    if SUMS.iter().any(|sums| sums.contains(&rule)) {
        return None;
    }
    let at = variable(line).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || ":_.*-[]/()".contains(c);
    let at: String = at.chars().filter(|c| plain(*c)).take(LONGEST).collect();
    let says = tagged(line, "msg").unwrap_or_default();
    Some(Match {
        rule,
        at,
        says: says.chars().take(120).collect(),
    })
}

/// The value of `[name "value"]`, the last of them: what a reader sent stands before them.
fn tagged<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.rsplit_once(&format!("[{name} \""))?;
    rest.split_once("\"]").map(|(value, _)| value)
}

/// The name of the variable, as operators tell it: of patterns, and of libinjection.
fn variable(line: &str) -> Option<&str> {
    if let Some((_, rest)) = line.split_once("against variable `") {
        return rest.split_once("' (Value:").map(|(name, _)| name);
    }
    let (_, rest) = line.split_once(" found within ")?;
    rest.split_once(": ").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_match_is_read_without_what_stood_there() {
        let line = r#"ModSecurity: Warning. Matched "Operator `Rx' with parameter `(?i:x)' against variable `ARGS:q' (Value: `secret [id "1"] union' ) [file "/r/942.conf"] [line "10"] [id "942100"] [rev ""] [msg "SQL Injection"] [data "secret"] [severity "2"]"#;
        let found = read(line).unwrap();
        assert_eq!((found.rule, found.at.as_str()), (942_100, "ARGS:q"));
        assert_eq!(found.says, "SQL Injection");
        assert!(!format!("{found:?}").contains("secret"));
        assert_eq!(read(&line.replace("942100", "949110")), None);
        assert_eq!(read("ModSecurity: something else"), None);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in ".*") {
            let _ = read(&line);
        }
    }
}

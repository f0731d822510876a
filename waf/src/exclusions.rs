//! What the operator takes out of the rules: a rule, on the paths of one site, for one argument where
//! that is enough, with a reason and an end. Kept in a file of its own, to be put under version
//! control:
//!
//! ```toml
//! [[exclusion]]
//! site = "town"
//! path = "/inquiry/"          # and all beneath
//! rules = [942100]
//! argument = "honbun"         # left out: the rules as a whole
//! reason = "letters ask about SQL courses; seen in shadow on 12 November"
//! expires = "2027-03-31"
//! ```
//!
//! Reading and writing as directives are pure; `now` is an argument.

use std::collections::BTreeSet;

use serde::Deserialize;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, UtcOffset};
use yagura_control::Timestamp;

use crate::copy::SITE_FIELD;

/// Most exclusions.
const MOST: usize = 200;
/// Number of the first directive that is made of them.
const FIRST_ID: usize = 9_991_000;
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const JAPAN: Result<UtcOffset, time::error::ComponentRange> = UtcOffset::from_hms(9, 0, 0);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The site's name.
    pub site: String,
    /// Path in plain characters, not percent-encoded; all that begins so is meant.
    pub path: String,
    /// Numbers of the rules.
    pub rules: BTreeSet<u32>,
    /// The argument alone for which they do not count.
    pub argument: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts, in Japan.
    pub expires: Date,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exclusion: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    site: String,
    path: String,
    rules: BTreeSet<u32>,
    argument: Option<String>,
    reason: String,
    expires: String,
}

/// Reads a file's text.
///
/// # Errors
/// Every fault, each with the number of its exclusion.
pub fn read(text: &str) -> Result<Vec<Exclusion>, Vec<String>> {
    let file: File = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    let mut read = Vec::new();
    for (index, written) in file.exclusion.into_iter().enumerate() {
        match checked(written) {
            Ok(exclusion) => read.push(exclusion),
            Err(why) => faults.push(format!("exclusion {}: {why}", index + 1)),
        }
    }
    if read.len() > MOST {
        faults.push(format!("there are more than {MOST} exclusions"));
    }
    if faults.is_empty() {
        Ok(read)
    } else {
        Err(faults)
    }
}

fn checked(written: Written) -> Result<Exclusion, String> {
    let expires = Date::parse(&written.expires, DAY)
        .map_err(|_| format!("\"{}\" is no day such as 2027-03-31", written.expires))?;
    // These texts become parts of directives.
    let plain = |text: &str| {
        !text
            .chars()
            .any(|c| c.is_control() || "\"'\\`%{}$,;|&".contains(c))
    };
    if !written.path.starts_with('/') || !plain(&written.path) {
        let hint = "begin it with a slash, and write plain characters, not %E3%81%82";
        return Err(format!("\"{}\" is no path; {hint}", written.path));
    }
    if written.site.is_empty() || !plain(&written.site) {
        return Err(format!("\"{}\" is no site's name", written.site));
    }
    if let Some(argument) = &written.argument
        && (argument.is_empty() || !plain(argument) || argument.contains('/'))
    {
        return Err(format!("\"{argument}\" is no argument's name"));
    }
    if written.rules.is_empty() {
        return Err("it names no rule".to_owned());
    }
    if let Some(rule) = written.rules.iter().find(|rule| !may_go(**rule)) {
        return Err(format!(
            "rule {rule} adds up what the others found; name those"
        ));
    }
    if written.reason.trim().len() < 10 {
        return Err("say in `reason` why, in a sentence".to_owned());
    }
    Ok(Exclusion {
        site: written.site,
        path: written.path,
        rules: written.rules,
        argument: written.argument,
        reason: written.reason,
        expires,
    })
}

const fn may_go(rule: u32) -> bool {
    rule >= 910_000 && !matches!(rule, 949_000..=949_999 | 980_000..=999_999)
}

/// Today, in Japan.
#[must_use]
pub fn today(now: Timestamp) -> Date {
    let seconds = i64::try_from(now.0 / 1000).unwrap_or(0);
    let utc = time::OffsetDateTime::from_unix_timestamp(seconds);
    let utc = utc.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    match JAPAN {
        Ok(japan) => utc.to_offset(japan).date(),
        Err(_) => utc.date(),
    }
}

/// Those that count on a day, and those that count no more.
#[must_use]
pub fn split(all: &[Exclusion], today: Date) -> (Vec<&Exclusion>, Vec<&Exclusion>) {
    all.iter().partition(|exclusion| exclusion.expires >= today)
}

/// Those that count on a day, as directives.
#[must_use]
pub fn directives(all: &[Exclusion], today: Date) -> String {
    let mut text = String::new();
    for (index, exclusion) in split(all, today).0.into_iter().enumerate() {
        let id = FIRST_ID + index;
        let removals = exclusion
            .rules
            .iter()
            .map(|rule| match &exclusion.argument {
                None => format!("ctl:ruleRemoveById={rule}"),
                Some(argument) => format!("ctl:ruleRemoveTargetById={rule};ARGS:{argument}"),
            });
        let removals = removals.collect::<Vec<_>>().join(",");
        let Exclusion { site, path, .. } = exclusion;
        text.push_str(&format!(
            "SecRule REQUEST_HEADERS:{SITE_FIELD} \"@streq {site}\" \\\n    \
             \"id:{id},phase:1,t:none,pass,nolog,chain\"\n  \
             SecRule REQUEST_FILENAME \"@beginsWith {path}\" \"t:none,{removals}\"\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"
[[exclusion]]
site = "town"
path = "/inquiry/"
rules = [942100, 932100]
argument = "honbun"
reason = "letters ask about SQL courses"
expires = "2027-03-31"

[[exclusion]]
site = "town"
path = "/暮らし/"
rules = [941100]
reason = "a page with a form for HTML"
expires = "2026-12-01"
"#;

    fn day(text: &str) -> Date {
        Date::parse(text, DAY).unwrap()
    }

    #[test]
    fn they_count_to_the_end_of_their_last_day_in_japan() {
        let all = read(GOOD).unwrap();
        let text = directives(&all, day("2026-12-01"));
        assert!(text.contains("ctl:ruleRemoveTargetById=942100;ARGS:honbun"));
        assert!(text.contains("@beginsWith /暮らし/") && text.contains("ruleRemoveById=941100"));
        let later = directives(&all, day("2026-12-02"));
        assert!(!later.contains("941100") && later.contains("942100"));
        // 2026-12-01T15:00:00Z is midnight in Japan.
        assert_eq!(today(Timestamp(1_796_137_199_000)), day("2026-12-01"));
        assert_eq!(today(Timestamp(1_796_137_200_000)), day("2026-12-02"));
    }

    #[test]
    fn what_would_take_away_more_than_it_says_is_refused() {
        for (from, to, why) in [
            ("/inquiry/", "inquiry", "no path"),
            ("/inquiry/", "/a\\\" deny", "no path"),
            ("[942100, 932100]", "[949110]", "adds up"),
            ("[942100, 932100]", "[]", "no rule"),
            ("honbun", "a,ctl:x", "no argument"),
            ("letters ask about SQL courses", "x", "reason"),
            ("2027-03-31", "soon", "no day"),
            ("argument =", "parameter =", "unknown field"),
        ] {
            let faults = read(&GOOD.replace(from, to)).unwrap_err();
            assert!(faults[0].contains(why), "{faults:?}");
        }
        assert!(read(&GOOD.replace("expires = \"2027-03-31\"\n", "")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_directive(path in "/.{0,20}", argument in ".{1,10}") {
            let text = format!(
                "[[exclusion]]\nsite = \"town\"\npath = {path:?}\nargument = {argument:?}\nrules = [942100]\nreason = \"a reason of its own\"\nexpires = \"2027-03-31\"\n"
            );
            if let Ok(all) = read(&text) {
                let written = directives(&all, day("2026-12-01"));
                prop_assert_eq!(written.lines().count(), 3);
                prop_assert_eq!(written.matches('"').count(), 8);
            }
        }
    }
}

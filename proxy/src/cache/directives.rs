//! Cache-Control as readers and origins send it (RFC 9111, section 5.2), and how fields are read.

use http::HeaderMap;

/// Fields of a message, wherever they are held.
pub trait Fields {
    /// Every line of a field, in order. `name` is lower case.
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// The first line of a field.
    fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.lines(name)
            .next()
            .and_then(|value| std::str::from_utf8(value).ok())
            .map(str::trim)
    }

    /// Whether the field is there.
    fn has(&self, name: &str) -> bool {
        self.lines(name).next().is_some()
    }
}

impl Fields for HeaderMap {
    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(http::HeaderValue::as_bytes)
    }
}

/// A number of seconds in a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seconds {
    /// The directive is not there.
    Absent,
    /// It is there and cannot be understood; the response counts as stale (section 4.2.1).
    Invalid,
    /// So many; values that are too large count as 2^31 (section 1.2.2).
    Some(u64),
}

impl Seconds {
    const MOST: u64 = 1 << 31;

    fn merge(&mut self, argument: Option<&str>) {
        let read = match argument {
            Some(digits)
                if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Self::Some(digits.parse().unwrap_or(Self::MOST).min(Self::MOST))
            }
            _ => Self::Invalid,
        };
        // Of several the first is used (RFC 9111, section 4.2.1).
        if *self == Self::Absent {
            *self = read;
        }
    }

    /// The number, with zero for what cannot be understood.
    #[must_use]
    pub const fn or_stale(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Invalid => Some(0),
            Self::Some(seconds) => Some(seconds),
        }
    }
}

/// The directives that matter here, of a request or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent words of one field"
)]
pub struct Directives {
    /// The field was there at all.
    pub present: bool,
    pub no_store: bool,
    pub no_cache: bool,
    pub private: bool,
    pub public: bool,
    pub must_revalidate: bool,
    pub must_understand: bool,
    pub only_if_cached: bool,
    pub max_age: Seconds,
    pub s_maxage: Seconds,
    pub stale_while_revalidate: Seconds,
    pub stale_if_error: Seconds,
    pub min_fresh: Seconds,
    /// `max-stale` without a number accepts any staleness.
    pub max_stale: Seconds,
}

impl Default for Directives {
    fn default() -> Self {
        Self {
            present: false,
            no_store: false,
            no_cache: false,
            private: false,
            public: false,
            must_revalidate: false,
            must_understand: false,
            only_if_cached: false,
            max_age: Seconds::Absent,
            s_maxage: Seconds::Absent,
            stale_while_revalidate: Seconds::Absent,
            stale_if_error: Seconds::Absent,
            min_fresh: Seconds::Absent,
            max_stale: Seconds::Absent,
        }
    }
}

impl Directives {
    /// What a request wants: its Cache-Control, or Pragma where there is none.
    #[must_use]
    pub fn of_request(fields: &impl Fields) -> Self {
        let mut wants = Self::read(fields, "cache-control");
        // Pragma counts only without Cache-Control (section 5.4).
        if !wants.present
            && fields
                .first("pragma")
                .is_some_and(|pragma| pragma.contains("no-cache"))
        {
            wants.no_cache = true;
        }
        wants
    }

    /// Reads every line of a field such as `cache-control`.
    #[must_use]
    pub fn read(fields: &impl Fields, name: &str) -> Self {
        let mut directives = Self::default();
        for line in fields.lines(name) {
            directives.present = true;
            let Ok(line) = std::str::from_utf8(line) else {
                continue;
            };
            for (name, argument) in members(line) {
                directives.take(&name, argument.as_deref());
            }
        }
        directives
    }

    /// Reads a targeted field (RFC 9213, section 2.1): a dictionary as of RFC 9651. None when it is
    /// not there, is empty, or holds a directive of another type than it must have; then the field
    /// counts as absent (section 2.2).
    #[must_use]
    pub fn read_targeted(fields: &impl Fields, name: &str) -> Option<Self> {
        let lines: Vec<&[u8]> = fields.lines(name).collect();
        if lines.is_empty() {
            return None;
        }
        let dictionary: sfv::Dictionary = sfv::Parser::new(&lines.join(&b", "[..])).parse().ok()?;
        let mut directives = Self::default();
        for (name, entry) in &dictionary {
            let sfv::ListEntry::Item(item) = entry else {
                return None;
            };
            directives.present = true;
            match (name.as_str(), &item.bare_item) {
                (_, sfv::BareItem::Boolean(false)) => {}
                ("no-cache" | "private", sfv::BareItem::String(_))
                | (_, sfv::BareItem::Boolean(true)) => {
                    if Self::takes_seconds(name.as_str()) {
                        return None;
                    }
                    directives.take(name.as_str(), None);
                }
                (name, sfv::BareItem::Integer(number)) if Self::takes_seconds(name) => {
                    directives.take(name, Some(&number.to_string()));
                }
                (name, _) if Self::is_known(name) => return None,
                _ => {}
            }
        }
        directives.present.then_some(directives)
    }

    fn takes_seconds(name: &str) -> bool {
        matches!(
            name,
            "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error"
        )
    }

    fn is_known(name: &str) -> bool {
        Self::takes_seconds(name)
            || matches!(
                name,
                "no-store"
                    | "no-cache"
                    | "private"
                    | "public"
                    | "must-revalidate"
                    | "proxy-revalidate"
                    | "must-understand"
            )
    }

    fn take(&mut self, name: &str, argument: Option<&str>) {
        match name {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "must-revalidate" | "proxy-revalidate" => self.must_revalidate = true,
            "must-understand" => self.must_understand = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => self.max_age.merge(argument),
            "s-maxage" => self.s_maxage.merge(argument),
            "stale-while-revalidate" => self.stale_while_revalidate.merge(argument),
            "stale-if-error" => self.stale_if_error.merge(argument),
            "min-fresh" => self.min_fresh.merge(argument),
            "max-stale" if argument.is_none() => self.max_stale = Seconds::Some(Seconds::MOST),
            "max-stale" => self.max_stale.merge(argument),
            _ => {}
        }
    }
}

/// Members of a comma-separated list, `name` or `name=argument`, the name in lower case and the
/// argument without its quotes.
fn members(line: &str) -> Vec<(String, Option<String>)> {
    let mut members = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    let mut escaped = false;
    for (position, byte) in line.bytes().enumerate().chain([(line.len(), b',')]) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted || position == line.len() => {
                members.extend(line.get(start..position).and_then(member));
                start = position + 1;
            }
            _ => {}
        }
    }
    members
}

fn member(text: &str) -> Option<(String, Option<String>)> {
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() {
        return None;
    }
    Some(match text.split_once('=') {
        None => (text.to_ascii_lowercase(), None),
        Some((name, argument)) => {
            let unquoted = argument
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            (
                name.to_ascii_lowercase(),
                Some(unquoted.unwrap_or(argument).to_owned()),
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str) -> Directives {
        let mut fields = HeaderMap::new();
        fields.append("cache-control", value.parse().unwrap());
        Directives::read(&fields, "cache-control")
    }

    #[test]
    fn words_are_read_whatever_their_case_and_space() {
        let directives = read("Public ,\tMAX-AGE=60,  s-maxage=\"30\",x=\"a, no-store\"");
        assert!(directives.public && !directives.no_store);
        assert_eq!(
            (directives.max_age, directives.s_maxage),
            (Seconds::Some(60), Seconds::Some(30))
        );
    }

    #[test]
    fn what_is_no_number_makes_it_stale() {
        for value in [
            "max-age=",
            "max-age",
            "max-age=1.5",
            "max-age=-1",
            "max-age= 60",
            "max-age=60s",
        ] {
            assert_eq!(read(value).max_age, Seconds::Invalid, "{value}");
        }
        assert_eq!(
            read("max-age=99999999999999999999").max_age,
            Seconds::Some(1 << 31)
        );
    }

    #[test]
    fn of_two_values_the_first_holds() {
        assert_eq!(read("max-age=60, max-age=10").max_age, Seconds::Some(60));
    }

    #[test]
    fn a_targeted_field_is_a_dictionary_or_nothing() {
        let read = |value: &str| {
            let mut fields = HeaderMap::new();
            fields.append("cdn-cache-control", value.parse().unwrap());
            Directives::read_targeted(&fields, "cdn-cache-control")
        };
        let lasting = |value| read(value).map(|directives| directives.max_age);
        assert_eq!(lasting("max-age=60, x=\"y\";z"), Some(Seconds::Some(60)));
        assert_eq!(lasting("max-age=99999999999"), Some(Seconds::Some(1 << 31)));
        assert_eq!(lasting("max-age=-1"), Some(Seconds::Invalid));
        assert!(read("no-store, max-age=60").unwrap().no_store);
        assert!(!read("no-store=?0, max-age=60").unwrap().no_store);
        assert!(read("no-cache=\"set-cookie\"").unwrap().no_cache);
        for wrong in [
            "max-age=\"60\"",
            "max-age",
            "max-age=60, &&&",
            "MAX-AGE=60",
            "no-store=1",
            "",
            "max-age =60",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[ -~\t]{0,80}") {
            let _ = read(&line);
            let mut fields = HeaderMap::new();
            fields.append("cdn-cache-control", line.parse().unwrap());
            let _ = Directives::read_targeted(&fields, "cdn-cache-control");
        }
    }
}

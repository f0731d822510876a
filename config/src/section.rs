//! One table of the file while it is read: typed access to its keys, collecting faults.
//!
//! Every key asked for is remembered, so that [`Section::end`] can name the keys nobody knows.
//! Reading never stops at a fault: a missing or misread value becomes `None` (or the default) and
//! a [`Fault`], and the caller goes on to the next key.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::Fault;
use crate::settings::{HostPattern, ParameterPattern, TargetHost};
use crate::{quantity, suggest};

/// The file being read: its text, its folder, and the faults found so far.
pub(crate) struct Reading<'a> {
    pub(crate) text: &'a str,
    pub(crate) folder: &'a Path,
    pub(crate) faults: RefCell<Vec<Fault>>,
}

impl Reading<'_> {
    pub(crate) fn fault(
        &self,
        key: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.faults
            .borrow_mut()
            .push(Fault::new(self.text, key, span, message, hint));
    }
}

/// One table, named from the top of the file.
pub(crate) struct Section<'a> {
    reading: &'a Reading<'a>,
    name: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(
        reading: &'a Reading<'a>,
        name: impl Into<String>,
        span: Range<usize>,
        table: &'a DeTable<'a>,
    ) -> Self {
        Self {
            reading,
            name: name.into(),
            span,
            table,
            known: RefCell::default(),
        }
    }

    /// Where the table stands in the text.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The key's full name, from the top of the file.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    /// Reports a fault of the whole table.
    pub(crate) fn fault(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let span = self
            .table
            .get(key)
            .map_or_else(|| self.span(), |value| value.span());
        self.reading.fault(self.key(key), span, message, hint);
    }

    /// The value of a key that may be left out.
    pub(crate) fn optional<T: FromValue>(&self, key: &'static str) -> Option<T> {
        let value = self.value(key)?;
        self.convert(&self.key(key), value)
    }

    /// The value of a key that may be left out, or what holds then.
    pub(crate) fn or<T: FromValue>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// The value of a key that must be there.
    pub(crate) fn required<T: FromValue>(&self, key: &'static str) -> Option<T> {
        if self.value(key).is_none() {
            let hint = format!("add `{key} = ...`: {}", T::EXPECTED);
            self.reading.fault(
                self.key(key),
                self.span(),
                format!("`{key}` is missing"),
                hint,
            );
        }
        self.optional(key)
    }

    /// The values of a list; empty when the key is left out.
    pub(crate) fn list<T: FromValue>(&self, key: &'static str) -> Vec<T> {
        self.optional_list(key).unwrap_or_default()
    }

    /// The values of a list for which leaving it out says something else than leaving it empty.
    pub(crate) fn optional_list<T: FromValue>(&self, key: &'static str) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.misread(&self.key(key), value, "a list in square brackets", "");
            return None;
        };
        let name = |index| format!("{}[{index}]", self.key(key));
        let converted = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| self.convert(&name(index), item));
        Some(converted.collect())
    }

    /// Every key with its list, where what is written as keys is data itself.
    pub(crate) fn lists<T: FromValue>(&self) -> Vec<(String, Vec<T>)> {
        let mut lists = Vec::new();
        for (key, value) in self.table {
            let key = key.get_ref().to_string();
            let Some(items) = value.get_ref().as_array() else {
                self.misread(&self.key(&key), value, "a list in square brackets", "");
                continue;
            };
            let items = items.iter().enumerate();
            let items = items.filter_map(|(index, item)| {
                self.convert(&format!("{}[{index}]", self.key(&key)), item)
            });
            let items = items.collect();
            lists.push((key, items));
        }
        lists
    }

    /// Whether a list is left out or written without items.
    pub(crate) fn is_empty(&self, key: &str) -> bool {
        let items = self.table.get(key).map(|value| value.get_ref().as_array());
        items.is_none_or(|items| items.is_some_and(|items| items.is_empty()))
    }

    /// Whether a text is written for the key.
    pub(crate) fn is_text(&self, key: &str) -> bool {
        let value = self.table.get(key);
        value.is_some_and(|value| value.get_ref().as_str().is_some())
    }

    /// Whether a list is written without items.
    pub(crate) fn is_written_empty(&self, key: &str) -> bool {
        let items = self
            .table
            .get(key)
            .and_then(|value| value.get_ref().as_array());
        items.is_some_and(|items| items.is_empty())
    }

    /// A path, resolved against the folder of the file.
    pub(crate) fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.optional::<String>(key)
            .map(|path| self.reading.folder.join(path))
    }

    /// A path that must be there, resolved against the folder of the file.
    pub(crate) fn required_path(&self, key: &'static str) -> Option<PathBuf> {
        self.required::<String>(key)
            .map(|path| self.reading.folder.join(path))
    }

    /// The folder of the file.
    pub(crate) fn folder(&self) -> &'a Path {
        self.reading.folder
    }

    /// A table inside this one (`[edge]`).
    pub(crate) fn table(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.misread(
                &self.key(key),
                value,
                "a table",
                "write it as a heading in square brackets",
            );
            return None;
        };
        Some(Section::new(
            self.reading,
            self.key(key),
            value.span(),
            table,
        ))
    }

    /// The tables of a list of tables (`[[site]]`); empty when there is none.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let hint = format!(
            "write each as a heading in double brackets: [[{}]]",
            self.key(key)
        );
        let Some(items) = value.get_ref().as_array() else {
            self.misread(&self.key(key), value, "a list of tables", &hint);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let name = format!("{}[{index}]", self.key(key));
            match item.get_ref().as_table() {
                Some(table) => sections.push(Section::new(self.reading, name, item.span(), table)),
                None => self.misread(&name, item, "a table", &hint),
            }
        }
        sections
    }

    /// Names every key that nobody asked for. Call it after the last key was read.
    pub(crate) fn end(&self) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = match suggest::nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            let message = format!("`{name}` is not a key of this table");
            self.reading
                .fault(self.key(name), key.span(), message, hint);
        }
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        self.table.get(key)
    }

    fn convert<T: FromValue>(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let converted = T::from_value(value.get_ref());
        if converted.is_none() {
            self.misread(name, value, T::EXPECTED, "");
        }
        converted
    }

    fn misread(&self, name: &str, value: &Spanned<DeValue<'_>>, expected: &str, hint: &str) {
        let found = match value.get_ref() {
            DeValue::String(text) => format!("\"{text}\""),
            other => format!("a value of type {}", other.type_str()),
        };
        let hint = if hint.is_empty() {
            format!("write {expected}")
        } else {
            hint.to_owned()
        };
        self.reading
            .fault(name, value.span(), format!("{found} cannot be used"), hint);
    }
}

/// A value that can be read from one key.
pub(crate) trait FromValue: Sized {
    /// What to write, with an example.
    const EXPECTED: &'static str;

    /// The value, or none when it is something else.
    fn from_value(value: &DeValue<'_>) -> Option<Self>;
}

impl FromValue for String {
    const EXPECTED: &'static str = "a text in quotes that is not empty";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl FromValue for u16 {
    const EXPECTED: &'static str = "a port number from 1 to 65535";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value
            .as_integer()?
            .as_str()
            .parse()
            .ok()
            .filter(|port| *port > 0)
    }
}

impl FromValue for usize {
    const EXPECTED: &'static str = "a whole number from 1 to 1024";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value
            .as_integer()?
            .as_str()
            .parse()
            .ok()
            .filter(|number| (1..=1024).contains(number))
    }
}

/// How many of something, where a thousand may be too few.
#[derive(Clone, Copy)]
pub(crate) struct Count(pub(crate) u32);

impl FromValue for Count {
    const EXPECTED: &'static str = "a whole number from 1 to 10000000";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let number = value.as_integer()?.as_str().parse().ok();
        number
            .filter(|number| (1..=10_000_000).contains(number))
            .map(Self)
    }
}

/// The name of a method (RFC 9110, section 9.1) that may be let through to a web site.
pub(crate) struct MethodName(pub(crate) String);

impl FromValue for MethodName {
    const EXPECTED: &'static str =
        "a method in capital letters, such as \"PUT\"; CONNECT and TRACE are never let through";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let letters = |c: char| c.is_ascii_uppercase() || c == '-';
        let usable = !text.is_empty()
            && text.len() <= 32
            && text.chars().all(letters)
            && !matches!(text, "CONNECT" | "TRACE");
        usable.then(|| Self(text.to_owned()))
    }
}

impl FromValue for Duration {
    const EXPECTED: &'static str = "a duration such as \"30s\", with ms, s, min, h or d";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        quantity::duration(value.as_str()?).filter(|duration| !duration.is_zero())
    }
}

/// A size in bytes.
#[derive(Clone, Copy)]
pub(crate) struct ByteSize(pub(crate) u64);

impl FromValue for ByteSize {
    const EXPECTED: &'static str =
        "a size such as \"256MiB\", with KiB, MiB, GiB, TiB, KB, MB or GB";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        quantity::bytes(value.as_str()?).map(Self)
    }
}

impl FromValue for SocketAddr {
    const EXPECTED: &'static str =
        "an address with a port, such as \"127.0.0.1:8443\" or \"[::]:443\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromValue for IpNet {
    const EXPECTED: &'static str =
        "an address or a range, such as \"192.0.2.0/24\" or \"2001:db8::1\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        text.parse()
            .ok()
            .or_else(|| text.parse::<std::net::IpAddr>().ok().map(Self::from))
    }
}

impl FromValue for HostPattern {
    const EXPECTED: &'static str =
        "a host name without port, such as \"www.town.example\", or \"*\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        if text == "*" {
            return Some(Self::Any);
        }
        let letters = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
        // A colon stands only inside the brackets of an IPv6 literal; elsewhere it begins a port.
        let without_port = text.starts_with('[') == text.ends_with(']')
            && (text.starts_with('[') || !text.contains(':'));
        let usable =
            !text.is_empty() && text.len() <= 253 && text.chars().all(letters) && without_port;
        usable.then(|| Self::Exact(text.to_ascii_lowercase()))
    }
}

impl FromValue for TargetHost {
    const EXPECTED: &'static str =
        "a host name, such as \"www.pref.example\", or all below a domain, such as \"*.lg.jp\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?.to_ascii_lowercase();
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let letters = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let usable = !name.is_empty() && name.len() <= 253 && name.chars().all(letters);
        usable.then(|| match below {
            true => Self::Below(name.to_owned()),
            false => Self::Exact(name.to_owned()),
        })
    }
}

impl FromValue for ParameterPattern {
    const EXPECTED: &'static str =
        "the name of a query parameter, such as \"gclid\", or its beginning, such as \"utm_*\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let (name, beginning) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let letters = |c: char| c.is_ascii_graphic() && !"*&=#?".contains(c);
        let usable = !text.is_empty() && text.len() <= 64 && name.chars().all(letters);
        usable.then(|| match beginning {
            true => Self::Prefix(name.to_owned()),
            false => Self::Exact(name.to_owned()),
        })
    }
}

/// The name of a cookie (RFC 6265, section 4.1.1).
pub(crate) struct CookieName(pub(crate) String);

impl FromValue for CookieName {
    const EXPECTED: &'static str = "the name of a cookie, such as \"lang\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let letters = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
        let usable = !text.is_empty() && text.len() <= 64 && text.chars().all(letters);
        usable.then(|| Self(text.to_owned()))
    }
}

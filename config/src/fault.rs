//! What is wrong with a configuration file, said so that the operator can mend it in one go.
//!
//! A [`Fault`] has a key, a line and a hint. [`Faults`] prints one line and one hint a fault, in
//! the order of the file, and is also a [`miette::Diagnostic`] that shows the lines themselves.

use std::fmt;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// Why a file gave no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read at all.
    #[error("cannot read {}: {cause}\n  check the path and the permissions", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// The file was read and has faults.
    #[error(transparent)]
    Faulty(#[from] Faults),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, from the top: `edge.listen[1].address`. Empty where the text is no TOML.
    pub key: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Bytes of the text that are meant: from, and how many.
    span: (usize, usize),
}

impl Fault {
    /// A fault of `key` at the bytes `span` of `text`.
    pub(crate) fn new(
        text: &str,
        key: impl Into<String>,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let before = text.get(..span.start.min(text.len())).unwrap_or(text);
        Self {
            key: key.into(),
            line: before.matches('\n').count() + 1,
            message: message.into(),
            hint: hint.into(),
            span: (span.start, span.len()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.key.is_empty() {
            write!(f, ", {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.hint))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (offset, length) = self.span;
        Some(Box::new(std::iter::once(LabeledSpan::new(
            None, offset, length,
        ))))
    }
}

/// Every fault of one file, in the order of its lines; never empty.
#[derive(Debug)]
pub struct Faults {
    source: NamedSource<String>,
    faults: Vec<Fault>,
}

impl Faults {
    pub(crate) fn new(file: &std::path::Path, text: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.span.0);
        let name = file.display().to_string();
        Self {
            source: NamedSource::new(name, text.to_owned()).with_language("TOML"),
            faults,
        }
    }

    /// The faults, in the order of their lines.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        let noun = if count == 1 { "fault" } else { "faults" };
        write!(f, "{} has {count} {noun}", self.source.name())?;
        for fault in &self.faults {
            write!(f, "\n  {fault}\n    {}", fault.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Diagnostic for Faults {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.faults.iter().map(|fault| fault as &dyn Diagnostic),
        ))
    }
}

//! The engine with its rules: loads them, and judges requests. Only in worker processes.

use std::path::Path;

use crate::copy;
use crate::foreign::Library;
use crate::line;
use crate::request::{Request, Verdict};
use crate::rules::{Piece, Sources};

/// What a library calls itself.
///
/// # Errors
/// It cannot be loaded.
pub fn name_of(library: &Path) -> Result<String, String> {
    Library::open(library).map(|library| library.name())
}

/// Rules that were loaded.
pub struct Engine {
    library: Library,
    /// Directives that were read.
    pub directives: usize,
}

impl Engine {
    /// Loads the library and the rules, in their order.
    ///
    /// # Errors
    /// The library is not there, or what it says of the rules.
    pub fn load(library: &Path, rules: &Sources) -> Result<Self, String> {
        let mut library = Library::open(library)
            .map_err(|error| format!("{} cannot be loaded: {error}", library.display()))?;
        let mut directives = 0;
        for piece in &rules.pieces {
            directives += match piece {
                Piece::Text(name, text) => library
                    .add_text(text)
                    .map_err(|error| format!("{name} is not understood: {error}"))?,
                Piece::File(file) => library
                    .add_file(file)
                    .map_err(|error| format!("{} is not understood: {error}", file.display()))?,
            };
        }
        Ok(Self {
            library,
            directives,
        })
    }

    /// What the library calls itself.
    #[must_use]
    pub fn name(&self) -> String {
        self.library.name()
    }

    /// Judges a request as it came.
    #[must_use]
    pub fn judge(&self, request: &Request) -> Verdict {
        let (refused, lines) = self.library.run(&copy::of(request));
        let mut matches: Vec<_> = lines.iter().filter_map(|line| line::read(line)).collect();
        matches.sort();
        matches.dedup();
        Verdict {
            refused,
            matches,
            cpu_us: 0,
        }
    }
}

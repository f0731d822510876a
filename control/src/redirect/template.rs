//! Targets, with the places of what the source's pattern captured. What a request brings is encoded
//! where it may not stand, and never makes another host of a path.

use super::pattern::{Captured, Pattern, Piece, braces};

/// A target with the places of what was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Box<[Piece]>);

impl Template {
    /// Reads a target that belongs to a source with this pattern.
    ///
    /// # Errors
    /// It names what is not captured, or in its host.
    pub fn parse(text: &str, pattern: Option<&Pattern>) -> Result<Self, String> {
        let host_ends = match text.split_once("://") {
            Some((scheme, rest)) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                scheme.len() + 3 + end
            }
            None => 1,
        };
        if text.get(..host_ends).is_some_and(|host| host.contains('{')) {
            return Err("a captured name may not stand in the host".to_owned());
        }
        let mut pieces = Vec::new();
        for (literal, name) in braces(text)? {
            if !literal.is_empty() {
                pieces.push(Piece::Text(literal.into()));
            }
            let Some(name) = name else { continue };
            let number = pattern.and_then(|pattern| pattern.number(name));
            let number = number.ok_or_else(|| {
                format!("{{{name}}} is not captured by the source; write a brace itself as %7B")
            })?;
            pieces.push(Piece::Any(Some(number)));
        }
        Ok(Self(pieces.into()))
    }

    /// Whether it leads elsewhere for every address that matches.
    #[must_use]
    pub fn has_captures(&self) -> bool {
        self.captures() > 0
    }

    /// How often it takes something that was captured.
    #[must_use]
    pub fn captures(&self) -> usize {
        let pieces = self.0.iter();
        pieces
            .filter(|piece| matches!(piece, Piece::Any(_)))
            .count()
    }

    /// The target for what was captured. What may not stand in a Location field, and the backslash,
    /// which browsers take for a slash, is percent-encoded; a captured rest never makes another host
    /// of a path.
    #[must_use]
    pub fn filled(&self, captured: &Captured<'_>) -> String {
        let mut target = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => target.push_str(text),
                Piece::Any(number) => {
                    let text = captured.text(*number);
                    // "//host" at the beginning of a Location is another site (RFC 3986, section 4.2).
                    let text = if target == "/" {
                        text.trim_start_matches('/')
                    } else {
                        text
                    };
                    push_encoded(text, &mut target);
                }
            }
        }
        target
    }
}

/// Adds what a request brought to a Location field, with what may not stand there percent-encoded.
pub fn push_encoded(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' => {
                out.push_str(&format!("%{byte:02X}"));
            }
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

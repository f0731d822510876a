//! Sources that stand for many addresses, and what becomes of what they capture.
//!
//! ```text
//! /soshiki/{section}/{page}.html   a name in braces captures: in the path all but a slash,
//! /index.php?id={id}               in the query all but an ampersand; never nothing
//! /old/*/index.html                a star alone stands for one part of the path
//! /2012/**   /2012/{rest**}        at the end of the path: all that follows, perhaps nothing
//! ```
//!
//! A pattern without a query matches whatever the query. A name that was captured may stand in the
//! target's path, query or fragment, never in its host.
//!
//! It is a language of its own and no regular expressions because it cannot explode: a part is
//! compared from left to right once, without going back, so that the time is bounded by the lengths
//! of pattern and address. What stands between two captures is taken at its first occurrence, and
//! what stands after the last one at the end of the part, which finds a match wherever there is one.

/// Most captures of a pattern.
pub const MAX_CAPTURES: usize = 8;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What every address that matches begins with.
    prefix: Box<str>,
    path: Box<[Part]>,
    /// What follows the parts: which capture it is.
    rest: Option<Capture>,
    query: Option<Box<[Part]>>,
    names: Box<[Box<str>]>,
}

/// One part of the path between slashes, or of the query between ampersands.
type Part = Box<[Piece]>;

/// The number of a capture; none where what matches is not needed.
pub(super) type Capture = Option<u8>;

/// A piece of a part, or of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Exactly this.
    Text(Box<str>),
    /// What is captured.
    Any(Capture),
}

/// What a pattern captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captured<'t>([&'t str; MAX_CAPTURES]);

impl Pattern {
    /// Whether a path is meant as a pattern.
    #[must_use]
    pub fn is_meant(path: &str) -> bool {
        let (path, query) = halves(path);
        let star = |part: &str| part == "*" || part == "**";
        path.contains('{')
            || query.is_some_and(|query| query.contains('{'))
            || path.split('/').any(star)
    }

    /// Reads a pattern that begins with a slash.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, query) = halves(text);
        let path = path.strip_prefix('/').ok_or("it must start with /")?;
        let mut names = Vec::new();
        let (parts, rest) = match path.rsplit_once('/').unwrap_or(("", path)) {
            (before, "**") => (before, Some(None)),
            (before, last) => match last.strip_prefix('{').and_then(|l| l.strip_suffix("**}")) {
                Some(name) => (before, Some(Some(name))),
                None => (path, None),
            },
        };
        let mut path_parts = Vec::new();
        // "/**" alone has no parts before it, "/a//**" has an empty one.
        let alone = rest.is_some() && !path.contains('/');
        if !alone {
            for part in parts.split('/') {
                path_parts.push(read_part(part, &mut names)?);
            }
        }
        let query = match query {
            None => None,
            Some(query) => {
                let parts = query.split('&').map(|part| read_part(part, &mut names));
                Some(parts.collect::<Result<_, _>>()?)
            }
        };
        let rest = match rest {
            None => None,
            Some(None) => Some(None),
            Some(Some(name)) => Some(Some(capture(name, &mut names)?)),
        };
        let mut pattern = Self {
            prefix: Box::default(),
            path: path_parts.into(),
            rest,
            query,
            names: names.into(),
        };
        pattern.prefix = pattern.literal_beginning().into();
        Ok(pattern)
    }

    /// What every address that matches begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the query is compared too.
    #[must_use]
    pub const fn names_query(&self) -> bool {
        self.query.is_some()
    }

    /// What is captured of an address, if it matches. `query` is without the question mark.
    #[must_use]
    pub fn captures<'t>(&self, path: &'t str, query: Option<&'t str>) -> Option<Captured<'t>> {
        if !path.starts_with(&*self.prefix) {
            return None;
        }
        let mut captured = Captured::default();
        let mut rest = Some(path.strip_prefix('/')?);
        for part in &self.path {
            let here = rest?;
            let (piece, after) = match here.split_once('/') {
                Some((piece, after)) => (piece, Some(after)),
                None => (here, None),
            };
            match_part(part, piece, &mut captured)?;
            rest = after;
        }
        match (&self.rest, rest) {
            (None, None) => {}
            (Some(capture), Some(rest)) => captured.set(*capture, rest),
            _ => return None,
        }
        if let Some(parts) = &self.query {
            let mut given = query?.split('&');
            for part in parts {
                match_part(part, given.next()?, &mut captured)?;
            }
            if given.next().is_some() {
                return None;
            }
        }
        Some(captured)
    }

    /// Whether every address that `other` matches is matched by this one. Says no where it cannot
    /// tell.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let query = match (&self.query, &other.query) {
            (None, _) => true,
            (Some(own), Some(others)) => {
                own.len() == others.len() && own.iter().zip(others).all(|(a, b)| covers_part(a, b))
            }
            (Some(_), None) => false,
        };
        let fits = match (&self.rest, &other.rest) {
            (Some(_), Some(_)) => self.path.len() <= other.path.len(),
            // A rest begins after a slash, so one more part is needed.
            (Some(_), None) => self.path.len() < other.path.len(),
            (None, None) => self.path.len() == other.path.len(),
            (None, Some(_)) => false,
        };
        let mut parts = self.path.iter().zip(&other.path);
        query && fits && parts.all(|(own, other)| covers_part(own, other))
    }

    /// An address that matches, to find out where such addresses lead.
    #[must_use]
    pub fn example(&self) -> String {
        const ANY: &str = "qjx7";
        let part = |part: &Part| -> String {
            let pieces = part.iter().map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Any(_) => ANY,
            });
            pieces.collect()
        };
        let mut example = String::new();
        for one in &self.path {
            example.push('/');
            example.push_str(&part(one));
        }
        if self.rest.is_some() {
            example.push('/');
            example.push_str(ANY);
        }
        if let Some(query) = &self.query {
            let parts: Vec<String> = query.iter().map(part).collect();
            example.push('?');
            example.push_str(&parts.join("&"));
        }
        example
    }

    /// The number of the capture with that name.
    pub(super) fn number(&self, name: &str) -> Option<u8> {
        let number = self.names.iter().position(|one| **one == *name)?;
        u8::try_from(number).ok()
    }

    fn literal_beginning(&self) -> String {
        let mut beginning = String::new();
        for part in &self.path {
            beginning.push('/');
            for piece in part {
                match piece {
                    Piece::Text(text) => beginning.push_str(text),
                    Piece::Any(_) => return beginning,
                }
            }
        }
        if self.rest.is_some() {
            beginning.push('/');
        }
        beginning
    }
}

impl<'t> Captured<'t> {
    /// What a capture took; nothing where there is none.
    pub(super) fn text(&self, capture: Capture) -> &'t str {
        let text = capture.and_then(|number| self.0.get(usize::from(number)));
        text.copied().unwrap_or_default()
    }

    fn set(&mut self, capture: Capture, text: &'t str) {
        let slot = capture.and_then(|number| self.0.get_mut(usize::from(number)));
        if let Some(slot) = slot {
            *slot = text;
        }
    }
}

fn halves(text: &str) -> (&str, Option<&str>) {
    match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    }
}

/// What stands before each pair of braces with what stands in it, and what follows the last.
pub(super) fn braces(text: &str) -> Result<Vec<(&str, Option<&str>)>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or("a brace is opened and not closed")?;
        if before.contains('}') {
            return Err("a brace is closed and was not opened".to_owned());
        }
        found.push((before, Some(name)));
        rest = after;
    }
    if rest.contains('}') {
        return Err("a brace is closed and was not opened".to_owned());
    }
    found.push((rest, None));
    Ok(found)
}

fn read_part(text: &str, names: &mut Vec<Box<str>>) -> Result<Part, String> {
    if text == "*" {
        return Ok([Piece::Any(None)].into());
    }
    if text == "**" || text.contains("**}") {
        return Err("** stands at the end of the path only".to_owned());
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for (literal, name) in braces(text)? {
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal.into()));
        }
        let Some(name) = name else { continue };
        if matches!(pieces.last(), Some(Piece::Any(_))) {
            return Err("two names stand side by side; where does one end?".to_owned());
        }
        pieces.push(Piece::Any(Some(capture(name, names)?)));
    }
    Ok(pieces.into())
}

fn capture(name: &str, names: &mut Vec<Box<str>>) -> Result<u8, String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 16 || !name.chars().all(letters) {
        return Err(format!(
            "{{{name}}} is no name; use a-z, 0-9 and _, at most 16"
        ));
    }
    if names.iter().any(|one| **one == *name) {
        return Err(format!("{{{name}}} is captured twice"));
    }
    if names.len() == MAX_CAPTURES {
        return Err(format!("more than {MAX_CAPTURES} names are captured"));
    }
    names.push(name.into());
    u8::try_from(names.len() - 1).map_err(|error| error.to_string())
}

fn match_part<'t>(part: &Part, text: &'t str, captured: &mut Captured<'t>) -> Option<()> {
    let mut rest = text;
    let mut pieces = part.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Text(literal) => rest = rest.strip_prefix(&**literal)?,
            Piece::Any(capture) => {
                let value = match pieces.next() {
                    None => std::mem::take(&mut rest),
                    Some(Piece::Text(literal)) => {
                        let last = pieces.peek().is_none();
                        // At least one character is captured.
                        let first = rest.chars().next()?.len_utf8();
                        let end = if last {
                            let end = rest.len().checked_sub(literal.len())?;
                            rest.ends_with(&**literal).then_some(end)?
                        } else {
                            first + rest.get(first..)?.find(&**literal)?
                        };
                        let value = rest.get(..end)?;
                        rest = rest.get(end + literal.len()..)?;
                        value
                    }
                    Some(Piece::Any(_)) => return None,
                };
                if value.is_empty() {
                    return None;
                }
                captured.set(*capture, value);
            }
        }
    }
    rest.is_empty().then_some(())
}

fn covers_part(own: &Part, other: &Part) -> bool {
    let shape = |piece: &Piece| match piece {
        Piece::Text(text) => Some(text.clone()),
        Piece::Any(_) => None,
    };
    // A part that is one capture takes everything but nothing.
    let takes_all = matches!(&**own, [Piece::Any(_)]) && !other.is_empty();
    takes_all || own.iter().map(shape).eq(other.iter().map(shape))
}

#[cfg(test)]
mod tests;

//! How large a request's body may be, and what of it came. Pure.

use std::time::Instant;

use yagura_config::settings::RequestRules;

use super::pace::{Pace, Slowest, TooSlow};

/// Most bytes of a body for a path in its one spelling.
#[must_use]
pub fn most_bytes(rules: &RequestRules, target: &str) -> u64 {
    // The longest stands first.
    let rule = rules
        .body
        .iter()
        .find(|rule| target.starts_with(rule.path.as_str()));
    rule.map_or(rules.max_body_bytes, |rule| rule.limit_bytes)
}

/// Why the rest of a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// There is more than may be.
    TooLarge,
    /// It comes too slowly.
    TooSlow,
}

/// A body on its way to the origin.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    left: u64,
    pace: Pace,
}

impl Upload {
    /// Begins to count.
    #[must_use]
    pub const fn new(most: u64, now: Instant) -> Self {
        Self {
            left: most,
            pace: Pace::new(now),
        }
    }

    /// A piece came.
    ///
    /// # Errors
    /// It was one too many, or came too late.
    pub fn piece(&mut self, bytes: u64, now: Instant, slowest: Slowest) -> Result<(), NotTaken> {
        self.left = self.left.checked_sub(bytes).ok_or(NotTaken::TooLarge)?;
        let came = self.pace.came(now, bytes, slowest);
        came.map_err(|TooSlow| NotTaken::TooSlow)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use yagura_config::settings::BodyRule;
    use yagura_control::clock::monotonic;

    use super::*;

    #[test]
    fn the_longest_path_that_fits_counts() {
        let rule = |path: &str, limit_bytes| BodyRule {
            path: path.to_owned(),
            limit_bytes,
        };
        let rules = RequestRules {
            max_body_bytes: 10,
            body: vec![rule("/form/photo/", 30), rule("/form/", 20)],
            ..RequestRules::default()
        };
        for (path, most) in [
            ("/", 10),
            ("/form", 10),
            ("/form/", 20),
            ("/form/photo/1?x", 30),
        ] {
            assert_eq!(most_bytes(&rules, path), most, "{path}");
        }
    }

    #[test]
    fn a_byte_too_many_and_a_piece_too_late_are_told() {
        let now = monotonic();
        let slowest = Slowest {
            bytes: 5,
            over: Duration::from_secs(1),
        };
        let mut upload = Upload::new(10, now);
        assert_eq!(upload.piece(10, now, slowest), Ok(()));
        assert_eq!(upload.piece(1, now, slowest), Err(NotTaken::TooLarge));
        let mut upload = Upload::new(10, now);
        let late = now + Duration::from_secs(2);
        assert_eq!(upload.piece(4, late, slowest), Err(NotTaken::TooSlow));
    }
}

//! From where a member of staff comes: from the city hall, or from outside it.
//!
//! The edge knows, because it sees the address, and says so in a field that it strips from whatever
//! is sent to it. The CMS believes it because only the edge opens its socket.

/// The field by which the edge tells.
pub const FIELD_NAME: &str = "yagura-access";

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// From the city hall, where a password is enough.
    CityHall,
    /// From anywhere else, which an operator let in for a while (clause 7(2)). The second factor is
    /// demanded.
    Outside,
}

impl Place {
    /// What the field's values say. An edge that does not tell cities apart sends none, and lets
    /// nobody in from outside. A word that is not known, or several that differ, count as outside:
    /// then too much is asked for rather than too little.
    #[must_use]
    pub fn said<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Self {
        let all_inside = values.into_iter().all(|value| value == b"city-hall");
        if all_inside {
            Self::CityHall
        } else {
            Self::Outside
        }
    }

    /// Its word in the audit.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CityHall => "city-hall",
            Self::Outside => "outside",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn what_is_not_surely_the_city_hall_is_outside() {
        let cases: [(&[&[u8]], Place); 7] = [
            (&[], Place::CityHall),
            (&[b"city-hall"], Place::CityHall),
            (&[b"outside"], Place::Outside),
            (&[b"city-hall", b"outside"], Place::Outside),
            (&[b"City-Hall"], Place::Outside),
            (&[b""], Place::Outside),
            (&[b"city-hall, outside"], Place::Outside),
        ];
        for (values, expected) in cases {
            assert_eq!(Place::said(values.iter().copied()), expected, "{values:?}");
        }
    }
}

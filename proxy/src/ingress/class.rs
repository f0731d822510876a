//! What a connection is to the edge, so that a request over it is judged by one comparison. Pure.

use std::ops::{BitAnd, BitOr};

/// One bit for each thing that a connection can be; the clouds have one each (`known.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class(u64);

impl Class {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Nobody that the edge knows.
    pub const STRANGER: Self = Self(1);
    /// One of the city hall's addresses.
    pub const CITY_HALL: Self = Self(1 << 1);
    /// A monitor's, or one of the edges' own.
    pub const MONITOR: Self = Self(1 << 2);
    /// Anything at all.
    pub const ANY: Self = Self(u64::MAX);

    /// The bit of the first cloud.
    const FIRST_CLOUD: u8 = 3;
    /// Clouds that have a bit.
    pub const CLOUDS: u8 = 32;
    /// Bits that are used.
    pub const COUNT: usize = (Self::FIRST_CLOUD + Self::CLOUDS) as usize;

    /// The cloud with this number, which is below [`CLOUDS`](Self::CLOUDS).
    #[must_use]
    pub const fn cloud(number: u8) -> Self {
        Self(1 << (Self::FIRST_CLOUD + number))
    }

    /// Whether both have something in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Where it is counted: the number of its lowest bit.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.trailing_zeros() as usize
    }
}

impl BitOr for Class {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Class {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_place_of_its_own() {
        let clouds = (0..Class::CLOUDS).map(Class::cloud);
        let named = [Class::STRANGER, Class::CITY_HALL, Class::MONITOR];
        let places: Vec<usize> = named.into_iter().chain(clouds).map(Class::index).collect();
        assert_eq!(places, (0..Class::COUNT).collect::<Vec<usize>>());
    }

    #[test]
    fn two_meet_where_they_have_something_in_common() {
        let both = Class::cloud(0) | Class::CITY_HALL;
        assert!(both.meets(Class::cloud(0)) && both.meets(Class::ANY));
        assert!(!both.meets(Class::cloud(1)) && !both.meets(Class::NONE));
        assert_eq!(both & Class::CITY_HALL, Class::CITY_HALL);
    }
}

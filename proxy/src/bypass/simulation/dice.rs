//! A seeded dice (SplitMix64), fast enough for a hundred million throws in a test without
//! optimisation.

pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        // Neighbouring seeds must not tell neighbouring stories.
        Self(seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ 0x1F2E_3D4C_5B6A_7988)
    }

    pub const fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `sides`.
    pub const fn below(&mut self, sides: u64) -> u64 {
        self.throw() % sides
    }

    pub const fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

//! Pseudo-random numbers that a printed seed brings back.

use testkit::random;
use uuid::Uuid;

/// Names the seed of an earlier run.
const VARIABLE: &str = "DUALGRID_TEST_SEED";

/// A sequence of numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Randomness(u64);

impl Randomness {
    /// Begins with `$DUALGRID_TEST_SEED`, else with a new seed, and prints it.
    pub fn start() -> anyhow::Result<Self> {
        let seed = match std::env::var(VARIABLE) {
            Ok(text) => text.parse()?,
            Err(_) => random::seed()?,
        };
        println!("{VARIABLE}={seed}");
        Ok(Self(seed))
    }

    /// Begins with a known seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Whether a thing happens that happens so many times in a hundred.
    pub fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    ///
    /// # Panics
    /// Where there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let number = self.below(choices.len() as u64);
        &choices[usize::try_from(number).expect("smaller than a length")]
    }

    /// An id as version 4 UUIDs are.
    pub fn id(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A sequence of its own for somebody else.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let numbers = |seed| {
            let mut randomness = Randomness(seed);
            [randomness.below(100), randomness.below(100), randomness.split().below(1 << 60)]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }
}

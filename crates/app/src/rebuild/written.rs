//! Which keys may have been written already, in bounded memory.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// 16 MiB, for all views together.
const BITS: usize = 1 << 27;
/// How many bits stand for a key.
const BITS_PER_KEY: u32 = 3;

/// A Bloom filter: what was added is always found; of what was not, a few are found too, and cost a look into the table.
pub(super) struct Written(Vec<u64>);

impl Default for Written {
    fn default() -> Self {
        Self(vec![0; BITS / 64])
    }
}

impl Written {
    /// A key of a build was written.
    pub(super) fn add(&mut self, build: i64, key: &str) {
        for place in places(build, key) {
            self.0[place / 64] |= 1 << (place % 64);
        }
    }

    /// False where the key was certainly not written.
    pub(super) fn may_have(&self, build: i64, key: &str) -> bool {
        places(build, key).all(|place| self.0[place / 64] & 1 << (place % 64) != 0)
    }
}

fn places(build: i64, key: &str) -> impl Iterator<Item = usize> {
    let mut hasher = DefaultHasher::new();
    (build, key).hash(&mut hasher);
    let hash = hasher.finish();
    // Two halves make any number of places (Kirsch and Mitzenmacher, 2006).
    let (one, other) = (hash >> 32, hash | 1);
    (0..BITS_PER_KEY).map(move |n| {
        let place = one.wrapping_add(other.wrapping_mul(u64::from(n))) % BITS as u64;
        usize::try_from(place).expect("a place is below 2^27")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut written = Written::default();
        (0..10_000).for_each(|n| written.add(1, &format!("key {n}")));
        assert!((0..10_000).all(|n| written.may_have(1, &format!("key {n}"))));
        let others = (10_000..20_000).filter(|n| written.may_have(1, &format!("key {n}"))).count();
        let of_another = (0..10_000).filter(|n| written.may_have(2, &format!("key {n}"))).count();
        assert!(others + of_another < 10, "{others} and {of_another} keys of 20000 that were never added");
    }
}

//! Which keys may have been written already, in bounded memory.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// 4 MiB.
const BITS: usize = 1 << 25;
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
    /// A key was written.
    pub(super) fn add(&mut self, key: &str) {
        for place in places(key) {
            self.0[place / 64] |= 1 << (place % 64);
        }
    }

    /// False where the key was certainly not written.
    pub(super) fn may_have(&self, key: &str) -> bool {
        places(key).all(|place| self.0[place / 64] & 1 << (place % 64) != 0)
    }
}

fn places(key: &str) -> impl Iterator<Item = usize> {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let hash = hasher.finish();
    // Two halves make any number of places (Kirsch and Mitzenmacher, 2006).
    let (one, other) = (hash >> 32, hash | 1);
    (0..BITS_PER_KEY).map(move |n| {
        let place = one.wrapping_add(other.wrapping_mul(u64::from(n))) % BITS as u64;
        usize::try_from(place).expect("a place is below 2^25")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let mut written = Written::default();
        (0..10_000).for_each(|n| written.add(&format!("key {n}")));
        assert!((0..10_000).all(|n| written.may_have(&format!("key {n}"))));
        let others = (10_000..20_000).filter(|n| written.may_have(&format!("key {n}"))).count();
        assert!(others < 10, "{others} of 10000 keys that were never added");
    }
}

//! Randomness is a parameter. Only [`SystemEntropy`] reads the system's random source.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use uuid::{Builder, Uuid};

/// Random bytes of an id.
const ID_BYTES: usize = 10;
/// How many ids are made of one call of the system.
const IDS_IN_STOCK: usize = 100;

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// A time-ordered id (UUID version 7) for `now`.
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; ID_BYTES];
        self.fill(&mut random);
        time_ordered(now, &random)
    }
}

fn time_ordered(now: DateTime<Utc>, random: &[u8; ID_BYTES]) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, random).into_uuid()
}

/// The system's random source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has a random source");
    }

    /// Ids take their bytes from a stock of their thread: a call of the system for each costs more than all else about them.
    /// Nothing secret comes from there.
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        STOCK.with_borrow_mut(|stock| {
            if stock.is_empty() {
                stock.resize(IDS_IN_STOCK, [0; ID_BYTES]);
                self.fill(stock.as_flattened_mut());
            }
            time_ordered(now, &stock.pop().unwrap_or_default())
        })
    }
}

thread_local! {
    /// Random bytes that no id has yet.
    static STOCK: RefCell<Vec<[u8; ID_BYTES]>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_ids_of_one_moment_are_alike() {
        let now = DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap();
        let ids = move || (0..5 * IDS_IN_STOCK).map(|_| SystemEntropy.uuid(now)).collect::<Vec<_>>();
        let other = std::thread::spawn(ids);
        let all: Vec<Uuid> = ids().into_iter().chain(other.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 10 * IDS_IN_STOCK);
        assert!(all.iter().all(|id| id.get_version_num() == 7));
    }
}

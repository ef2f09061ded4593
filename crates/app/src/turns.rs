//! Commands on one aggregate are handled one after the other in this process, in the order in which they came.
//!
//! Without turns, all but one of many commands on one aggregate lose the race for its next version and are decided again.
//! Other processes still race: a turn saves work, and the version check of the append is what counts.
//!
//! INVARIANT: an aggregate for which nobody waits is not listed.
//! INVARIANT: nobody waits for a turn while holding another one, unless all of them are taken in order; so nobody waits forever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::Error;

/// Most commands that wait for one aggregate in one process. Whoever comes then is told to come again.
const WAITING_MAX: usize = 256;

/// An aggregate: the category of its stream, and its id.
pub(crate) type Of = (&'static str, Uuid);

/// Whose turn it is, by aggregate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<Of, Line>>>);

/// Those who wait for one aggregate, with the one whose turn it is.
#[derive(Debug, Default)]
struct Line {
    commands: usize,
    /// Let in in the order in which they came.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A turn, or a place in the line; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    of: Of,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until it is our turn.
    ///
    /// # Errors
    /// [`Error::Conflict`] where too many wait already.
    pub(crate) async fn take(&self, of: Of) -> Result<Turn, Error> {
        let lock = {
            let mut lines = self.lines();
            let line = lines.entry(of).or_default();
            if line.commands == WAITING_MAX {
                return Err(Error::Conflict);
            }
            line.commands += 1;
            Arc::clone(&line.turn)
        };
        let mut turn = Turn { turns: self.clone(), of, held: None };
        turn.held = Some(lock.lock_owned().await);
        Ok(turn)
    }

    /// Waits until it is our turn for each of these. Whoever calls this holds none.
    pub(crate) async fn take_all(&self, mut of: Vec<Of>) -> Result<Vec<Turn>, Error> {
        of.sort_unstable();
        of.dedup();
        let mut turns = Vec::with_capacity(of.len());
        for of in of {
            turns.push(self.take(of).await?);
        }
        Ok(turns)
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Of, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut lines = self.turns.lines();
        let Some(line) = lines.get_mut(&self.of) else { return };
        line.commands -= 1;
        if line.commands == 0 {
            lines.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::error::Elapsed;

    use super::*;

    const A: Of = ("case", Uuid::from_u128(1));
    const B: Of = ("case", Uuid::from_u128(2));

    #[tokio::test]
    async fn turns_come_in_the_order_of_arrival_and_nothing_is_left_behind() {
        let turns = Turns::default();
        let first = turns.take(A).await.unwrap();
        let (seen, mut waiting) = (Arc::new(Mutex::new(Vec::new())), JoinSet::new());
        for number in 0..20 {
            let (turns, seen) = (turns.clone(), Arc::clone(&seen));
            waiting.spawn(async move {
                let turn = turns.take(A).await.unwrap();
                seen.lock().unwrap().push(number);
                drop(turn);
            });
            tokio::task::yield_now().await;
        }
        assert_eq!(*seen.lock().unwrap(), [0; 0]);
        drop(turns.take(B).await.unwrap()); // Another aggregate waits for nobody.
        drop(first);
        waiting.join_all().await;
        assert_eq!(*seen.lock().unwrap(), (0..20).collect::<Vec<_>>());
        assert!(turns.lines().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_line_to_the_next() {
        let turns = Turns::default();
        let first = turns.take(A).await.unwrap();
        let impatient = tokio::time::timeout(Duration::from_millis(20), turns.take(A)).await;
        assert!(matches!(impatient, Err(Elapsed { .. })), "two had a turn at once");
        assert_eq!(turns.lines()[&A].commands, 1);
        drop(first);
        drop(turns.take(A).await.unwrap());
        assert!(turns.lines().is_empty());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_closed() {
        let turns = Turns::default();
        let _first = turns.take(A).await.unwrap();
        let mut waiting: JoinSet<Result<Turn, Error>> = JoinSet::new();
        for _ in 1..WAITING_MAX {
            let turns = turns.clone();
            waiting.spawn(async move { turns.take(A).await });
        }
        while turns.lines()[&A].commands < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.take(A).await.unwrap_err().problem().code, "busy");
        waiting.shutdown().await;
        assert_eq!(turns.lines()[&A].commands, 1);
    }

    /// Both orders at once, many times: whoever took them one by one in the order given would wait forever.
    #[tokio::test]
    async fn several_turns_are_taken_in_one_order() {
        let turns = Turns::default();
        let mut both = JoinSet::new();
        for number in 0..200 {
            let turns = turns.clone();
            let of = if number % 2 == 0 { vec![A, B, A] } else { vec![B, A] };
            both.spawn(async move {
                let taken = turns.take_all(of).await.unwrap();
                assert_eq!(taken.len(), 2);
                tokio::task::yield_now().await;
            });
        }
        tokio::time::timeout(Duration::from_secs(10), both.join_all()).await.expect("somebody waits forever");
        assert!(turns.lines().is_empty());
    }
}

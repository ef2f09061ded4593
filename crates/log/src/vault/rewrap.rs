//! The exchange of the wrapping key, while processes read and keep keys.
//!
//! Every process may have both keys: it opens under either, and wraps under its current one. Keys of persons are wrapped again some at a
//! time; where that was broken off, it goes on. In the end the former key is retired, in one transaction in which nothing is left under it.
//!
//! INVARIANT: under a retired key nothing is wrapped, and a process that has it as its current one keeps no key.
//! INVARIANT: a key that is erased meanwhile stays erased.

use std::future::Future;

use kernel::PersonId;
use uuid::Uuid;

use super::wrapping::Wrapping;
use crate::error::OpenError;

/// How many keys are wrapped again in one transaction.
const AT_ONCE: u32 = 500;

/// The key of a person as it is stored.
pub(crate) struct Wrapped {
    pub(super) person: Uuid,
    pub(super) key: Vec<u8>,
    /// The name of the key around it.
    pub(super) id: String,
}

/// The same under the current wrapping key.
pub(crate) struct Rewrapped {
    pub(super) person: Uuid,
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
}

/// A vault whose keys can be wrapped again.
pub(crate) trait Rewrap {
    fn wrapping(&self) -> &Wrapping;
    /// How many keys are under another wrapping key.
    fn left(&self) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;
    /// Some of them.
    fn some(&self, count: u32) -> impl Future<Output = Result<Vec<Wrapped>, sqlx::Error>> + Send;
    /// Stores them, except those that were erased meanwhile.
    fn exchange(&self, rewrapped: &[Rewrapped]) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    /// Retires every other wrapping key. False where something is still under one.
    fn retire(&self) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
    /// Removes what is left of the former form. False where another process keeps it from that.
    fn clean(&self) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;
}

/// Wraps every key under the current wrapping key, and retires the others. Tells how many are done and how many there are. False where traces of the
/// former form may be left, because another process was reading.
pub(crate) async fn rewrap(vault: &impl Rewrap, mut progress: impl FnMut(u64, u64)) -> Result<bool, OpenError> {
    let (mut done, mut all) = (0, vault.left().await.map_err(OpenError::Rewrap)?);
    loop {
        progress(done, all);
        let some = vault.some(AT_ONCE).await.map_err(OpenError::Rewrap)?;
        if some.is_empty() {
            if vault.retire().await.map_err(OpenError::Rewrap)? {
                return vault.clean().await.map_err(OpenError::Rewrap);
            }
            continue;
        }
        let again = |one: Wrapped| {
            let after = vault.wrapping().again(PersonId::new(one.person), &one.key, &one.id);
            let after = after.ok_or(OpenError::Unwrappable(one.person))?;
            Ok(Rewrapped { person: one.person, before: one.key, after })
        };
        let rewrapped: Vec<Rewrapped> = some.into_iter().map(again).collect::<Result<_, OpenError>>()?;
        vault.exchange(&rewrapped).await.map_err(OpenError::Rewrap)?;
        done = done.saturating_add(rewrapped.len() as u64);
        // Others were kept under the former key meanwhile.
        all = all.max(done);
    }
}

//! Changes that have not taken effect yet.

use chrono::{DateTime, Utc};

/// A change that takes effect at a moment.
pub(crate) trait Scheduled {
    /// When it takes effect.
    fn at(&self) -> DateTime<Utc>;
}

/// Puts a change among those to come, in the order in which they take effect. Of two at one moment the one that was recorded last
/// comes last.
pub(crate) fn expect<C: Scheduled>(to_come: &mut Vec<C>, change: C) {
    to_come.push(change);
    to_come.sort_by_key(Scheduled::at);
}

/// Takes out what has taken effect by then, and gives the last of it: that is how it stands.
pub(crate) fn take_due<C: Scheduled>(to_come: &mut Vec<C>, moment: DateTime<Utc>) -> Option<C> {
    let due = to_come.partition_point(|change| change.at() <= moment);
    to_come.drain(..due).next_back()
}

//! Points at which a process can be ended, and properties that can be broken, on purpose: for fault trials.
//!
//! Only a build with the feature `faults` can do either. In every other build [`point`] does nothing and
//! [`is_sabotaged`] is false at compile time.

use std::str::FromStr;

macro_rules! named {
    ($(#[$doc:meta])* $enum:ident { $($(#[$about:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum { $($(#[$about])* $variant,)* }

        impl $enum {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// How it is called on the command line and in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromStr for $enum {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                let named = |known: &&Self| known.name() == name;
                let known = || Self::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
                Self::ALL.iter().find(named).copied().ok_or_else(|| UnknownName { name: name.to_owned(), known: known() })
            }
        }
    };
}

named! {
    /// Where a process can be ended.
    Point {
        /// A batch was gathered and nothing of it is in the database.
        BeforeAppend = "before-append",
        /// A batch stands in a transaction that has not committed.
        AppendBeforeCommit = "append-before-commit",
        /// A batch has committed and nobody was told.
        CommitBeforeAnswer = "commit-before-answer",
        /// Events were read from the log and nothing of them was sent to NATS.
        BeforePublish = "before-publish",
        /// NATS has acknowledged events and nobody here knows.
        AfterPublish = "after-publish",
        /// The stream of NATS was deleted to be recreated, and nobody has created it.
        StreamDeleted = "stream-deleted",
        /// Rows of a view were folded and neither they nor their checkpoint are written.
        BeforeCheckpoint = "before-checkpoint",
        /// Rows and checkpoint of a view are written and nobody here knows.
        AfterCheckpoint = "after-checkpoint",
    }
}

named! {
    /// What can be broken: one property each, so that the checker of that property has something to find.
    Sabotage {
        /// Command ids are stored under another id: a repeat is not recognised.
        CommandIdsOff = "command-ids-off",
        /// Positions come from a counter that is not part of the transaction: what fails leaves a gap.
        Sequence = "sequence",
        /// Callers are answered before their batch has committed.
        AnswerBeforeCommit = "answer-before-commit",
        /// A refused command is recorded all the same.
        RefusedRecorded = "refused-recorded",
        /// Now and then an event goes to NATS with one byte changed.
        PublishAltered = "publish-altered",
        /// The checkpoint of a view moves before its rows are written, in a transaction of its own.
        CheckpointFirst = "checkpoint-first",
        /// What is known of a log counts for every log that is met, and the version before is not looked for.
        KnownNotCleared = "known-not-cleared",
        /// Nobody compares epochs: an older copy of the log passes for the newest one.
        EpochIgnored = "epoch-ignored",
    }
}

/// Whether this build can be ended or broken on purpose.
pub const IS_ENABLED: bool = cfg!(feature = "faults");

/// A name that nothing is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is called `{}`; there are {known}", .name.escape_debug())]
pub struct UnknownName {
    name: String,
    known: String,
}

/// Ends the process by SIGKILL where it was armed for this point and this is the pass.
#[cfg(not(feature = "faults"))]
#[inline]
pub const fn point(_point: Point) {}

/// Whether this property is broken on purpose.
#[cfg(not(feature = "faults"))]
#[inline]
pub const fn is_sabotaged(_sabotage: Sabotage) -> bool {
    false
}

#[cfg(feature = "faults")]
pub use armed::{arm, is_sabotaged, point, sabotage};

#[cfg(feature = "faults")]
mod armed {
    use std::process::Command;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Point, Sabotage};

    static ARMED: OnceLock<(Point, u64)> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);
    static BROKEN: OnceLock<Sabotage> = OnceLock::new();

    /// Ends the process at the given pass of a point, from 1.
    pub fn arm(point: Point, pass: u64) {
        // The first one counts: a process ends only once.
        let _ = ARMED.set((point, pass.max(1)));
    }

    /// Breaks a property until the process ends.
    pub fn sabotage(sabotage: Sabotage) {
        let _ = BROKEN.set(sabotage);
    }

    /// Ends the process by SIGKILL where it was armed for this point and this is the pass.
    pub fn point(point: Point) {
        let Some((armed, pass)) = ARMED.get() else { return };
        if *armed == point && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *pass {
            // The standard library knows no SIGKILL for oneself; the shell's own `kill` does.
            let own = format!("kill -9 {}", std::process::id());
            let sent = Command::new("sh").args(["-c", &own]).status();
            // Not reached, unless there is no shell: then the end is at least as sudden.
            drop(sent);
            std::process::abort();
        }
    }

    /// Whether this property is broken on purpose.
    pub fn is_sabotaged(sabotage: Sabotage) -> bool {
        BROKEN.get() == Some(&sabotage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_and_every_sabotage_is_found_by_its_name() {
        for point in Point::ALL {
            assert_eq!(point.name().parse(), Ok(*point));
        }
        for sabotage in Sabotage::ALL {
            assert_eq!(sabotage.name().parse(), Ok(*sabotage));
        }
        assert!("nothing".parse::<Point>().unwrap_err().to_string().contains("before-append"));
    }
}

//! What must be true after any fault: journal, log, stream and views against each other.
//!
//! Each check gives every violation that it finds, with the property it breaks, so that a control can tell whether the
//! right one was found.

mod commands;
mod log;
mod outcomes;
mod readers;
mod stream;
mod views;

use std::fmt;

use anyhow::bail;
use testkit::bus::Stored;

pub use readers::Reader;

use crate::tables::Tables;
use crate::{Entry, Stage};

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// An acknowledged command is in the log.
    Kept,
    /// A command has one effect.
    Once,
    /// A command is answered in the same way each time, and as the log has it.
    SameAnswer,
    /// A refused command leaves no trace.
    RefusedAbsent,
    /// Positions are 1, 2, 3 … and so are the versions of each stream.
    Gapless,
    /// What the API shows of the log is what the tables hold.
    Shown,
    /// Nothing is in the log that nobody asked for.
    Explained,
    /// The stream is the log.
    Stream,
    /// Views are what a rebuild makes of the log.
    Views,
    /// What only NATS has stays there until an operator has given it up.
    Untouched,
    /// A reader that has what the log lost is told where to go back to.
    SentBack,
}

impl Property {
    /// What it is called in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "Kept",
            Self::Once => "Once",
            Self::SameAnswer => "SameAnswer",
            Self::RefusedAbsent => "RefusedAbsent",
            Self::Gapless => "Gapless",
            Self::Shown => "Shown",
            Self::Explained => "Explained",
            Self::Stream => "Stream",
            Self::Views => "Views",
            Self::Untouched => "Untouched",
            Self::SentBack => "SentBack",
        }
    }
}

/// A property that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What is broken.
    pub property: Property,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property.name(), self.seen)
    }
}

/// Everything that was found, and how much was looked at.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// How many of what were compared.
    pub counted: Vec<(&'static str, u64)>,
}

/// How many violations an error shows.
const SHOWN_MAX: usize = 12;

impl Findings {
    /// An error that lists the violations, unless there are none.
    pub fn nothing_wrong(&self) -> anyhow::Result<()> {
        if self.violations.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = self.violations.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
        bail!("{} violations:\n  {}", self.violations.len(), shown.join("\n  "))
    }

    /// Whether this property was found broken.
    pub fn has(&self, property: Property) -> bool {
        self.violations.iter().any(|violation| violation.property == property)
    }

    /// How many of what were compared.
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        self.counted.clone()
    }

    fn broken(&mut self, property: Property, seen: impl Into<String>) {
        self.violations.push(Violation { property, seen: seen.into() });
    }

    fn count(&mut self, what: &'static str, count: usize) {
        self.counted.push((what, count as u64));
    }
}

/// Every check. The load has ended; NATS and all roles run.
pub async fn everything(stage: &Stage) -> anyhow::Result<Findings> {
    let mut found = Findings::default();
    commands(stage, &mut found).await?;
    stream(stage, &mut found).await?;
    views(stage, &mut found).await?;
    Ok(found)
}

/// The journal against the log, and the log in itself. Commands whose outcome is unknown are asked for, and then sent
/// again.
pub async fn commands(stage: &Stage, found: &mut Findings) -> anyhow::Result<()> {
    let tables = Tables::of(&stage.system);
    let entries = log(stage, found).await?;
    outcomes::ask(stage, &entries, &tables.commands().await?, found).await?;
    outcomes::send_unknown_again(stage, &entries, found).await?;
    let again = stage.journal.read().await?;
    let events = tables.events().await?;
    commands::check(stage, &again, &events, &tables.commands().await?, found)?;
    count(&again, found);
    found.count("events", events.len());
    Ok(())
}

/// The journal against the log, and the log in itself. Nobody is asked for commands whose outcome is unknown.
pub async fn log(stage: &Stage, found: &mut Findings) -> anyhow::Result<Vec<Entry>> {
    let tables = Tables::of(&stage.system);
    let entries = stage.journal.read().await?;
    let events = log::check(stage, &tables, found).await?;
    commands::check(stage, &entries, &events, &tables.commands().await?, found)?;
    Ok(entries)
}

/// NATS against the log.
pub async fn stream(stage: &Stage, found: &mut Findings) -> anyhow::Result<()> {
    stream::check(stage, found).await
}

/// The stream as it was when events were lost, against what it is now: it still begins with the same messages.
pub async fn untouched(stage: &Stage, before: &[Stored], found: &mut Findings) -> anyhow::Result<()> {
    stream::is_untouched(stage, before, found).await
}

/// A reader at this position of an epoch is told to go back to where it and the log part.
pub async fn sent_back(stage: &Stage, reader: Reader, to: u64, found: &mut Findings) -> anyhow::Result<()> {
    readers::is_sent_back(stage, reader, to, found).await
}

/// The views against a rebuild of them.
pub async fn views(stage: &Stage, found: &mut Findings) -> anyhow::Result<()> {
    views::check(stage, found).await
}

fn count(entries: &[Entry], found: &mut Findings) {
    let count = |is: fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count();
    found.count("acknowledged", count(|entry| entry.answer().is_some()));
    found.count("refused", count(Entry::is_refused));
    found.count("once unknown", count(|entry| entry.outcomes.iter().any(|outcome| !outcome.is_definite())));
    found.count("repeats", entries.iter().map(|entry| entry.outcomes.len().saturating_sub(1)).sum());
}

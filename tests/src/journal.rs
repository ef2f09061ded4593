//! What clients know of their own commands, in a file: an intention is on disk before the command is sent.
//!
//! A line waits for the disk together with every other line that waits, so that the journal does not slow the load.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::Who;

/// A command that will be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intention {
    /// Its id.
    pub id: Uuid,
    /// Who sends it.
    pub who: Who,
    /// Where it is sent to.
    pub path: String,
    /// What is sent.
    pub body: Value,
}

/// What came back, each time it was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was taken.
    Acknowledged {
        /// The HTTP status.
        status: u16,
        /// The answer.
        answer: Value,
    },
    /// It was not taken, for a reason of the caller's.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The code of the problem.
        code: String,
    },
    /// Nobody knows: the connection broke, or the server was in trouble.
    Unknown {
        /// What was seen.
        why: String,
    },
}

impl Outcome {
    /// Whether it says what became of the command.
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }
}

/// A command of the journal, with everything that came back.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The command.
    pub intention: Intention,
    /// What came back, in the order in which it was heard.
    pub outcomes: Vec<Outcome>,
}

impl Entry {
    /// The first acknowledgement, if there is one.
    pub fn answer(&self) -> Option<&Value> {
        self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Acknowledged { answer, .. } => Some(answer),
            _ => None,
        })
    }

    /// Whether it was refused, and never acknowledged.
    pub fn is_refused(&self) -> bool {
        self.answer().is_none() && self.outcomes.iter().any(Outcome::is_definite)
    }

    /// Whether nobody knows what became of it.
    pub fn is_unknown(&self) -> bool {
        !self.outcomes.iter().any(Outcome::is_definite)
    }
}

/// The name of a command in the journal: its line, from 0.
pub type Line = usize;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Intended { line: Line, command: Intention },
    Heard { line: Line, outcome: Outcome },
}

type Waiting = (Vec<u8>, oneshot::Sender<()>);

/// The journal of all clients. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    lines: AtomicUsize,
    acknowledged: AtomicUsize,
    to_disk: mpsc::UnboundedSender<Waiting>,
}

impl Journal {
    /// Begins a journal in a new file.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create_new(path).with_context(|| format!("could not create {}", path.display()))?;
        let (to_disk, waiting) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(file, waiting))
            .context("no thread for the journal")?;
        Ok(Self(Arc::new(Shared {
            path: path.to_owned(),
            lines: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
            to_disk,
        })))
    }

    /// Writes down a command that will be sent. It is on disk when this gives its line.
    pub async fn intend(&self, command: Intention) -> anyhow::Result<Line> {
        let line = self.0.lines.fetch_add(1, Ordering::Relaxed);
        self.write(&Written::Intended { line, command })?.await.map_err(|_| self.broken())?;
        Ok(line)
    }

    /// Writes down what came back. It is on disk soon, at the latest with the next intention.
    pub fn hear(&self, line: Line, outcome: &Outcome) -> anyhow::Result<()> {
        if matches!(outcome, Outcome::Acknowledged { .. }) {
            self.0.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        self.write(&Written::Heard { line, outcome: outcome.clone() }).map(drop)
    }

    /// How many acknowledgements came, repeats among them.
    pub fn acknowledged(&self) -> usize {
        self.0.acknowledged.load(Ordering::Relaxed)
    }

    /// How many commands were intended.
    pub fn intended(&self) -> usize {
        self.0.lines.load(Ordering::Relaxed)
    }

    /// Everything that is written, as the file has it. What this process remembers is not asked.
    pub async fn read(&self) -> anyhow::Result<Vec<Entry>> {
        let (done, waiting) = oneshot::channel();
        self.0.to_disk.send((Vec::new(), done)).map_err(|_| self.broken())?;
        waiting.await.map_err(|_| self.broken())?;
        read(&self.0.path)
    }

    fn write(&self, written: &Written) -> anyhow::Result<oneshot::Receiver<()>> {
        let mut bytes = serde_json::to_vec(written).context("a line of the journal is no JSON")?;
        bytes.push(b'\n');
        let (done, waiting) = oneshot::channel();
        self.0.to_disk.send((bytes, done)).map_err(|_| self.broken())?;
        Ok(waiting)
    }

    fn broken(&self) -> anyhow::Error {
        anyhow!("the journal {} could not be written", self.0.path.display())
    }
}

/// Writes what waits, waits for the disk once, and tells everybody. Ends with the journal, or where the disk fails:
/// then everybody's channel closes.
fn write(mut file: File, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while let Ok(next) = waiting.try_recv() {
            batch.push(next);
        }
        let bytes: Vec<u8> = batch.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        for (_, done) in batch {
            // Most of those who heard an answer do not wait.
            let _ = done.send(());
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let mut entries: Vec<Option<Entry>> = Vec::new();
    for text in text.lines() {
        match serde_json::from_str(text).with_context(|| format!("no line of a journal: {text}"))? {
            Written::Intended { line, command } => {
                entries.resize(entries.len().max(line + 1), None);
                entries[line] = Some(Entry { intention: command, outcomes: Vec::new() });
            }
            Written::Heard { line, outcome } => {
                let entry = entries.get_mut(line).and_then(Option::as_mut);
                entry.with_context(|| format!("an answer to line {line}, which is not there"))?.outcomes.push(outcome);
            }
        }
    }
    entries
        .into_iter()
        .enumerate()
        .map(|(line, entry)| entry.with_context(|| format!("line {line} is missing")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_from_the_file_again() {
        let path = std::env::temp_dir().join(format!("journal-{}", testkit::client::command_id().unwrap()));
        let journal = Journal::create(&path).unwrap();
        let mut lines = Vec::new();
        for number in 0..3 {
            let id = testkit::client::command_id().unwrap();
            let body = json!({ "number": number });
            lines.push(journal.intend(Intention { id, who: Who::Duty, path: "/x".into(), body }).await.unwrap());
        }
        journal.hear(lines[1], &Outcome::Unknown { why: "gone".into() }).unwrap();
        journal.hear(lines[1], &Outcome::Acknowledged { status: 200, answer: json!({ "events": 1 }) }).unwrap();
        journal.hear(lines[2], &Outcome::Refused { status: 409, code: "no".into() }).unwrap();
        let entries = journal.read().await.unwrap();
        assert!(entries[0].is_unknown() && entries[2].is_refused());
        assert_eq!(entries[1].answer().unwrap()["events"], 1);
        assert_eq!((journal.acknowledged(), journal.intended()), (1, 3));
        std::fs::remove_file(path).unwrap();
    }
}

//! What clients know of their own commands: each is written down before it is sent.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use uuid::Uuid;

/// A command, and its answer if one came.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// Where it is sent to.
    pub path: String,
    /// What is sent.
    pub body: Value,
    /// The answer of the 2xx family that came, if one did.
    pub answer: Option<Value>,
}

/// The journal of all clients. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<Entry>>>);

impl Journal {
    /// Writes down a command that will be sent, and gives its line.
    pub fn intend(&self, id: Uuid, path: &str, body: &Value) -> usize {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { id, path: path.to_owned(), body: body.clone(), answer: None });
        entries.len() - 1
    }

    /// Writes down the answer.
    pub fn acknowledge(&self, line: usize, answer: Value) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(line) {
            entry.answer = Some(answer);
        }
    }

    /// Everything that is written.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many commands have an answer.
    pub fn acknowledged(&self) -> usize {
        self.entries().iter().filter(|entry| entry.answer.is_some()).count()
    }

    /// Lines of commands whose outcome nobody knows.
    pub fn unknown(&self) -> Vec<usize> {
        let entries = self.entries();
        (0..entries.len()).filter(|line| entries[*line].answer.is_none()).collect()
    }
}

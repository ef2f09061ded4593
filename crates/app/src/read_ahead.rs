//! The log from a position on, page by page, read and decoded while the page before is worked on.
//!
//! Positions have no gap, so the places of all pages are known before any of them is read.

use std::collections::VecDeque;
use std::sync::Arc;

use kernel::{Position, Recorded};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::event::{AnyEvent, Read, Unreadable, read};
use crate::port::{EventLog, Failure};

/// Events of one page.
pub const PAGE_EVENTS: usize = 1_000;
/// Pages under way beside the one that is worked on.
const PAGES_AHEAD: usize = 2;

/// Why a page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadAheadError {
    /// An event cannot be read. No page after it is given.
    #[error(transparent)]
    Event(#[from] Unreadable),
    /// The log is out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Consecutive events, read.
#[derive(Debug, Default)]
pub struct Page {
    recorded: Vec<Recorded>,
    events: Vec<AnyEvent>,
}

impl Page {
    /// Position of its last event; none on a page that is empty, which is the last one.
    pub fn last(&self) -> Option<Position> {
        self.recorded.last().map(|event| event.position)
    }

    /// Its events, for those who fold them.
    pub fn reads(&mut self) -> Vec<Read<'_>> {
        let events = std::mem::take(&mut self.events);
        self.recorded.iter().zip(events).map(|(recorded, event)| Read { recorded, event }).collect()
    }
}

/// Reads pages ahead. What is under way when it is dropped is given up.
pub struct ReadAhead {
    log: Arc<dyn EventLog>,
    /// Where the next page to be asked for begins.
    asked: Position,
    /// Where the next page to be given begins.
    given: Position,
    under_way: VecDeque<JoinHandle<Result<Page, ReadAheadError>>>,
}

impl ReadAhead {
    /// Begins after a position.
    pub fn after(log: Arc<dyn EventLog>, after: Position) -> Self {
        Self { log, asked: after, given: after, under_way: VecDeque::new() }
    }

    /// The next page. It is empty where the log has no more; asked again later, there may be.
    pub async fn next(&mut self) -> Result<Page, ReadAheadError> {
        while self.under_way.len() <= PAGES_AHEAD {
            let page = page(Arc::clone(&self.log), self.asked);
            self.under_way.push_back(Handle::current().spawn(page));
            self.asked = Position(self.asked.0 + PAGE_EVENTS as u64);
        }
        let Some(first) = self.under_way.pop_front() else { return Ok(Page::default()) };
        let page = first.await.unwrap_or_else(|ended| Err(given_up(&ended.to_string()).into()))?;
        self.given = page.last().unwrap_or(self.given);
        if page.recorded.len() < PAGE_EVENTS {
            // The end of the log as it was then: what lies beyond was asked for too early.
            self.give_up();
            self.asked = self.given;
        }
        Ok(page)
    }

    fn give_up(&mut self) {
        for page in self.under_way.drain(..) {
            page.abort();
        }
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.give_up();
    }
}

async fn page(log: Arc<dyn EventLog>, after: Position) -> Result<Page, ReadAheadError> {
    let recorded = log.after(after, PAGE_EVENTS).await?;
    let events = recorded.iter().map(|event| Ok(read(event)?.event)).collect::<Result<_, Unreadable>>()?;
    Ok(Page { recorded, events })
}

fn given_up(reason: &str) -> Failure {
    Failure { operation: "read the log ahead", reason: reason.to_owned(), passing: true }
}

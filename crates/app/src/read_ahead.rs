//! The log from a position on, page by page, read and decoded while the page before is worked on.
//!
//! Positions have no gap, so the places of all pages are known before any of them is read.

use std::collections::VecDeque;
use std::sync::Arc;

use kernel::Position;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::batch::Batch;
use crate::event::Decode;
use crate::port::{EventLog, Failure};

/// Events of one page.
pub const PAGE_EVENTS: usize = 1_000;
/// Pages under way beside the one that is worked on.
const PAGES_AHEAD: usize = 2;

/// Reads pages ahead. What is under way when it is dropped is given up.
pub struct ReadAhead {
    log: Arc<dyn EventLog>,
    decode: Decode,
    /// The categories of which events are decoded.
    wanted: Arc<[&'static str]>,
    /// Where the next page to be asked for begins.
    asked: Position,
    /// Where the next page to be given begins.
    given: Position,
    under_way: VecDeque<JoinHandle<Result<Batch, Failure>>>,
}

impl ReadAhead {
    /// Begins after a position.
    pub fn after(log: Arc<dyn EventLog>, decode: Decode, wanted: &[&'static str], after: Position) -> Self {
        Self { log, decode, wanted: wanted.into(), asked: after, given: after, under_way: VecDeque::new() }
    }

    /// The next page. It is empty where the log has no more; asked again later, there may be.
    ///
    /// # Errors
    /// Where the log is out of reach.
    pub async fn next(&mut self) -> Result<Batch, Failure> {
        while self.under_way.len() <= PAGES_AHEAD {
            let (log, decode, wanted, after) =
                (Arc::clone(&self.log), self.decode, Arc::clone(&self.wanted), self.asked);
            let page = async move { Batch::read(&*log, decode, &wanted, after, PAGE_EVENTS).await };
            self.under_way.push_back(Handle::current().spawn(page));
            self.asked = Position(self.asked.0 + PAGE_EVENTS as u64);
        }
        let Some(first) = self.under_way.pop_front() else { return Ok(Batch::default()) };
        let page = first.await.unwrap_or_else(|ended| Err(given_up(&ended.to_string())))?;
        self.given = page.last().unwrap_or(self.given);
        if page.len() < PAGE_EVENTS {
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

fn given_up(reason: &str) -> Failure {
    Failure { operation: "read the log ahead", reason: reason.to_owned(), passing: true }
}

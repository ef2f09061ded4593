//! A reader at the end of the log: what is there, then whatever comes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse;
use kernel::{Position, Recorded};
use tokio::sync::watch;

use crate::api::Api;
use crate::auth::Caller;

/// How many events are read at once. A slow reader holds at most so many in memory.
const PAGE_EVENTS: usize = 200;

/// How often the log is asked without a sign: other processes append to it too.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A reader, with what it was not sent yet. Nothing runs unless the connection asks for the next event.
pub(super) struct Tail {
    api: Arc<Api>,
    caller: Caller,
    after: Position,
    pending: VecDeque<Recorded>,
    committed: watch::Receiver<Position>,
    stopping: watch::Receiver<bool>,
    /// Changes where the log may be another one than before.
    incarnation: watch::Receiver<u64>,
    began_in: u64,
}

impl Tail {
    /// Reads the first page, or says why the caller may not.
    pub(super) async fn start(api: Arc<Api>, caller: Caller, after: Position) -> Result<Self, app::Error> {
        let (committed, stopping) = (api.app.committed(), api.stopping());
        let incarnation = api.app.ports().log.incarnation();
        let began_in = *incarnation.borrow();
        let pending = VecDeque::new();
        let mut tail = Self { api, caller, after, pending, committed, stopping, incarnation, began_in };
        tail.read().await?;
        Ok(tail)
    }

    /// The next event, when there is one. Ends when the server stops, the token runs out, the log cannot be read, or it may be
    /// another one after a failover: who comes back is told where to go on. A reader comes back with `Last-Event-ID` and misses nothing.
    pub(super) async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        loop {
            let is_another_log = *self.incarnation.borrow() != self.began_in;
            if is_another_log || *self.stopping.borrow() || self.api.now() >= self.caller.until {
                return None;
            }
            if let Some(recorded) = self.pending.pop_front() {
                self.after = recorded.position;
                return Some((Ok(event(&recorded)?), self));
            }
            if let Err(error) = self.read().await {
                tracing::warn!(%error, after = %self.after, "a stream of events ended");
                return None;
            }
            if self.pending.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Reads a page. What is committed from here on is noticed by [`Tail::wait`].
    async fn read(&mut self) -> Result<(), app::Error> {
        self.committed.borrow_and_update();
        self.pending = self.api.app.events(&self.caller.actor, self.after, PAGE_EVENTS).await?.into();
        Ok(())
    }

    /// Waits until there may be something new, or an end.
    async fn wait(&mut self) {
        tokio::select! {
            () = changed(&mut self.committed) => (),
            () = changed(&mut self.stopping) => (),
            () = tokio::time::sleep(POLL_INTERVAL) => (),
        }
    }
}

/// Ready at the next change; never, where nobody is left to make one.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The event with its exact text. Its bytes are one line of JSON, so nothing is broken over lines.
fn event(recorded: &Recorded) -> Option<sse::Event> {
    let Ok(text) = std::str::from_utf8(&recorded.bytes) else {
        tracing::error!(position = %recorded.position, "a recorded event is not UTF-8; the stream of events ended");
        return None;
    };
    Some(sse::Event::default().id(recorded.position.to_string()).event(&recorded.kind).data(text))
}

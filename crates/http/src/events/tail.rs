//! A reader at the end of the log: what is there, then whatever comes, and why it ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use app::losses::Mark;
use app::who::Hearing;
use axum::response::sse;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Position, Recorded};
use serde_json::json;
use tokio::sync::watch;

use super::feed::{PAGE_EVENTS, POLL_INTERVAL};
use crate::api::Api;
use crate::auth::Caller;
use crate::limits::Place;
use crate::telemetry::{count_ended_stream, count_stream};

/// How long a reader may take over what was read for it.
const PAGE_PATIENCE: TimeDelta = TimeDelta::minutes(1);

/// How often the register is asked whether the reader still acts.
const ASK_EVERY: TimeDelta = TimeDelta::seconds(1);

/// The name of the last event of a stream, which says why it ends. It has no `id`, so that the last one counts.
const END: &str = "end";

/// Why a stream ends. Who comes back with `Last-Event-ID` misses nothing, and is told where to go on if the log has lost what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A loss was accepted: positions may be given again.
    EpochRaised(u32),
    /// After a failover or a restore.
    LogWentBack,
    Stopping,
    TokenExpired,
    /// The register lets the reader act no more, or not as before.
    Withdrawn,
    /// It takes what was read for it too slowly.
    TooSlow,
    Unreadable,
}

impl End {
    const fn code(self) -> &'static str {
        match self {
            Self::EpochRaised(_) => "epoch-raised",
            Self::LogWentBack => "log-went-back",
            Self::Stopping => "stopping",
            Self::TokenExpired => "token-expired",
            Self::Withdrawn => "withdrawn",
            Self::TooSlow => "too-slow",
            Self::Unreadable => "unavailable",
        }
    }

    fn detail(self) -> String {
        match self {
            Self::EpochRaised(epoch) => format!(
                "a loss of events was accepted, and the log is in epoch {epoch} now: come back with Last-Event-ID, and go back where \
                 you are told to"
            ),
            Self::LogWentBack => "the log may have lost its newest events: come back with Last-Event-ID".to_owned(),
            Self::Stopping => "this process stops: come back with Last-Event-ID".to_owned(),
            Self::TokenExpired => "your token has run out: come back with a new one and with Last-Event-ID".to_owned(),
            Self::Withdrawn => {
                "what you may do has changed in the register: come back with Last-Event-ID, and you are told how"
                    .to_owned()
            }
            Self::TooSlow => format!(
                "you took less than {PAGE_EVENTS} events in {} s: come back with Last-Event-ID when you can take more",
                PAGE_PATIENCE.num_seconds()
            ),
            Self::Unreadable => "the log cannot be read now: come back with Last-Event-ID".to_owned(),
        }
    }

    fn event(self) -> sse::Event {
        let said = json!({ "code": self.code(), "detail": self.detail() });
        sse::Event::default().event(END).data(said.to_string())
    }
}

/// A reader, with what it was not sent yet. Nothing runs unless the connection asks for the next event.
pub(super) struct Tail {
    api: Arc<Api>,
    caller: Caller,
    after: Position,
    /// The epoch of everything that is sent. Where the log has another one, the stream ends.
    epoch: u32,
    has_ended: bool,
    pending: VecDeque<Arc<Recorded>>,
    /// When what is pending was read.
    read_at: DateTime<Utc>,
    committed: watch::Receiver<Position>,
    stopping: watch::Receiver<bool>,
    /// What the reader may hear.
    hearing: Hearing,
    /// When the register was asked last.
    asked_at: DateTime<Utc>,
    /// Changes where the log may be another one than before.
    incarnation: watch::Receiver<u64>,
    began_in: u64,
    /// Its place among all streams.
    _place: Place<String>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        count_stream(false);
    }
}

impl Tail {
    /// Reads the first page, or says why the caller may not.
    pub(super) async fn start(
        api: Arc<Api>,
        caller: Caller,
        after: Position,
        epoch: u32,
        place: Place<String>,
    ) -> Result<Self, app::Error> {
        let (committed, stopping) = (api.app.committed(), api.stopping());
        let incarnation = api.app.ports().log.incarnation();
        let began_in = *incarnation.borrow();
        let (pending, has_ended) = (VecDeque::new(), false);
        let hearing = api.app.hearing(&caller.actor).await?;
        let mut tail = Self {
            read_at: api.now(),
            asked_at: api.now(),
            hearing,
            api,
            caller,
            after,
            epoch,
            has_ended,
            pending,
            committed,
            stopping,
            incarnation,
            began_in,
            _place: place,
        };
        count_stream(true);
        tail.read().await?;
        Ok(tail)
    }

    /// The next event, when there is one; at the end one that says why it ends.
    pub(super) async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        if self.has_ended {
            return None;
        }
        let event = match self.more().await {
            Ok(event) => event,
            Err(end) => {
                self.has_ended = true;
                count_ended_stream(end.code());
                end.event()
            }
        };
        Some((Ok(event), self))
    }

    async fn more(&mut self) -> Result<sse::Event, End> {
        loop {
            self.go_on()?;
            self.ask_again().await?;
            if let Some(recorded) = self.pending.pop_front() {
                let event = self.event(&recorded)?;
                self.after = recorded.position;
                if self.hearing.hears(&recorded) {
                    return Ok(event);
                }
                continue;
            }
            let epoch = self.api.app.epoch_lately().await.map_err(|error| self.unreadable(&error))?;
            if epoch != self.epoch {
                return Err(End::EpochRaised(epoch));
            }
            self.read().await.map_err(|error| self.unreadable(&error))?;
            if self.pending.is_empty() {
                self.wait().await;
            }
        }
    }

    fn go_on(&self) -> Result<(), End> {
        if *self.incarnation.borrow() != self.began_in {
            return Err(End::LogWentBack);
        }
        if *self.stopping.borrow() {
            return Err(End::Stopping);
        }
        let now = self.api.now();
        if now >= self.caller.until {
            return Err(End::TokenExpired);
        }
        let is_slow = !self.pending.is_empty() && now.signed_duration_since(self.read_at) > PAGE_PATIENCE;
        if is_slow { Err(End::TooSlow) } else { Ok(()) }
    }

    /// Asks the register from time to time whether the reader still acts, and what it may hear.
    async fn ask_again(&mut self) -> Result<(), End> {
        let now = self.api.now();
        if now.signed_duration_since(self.asked_at).abs() < ASK_EVERY {
            return Ok(());
        }
        self.asked_at = now;
        let still_acts = self.caller.still_acts(&self.api).await.map_err(|error| self.unreadable(&error))?;
        if !still_acts {
            return Err(End::Withdrawn);
        }
        self.hearing = self.api.app.hearing(&self.caller.actor).await.map_err(|error| self.unreadable(&error))?;
        Ok(())
    }

    fn unreadable(&self, error: &app::Error) -> End {
        tracing::warn!(%error, after = %self.after, "a stream of events ended");
        End::Unreadable
    }

    /// Reads a page. What is committed from here on is noticed by [`Tail::wait`].
    async fn read(&mut self) -> Result<(), app::Error> {
        self.committed.borrow_and_update();
        self.pending = self.api.feed.after(&self.api.app, &self.caller.actor, self.after).await?;
        self.read_at = self.api.now();
        Ok(())
    }

    /// Waits until there may be something new, or an end.
    async fn wait(&mut self) {
        tokio::select! {
            () = changed(&mut self.committed) => (),
            () = changed(&mut self.stopping) => (),
            () = changed(&mut self.incarnation) => (),
            () = tokio::time::sleep(POLL_INTERVAL) => (),
        }
    }

    /// The event with its exact text. Its bytes are one line of JSON, so nothing is broken over lines.
    ///
    /// # Errors
    /// Where a new epoch begins with it: the reader comes back, and gets it as the first one of that epoch.
    fn event(&self, recorded: &Recorded) -> Result<sse::Event, End> {
        if let Some(epoch) = app::losses::begun_by(recorded).filter(|epoch| *epoch > self.epoch) {
            return Err(End::EpochRaised(epoch));
        }
        let Ok(text) = std::str::from_utf8(&recorded.bytes) else {
            tracing::error!(position = %recorded.position, "a recorded event is not UTF-8; the stream of events ended");
            return Err(End::Unreadable);
        };
        let id = Mark { epoch: Some(self.epoch), position: recorded.position };
        Ok(sse::Event::default().id(id.to_string()).event(&recorded.kind).data(text))
    }
}

/// Ready at the next change; never, where nobody is left to make one.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::REASONS;

    #[test]
    fn every_end_is_counted_from_the_start() {
        let ends = [
            End::EpochRaised(1),
            End::LogWentBack,
            End::Stopping,
            End::TokenExpired,
            End::TooSlow,
            End::Unreadable,
            End::Withdrawn,
        ];
        assert_eq!(ends.map(End::code), REASONS);
    }
}

//! The commands of one department, on a connection of their own: what its program sends can disturb nobody else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures::StreamExt as _;
use kernel::DepartmentCode;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::losses::Losses;
use super::seldom::Seldom;
use super::{Core, answer, crowded, ignore, note, request};
use crate::error::chain;
use crate::{Connection, ConnectionOptions, subject};

/// The group in which the processes of the core share the commands.
const GROUP: &str = "dualgrid-commands";
/// How many commands of one department a process handles at once.
const CONCURRENT_MAX: usize = 64;
/// How many messages of one department wait at once.
const WAITING_MAX: usize = 4096;
/// How many bytes they have, one message more or less.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long the commands under way may take to end at shutdown.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(20);
/// How long nats-server may take to hear that we leave.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);
/// The pause after a connection that was refused.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits until it is told to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender outlives every lane; an error would mean that all are ending anyway.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Messages that wait until others of their department are answered.
#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    bytes: usize,
}

impl Waiting {
    /// Puts a message at the end, or gives it back where too much waits already.
    fn push(&mut self, message: Message) -> Option<Message> {
        if self.messages.len() >= WAITING_MAX || self.bytes >= WAITING_BYTES_MAX {
            return Some(message);
        }
        self.bytes = self.bytes.saturating_add(message.length);
        self.messages.push_back(message);
        None
    }

    fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(message.length);
        Some(message)
    }
}

/// The way of one department's commands.
pub(super) struct Lane {
    pub(super) department: DepartmentCode,
    pub(super) options: ConnectionOptions,
    pub(super) core: Core,
    /// Tells of messages that are ignored.
    pub(super) told: Seldom,
}

impl Lane {
    /// Takes commands until it is told to stop, then answers those under way.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let losses = Arc::new(Losses::of(self.department.clone()));
        let mut under_way = JoinSet::new();
        loop {
            let opened = tokio::select! {
                () = stopped(&mut stop) => return,
                opened = self.open(&losses) => opened,
            };
            let (connection, mut requests) = opened;
            tokio::select! {
                () = stopped(&mut stop) => {
                    return self.end(&connection, &mut requests, &mut under_way).await;
                }
                () = self.take(&connection, &mut requests, &mut under_way) => {}
            }
            // The client itself has ended over what it could not read.
            losses.note();
            sleep(losses.pause()).await;
        }
    }

    /// Connects and listens.
    async fn open(&self, losses: &Arc<Losses>) -> (Connection, Subscriber) {
        loop {
            match Connection::connect_counting(self.options.clone(), Arc::clone(losses)).await {
                Ok(connection) => {
                    let subject = subject::commands_of(&self.department);
                    match connection.client().queue_subscribe(subject, GROUP.to_owned()).await {
                        Ok(requests) => return (connection, requests),
                        Err(error) => self.warn(&error),
                    }
                }
                Err(error) => self.warn(&error),
            }
            sleep(PAUSE).await;
        }
    }

    fn warn(&self, error: &dyn std::error::Error) {
        tracing::warn!(department = %self.department, reason = chain(error), "commands of a department cannot be taken yet");
    }

    /// Handles requests as they come, at most [`CONCURRENT_MAX`] at once, until the subscription ends and none waits. They are taken from
    /// the client at once: what it holds is counted in messages, and here bytes count too.
    async fn take(&self, connection: &Connection, requests: &mut Subscriber, under_way: &mut JoinSet<()>) {
        let (mut waiting, mut is_open) = (Waiting::default(), true);
        loop {
            while under_way.len() < CONCURRENT_MAX
                && let Some(message) = waiting.pop()
            {
                under_way.spawn(answer(self.core.clone(), connection.client().clone(), message));
            }
            if !is_open && waiting.messages.is_empty() {
                return;
            }
            tokio::select! {
                Some(ended) = under_way.join_next(), if !under_way.is_empty() => note(ended),
                message = requests.next(), if is_open => match message {
                    None => is_open = false,
                    Some(message) if !request::has_own_account(&message) => ignore(&self.department, &self.told),
                    Some(message) => {
                        if let Some(message) = waiting.push(message) {
                            crowded(&self.core, connection.client(), &message).await;
                        }
                    }
                }
            }
        }
    }

    async fn end(&self, connection: &Connection, requests: &mut Subscriber, under_way: &mut JoinSet<()>) {
        let deadline = Instant::now() + SHUTDOWN_PATIENCE;
        // While NATS is away nobody can be told, and no command comes.
        if connection.is_up() {
            // Commands that were delivered before the subscription ended are still answered.
            if let Ok(Ok(())) = timeout(LEAVE_PATIENCE, requests.drain()).await {
                let _ = timeout_at(deadline, self.take(connection, requests, under_way)).await;
            }
        }
        while let Ok(Some(ended)) = timeout_at(deadline, under_way.join_next()).await {
            note(ended);
        }
        if connection.is_up() {
            let _ = timeout(LEAVE_PATIENCE, connection.client().flush()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message(length: usize) -> Message {
        let (subject, payload) = ("dg.cmd.CGZF.accept-order".into(), Bytes::new());
        Message { subject, reply: None, payload, headers: None, status: None, description: None, length }
    }

    #[test]
    fn what_waits_is_bounded_in_messages_and_in_bytes() {
        let mut waiting = Waiting::default();
        let taken =
            |waiting: &mut Waiting, length| (0..10_000).take_while(|_| waiting.push(message(length)).is_none()).count();
        assert_eq!(taken(&mut waiting, 100), WAITING_MAX);
        while waiting.pop().is_some() {}
        assert_eq!(waiting.bytes, 0);
        assert_eq!(taken(&mut waiting, 1024 * 1024), 16, "of the largest messages");
        waiting.pop();
        assert_eq!(taken(&mut waiting, 1024 * 1024), 1);
    }
}

//! The runner of processes: activates them, wakes them, sends what waits in their outboxes, and records what was answered.
//!
//! Everything that it does is a command with an id that is made from what it is about, so that it may run twice, be killed
//! anywhere and start again: nothing is done twice, and nothing is lost.
//!
//! INVARIANT: one key that cannot be served stops no other.
//! INVARIANT: nothing is sent that follows from an event before the activation of its process.

mod each;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::iter;
use kernel::{Actor, CommandId, CorrelationId, Position, Verb, Version, envelope};
use process::run::{ActivateProcess, AnswerFollowUp, Refused, WakeProcess};
use process::{Entry, On, Waiting};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::intake::{Answer, Request};
use crate::port::{Failure, Query, RowPage, ViewSpec};
use crate::registry::{self, Running};
use crate::{App, Error};

/// Most keys of one process that are read at once.
const KEYS_MAX: u32 = 200;
/// How many keys are served at the same time.
const AT_ONCE: usize = 16;
/// How long a key waits that could not be served, at first and at most.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// How often it is looked unasked: for moments that have come.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A key that could not be served.
struct Stuck {
    until: Instant,
    pause: Duration,
}

/// One process while it runs.
struct Runner {
    process: Running,
    /// Position of its activation.
    activated: Option<Position>,
    stuck: HashMap<String, Stuck>,
}

impl App {
    /// Runs the processes until `stop` turns true. Trouble is reported and tried again; nothing is skipped.
    pub async fn process(self: Arc<Self>, stop: watch::Receiver<bool>) {
        self.run_processes(registry::processes(), stop).await;
    }

    /// Runs these processes, whose views somebody keeps up to date. One that has much to send holds up no other.
    pub async fn run_processes(self: Arc<Self>, processes: Vec<Running>, stop: watch::Receiver<bool>) {
        join_all(processes.into_iter().map(|process| self.run_process(process, stop.clone()))).await;
    }

    async fn run_process(&self, process: Running, mut stop: watch::Receiver<bool>) {
        let mut runner = Runner { process, activated: None, stuck: HashMap::new() };
        let (mut committed, mut stopped) = (self.committed(), stop.clone());
        let check = format!("process {}", runner.process.name);
        while !*stop.borrow() {
            committed.mark_unchanged();
            let served = tokio::select! {
                served = self.serve(&mut runner) => served,
                // What was sent halfway goes on from there the next time.
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            match served {
                Ok(()) if runner.stuck.is_empty() => self.health().report(&check, true, "nothing waits too long"),
                Ok(()) => {
                    let stuck = format!("{} of its keys could not be served yet", runner.stuck.len());
                    self.health().report(&check, true, stuck);
                }
                Err(error) => {
                    tracing::error!(process.name = runner.process.name, %error, "a process does not go on");
                    self.health().report(&check, false, "it does not go on; the log says why");
                }
            }
            tokio::select! {
                _ = stop.changed() => {}
                _ = committed.changed() => tokio::time::sleep(Duration::from_millis(50)).await,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Serves one process once: activates it, wakes it where moments have come, and sends what waits.
    async fn serve(&self, runner: &mut Runner) -> Result<(), Error> {
        let activated = match runner.activated {
            Some(activated) => activated,
            None => *runner.activated.insert(self.activate(&runner.process).await?),
        };
        runner.stuck.retain(|_, stuck| stuck.until + RETRY_AFTER.1 > Instant::now());
        self.wake(&runner.process).await?;
        self.send(runner, activated).await
    }

    /// Activates this version of a process, unless it is. Returns the position of its activation.
    async fn activate(&self, process: &Running) -> Result<Position, Error> {
        let command = ActivateProcess { process: process.name.into(), version: process.version };
        let id = CommandId::named(&format!("process/activate/{}/{}", process.name, process.version));
        let answer = self.give(process, id, None, &command).await?;
        if let Some(first) = answer.first {
            return Ok(first);
        }
        // It was so already: by another command that had the same effect.
        let recorded = self.ports().log.stream(&answer.stream, Version(0)).await?;
        let gone = || Failure { operation: "activate a process", reason: "its stream is empty".into(), passing: true };
        Ok(recorded.first().ok_or_else(gone)?.position)
    }

    /// Records that moments have come for which a process asked.
    async fn wake(&self, process: &Running) -> Result<(), Error> {
        let Some(alarms) = process.alarms else { return Ok(()) };
        let now = self.clock().now();
        for row in self.rows_of(&alarms, "due", None).await?.rows {
            let entry: Entry<Value> = read(&row.doc)?;
            let Some(moment) = (process.next)(&entry) else { continue };
            if moment > now {
                return Ok(());
            }
            let (process_name, version, key) = (process.name.into(), process.version, row.key);
            let command = WakeProcess { process: process_name, version, key, moment };
            let id = CommandId::named(&command.natural_key().unwrap_or_default());
            self.give(process, id, None, &command).await?;
        }
        Ok(())
    }

    /// Sends what waits, key by key.
    async fn send(&self, runner: &mut Runner, activated: Position) -> Result<(), Error> {
        let rows = self.waiting(&runner.process, activated).await?.rows;
        let now = Instant::now();
        let is_due = |key: &String| runner.stuck.get(key).is_none_or(|stuck| stuck.until <= now);
        let due: Vec<_> = rows.into_iter().filter(|row| is_due(&row.key)).collect();
        let process = &runner.process;
        let served = iter(due).map(async |row| {
            let sent = self.send_key(process, &row.key, &row.doc, activated).await;
            (row.key, sent)
        });
        let served: Vec<(String, Result<(), Error>)> = served.buffer_unordered(AT_ONCE).collect().await;
        for (key, sent) in served {
            match sent {
                Ok(()) => drop(runner.stuck.remove(&key)),
                Err(error) => {
                    tracing::warn!(process.name = process.name, key, %error, "a key of a process waits");
                    let pause =
                        runner.stuck.get(&key).map_or(RETRY_AFTER.0, |stuck| (stuck.pause * 2).min(RETRY_AFTER.1));
                    runner.stuck.insert(key, Stuck { until: Instant::now() + pause, pause });
                }
            }
        }
        Ok(())
    }

    /// The keys under which something waits that follows from what happened after the activation.
    async fn waiting(&self, process: &Running, activated: Position) -> Result<RowPage, Error> {
        let beyond = format!("{}~\u{10ffff}", activated.0);
        self.rows_of(&process.outbox, "waiting", Some(beyond)).await
    }

    /// Sends what waits under one key, in its order, and records each answer. A refusal is an answer.
    async fn send_key(&self, process: &Running, key: &str, doc: &str, activated: Position) -> Result<(), Error> {
        let entry: Entry<Value> = read(doc)?;
        // What a follow-up follows from is known when it is decided: district and rules are not those of a moment before.
        self.reference.expire().await;
        for waiting in entry.waiting.iter().filter(|waiting| waiting.position > activated) {
            let refused = match &waiting.on {
                On::One(id) => self.follow_up(process, waiting, waiting.command, *id).await?,
                On::EachOpenIn(_) | On::EachOpenAt(_) => self.follow_up_each(process, waiting).await?,
            };
            if let Some(Refused { code, .. }) = &refused {
                tracing::warn!(process.name = process.name, key, code, "a follow-up was refused");
            }
            let command = AnswerFollowUp {
                process: process.name.into(),
                version: process.version,
                key: key.into(),
                position: waiting.position.0,
                number: waiting.number,
                command: waiting.command,
                refused,
            };
            let id = CommandId::named(&command.natural_key().unwrap_or_default());
            match self.give(process, id, Some(waiting.position), &command).await {
                // Another runner was told something else at another time: what was recorded first stands.
                Ok(_) | Err(Error::CommandReused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends what waits to one aggregate. Says why it was refused, where it was.
    async fn follow_up(
        &self,
        process: &Running,
        waiting: &Waiting,
        command: CommandId,
        id: Uuid,
    ) -> Result<Option<Refused>, Error> {
        let verb = registry::verb(&waiting.verb).map(|(_, verb)| verb);
        let id = verb.is_none_or(|verb| !verb.begins).then_some(id);
        let body = Bytes::from(waiting.body.to_string());
        match self.give_named(process, command, Some(waiting.position), &waiting.verb, id, body).await {
            Ok(_) => Ok(None),
            Err(error) if error.is_ours() || matches!(error, Error::Conflict) => Err(error),
            Err(error) => {
                let problem = error.problem();
                Ok(Some(Refused::new(problem.code, &problem.detail)))
            }
        }
    }

    async fn give<V: Verb>(
        &self,
        process: &Running,
        command: CommandId,
        cause: Option<Position>,
        verb: &V,
    ) -> Result<Answer, Error> {
        let body = serde_json::to_vec(verb).map_err(|error| Error::Unreadable(error.to_string()))?;
        self.give_named(process, command, cause, V::NAME, None, body.into()).await
    }

    async fn give_named(
        &self,
        process: &Running,
        command: CommandId,
        cause: Option<Position>,
        name: &str,
        id: Option<Uuid>,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let (mut causation, mut correlation) = (None, None::<CorrelationId>);
        if let Some(cause) = cause
            && let Some(event) = self.ports().log.after(Position(cause.0 - 1), 1).await?.first()
        {
            let envelope = envelope::decode(&event.bytes).map_err(|error| Error::Unreadable(error.to_string()))?;
            (causation, correlation) = (Some(event.id), Some(envelope.correlationid));
        }
        let (actor, name) = (Actor::system(process.name), name.to_owned());
        self.submit(Request { actor, command, correlation, causation, traceparent: None, name, id, body }).await
    }

    async fn rows_of(&self, view: &ViewSpec, filter: &'static str, beyond: Option<String>) -> Result<RowPage, Error> {
        let (equal, order) = (vec![(filter, "yes".to_owned())], kernel::view::Order::Ascending);
        let query = Query { equal, order, beyond, limit: KEYS_MAX };
        Ok(self.ports().views.find(view, &query).await?)
    }
}

fn read(doc: &str) -> Result<Entry<Value>, Error> {
    serde_json::from_str(doc).map_err(|error| Error::Unreadable(format!("an entry of a process: {error}")))
}

//! The runner of processes: activates them, wakes them, sends what waits in their outboxes, and records what was answered.
//!
//! Everything that it does is a command with an id that is made from what it is about, so that it may run twice, be killed
//! anywhere and start again: nothing is done twice, and nothing is lost.
//!
//! INVARIANT: one key that cannot be served stops no other.
//! INVARIANT: nothing is sent that follows from an event before the activation of its process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::iter;
use kernel::{Actor, CommandId, CorrelationId, Position, Verb, Version, envelope};
use process::run::{ActivateProcess, AnswerFollowUp, Refused, WakeProcess};
use process::{Entry, Waiting};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::intake::{Answer, Request};
use crate::port::{Failure, Query, ViewSpec};
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

    /// Runs these processes, whose views somebody keeps up to date.
    pub async fn run_processes(self: Arc<Self>, processes: Vec<Running>, mut stop: watch::Receiver<bool>) {
        let runner = |process| Runner { process, activated: None, stuck: HashMap::new() };
        let mut runners: Vec<Runner> = processes.into_iter().map(runner).collect();
        let mut committed = self.committed();
        while !*stop.borrow() {
            committed.mark_unchanged();
            for runner in &mut runners {
                let check = format!("process {}", runner.process.name);
                match self.serve(runner).await {
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
        for row in self.rows_of(&alarms, "due", None).await? {
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
        let beyond = format!("{}~\u{10ffff}", activated.0);
        let rows = self.rows_of(&runner.process.outbox, "waiting", Some(beyond)).await?;
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

    /// Sends what waits under one key, in its order, and records each answer. A refusal is an answer.
    async fn send_key(&self, process: &Running, key: &str, doc: &str, activated: Position) -> Result<(), Error> {
        let entry: Entry<Value> = read(doc)?;
        for waiting in entry.waiting.iter().filter(|waiting| waiting.position > activated) {
            let refused = match self.follow_up(process, waiting).await {
                Ok(_) => None,
                Err(error) if error.is_ours() || matches!(error, Error::Conflict) => return Err(error),
                Err(error) => {
                    let problem = error.problem();
                    tracing::warn!(process.name = process.name, key, code = problem.code, "a follow-up was refused");
                    Some(Refused { code: problem.code, detail: problem.detail })
                }
            };
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

    async fn follow_up(&self, process: &Running, waiting: &Waiting) -> Result<Answer, Error> {
        let verb = registry::verb(&waiting.verb).map(|(_, verb)| verb);
        let id = verb.is_none_or(|verb| !verb.begins).then_some(waiting.id);
        let body = Bytes::from(waiting.body.to_string());
        self.give_named(process, waiting.command, Some(waiting.position), &waiting.verb, id, body).await
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

    async fn rows_of(
        &self,
        view: &ViewSpec,
        filter: &'static str,
        beyond: Option<String>,
    ) -> Result<Vec<crate::port::Row>, Error> {
        let (equal, order) = (vec![(filter, "yes".to_owned())], kernel::view::Order::Ascending);
        let query = Query { equal, order, beyond, limit: KEYS_MAX };
        Ok(self.ports().views.find(view, &query).await?.rows)
    }
}

fn read(doc: &str) -> Result<Entry<Value>, Error> {
    serde_json::from_str(doc).map_err(|error| Error::Unreadable(format!("an entry of a process: {error}")))
}

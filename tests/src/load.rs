//! Clients that walk cases through their life as fast as they are answered.
//!
//! INVARIANT: whatever a client decides by chance comes from its own seeded sequence.

mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use serde_json::Value;
use testkit::client::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{Intention, Journal, Line, Outcome, People, Randomness, Who};
use walk::Walk;

/// Between two attempts to find out what became of a command, in milliseconds; half of it to all of it.
const PAUSE_MS: u64 = 120;

/// How clients behave.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// So many commands of a hundred are sent again though they were answered, one to five times, half of them at once.
    pub repeated: u64,
    /// So many of a hundred whose outcome is unknown are sent again until it is known; the others stay unknown.
    pub asks_again: u64,
    /// How many commands all clients give together, if there is an end.
    pub commands: Option<u64>,
}

impl Default for Manners {
    /// As clients are when servers fail: they mostly ask again, and repeat a little.
    fn default() -> Self {
        Self { repeated: 5, asks_again: 60, commands: None }
    }
}

/// Running clients.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<anyhow::Result<()>>,
    stop: watch::Sender<bool>,
}

impl Load {
    /// Starts clients that share a journal.
    pub(crate) fn start(
        clients: usize,
        manners: Manners,
        randomness: &mut Randomness,
        doors: &[Client],
        people: &People,
        journal: &Journal,
    ) -> Self {
        let stop = watch::Sender::new(false);
        let left = manners.commands.and_then(|commands| i64::try_from(commands).ok()).unwrap_or(i64::MAX);
        let left = Arc::new(AtomicI64::new(left));
        let mut running = JoinSet::new();
        for number in 0..clients {
            let sender = Sender {
                doors: doors.to_vec(),
                people: people.clone(),
                journal: journal.clone(),
                randomness: randomness.split(),
                manners,
                late: Vec::new(),
                left: Arc::clone(&left),
                stop: stop.subscribe(),
            };
            running.spawn(Walk::new(number, sender).run());
        }
        Self { clients: running, stop }
    }

    /// An error if a client has ended by an error; those are in what they read, never in what they send.
    pub fn check(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.clients.try_join_next() {
            ended.context("a client panicked")??;
        }
        Ok(())
    }

    /// Lets every client finish what it is at, and waits for that.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.end().await
    }

    /// Waits until the clients have given as many commands as they should.
    pub async fn end(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.clients.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok(())
    }
}

/// A command that will be sent again later.
struct Late {
    line: Line,
    command: Intention,
    times: u64,
}

/// One client's way of sending: journal, doors, repeats.
struct Sender {
    doors: Vec<Client>,
    people: People,
    journal: Journal,
    randomness: Randomness,
    manners: Manners,
    late: Vec<Late>,
    /// How many commands all clients may still give.
    left: Arc<AtomicI64>,
    stop: watch::Receiver<bool>,
}

impl Sender {
    fn is_over(&self) -> bool {
        *self.stop.borrow() || self.left.load(Ordering::Relaxed) <= 0
    }

    /// Gives a command and says what became of it: acknowledged, refused, or, where it is given up, unknown.
    async fn give(&mut self, who: Who, path: String, body: Value) -> anyhow::Result<Outcome> {
        self.left.fetch_sub(1, Ordering::Relaxed);
        let command = Intention { id: self.randomness.id(), who, path, body };
        let line = self.journal.intend(command.clone()).await?;
        let times = if self.randomness.happens(self.manners.repeated) { 1 + self.randomness.below(5) } else { 0 };
        let at_once = self.randomness.below(2) == 0;
        let copies = if at_once { 1 + times } else { 1 };
        let mut first = self.send_at_once(line, &command, copies).await?;
        if !first.is_definite() && self.randomness.happens(self.manners.asks_again) {
            while !first.is_definite() && !*self.stop.borrow() {
                self.pause().await;
                first = self.send_at_once(line, &command, 1).await?;
            }
        }
        // What was sent before comes once more when its case has moved on.
        for Late { line, command, times } in std::mem::take(&mut self.late) {
            for _ in 0..times {
                self.send_at_once(line, &command, 1).await?;
            }
        }
        if times > 0 && !at_once {
            self.late.push(Late { line, command, times });
        }
        Ok(first)
    }

    /// Gives several commands at the same time: each is about the same case, and one of them is first.
    async fn race(&mut self, commands: Vec<(Who, String, Value)>) -> anyhow::Result<Vec<Outcome>> {
        let mut racing = Vec::with_capacity(commands.len());
        for (who, path, body) in commands {
            self.left.fetch_sub(1, Ordering::Relaxed);
            let command = Intention { id: self.randomness.id(), who, path, body };
            racing.push((
                self.journal.intend(command.clone()).await?,
                command,
                self.randomness.pick(&self.doors).clone(),
            ));
        }
        let sent = racing.iter().map(async |(line, command, door)| {
            let outcome = send(door, &self.people, command).await;
            self.journal.hear(*line, &outcome)?;
            Ok(outcome)
        });
        join_all(sent).await.into_iter().collect()
    }

    /// Sends the same command several times at once, to every door in turn, and gives the first definite outcome.
    async fn send_at_once(&mut self, line: Line, command: &Intention, copies: u64) -> anyhow::Result<Outcome> {
        let first = usize::try_from(self.randomness.below(self.doors.len() as u64))?;
        let doors = self.doors.iter().cycle().skip(first).take(usize::try_from(copies)?);
        let doors: Vec<Client> = doors.cloned().collect();
        let outcomes = join_all(doors.iter().map(|door| send(door, &self.people, command))).await;
        for outcome in &outcomes {
            self.journal.hear(line, outcome)?;
        }
        let definite = outcomes.iter().find(|outcome| outcome.is_definite()).or(outcomes.first());
        definite.cloned().context("nothing was sent")
    }

    /// A reading by the auditor; none where nobody answers.
    async fn read(&mut self, path: &str) -> Option<Value> {
        let door = self.randomness.pick(&self.doors).clone();
        let answer = door.get(self.people.token(Who::Auditor), path).await.ok()?;
        answer.status.is_success().then_some(answer.body)
    }

    async fn pause(&mut self) {
        let milliseconds = PAUSE_MS / 2 + self.randomness.below(PAUSE_MS / 2);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// Sends a command once. Trouble of the server and of the network is an outcome too: nobody knows.
pub async fn send(door: &Client, people: &People, command: &Intention) -> Outcome {
    let answer = door.command(people.token(command.who), &command.path, command.id, command.body.clone()).await;
    match answer {
        Err(error) => Outcome::Unknown { why: format!("{error:#}") },
        Ok(answer) => {
            let status = answer.status.as_u16();
            match status {
                200..=299 => Outcome::Acknowledged { status, answer: answer.body },
                400..=499 => {
                    let code = answer.problem_code().unwrap_or("none").to_owned();
                    Outcome::Refused { status, code }
                }
                _ => Outcome::Unknown { why: format!("{status} {}", answer.text) },
            }
        }
    }
}

/// The case of an acknowledged command.
fn case_of(outcome: &Outcome) -> Option<Uuid> {
    let Outcome::Acknowledged { answer, .. } = outcome else { return None };
    answer["id"].as_str()?.parse().ok()
}

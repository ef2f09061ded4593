//! From a command to its events: wait for the turn, look, authorise, look up, decide, append; a few times, and within seconds.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::needs::Also;
use kernel::{Actor, Context, Difference, Needs, PersonId, PersonKey, Place, StreamId};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::adapter::Recording;
use crate::authorise::{authorise, authorise_one};
use crate::intake::{Accepted, Answer};
use crate::kind::{Decided, Looked, Sight};
use crate::port::{Append, AppendError, Fingerprint, Part, Receipt};
use crate::reference::Known;
use crate::registry::Ask;
use crate::{App, Error, registry, trial};

/// How often a decision is made before the command is given up, where other processes were faster.
const ATTEMPTS_MAX: u32 = 8;
/// The longest pause before the second decision; it doubles with each one. Two processes that lose to each other part so.
const PAUSE_MILLIS: u64 = 10;
/// Most aggregates that one command may concern.
const PARTS_MAX: usize = 16;

/// What one attempt came upon.
#[derive(Default)]
struct Attempt {
    /// Whether something was only remembered.
    recalled: bool,
    /// Every aggregate that was looked at.
    looked_at: Vec<(&'static str, Uuid)>,
}

/// What is to be recorded, as it comes together.
#[derive(Default)]
struct Gathered {
    decided: Vec<Decided>,
    checked: Vec<Part>,
    keys: Vec<(PersonId, PersonKey)>,
    /// What the request says.
    request: Option<Fingerprint>,
    /// The incarnation of the log in which all of it was looked at.
    incarnation: u64,
}

impl App {
    /// Handles a command within the time that it may take, also that of waiting for others.
    pub(crate) async fn handle_in_time(
        &self,
        ask: &Ask,
        accepted: &Accepted,
        patience: Duration,
    ) -> Result<Answer, Error> {
        let handled = timeout(patience, self.handle(ask, accepted)).await;
        handled.unwrap_or_else(|_| {
            let waited_s = patience.as_secs();
            // An append that was handed over may yet be recorded: nobody can call it back.
            let is_unknown = accepted.is_appending.load(Ordering::Relaxed);
            Err(if is_unknown { Error::OutcomeUnknown { waited_s } } else { Error::Overdue { waited_s } })
        })
    }

    /// The one loop for all kinds.
    async fn handle(&self, ask: &Ask, accepted: &Accepted) -> Result<Answer, Error> {
        let mut turns = vec![self.turns.take((ask.category, ask.id)).await?];
        let (mut may_recall, mut conflicts) = (true, 0);
        loop {
            let mut attempt = Attempt::default();
            match self.attempt(ask, accepted, may_recall, &mut attempt).await {
                Ok(receipt) => return Ok(receipt.into()),
                Err(Error::Conflict) => {
                    // Losing on remembered state does not count as an attempt.
                    conflicts += u32::from(!attempt.recalled);
                    if conflicts == ATTEMPTS_MAX {
                        return Err(Error::Conflict);
                    }
                    may_recall = false;
                    if attempt.looked_at.len() > turns.len() {
                        // What else the command concerns is moved by others of this process too.
                        turns.clear();
                        turns = self.turns.take_all(attempt.looked_at).await?;
                    }
                    if conflicts > 0 {
                        sleep(self.pause(conflicts)).await;
                    }
                }
                // The log compares what was decided on; whether a repeat says the same is told here.
                Err(Error::CommandReused(command)) => {
                    return self.first_answer(accepted).await?.ok_or(Error::CommandReused(command));
                }
                Err(error) if is_final(&error) && attempt.recalled => {
                    may_recall = false;
                }
                Err(error) if is_final(&error) => {
                    if trial::record_refusal(&self.ports, ask, accepted).await {
                        return Err(error);
                    }
                    return self.first_answer(accepted).await?.ok_or(error);
                }
                Err(error) => {
                    // Whatever happened, what is remembered may not be what is recorded.
                    attempt.looked_at.iter().for_each(|(category, id)| self.memory.forget(category, *id));
                    return Err(error);
                }
            }
        }
    }

    /// A random pause after so many lost races.
    fn pause(&self, conflicts: u32) -> Duration {
        let mut bytes = [0; 8];
        self.ports.entropy.fill(&mut bytes);
        let longest = PAUSE_MILLIS << conflicts.min(ATTEMPTS_MAX);
        Duration::from_millis(u64::from_le_bytes(bytes) % longest)
    }

    async fn attempt(
        &self,
        ask: &Ask,
        accepted: &Accepted,
        may_recall: bool,
        attempt: &mut Attempt,
    ) -> Result<Receipt, Error> {
        let (recording, gathered) = self.gather(ask, accepted, may_recall, attempt).await?;
        self.record(recording, gathered, accepted).await
    }

    /// Decides on the log as it is now and records nothing.
    pub(crate) async fn rehearse_once(&self, ask: &Ask, accepted: &Accepted) -> Result<Vec<Difference>, Error> {
        let (_, gathered) = self.gather(ask, accepted, false, &mut Attempt::default()).await?;
        Ok(gathered.decided.into_iter().flat_map(|decided| decided.differences).collect())
    }

    /// Everything that the command leads to.
    async fn gather(
        &self,
        ask: &Ask,
        accepted: &Accepted,
        may_recall: bool,
        attempt: &mut Attempt,
    ) -> Result<(Recording, Gathered), Error> {
        let now = self.ports.clock.now();
        let recording = Recording { provenance: accepted.provenance.clone(), at: now };
        // First of all: what is read from here on is of this incarnation or a later one.
        let mut gathered = Gathered { incarnation: self.memory.incarnation(), ..Gathered::default() };
        let known = self.known().await?;
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall };
        let looked = look(ask, sight, attempt).await?;
        authorise_ask(ask, &*looked, &recording.provenance.actor, &known, now)?;
        let version = looked.version();
        if accepted.expected.as_ref().is_some_and(|expected| !expected.is_met_by(version)) {
            return Err(Error::VersionDiffers { version });
        }
        let mut also = self.decide(ask, looked, &recording, &known, sight, &mut gathered).await?;
        gathered.request = Some(accepted.said.fingerprint(gathered.keys.first()));
        while let Some(next) = also.pop_front() {
            if gathered.decided.len() == PARTS_MAX {
                return Err(Error::malformed("too-many-parts", "the command concerns too many things at once"));
            }
            let next = registry::ask(&next)?;
            let looked = look(&next, sight, attempt).await?;
            let unknown = |_| unknown_in_body(&next);
            authorise_ask(&next, &*looked, &recording.provenance.actor, &known, now).map_err(unknown)?;
            also.extend(self.decide(&next, looked, &recording, &known, sight, &mut gathered).await?);
        }
        Ok((recording, gathered))
    }

    /// Decides on one aggregate. Returns what happens elsewhere under the same command.
    async fn decide(
        &self,
        ask: &Ask,
        looked: Box<dyn Looked>,
        recording: &Recording,
        known: &Known,
        sight: Sight<'_>,
        gathered: &mut Gathered,
    ) -> Result<VecDeque<Also>, Error> {
        let needs = looked.needs();
        let (by, of) = (recording.provenance.actor.clone(), StreamId::new(ask.category, ask.id));
        let (facts, key) = self.facts(&of, &needs, known, &by, recording.at).await?;
        gathered.keys.extend(key);
        let context = Context { id: ask.id, at: recording.at, today: known.rules().today(recording.at), by, facts };
        let decided = looked.decide(context, recording, &self.ports.entropy).await?;
        let Needs { also, depends_on, .. } = needs;
        for depends in depends_on {
            let version = registry::kind(depends.category)?.version(sight, depends.id).await?;
            let stream = StreamId::new(depends.category, depends.id);
            gathered.checked.push(Part { stream, expected: version, events: Vec::new() });
        }
        // Where nothing had to happen here, the command was a repeat: nothing follows from it elsewhere.
        let is_repeat = decided.part.events.is_empty();
        gathered.decided.push(decided);
        Ok(also.into_iter().filter(|also| also.is_asked || !is_repeat).collect())
    }

    /// Appends all parts at once; only then anything is remembered.
    async fn record(&self, recording: Recording, gathered: Gathered, accepted: &Accepted) -> Result<Receipt, Error> {
        for (person, key) in gathered.keys {
            if self.ports.vault.keep(person, &key).await? != key {
                // Somebody else made a key for this person in the meantime: what was sealed cannot be opened with that one.
                return Err(Error::Conflict);
            }
        }
        let (mut parts, recorded): (Vec<Part>, Vec<_>) =
            gathered.decided.into_iter().map(|decided| (decided.part, decided.recorded)).unzip();
        for checked in gathered.checked {
            if parts.iter().all(|part| part.stream != checked.stream) {
                parts.push(checked);
            }
        }
        let append = Append {
            principal: recording.provenance.actor.id.clone(),
            command: recording.provenance.command,
            request: gathered.request.unwrap_or_else(|| accepted.said.fingerprint(None)),
            parts,
            at: recording.at,
            incarnation: Some(gathered.incarnation),
        };
        accepted.is_appending.store(true, Ordering::Relaxed);
        let answer = self.ports.log.append(append).await;
        accepted.is_appending.store(false, Ordering::Relaxed);
        self.answered.note(&answer);
        if let Err(AppendError::Conflict { expected, actual, .. }) = &answer
            && actual < expected
        {
            // The log does not have what was remembered: it went back in time.
            self.memory.clear();
        }
        let receipt = answer?;
        for recorded in recorded {
            recorded(&self.memory, &receipt);
        }
        if receipt.streams.iter().any(|moved| registry::is_single(moved.stream.category())) {
            self.reference.expire().await;
        }
        Ok(receipt)
    }

    /// The answer that this command got before, if it was recorded: a repeat may come when the aggregate has moved on.
    async fn first_answer(&self, accepted: &Accepted) -> Result<Option<Answer>, Error> {
        let (principal, command) = (&accepted.provenance.actor.id, accepted.provenance.command);
        match self.ports.log.outcome(principal, command).await? {
            Some((receipt, request)) if self.is_recorded_for(&request, &accepted.said).await? => {
                Ok(Some(Receipt { replayed: true, ..receipt }.into()))
            }
            Some(_) => Err(Error::CommandReused(command)),
            None => Ok(None),
        }
    }
}

/// Whether an error is the answer to the command, where it comes from what the log says.
const fn is_final(error: &Error) -> bool {
    matches!(error, Error::Refused { .. } | Error::Forbidden { .. } | Error::Erased | Error::VersionDiffers { .. })
}

async fn look(ask: &Ask, sight: Sight<'_>, attempt: &mut Attempt) -> Result<Box<dyn Looked>, Error> {
    attempt.looked_at.push((ask.category, ask.id));
    let looked = ask.asked.look(sight, ask.id).await?;
    attempt.recalled |= !looked.is_fresh();
    Ok(looked)
}

/// What begins something takes place in the grid that it names, every other command where its aggregate is. Of which there is only
/// one, everybody knows that it exists.
fn authorise_ask(ask: &Ask, looked: &dyn Looked, by: &Actor, known: &Known, now: DateTime<Utc>) -> Result<(), Error> {
    let (action, allowed, place) = (ask.verb.name, ask.verb.by, looked.place());
    let kind = registry::kind(ask.category)?;
    if ask.verb.begins {
        // Who does not hand in the numbers of a source is not told which of them there are, nor where.
        let is_of_another = |source: &String| !known.programs().may_number(&by.id, source);
        let place = place.filter(|_| !looked.needs().numbered.as_ref().is_some_and(is_of_another));
        let begun_in = || looked.needs().place.map(|grid| Place::in_grids(&known.path_of(&grid, now)));
        return authorise(by, action, allowed, &place.or_else(begun_in).unwrap_or_default());
    }
    authorise_one(by, kind, action, allowed, place.as_ref())
}

/// What a body names and the caller may not change is answered as what does not exist.
fn unknown_in_body(ask: &Ask) -> Error {
    let (category, id) = (ask.category, ask.id);
    Error::Refused {
        status: 422,
        code: "unknown-reference",
        detail: format!("there is no {category} {id} that you may change"),
    }
}

//! A process as a view: under each key what it remembers, and the commands that wait to be sent. The table of this view is the
//! outbox: state, commands and checkpoint are written in one transaction, and all of it can be built again from the log.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use kernel::view::Order;
use kernel::{Allowed, CommandId, Key, Place, Position, Reach, Read, Role, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::process::{FollowUp, On, Process, Timed};
use crate::run::{Refused, RunEvent};

/// The one word of a filter that asks whether there is something.
const YES: &str = "yes";
/// How many refusals are shown under one key.
const REFUSALS_SHOWN: usize = 20;
/// Whoever looks after the system, and whoever checks it.
const READERS: Allowed = &[
    (Role::Auditor, Reach::Everywhere),
    (Role::AuditAdministrator, Reach::Everywhere),
    (Role::SystemAdministrator, Reach::Everywhere),
];

/// A command that waits to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Position of the event from which it follows.
    pub position: Position,
    /// Its number among those that follow from that event, from 0.
    pub number: u32,
    /// The id under which it is sent, however often.
    pub command: CommandId,
    /// The category of the aggregates it is for.
    pub category: String,
    /// Which of them it is for.
    pub on: On,
    pub verb: String,
    pub body: Value,
}

/// A command that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    pub command: CommandId,
    pub refused: Refused,
    pub at: DateTime<Utc>,
}

/// What a process has under one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{S}Entry")]
pub struct Entry<S> {
    /// What it remembers; `None` where nothing.
    pub state: Option<S>,
    /// The commands that wait, in the order in which they are sent.
    pub waiting: Vec<Waiting>,
    /// The commands that were refused last.
    pub refused: Vec<Refusal>,
}

impl<S> Default for Entry<S> {
    fn default() -> Self {
        Self { state: None, waiting: Vec::new(), refused: Vec::new() }
    }
}

/// The keys of a process with what waits under them, found by `waiting`, in the order of the newest command.
pub struct Outbox<P>(PhantomData<fn() -> P>);

/// The same keys, found by `due`, in the order of the moments at which the process wants to be woken.
pub struct Alarms<P>(PhantomData<fn() -> P>);

/// The id under which a command of a process is sent. One event may touch several keys.
fn command_of<P: Process>(position: Position, key: &Key, number: usize) -> CommandId {
    CommandId::named(&format!("process/{}/{}/{position}/{number}/{key}", P::NAME, P::VERSION))
}

impl Waiting {
    /// The id under which it is sent to one of several aggregates.
    pub fn command_on(&self, id: Uuid) -> CommandId {
        CommandId::named(&format!("{}/{id}", self.command))
    }
}

fn keys<P: Process>(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
    let is_own = |process: &str, version: u32| process == P::NAME && version == P::VERSION;
    match event.of::<RunEvent>() {
        Some(RunEvent::FollowUpAnswered(answered)) if is_own(&answered.process, answered.version) => {
            touch(Key::read(&answered.key));
        }
        Some(RunEvent::ProcessWoken(woken)) if is_own(&woken.process, woken.version) => touch(Key::read(&woken.key)),
        Some(_) => {}
        None => P::keys(event, touch),
    }
}

fn fold<P: Process>(key: &Key, row: &mut Option<Entry<P::State>>, event: &Read<'_>) {
    let entry = row.get_or_insert_default();
    let follow_ups = match event.of::<RunEvent>() {
        Some(RunEvent::FollowUpAnswered(answered)) => {
            entry.waiting.retain(|waiting| waiting.command != answered.command);
            if let Some(refused) = answered.refused.clone() {
                entry.refused.push(Refusal { command: answered.command, refused, at: event.time() });
                let too_many = entry.refused.len().saturating_sub(REFUSALS_SHOWN);
                entry.refused.drain(..too_many);
            }
            Vec::new()
        }
        Some(RunEvent::ProcessWoken(woken)) => match &mut entry.state {
            // Woken for a moment that it no longer waits for: it has moved on.
            Some(state) if P::next(state) == Some(woken.moment) => P::wake(key, state, woken.moment),
            _ => Vec::new(),
        },
        Some(RunEvent::ProcessActivated(_)) => Vec::new(),
        None => P::react(key, &mut entry.state, event),
    };
    for (number, follow_up) in follow_ups.into_iter().enumerate() {
        let FollowUp { category, on, verb, body } = follow_up;
        let position = event.position();
        entry.waiting.push(Waiting {
            position,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            command: command_of::<P>(position, key, number),
            category: category.to_owned(),
            on,
            verb: verb.to_owned(),
            body,
        });
    }
    if entry.state.is_none() && entry.waiting.is_empty() && entry.refused.is_empty() {
        *row = None;
    }
}

impl<P: Process> View for Outbox<P> {
    const NAME: &'static str = P::NAME;
    const VERSION: u32 = P::VERSION;
    const PATH: &'static str = P::PATH;
    const ABOUT: &'static str = P::ABOUT;
    const ACTION: &'static str = P::ACTION;
    const READ: Allowed = READERS;
    const FROM: &'static [&'static str] = P::FROM;
    const NONE: &'static [&'static str] = P::NONE;
    const FILTERS: &'static [&'static [&'static str]] = &[&["waiting"], &["refused"]];
    const ORDER: Order = Order::Ascending;
    type Row = Entry<P::State>;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        keys::<P>(event, touch);
    }
    fn fold(key: &Key, row: &mut Option<Entry<P::State>>, event: &Read<'_>) {
        fold::<P>(key, row, event);
    }
    fn place(_: &Entry<P::State>) -> Place {
        Place::default()
    }
    /// The newest command: what was answered before the activation stands before all that is sent.
    fn sort(row: &Entry<P::State>) -> i64 {
        row.waiting.last().map_or(0, |waiting| waiting.position.0.cast_signed())
    }
    fn words(_filter: &str) -> Option<Vec<String>> {
        Some(vec![YES.to_owned()])
    }
    fn values(row: &Entry<P::State>, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "waiting" if !row.waiting.is_empty() => give(YES),
            "refused" if !row.refused.is_empty() => give(YES),
            _ => {}
        }
    }
}

impl<P: Timed> View for Alarms<P> {
    const NAME: &'static str = P::ALARMS;
    const VERSION: u32 = P::VERSION;
    const PATH: &'static str = P::ALARMS_PATH;
    const ABOUT: &'static str = P::ABOUT;
    const ACTION: &'static str = P::ALARMS_ACTION;
    const READ: Allowed = READERS;
    const FROM: &'static [&'static str] = P::FROM;
    const NONE: &'static [&'static str] = P::NONE;
    const FILTERS: &'static [&'static [&'static str]] = &[&["due"]];
    const ORDER: Order = Order::Ascending;
    type Row = Entry<P::State>;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        keys::<P>(event, touch);
    }
    fn fold(key: &Key, row: &mut Option<Entry<P::State>>, event: &Read<'_>) {
        fold::<P>(key, row, event);
        // What waits to be sent is in the outbox; here only the moment counts.
        if let Some(entry) = row {
            entry.waiting.clear();
        }
    }
    fn place(_: &Entry<P::State>) -> Place {
        Place::default()
    }
    fn sort(row: &Entry<P::State>) -> i64 {
        row.state.as_ref().and_then(P::next).map_or(i64::MAX, |moment| moment.timestamp_micros())
    }
    fn words(_filter: &str) -> Option<Vec<String>> {
        Some(vec![YES.to_owned()])
    }
    fn values(row: &Entry<P::State>, filter: &str, give: &mut dyn FnMut(&str)) {
        if filter == "due" && row.state.as_ref().and_then(P::next).is_some() {
            give(YES);
        }
    }
}

#[cfg(test)]
mod tests;

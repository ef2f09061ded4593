//! A log and tables of views in memory, which count what they are asked and can be broken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::DateTime;
use kernel::{AnyEvent, CommandId, EventId, Position, Recorded, StreamId, Version};
use tokio::sync::watch;
use uuid::Uuid;

use crate::event::Unreadable;
use crate::port::{
    Append, AppendError, Build, Either, EventLog, Failure, FilledRows, FindError, Fingerprint, Loaded, Move, Query,
    Receipt, Registered, Row, RowPage, Saved, ViewSpec, ViewStore, Wanted,
};

/// A log of events, each of which is a word.
pub(super) struct Words {
    events: Mutex<Vec<Recorded>>,
    committed: watch::Sender<Position>,
    pub(super) reads: Mutex<usize>,
    incarnation: watch::Sender<u64>,
}

impl Words {
    pub(super) fn of(words: &[&str]) -> Self {
        let (committed, incarnation) = (watch::Sender::new(Position(0)), watch::Sender::new(0));
        let log = Self { events: Mutex::default(), committed, reads: Mutex::default(), incarnation };
        for word in words {
            log.say(word);
        }
        log
    }

    pub(super) fn say(&self, word: &str) {
        let mut events = self.events.lock().unwrap();
        let position = Position(events.len() as u64 + 1);
        let category = if word.starts_with('q') { "quiet" } else { "word" };
        events.push(Recorded {
            position,
            stream: StreamId::new(category, Uuid::nil()),
            version: Version(1),
            id: EventId::new(Uuid::nil()),
            kind: word.to_owned(),
            time: DateTime::UNIX_EPOCH,
            bytes: bytes::Bytes::new(),
        });
        self.committed.send_replace(position);
    }

    /// Another log, which lacks everything after a position.
    pub(super) fn loses_all_after(&self, position: usize) {
        self.events.lock().unwrap().truncate(position);
        self.committed.send_replace(Position(position as u64));
        self.incarnation.send_modify(|incarnation| *incarnation += 1);
    }
}

/// Reads a word, unless it is `unreadable`.
pub(super) fn decode(recorded: &Recorded) -> Result<AnyEvent, Unreadable> {
    match &*recorded.kind {
        "unreadable" => Err(Unreadable { position: recorded.position, reason: "no word".into() }),
        word => Ok(Box::new(word.to_owned())),
    }
}

#[async_trait]
impl EventLog for Words {
    async fn append(&self, _: Append) -> Result<Receipt, AppendError> {
        unreachable!("nothing is appended here")
    }
    async fn outcome(&self, _: &str, _: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
        Ok(None)
    }
    async fn stream(&self, _: &StreamId, _: Version) -> Result<Vec<Recorded>, Failure> {
        Ok(Vec::new())
    }
    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        *self.reads.lock().unwrap() += 1;
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.position > after).take(limit).cloned().collect())
    }
    async fn head(&self) -> Result<Position, Failure> {
        Ok(Position(self.events.lock().unwrap().len() as u64))
    }
    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }
    fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }
}

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) builds: Vec<Registered>,
    /// Rows by number of the build.
    pub(super) rows: BTreeMap<i64, BTreeMap<String, String>>,
    /// Views whose tables take nothing.
    pub(super) broken: BTreeSet<&'static str>,
    /// How many views each save and each load was about.
    pub(super) saves: Vec<usize>,
    pub(super) loads: Vec<usize>,
    /// Whether the database is away.
    pub(super) is_away: bool,
}

#[derive(Default)]
pub(super) struct Tables(pub(super) Mutex<State>);

fn failure(operation: &'static str, passing: bool) -> Failure {
    Failure { operation, reason: "broken for a test".into(), passing }
}

impl Tables {
    fn begun(&self, view: &ViewSpec, filling: bool) -> Build {
        let mut state = self.0.lock().unwrap();
        let number = state.builds.last().map_or(1, |build| build.number + 1);
        let position = Position::START;
        let (view_name, version) = (view.name.to_owned(), view.version);
        state.builds.push(Registered { number, view: view_name, version, position, active: false, filling });
        Build { number, view: view.name }
    }

    pub(super) fn docs(&self, view: &str) -> Vec<(String, String)> {
        let state = self.0.lock().unwrap();
        let build = state.builds.iter().find(|build| build.view == view && build.active).unwrap();
        let rows = state.rows.get(&build.number).cloned().unwrap_or_default();
        rows.into_iter().collect()
    }

    pub(super) fn position(&self, view: &str) -> Position {
        let state = self.0.lock().unwrap();
        state.builds.iter().find(|build| build.view == view && build.active).unwrap().position
    }
}

#[async_trait]
impl ViewStore for Tables {
    async fn builds(&self) -> Result<Vec<Registered>, Failure> {
        let state = self.0.lock().unwrap();
        if state.is_away { Err(failure("read the register of views", true)) } else { Ok(state.builds.clone()) }
    }
    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure> {
        Ok(self.begun(view, false))
    }
    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded> {
        let mut state = self.0.lock().unwrap();
        state.loads.push(wanted.len());
        let load = |one: &Wanted| {
            let rows = state.rows.get(&one.build.number);
            let doc = |key: &String| Some((key.clone(), rows?.get(key)?.clone()));
            Loaded::Docs(one.keys.iter().filter_map(doc).collect())
        };
        wanted.iter().map(load).collect()
    }
    async fn save(&self, moves: &[Move]) -> Result<Vec<Saved>, Failure> {
        let mut state = self.0.lock().unwrap();
        if state.is_away {
            return Err(failure("save rows of views", true));
        }
        state.saves.push(moves.len());
        let mut saved = Vec::new();
        for Move { build, from, to, rows } in moves {
            if state.broken.contains(build.view) {
                saved.push(Saved::Failed(failure("save rows of views", false)));
                continue;
            }
            let Some(registered) = state.builds.iter_mut().find(|registered| registered.number == build.number) else {
                saved.push(Saved::Gone);
                continue;
            };
            if registered.position != *from {
                saved.push(Saved::Fenced);
                continue;
            }
            registered.position = *to;
            let table = state.rows.entry(build.number).or_default();
            for row in rows.clone() {
                match row.doc {
                    Some(doc) => table.insert(row.key, doc),
                    None => table.remove(&row.key),
                };
            }
            saved.push(Saved::Written);
        }
        Ok(saved)
    }
    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure> {
        Ok(self.begun(view, true))
    }
    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        let mut state = self.0.lock().unwrap();
        let table = state.rows.entry(build.number).or_default();
        table.extend(rows.new.into_iter().chain(rows.again).filter_map(|row| Some((row.key, row.doc?))));
        Ok(())
    }
    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        let mut state = self.0.lock().unwrap();
        let filled = state.builds.iter_mut().find(|registered| registered.number == build.number).unwrap();
        (filled.position, filled.filling) = (to, false);
        Ok(())
    }
    async fn activate(&self, build: &Build) -> Result<(), Failure> {
        let mut state = self.0.lock().unwrap();
        state.builds.retain(|registered| registered.view != build.view || registered.number == build.number);
        state
            .builds
            .iter_mut()
            .filter(|registered| registered.number == build.number)
            .for_each(|one| one.active = true);
        Ok(())
    }
    async fn abandon(&self, build: &Build) -> Result<(), Failure> {
        self.0.lock().unwrap().builds.retain(|registered| registered.active || registered.number != build.number);
        Ok(())
    }
    async fn get(&self, _: &ViewSpec, _: &str) -> Result<Option<Row>, Failure> {
        unreachable!("a reader asks for no single row")
    }
    async fn find(&self, _: &ViewSpec, _: &Query) -> Result<RowPage, FindError> {
        unreachable!("a reader asks for no page")
    }
    async fn find_either(&self, _: &ViewSpec, _: &Either) -> Result<RowPage, FindError> {
        unreachable!("a reader asks for no page")
    }
}

//! The whole system, asked with its own API: random sequences of commands in a random district, by everybody, at every door.
//!
//! INVARIANT: nothing is answered with trouble of the server's own.
//! INVARIANT: every event fits its published schema, and every answer the served document (the client looks at both).
//! INVARIANT: a case that is not over has a next step, which somebody who exists can take; taken one after the other, these steps
//! bring every case to its end.
//! INVARIANT: what was answered with success is recorded: as events with every text of the body, or, where nothing had to happen,
//! with the same content before.

mod actors;
mod bodies;
mod case;
mod district;
mod document;
mod obliged;
mod readings;
mod recorded;
mod sequence;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use testkit::bus::Department;
use testkit::client::Client;
use testkit::sample;
use testkit::scratch::Scratch;
use testkit::stories::evidence;
use testkit::system::{Store, System, SystemSetup};
use uuid::Uuid;

use crate::{Randomness, stream_equals_log};
use actors::{Actor, Actors, Place};
use bodies::Pools;
use case::Material;
use district::District;
use document::{Document, Operation};

/// How many violations an error shows.
const SHOWN_MAX: usize = 12;

/// How many files are uploaded before the first command.
const FILES: usize = 4;

/// What can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Nothing is answered with trouble of the server's own.
    Answered,
    /// Events and answers are as they are published.
    AsPublished,
    /// There is a next step, and somebody can take it.
    CanGoOn,
    /// What was answered with success is recorded.
    Recorded,
}

/// A promise that was not kept, and where.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.seen)
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Played {
    /// What was not kept.
    pub broken: Vec<Broken>,
    /// How many levels the deepest tree of the district had.
    pub levels: usize,
    /// Every command that the document offers.
    pub offered: Vec<String>,
    /// How many answers there were, by command and status.
    pub answers: BTreeMap<(String, u16), u64>,
    /// How many obligations were met, by step.
    pub met: BTreeMap<String, u64>,
}

impl Played {
    /// An error that lists what was broken, unless nothing was.
    pub fn nothing_broken(&self) -> anyhow::Result<()> {
        if self.broken.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = self.broken.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
        bail!("{} promises were broken:\n  {}", self.broken.len(), shown.join("\n  "))
    }

    /// How many answers had a status of the family, such as 2 for success.
    pub fn answered(&self, family: u16) -> u64 {
        self.answers.iter().filter(|((_, status), _)| status / 100 == family).map(|(_, count)| count).sum()
    }

    /// The commands that were never done.
    pub fn undone(&self) -> Vec<&str> {
        let is_done = |verb: &&String| self.answers.keys().any(|(done, status)| done == *verb && status / 100 == 2);
        self.offered.iter().filter(|verb| !is_done(verb)).map(String::as_str).collect()
    }
}

/// Which door a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Http,
    Nats,
}

/// A command as it was sent, and what came back.
#[derive(Debug, Clone)]
struct Sent {
    id: Uuid,
    operation: usize,
    /// The id in its path.
    target: Option<String>,
    by: Actor,
    body: Value,
    door: Door,
    status: u16,
    answer: Value,
}

impl Sent {
    fn is_done(&self) -> bool {
        self.status / 100 == 2
    }

    /// How many events it recorded, the first time.
    fn events(&self) -> u64 {
        self.answer["events"].as_u64().unwrap_or(0)
    }

    fn is_replayed(&self) -> bool {
        self.answer["replayed"] == true
    }
}

/// A run.
struct Whole {
    system: System,
    http: Client,
    document: Document,
    operations: Vec<Operation>,
    district: District,
    actors: Actors,
    pools: Pools,
    matters: Vec<(String, String)>,
    departments: Vec<String>,
    files: Vec<String>,
    cases: Vec<String>,
    nats: BTreeMap<String, Department>,
    chance: Randomness,
    sent: Vec<Sent>,
    /// The newest position that an answer named.
    head: u64,
    /// How many events there were before the first command.
    before: u64,
    played: Played,
}

/// Starts a system with a random district, gives so many commands, and looks whether every promise was kept.
pub async fn play(store: Store, commands: usize, mut chance: Randomness) -> anyhow::Result<Played> {
    let district = District::random(&mut chance);
    let folder = Scratch::create("whole")?;
    let file = folder.path().join("district.toml");
    sample::write_description(&file, &district.document)?;
    let persons = folder.path().join("persons.toml");
    sample::write_description(&persons, &district.persons())?;
    let setup = SystemSetup { store, districts: vec![file], persons: vec![persons], ..SystemSetup::default() };
    let system = System::start(setup).await?;
    let mut whole = Whole::of(system, district, chance).await?;
    if let Err(error) = whole.run(commands).await {
        let last = whole.sent.last().map(|sent| whole.named(sent)).unwrap_or_default();
        whole.broken(Promise::Answered, format!("it broke off after {last}: {error:#}"));
    }
    Ok(whole.played)
}

impl Whole {
    async fn of(system: System, district: District, chance: Randomness) -> anyhow::Result<Self> {
        let http = system.http();
        let document = Document::new(http.get("", "/openapi.json").await?.accepted()?);
        let auditor = system.token("whole-auditor", "auditor", &[]).await?;
        let shown = http.get(&auditor, "/district").await?.accepted()?;
        let actors = Actors::of(&system, &shown, &district.posts).await?;
        let codes = |list: &Value, field: &str| -> Vec<String> {
            let rows = list.as_array().into_iter().flatten();
            rows.filter_map(|row| row[field].as_str().map(str::to_owned)).collect()
        };
        let departments = codes(&shown["departments"], "code");
        let catalogue = &district.document["matters"];
        let matters = codes(catalogue, "code").into_iter().zip(codes(catalogue, "lead")).collect();
        let mut nats = BTreeMap::new();
        for code in &departments {
            nats.insert(code.clone(), Department::connect(system.nats(), code).await?);
        }
        let before = crate::head(&http, &auditor).await?;
        let operations = document.operations()?;
        let offered = operations.iter().map(|operation| operation.verb.clone()).collect();
        let mut whole = Self {
            played: Played { levels: district.levels, offered, ..Played::default() },
            operations,
            pools: Pools::default(),
            files: Vec::new(),
            cases: Vec::new(),
            sent: Vec::new(),
            head: before,
            system,
            http,
            document,
            district,
            actors,
            matters,
            departments,
            nats,
            chance,
            before,
        };
        whole.gather(&shown).await?;
        Ok(whole)
    }

    /// Everything. An error is in what is read about the system itself.
    async fn run(&mut self, commands: usize) -> anyhow::Result<()> {
        for _ in 0..commands {
            self.step().await?;
        }
        self.everybody_can_go_on().await?;
        self.everything_is_recorded().await?;
        stream_equals_log(&self.system, &self.auditor().token).await?;
        self.system.stop().await
    }

    /// What exists before the first command: codes, and files.
    async fn gather(&mut self, district: &Value) -> anyhow::Result<()> {
        for grid in self.district.lowest.clone() {
            self.pools.add("GridCode", json!(grid));
        }
        for code in self.departments.clone() {
            self.pools.add("DepartmentCode", json!(code));
        }
        for (code, _) in self.matters.clone() {
            self.pools.add("MatterCode", json!(code));
        }
        for number in 0..FILES {
            let (file, mut digest) = (evidence::photo(&format!("whole {number}")), None);
            // Each names only what is their own, or what a case names that they may read.
            for actor in self.actors.all() {
                let sent = self.http.upload(&actor.token, "/evidence", file.media_type, file.bytes.clone()).await?;
                if sent.status != 403 {
                    digest = sent.accepted()?["sha256"].as_str().map(str::to_owned);
                }
            }
            let digest = digest.context("nobody may upload")?;
            self.pools.add("Digest", json!(digest));
            self.files.push(digest);
        }
        let year = district["at"].as_str().and_then(|at| at.get(..4)).and_then(|year| year.parse::<u32>().ok());
        self.pools.only("year", json!(year.context("a district without a moment")?));
        Ok(())
    }

    fn auditor(&self) -> &Actor {
        self.actors.outside("auditor")
    }

    fn operation(&self, verb: &str) -> Option<usize> {
        self.operations.iter().position(|operation| operation.verb == verb)
    }

    fn material(&mut self) -> Material<'_> {
        Material {
            district: &self.district,
            matters: &self.matters,
            departments: &self.departments,
            files: &self.files,
            cases: &self.cases,
            chance: &mut self.chance,
        }
    }

    fn broken(&mut self, promise: Promise, seen: String) {
        self.played.broken.push(Broken { promise, seen });
    }

    /// Sends a command, remembers it, and learns from the answer what exists.
    async fn give(
        &mut self,
        operation: usize,
        target: Option<String>,
        by: Actor,
        body: Value,
        door: Door,
    ) -> anyhow::Result<usize> {
        let id = self.chance.id();
        self.send(Sent { id, operation, target, by, body, door, status: 0, answer: Value::Null }).await
    }

    /// Sends a command as it stands; the id may have been sent before.
    async fn send(&mut self, mut sent: Sent) -> anyhow::Result<usize> {
        let (status, answer) = match self.deliver(&sent).await {
            Ok(heard) => heard,
            Err(error) => {
                let seen = format!("{}: {error:#}", self.named(&sent));
                self.broken(Promise::AsPublished, seen);
                (0, Value::Null)
            }
        };
        (sent.status, sent.answer) = (status, answer);
        let verb = self.operations[sent.operation].verb.clone();
        *self.played.answers.entry((verb, status)).or_default() += 1;
        if status / 100 == 5 {
            let seen = format!("{}: {}", self.named(&sent), sent.answer);
            self.broken(Promise::Answered, seen);
        }
        if sent.is_done() {
            self.learn(&sent);
        }
        self.sent.push(sent);
        Ok(self.sent.len() - 1)
    }

    async fn deliver(&self, sent: &Sent) -> anyhow::Result<(u16, Value)> {
        let operation = &self.operations[sent.operation];
        if sent.door == Door::Nats
            && let Place::Department(code) = &sent.by.place
        {
            let department = self.nats.get(code).with_context(|| format!("{code} is not connected"))?;
            let target = sent.target.as_deref().context("a department names what it is about")?.parse()?;
            let reply = department.command(&operation.verb, target, sent.id, &sent.body).await?;
            let status = match reply.error() {
                None => 200,
                Some((code, _)) => code.parse().with_context(|| format!("{code} is no status"))?,
            };
            return Ok((status, reply.body));
        }
        let id = sent.target.as_deref().unwrap_or_default();
        let path = operation.path.replace(&format!("{{{}}}", operation.kind), id);
        let answer = self.http.command(&sent.by.token, &path, sent.id, sent.body.clone()).await?;
        Ok((answer.status.as_u16(), answer.body))
    }

    fn learn(&mut self, sent: &Sent) {
        let operation = &self.operations[sent.operation];
        let Some(id) = sent.answer["id"].as_str() else { return };
        self.pools.add(&operation.kind, json!(id));
        if operation.kind == "case" {
            self.pools.add("CaseId", json!(id));
            if !self.cases.iter().any(|known| known == id) {
                self.cases.push(id.to_owned());
            }
        }
        if let Some(first) = sent.answer["first"].as_u64() {
            self.head = self.head.max(first + sent.events().saturating_sub(1));
        }
    }

    /// What a failure says of a command: enough to send it again.
    fn named(&self, sent: &Sent) -> String {
        let Sent { id, by, body, target, door, .. } = sent;
        let (verb, target) = (&self.operations[sent.operation].verb, target.as_deref().unwrap_or("-"));
        format!("{verb} {id} on {target} by {} {:?} over {door:?} {body}", by.role, by.place)
    }
}

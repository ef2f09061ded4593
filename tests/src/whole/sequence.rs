//! One random thing after the other: what fits, what does not, and what was sent before.

use std::collections::BTreeSet;

use serde_json::json;

use super::actors::{Actor, Place};
use super::case::Case;
use super::{Door, Promise, Sent, Whole, bodies};

/// Verbs that take something away that others stand on, or describe everything anew. Whoever may give them does not: what becomes
/// of cases then is told elsewhere.
const UPHEAVALS: [&str; 10] = [
    "load-district",
    "publish-rules",
    "import-reference",
    "close-grid",
    "reparent-grid",
    "map-grids",
    "describe-persons",
    "end-appointment",
    "suspend-person",
    "end-person",
];

/// How many cases are begun in a hundred steps, at least.
const BEGUN: u64 = 12;
/// How many of a hundred commands come from somebody who may not give them, mostly.
const WRONG_ACTOR: u64 = 8;
/// How many of a hundred have a body that does not fit.
const BROKEN_BODY: u64 = 6;
/// How many commands of a department go over NATS.
const OVER_NATS: u64 = 60;

impl Whole {
    /// One thing.
    pub(super) async fn step(&mut self) -> anyhow::Result<()> {
        if self.cases.len() < 2 || self.chance.happens(BEGUN) {
            return self.discover().await;
        }
        match self.chance.below(100) {
            0..50 => self.go_on().await,
            50..70 => self.anything().await,
            70..92 => self.again().await,
            _ => self.read_something().await,
        }
    }

    async fn discover(&mut self) -> anyhow::Result<()> {
        let Some(operation) = self.operation("discover-issue") else { return Ok(()) };
        let body = self.material().discovery();
        let by = self.somebody(operation, body["grid"].as_str(), None);
        self.give_twice(operation, None, by, body, Door::Http).await
    }

    /// Something that the stage of a case takes, mostly by somebody who may.
    async fn go_on(&mut self) -> anyhow::Result<()> {
        let id = self.chance.pick(&self.cases).clone();
        let case = Case::read(&self.http, &self.auditor().token, &id).await?;
        if case.taken().is_empty() {
            return Ok(());
        }
        let verb = *self.chance.pick(case.taken());
        let Some(operation) = self.operation(verb) else { return Ok(()) };
        let Some(mut body) = case.body(verb, &mut self.material()) else { return Ok(()) };
        let department =
            case.orders().find(|order| order["order"] == body["order"]).map(|order| order["department"].clone());
        let department = department.as_ref().and_then(|code| code.as_str());
        let by = self.somebody(operation, Some(case.grid()), department);
        if self.chance.happens(BROKEN_BODY) {
            body = bodies::broken(&body, &mut self.chance);
        }
        let is_department = by.role == "department_clerk" && self.operations[operation].roles.contains(&by.role);
        let door = if is_department && self.chance.happens(OVER_NATS) { Door::Nats } else { Door::Http };
        self.give_twice(operation, Some(id), by, body, door).await
    }

    /// Any command of any kind, with a body like the example of the document.
    async fn anything(&mut self) -> anyhow::Result<()> {
        // Each kind as often as another, however many commands it has.
        let kinds: BTreeSet<&str> = self.operations.iter().map(|operation| operation.kind.as_str()).collect();
        let kind = *self.chance.pick(&kinds.into_iter().collect::<Vec<_>>());
        let of_kind = (0..self.operations.len()).filter(|at| self.operations[*at].kind == kind);
        let operation = *self.chance.pick(&of_kind.collect::<Vec<_>>());
        let described = self.operations[operation].clone();
        let target = described.is_about_one().then(|| {
            let known = self.pools.pick(&described.kind, &mut self.chance);
            let known = known.and_then(|id| id.as_str().map(str::to_owned)).filter(|_| !self.chance.happens(10));
            known.unwrap_or_else(|| self.chance.id().to_string())
        });
        let grid = self.chance.pick(&self.district.lowest).clone();
        let mut by = self.somebody(operation, Some(&grid), None);
        if UPHEAVALS.contains(&described.verb.as_str()) && described.roles.contains(&by.role) {
            by = self.auditor().clone();
        }
        for name in ["member", "holder"] {
            self.pools.only(name, json!(by.id));
        }
        // What there is only one of is mostly told of new things, so that others can go on with the old ones.
        let is_new = !described.is_about_one() && !described.begins && self.chance.happens(70);
        let mut body = described.example().clone();
        if !is_new {
            body = bodies::like(&self.document, described.schema(), &body, "", &self.pools, &mut self.chance);
        }
        if self.chance.happens(BROKEN_BODY) {
            body = bodies::broken(&body, &mut self.chance);
        }
        self.give_twice(operation, target, by, body, Door::Http).await
    }

    /// Gives a command; where it did something, the same content again at once changes nothing.
    async fn give_twice(
        &mut self,
        operation: usize,
        target: Option<String>,
        by: Actor,
        body: serde_json::Value,
        door: Door,
    ) -> anyhow::Result<()> {
        let first = self.give(operation, target, by, body, door).await?;
        self.compare_with_recorded(first);
        if self.sent[first].is_done() && self.chance.happens(40) {
            match self.chance.below(3) {
                0 => self.same_id(first).await?,
                1 => {
                    let second = self.same_content(first).await?;
                    self.is_nothing(first, second);
                }
                _ => self.one_changed(first).await?,
            }
        }
        Ok(())
    }

    /// Something that was sent before, at whatever time since.
    async fn again(&mut self) -> anyhow::Result<()> {
        let done: Vec<usize> = (0..self.sent.len()).filter(|at| self.sent[*at].is_done()).collect();
        if done.is_empty() {
            return Ok(());
        }
        let before = *self.chance.pick(&done);
        match self.chance.below(3) {
            0 => self.same_id(before).await,
            1 => self.same_content(before).await.map(drop),
            _ => self.one_changed(before).await,
        }
    }

    /// The same command: the same answer, and no other effect.
    async fn same_id(&mut self, before: usize) -> anyhow::Result<()> {
        let again = self.send(self.sent[before].clone()).await?;
        let (first, again) = (self.sent[before].clone(), self.sent[again].clone());
        let plain = |sent: &Sent| {
            let mut answer = sent.answer.clone();
            answer["replayed"] = json!(true);
            (sent.status / 100, answer)
        };
        if plain(&first) != plain(&again) || !again.is_replayed() {
            let seen = format!("{}: {} and then {} {}", self.named(&first), first.answer, again.status, again.answer);
            self.broken(Promise::Recorded, seen);
        }
        Ok(())
    }

    /// The same content under a new id.
    async fn same_content(&mut self, before: usize) -> anyhow::Result<usize> {
        let id = self.chance.id();
        let again = self.send(Sent { id, ..self.sent[before].clone() }).await?;
        self.compare_with_recorded(again);
        Ok(again)
    }

    /// What came right after the same content changed nothing, unless it begins something of its own.
    fn is_nothing(&mut self, first: usize, second: usize) {
        let (first, second) = (self.sent[first].clone(), self.sent[second].clone());
        let begins = self.operations[first.operation].begins && first.answer["id"] != second.answer["id"];
        if begins || (second.is_done() && second.events() == 0) {
            return;
        }
        let seen = format!("{} was done, and at once again: {} {}", self.named(&first), second.status, second.answer);
        self.broken(Promise::Recorded, seen);
    }

    /// Other content under a new id.
    async fn one_changed(&mut self, before: usize) -> anyhow::Result<()> {
        let sent = self.sent[before].clone();
        let schema = self.operations[sent.operation].schema();
        let changed = bodies::with_one_changed(&self.document, schema, &sent.body, &self.pools, &mut self.chance);
        let Some(body) = changed else { return Ok(()) };
        let id = self.chance.id();
        let again = self.send(Sent { id, body, ..sent }).await?;
        self.compare_with_recorded(again);
        Ok(())
    }

    /// Somebody who may give the command there; now and then anybody.
    fn somebody(&mut self, operation: usize, grid: Option<&str>, department: Option<&str>) -> Actor {
        let roles = self.operations[operation].roles.clone();
        let mut fitting: Vec<Actor> = Vec::new();
        for role in &roles {
            if let Some(grid) = grid {
                fitting.extend(self.actors.in_grid(role, grid).into_iter().cloned());
            }
            let everywhere = |actor: &&Actor| actor.role == *role && actor.place == Place::Everywhere;
            fitting.extend(self.actors.all().iter().filter(everywhere).cloned());
        }
        if let Some(department) = department
            && roles.iter().any(|role| role == "department_clerk")
        {
            fitting = self.actors.of_department(department).into_iter().cloned().collect();
        }
        if fitting.is_empty() || self.chance.happens(WRONG_ACTOR) {
            return self.actors.any(&mut self.chance).clone();
        }
        self.chance.pick(&fitting).clone()
    }
}

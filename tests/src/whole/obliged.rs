//! Every open obligation, met by whoever it names: one after the other, until nobody has to act.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use testkit::client::eventually;

use super::actors::{Actor, Place};
use super::case::Case;
use super::{Door, Promise, Whole, bodies};
use crate::whole_log::newest_after;

/// From any state a case can be brought to its end in so many rounds, in each of which every obligation is met once.
const ROUNDS_MAX: usize = 40;

/// How long a view may lag behind the log.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stages in which nobody has to act; a merged case may still owe its finder an answer.
const OVER: [&str; 3] = ["closed", "merged", "voided"];

/// What came of an obligation.
enum Met {
    Done,
    /// It waits for another obligation of the same case, as a lead waits for those that assist.
    Waits(String),
    /// The case went on in this round already.
    Stale,
    Broken(String),
}

impl Whole {
    /// Meets every obligation until there is none.
    pub(super) async fn everybody_can_go_on(&mut self) -> anyhow::Result<()> {
        for round in 0..=ROUNDS_MAX {
            let rows = self.obligations().await?;
            self.every_open_case_is_in(&rows).await?;
            self.cases_say_the_same(&rows).await?;
            if rows.is_empty() {
                return Ok(());
            }
            if round == ROUNDS_MAX {
                self.broken(
                    Promise::CanGoOn,
                    format!("after {ROUNDS_MAX} rounds somebody still has to act: {}", rows[0]),
                );
            }
            if self.round(&rows).await? == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Meets each of them once; says how many could be.
    async fn round(&mut self, rows: &[Value]) -> anyhow::Result<usize> {
        let mut touched = BTreeSet::new();
        let mut done = 0;
        let mut waiting = Vec::new();
        for row in rows {
            let case = row["case"].as_str().context("an obligation without a case")?.to_owned();
            let step = row["next"]["step"].as_str().unwrap_or_default().to_owned();
            match self.meet(row).await? {
                Met::Done => {
                    done += 1;
                    touched.insert(case);
                    *self.played.met.entry(step).or_default() += 1;
                }
                Met::Stale => {}
                Met::Waits(why) => waiting.push((case, why)),
                Met::Broken(why) => self.broken(Promise::CanGoOn, format!("{why}: {row}")),
            }
        }
        for (case, why) in waiting.into_iter().filter(|(case, _)| !touched.contains(case)) {
            self.broken(Promise::CanGoOn, format!("case {case} waits for nobody: {why}"));
        }
        Ok(done)
    }

    /// One obligation, by somebody whom it names.
    async fn meet(&mut self, row: &Value) -> anyhow::Result<Met> {
        let id = row["case"].as_str().unwrap_or_default();
        let case = Case::read(&self.http, &self.auditor().token, id).await?;
        let asked = asked_of(&case.summary, row);
        if asked.is_none_or(|next| *next != row["next"]) {
            return Ok(Met::Stale);
        }
        let by = &row["next"]["by"];
        let (mut somebody, door) = match (by["grid"].as_str(), by["department"].as_str()) {
            (Some(grid), None) => (self.holders(by["role"].as_str().unwrap_or_default(), grid).await?, Door::Http),
            (None, Some(code)) => {
                let door = if self.chance.happens(50) { Door::Nats } else { Door::Http };
                (self.actors.of_department(code).into_iter().cloned().collect(), door)
            }
            _ => (Vec::new(), Door::Http),
        };
        if somebody.is_empty() {
            return Ok(Met::Broken("nobody who exists is named".to_owned()));
        }
        let first = usize::try_from(self.chance.below(somebody.len() as u64))?;
        somebody.rotate_left(first);
        let ways = self.ways(&case, row);
        let mut heard = Vec::new();
        for by in &somebody {
            for (verb, body) in &ways {
                let Some(operation) = self.operation(verb) else { continue };
                let sent = self.give(operation, Some(case.id.clone()), by.clone(), body.clone(), door).await?;
                let sent = &self.sent[sent];
                if sent.is_done() && sent.events() > 0 {
                    return Ok(Met::Done);
                }
                heard.push(format!("{verb} by {}: {} {}", by.id, sent.status, sent.answer));
            }
        }
        if heard.iter().any(|why| why.contains("another-person-needed")) {
            return self.met_by_another(&case, by["role"].as_str().unwrap_or_default(), &ways).await;
        }
        let why = format!("nothing of what is asked can be done: {}", heard.join(", "));
        let waits = case.orders().filter(|order| order["next"].is_object()).count() > 1;
        Ok(if waits && row["order"].is_null() { Met::Waits(why) } else { Met::Broken(why) })
    }

    /// Whoever must act took a step that does not go with it, in whichever of their posts: somebody from outside acts in their place,
    /// or hears the finder again, so that they close in the next round.
    async fn met_by_another(&mut self, case: &Case, role: &str, ways: &[(String, Value)]) -> anyhow::Result<Met> {
        let said = json!({ "answer": "再次回访", "contacted": true, "solved": true, "satisfied": true });
        let heard = [("record-feedback".to_owned(), said)];
        let others = [(role, ways), ("caller", &heard[..])];
        for (by, (verb, body)) in others.iter().flat_map(|(role, ways)| ways.iter().map(move |way| (*role, way))) {
            let Some(by) = self.actors.other(by).cloned() else { continue };
            let Some(operation) = self.operation(verb) else { continue };
            let sent = self.give(operation, Some(case.id.clone()), by, body.clone(), Door::Http).await?;
            let sent = &self.sent[sent];
            if sent.is_done() && sent.events() > 0 {
                return Ok(Met::Done);
            }
        }
        Ok(Met::Broken("nobody else can take the step or hear the finder".to_owned()))
    }

    /// What a row asks for is what its case says.
    async fn cases_say_the_same(&mut self, rows: &[Value]) -> anyhow::Result<()> {
        for row in rows {
            let id = row["case"].as_str().unwrap_or_default();
            let summary = self.http.get(&self.auditor().token, &format!("/cases/{id}")).await?.accepted()?;
            if asked_of(&summary, row) != Some(&row["next"]) {
                self.broken(Promise::CanGoOn, format!("the case says {}, and its row {row}", summary["parts"]));
            }
        }
        Ok(())
    }

    /// Whoever holds the role there or above, as the register of persons says now.
    async fn holders(&self, role: &str, grid: &str) -> anyhow::Result<Vec<Actor>> {
        let register = self.http.get(&self.auditor().token, "/persons").await?.accepted()?;
        let persons: Vec<Value> = register["persons"].as_array().cloned().context("a register without persons")?;
        let holds = |actor: &&Actor| {
            let Place::Grid(grid) = &actor.place else { return false };
            let own = persons.iter().find(|person| person["id"] == *actor.id && person["standing"] == "active");
            let posts = own.and_then(|person| person["posts"].as_array()).into_iter().flatten();
            posts.into_iter().any(|post| post["role"] == *actor.role && post["scope"]["grid"] == **grid)
        };
        Ok(self.actors.in_grid(role, grid).into_iter().filter(holds).cloned().collect())
    }

    /// The commands of which one does what the step asks for.
    fn ways(&mut self, case: &Case, row: &Value) -> Vec<(String, Value)> {
        let step = row["next"]["step"].as_str().unwrap_or_default();
        let is_of_department = row["next"]["by"]["department"].is_string();
        let lead =
            case.orders().find(|order| order["part"] == "lead").map_or(Value::Null, |order| order["order"].clone());
        let order = if row["order"].is_null() { lead } else { row["order"].clone() };
        let of = &mut self.material();
        let escalate = json!({ "reason": of.text("需部门处置") });
        let ways = match step {
            "register" => vec![("register-issue", json!({ "matter": of.matter(), "handling": "promised" }))],
            "route" if case.conclusion() == Some("escalate") => vec![("escalate-issue", escalate)],
            "route" => vec![("open-deliberation", case.plain_deliberation(of))],
            "work_in_grid" => vec![("handle-in-grid", case.grid_work_done(of))],
            "rework" if !is_of_department => vec![("handle-in-grid", case.grid_work_done(of))],
            "deliberate" if case.has_met() && of.chance.happens(60) => {
                vec![("conclude-deliberation", json!({ "conclusion": "explain", "summary": of.text("已说明") }))]
            }
            "deliberate" => vec![("hold-meeting", case.next_meeting("coordination", of))],
            "file" => vec![("file-case", json!({ "criteria": of.criteria() }))],
            "review_refusal" => vec![("escalate-issue", escalate)],
            "dispatch" => case.dispatches(of),
            "accept" => vec![("accept-order", json!({ "order": order }))],
            "decide_return" => {
                let decision = *of.chance.pick(&["approve", "refuse", "refuse"]);
                vec![("decide-return", json!({ "order": order, "decision": decision, "reason": of.text("已核对") }))]
            }
            "dispose" | "rework" => {
                vec![("submit-disposal", json!({ "order": order, "result": of.text("结果"), "evidence": [of.file()] }))]
            }
            "verify" => {
                let passed = of.chance.happens(85);
                vec![("verify-case", json!({ "passed": passed, "findings": of.text("现场"), "evidence": [of.file()] }))]
            }
            "collect_feedback" => {
                let said = json!({ "answer": of.text("答复"), "contacted": true, "solved": true, "satisfied": true });
                vec![("record-feedback", said)]
            }
            "close" => closings(&of.text("结案")),
            "route_again" if case.stage() == "reopened" => {
                let dispatches = if case.was_filed() { case.dispatches(of) } else { Vec::new() };
                dispatches.into_iter().chain([("open-deliberation", case.plain_deliberation(of))]).collect()
            }
            "route_again" => vec![("reopen-case", json!({ "cause": "recurred", "reason": of.text("又来了") }))],
            _ => return self.every_way(row),
        };
        ways.into_iter().map(|(verb, body)| (verb.to_owned(), body)).collect()
    }

    /// A step that is not known here: whatever its role may do with the case, as the examples show it.
    fn every_way(&mut self, row: &Value) -> Vec<(String, Value)> {
        let role = row["next"]["by"]["role"].as_str().unwrap_or_default();
        let mut ways = Vec::new();
        for operation in self.operations.iter().filter(|operation| operation.kind == "case" && operation.is_about_one())
        {
            if operation.roles.iter().any(|known| known == role) {
                let (schema, example) = (operation.schema(), operation.example());
                let body = bodies::like(&self.document, schema, example, "", &self.pools, &mut self.chance);
                ways.push((operation.verb.clone(), body));
            }
        }
        ways
    }

    /// Every row, once the view follows the log.
    async fn obligations(&mut self) -> anyhow::Result<Vec<Value>> {
        let token = self.auditor().token.clone();
        let http = self.http.clone();
        let mut head = self.head;
        // What follows from events comes moments later, as events of its own.
        eventually("nothing more follows", PATIENCE, async || {
            let newest = newest_after(&http, &token, head).await?;
            let answer = http.get(&token, "/obligations?limit=1").await?;
            let position = answer.header("dualgrid-view-position").and_then(|position| position.parse().ok());
            let waiting = http.get(&token, "/merged-answers?waiting=yes&limit=1").await?;
            let is_idle = waiting.body["items"].as_array().is_none_or(Vec::is_empty);
            let is_still = newest == head && position.is_some_and(|position: u64| position >= newest) && is_idle;
            head = newest;
            Ok(is_still.then_some(()))
        })
        .await?;
        self.head = head;
        pages(self, "/obligations?limit=200").await
    }

    /// Whoever is not done with a case finds it there, and whoever is does not.
    async fn every_open_case_is_in(&mut self, rows: &[Value]) -> anyhow::Result<()> {
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            *open.entry(row["case"].as_str().unwrap_or_default()).or_default() += 1;
        }
        let mut cases = Vec::new();
        for root in &self.district.roots {
            cases.extend(pages(self, &format!("/cases?grid={root}&limit=200")).await?);
        }
        for case in &cases {
            let (id, stage) = (case["case"].as_str().unwrap_or_default(), case["stage"].as_str().unwrap_or_default());
            let has_row = open.contains_key(id);
            let is_over = OVER.contains(&stage);
            if (!is_over && (!has_row || case["next"].is_null())) || (is_over && stage != "merged" && has_row) {
                self.broken(
                    Promise::CanGoOn,
                    format!("case {id} is {stage}, its next step is {}, rows: {has_row}", case["next"]),
                );
            }
        }
        let missing = self.cases.iter().find(|id| !cases.iter().any(|case| case["case"] == **id)).cloned();
        if let Some(missing) = missing {
            self.broken(Promise::Recorded, format!("case {missing} is in no list"));
        }
        Ok(())
    }
}

/// What the case itself says about what the row asks for.
fn asked_of<'a>(summary: &'a Value, row: &Value) -> Option<&'a Value> {
    if row["order"].is_null() {
        return summary.get("next");
    }
    let orders = summary["parts"]["orders"].as_array()?;
    orders.iter().find(|order| order["order"] == row["order"])?.get("next")
}

/// Each way in which a case may end; against a review that was too low only with a reason.
fn closings(summary: &str) -> Vec<(&'static str, Value)> {
    let body = |outcome: &str, reason: Value| {
        (
            "close-case",
            json!({ "outcome": outcome, "resolution": ["joint"], "summary": summary, "override_reason": reason }),
        )
    };
    let outcomes = ["solved", "community_solved", "explained"];
    let plain = outcomes.map(|outcome| body(outcome, Value::Null));
    plain.into_iter().chain(outcomes.map(|outcome| body(outcome, json!("已尽责办理")))).collect()
}

/// Every row of a list, the last one that came of each key.
async fn pages(whole: &Whole, path: &str) -> anyhow::Result<Vec<Value>> {
    let (mut rows, mut beyond) = (Vec::new(), String::new());
    loop {
        let page = whole.http.get(&whole.auditor().token, &format!("{path}{beyond}")).await?.accepted()?;
        rows.extend(page["items"].as_array().context("a page without items")?.iter().cloned());
        let Some(next) = page["next"].as_str() else { return Ok(rows) };
        beyond = format!("&beyond={next}");
    }
}

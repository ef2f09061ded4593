//! One case on its way: every step is given, awaited, checked and told.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::client::Client;
use crate::system::System;

use super::player::Heard;
use super::{Ending, Player, Step, Timeline, text};

/// How long an event may take to a department.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what follows from an event may take.
const FOLLOW_UP_PATIENCE: Duration = Duration::from_secs(20);

/// One step of a story.
#[derive(Debug)]
pub struct Act<'a> {
    /// Who acts.
    pub who: &'a Player,
    /// The Chinese term, for the timeline.
    pub term: &'a str,
    /// The step in English, for the timeline.
    pub what: &'a str,
    /// The command.
    pub command: &'a str,
    /// Its body.
    pub body: Value,
    /// The stage after it and the next step that somebody is obliged to take; `""` for none.
    pub then: (&'a str, &'a str),
}

/// A case, and who watches it.
#[derive(Debug)]
pub struct Scene<'a> {
    timeline: &'a Timeline,
    http: Client,
    /// Reads everything.
    auditor: String,
    case: Uuid,
}

impl<'a> Scene<'a> {
    /// Plays the discovery with which a case begins.
    pub async fn open(system: &System, timeline: &'a Timeline, act: Act<'_>) -> anyhow::Result<Self> {
        let auditor = system.token("story-auditor", "auditor", &[]).await?;
        let answer = act.who.command(act.command, None, &act.body).await?.done().context(act.what.to_owned())?;
        let case = text(&answer["id"])?.parse().context("the answer names no case")?;
        let scene = Self { timeline, http: system.http(), auditor, case };
        scene.tell(&act, &answer).await?;
        Ok(scene)
    }

    /// The case.
    pub fn case(&self) -> Uuid {
        self.case
    }

    /// Plays a step: it is taken, and the case stands where it should afterwards.
    pub async fn play(&self, act: Act<'_>) -> anyhow::Result<()> {
        let answer = act.who.command(act.command, Some(self.case), &act.body).await;
        let answer = answer.and_then(Heard::done).with_context(|| format!("{} {}", act.who.title(), act.what))?;
        self.tell(&act, &answer).await
    }

    /// Plays a step that must be refused with this code, and changes nothing.
    pub async fn refuse(&self, act: Act<'_>, code: &str) -> anyhow::Result<()> {
        let before = self.summary().await?;
        let heard = act.who.command(act.command, Some(self.case), &act.body).await?;
        let expected = matches!(&heard, Heard::Refused(found) if found == code);
        ensure!(expected, "{}: expected the refusal {code}, and got {heard:?}", act.what);
        self.check(&self.summary().await?, act.then)?;
        ensure!(before == self.summary().await?, "a refused command changed the case");
        self.say(&act, &format!("refused: {code}"));
        Ok(())
    }

    /// Waits until a department has this event about the case, and gives its data.
    pub async fn hears(&self, who: &Player, term: &str, kind: &str) -> anyhow::Result<Value> {
        let event = who.on_nats()?.event(kind, self.case, PATIENCE).await?;
        ensure!(event["specversion"] == "1.0", "{kind} is no CloudEvent: {event}");
        let what = format!("hears {kind} over NATS");
        self.timeline.step(&Step { who: who.title(), term, what: &what, stage: "(the case does not move)" });
        Ok(event["data"].clone())
    }

    /// The case.
    pub async fn summary(&self) -> anyhow::Result<Value> {
        self.http.get(&self.auditor, &format!("/cases/{}", self.case)).await?.accepted()
    }

    /// The day on which the issue was recorded.
    pub async fn day(&self) -> anyhow::Result<String> {
        let summary = self.summary().await?;
        let day = summary["discovered_at"].as_str().and_then(|moment| moment.get(..10));
        day.map(str::to_owned).context("a case without a day")
    }

    /// The time of the newest event of the case.
    pub async fn now(&self) -> anyhow::Result<String> {
        let page =
            self.http.get(&self.auditor, &format!("/cases/{}/history?limit=200", self.case)).await?.accepted()?;
        let newest = page["items"].as_array().and_then(|items| items.last()).context("a case without events")?;
        text(&newest["event"]["time"])
    }

    /// The events of the case in order: the short names of their types.
    pub async fn history(&self) -> anyhow::Result<Vec<String>> {
        let page =
            self.http.get(&self.auditor, &format!("/cases/{}/history?limit=200", self.case)).await?.accepted()?;
        let items = page["items"].as_array().context("a history without items")?;
        items.iter().map(|item| short_name(&item["event"])).collect()
    }

    /// Waits until an event of this name is recorded, which follows from another one without anybody's command.
    pub async fn comes_to(&self, event: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + FOLLOW_UP_PATIENCE;
        while !self.history().await?.iter().any(|known| known == event) {
            ensure!(Instant::now() < deadline, "{event} did not follow within {FOLLOW_UP_PATIENCE:?}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Errors unless these are the orders: department, cycle and status, in the order of departments and cycles.
    pub async fn orders_are(&self, expected: &[(&str, u64, &str)]) -> anyhow::Result<()> {
        let summary = self.summary().await?;
        let orders = summary["parts"]["orders"].as_array().context("a case without orders")?;
        let mut found: Vec<_> = orders.iter().filter_map(row).collect();
        found.sort_unstable();
        ensure!(found == expected, "the orders are {found:?}, and should be {expected:?}");
        Ok(())
    }

    /// Ends the story: the case is closed as it should be, and its history is the one that was told.
    pub async fn end(&self, outcome: &str, cycle: u64, history: &[&str]) -> anyhow::Result<Ending> {
        let summary = self.summary().await?;
        self.check(&summary, ("closed", ""))?;
        ensure!(summary["outcome"] == outcome, "it ended as {}, and should as {outcome}", summary["outcome"]);
        ensure!(summary["cycle"] == cycle, "it ended in cycle {}, and should in {cycle}", summary["cycle"]);
        let found = self.history().await?;
        ensure!(found == history, "the history is {found:?}, and should be {history:?}");
        Ok(Ending { case: self.case, outcome: outcome.to_owned(), cycle, events: found.len() })
    }

    /// Reads the case right after the answer: it shows what was written. Checks it, and tells it.
    async fn tell(&self, act: &Act<'_>, answer: &Value) -> anyhow::Result<()> {
        let version = answer["version"].as_u64().context("an answer without version")?;
        let summary = self.summary().await?;
        let shown = &summary["version"];
        ensure!(shown.as_u64() >= Some(version), "version {version} was answered and {shown} is shown");
        self.check(&summary, act.then).with_context(|| format!("after {} {}", act.who.title(), act.what))?;
        self.say(act, act.then.0);
        Ok(())
    }

    fn say(&self, act: &Act<'_>, stage: &str) {
        self.timeline.step(&Step { who: act.who.title(), term: act.term, what: act.what, stage });
    }

    /// The closed chain: a case that is not over has a next actor with a due time, and only such a case.
    fn check(&self, summary: &Value, (stage, next): (&str, &str)) -> anyhow::Result<()> {
        ensure!(summary["stage"] == stage, "case {} is {}, and should be {stage}", self.case, summary["stage"]);
        if next.is_empty() {
            ensure!(summary["next"].is_null(), "nothing should be left to do, but: {}", summary["next"]);
            return Ok(());
        }
        let step = &summary["next"]["step"];
        ensure!(*step == next, "the next step is {step}, and should be {next}");
        ensure!(summary["next"]["due"]["at"].is_string(), "{next} has no due time");
        Ok(())
    }
}

/// Department, cycle and status of an order.
fn row(order: &Value) -> Option<(&str, u64, &str)> {
    Some((order["department"].as_str()?, order["cycle"].as_u64()?, order["status"].as_str()?))
}

/// `order_accepted` of `cn.dualgrid.case.order_accepted.v1`.
fn short_name(event: &Value) -> anyhow::Result<String> {
    let kind = text(&event["type"])?;
    kind.split('.').nth(3).map(ToOwned::to_owned).with_context(|| format!("{kind} is no type of an event"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_called_by_the_name_in_its_type() {
        let event = serde_json::json!({ "type": "cn.dualgrid.case.order_accepted.v1" });
        assert_eq!(short_name(&event).unwrap(), "order_accepted");
        let refused = |event| short_name(&event).unwrap_err().to_string();
        assert_eq!(refused(serde_json::json!({ "type": "x" })), "x is no type of an event");
        assert_eq!(refused(serde_json::json!({})), "null is no text");
    }
}

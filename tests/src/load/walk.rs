//! The life of a case in the load: found, registered, handed up, filed, dispatched, worked on; with commands in between
//! that must be refused. Some cases end early: they are merged into another one, which is one command on two streams.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Sender, case_of};
use crate::{Outcome, Who, criteria, discovery, registration};

/// The grids of 静安寺 in which the clients find something.
const GRIDS: [&str; 4] = ["JAS-R01-M01", "JAS-R01-M02", "JAS-R02-M01", "JAS-R02-M02"];

/// A matter whose lead is the department of [`Who::Clerk`].
const MATTER: &str = "WM-0101";
/// That department.
const LEAD: &str = "LHSR";

/// How many commands of a hundred must be refused.
const WRONG: u64 = 12;

/// How many cases of a hundred are found twice.
const DOUBLES: u64 = 10;

/// How many days of a hundred on which a department says three things at once.
const RACES: u64 = 15;

/// One client.
pub(super) struct Walk {
    number: usize,
    sender: Sender,
}

/// A case ends early where a command's outcome stays unknown or is not what it should be: another one begins.
type Stopped = Option<()>;

impl Walk {
    pub(super) fn new(number: usize, sender: Sender) -> Self {
        Self { number, sender }
    }

    /// Walks one case after the other until it is over.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        for round in 0_u64.. {
            if self.sender.is_over() {
                break;
            }
            if self.case(round).await?.is_none() {
                self.sender.pause().await;
            }
        }
        Ok(())
    }

    async fn case(&mut self, round: u64) -> anyhow::Result<Stopped> {
        let grid = *self.sender.randomness.pick(&GRIDS);
        let title = format!("{}号 第{round}件", self.number);
        let found = self.sender.give(Who::Leader, "/cases/discover-issue".to_owned(), discovery(grid, &title)).await?;
        let Some(case) = case_of(&found) else { return Ok(None) };
        if self.sender.randomness.happens(DOUBLES) {
            return self.merged(case, grid, &title).await;
        }
        let orders = json!({ "lead": LEAD, "instructions": "请处置" });
        let steps = [
            (Who::Leader, "register-issue", registration(MATTER)),
            (Who::Leader, "escalate-issue", json!({ "reason": "需部门处置" })),
            (Who::Duty, "file-case", criteria()),
        ];
        for (who, name, body) in steps {
            if self.step(case, who, name, body).await?.is_none() {
                return Ok(None);
            }
        }
        // Not every case comes this far.
        if self.sender.randomness.below(4) == 0 {
            return Ok(Some(()));
        }
        let Some(dispatched) = self.step(case, Who::Dispatcher, "dispatch-case", orders).await? else {
            return Ok(None);
        };
        let Some((order, sent_on)) = self.order(&dispatched).await? else { return Ok(None) };
        self.work(case, &order, &sent_on).await
    }

    /// The case was found twice, and two merge both at the same time, each into the other. One of them is first, and the other
    /// finds a case that is over.
    async fn merged(&mut self, case: Uuid, grid: &str, title: &str) -> anyhow::Result<Stopped> {
        let again = self.sender.give(Who::Leader, "/cases/discover-issue".to_owned(), discovery(grid, title)).await?;
        let Some(other) = case_of(&again) else { return Ok(None) };
        let merge = |from: Uuid, into: Uuid| {
            (Who::Leader, format!("/cases/{from}/merge-issue"), json!({ "into": into, "reason": "同一件事" }))
        };
        let raced = self.sender.race(vec![merge(case, other), merge(other, case)]).await?;
        let done = raced.iter().filter(|outcome| matches!(outcome, Outcome::Acknowledged { .. })).count();
        ensure!(done < 2, "{case} and {other} were merged into each other");
        Ok(Some(()))
    }

    /// The department accepts, and says how it goes. The same text would be the same progress, so each has its own.
    async fn work(&mut self, case: Uuid, order: &str, day: &str) -> anyhow::Result<Stopped> {
        if self.step(case, Who::Clerk, "accept-order", json!({ "order": order })).await?.is_none() {
            return Ok(None);
        }
        let progress =
            |number: u64, text: &str| json!({ "order": order, "day": day, "text": format!("第{number}次{text}") });
        for number in 1..=self.sender.randomness.below(4) {
            if self.sender.randomness.happens(RACES) {
                let path = format!("/cases/{case}/record-progress");
                let racing = ["，上午", "，下午", "，晚上"];
                let racing = racing.map(|text| (Who::Clerk, path.clone(), progress(number, text)));
                self.sender.race(racing.to_vec()).await?;
            }
            let body = progress(number, "");
            if self.step(case, Who::Clerk, "record-progress", body).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    /// Takes a step of the way, now and then with one beside it that must be refused. None where the way ends here.
    async fn step(&mut self, case: Uuid, who: Who, name: &str, body: Value) -> anyhow::Result<Option<Value>> {
        if self.sender.is_over() {
            return Ok(None);
        }
        if self.sender.randomness.happens(WRONG) {
            self.wrong(case, name).await?;
        }
        match self.sender.give(who, format!("/cases/{case}/{name}"), body).await? {
            Outcome::Acknowledged { answer, .. } => Ok(Some(answer)),
            _ => Ok(None),
        }
    }

    /// Something that must not be done: out of turn, by somebody else, without its body, about no case.
    async fn wrong(&mut self, case: Uuid, next: &str) -> anyhow::Result<()> {
        let (who, path, body) = match self.sender.randomness.below(6) {
            0 => (
                Who::Duty,
                format!("/cases/{case}/close-case"),
                json!({ "outcome": "solved", "resolution": ["law"], "summary": "?" }),
            ),
            1 => (Who::Dispatcher, format!("/cases/{case}/register-issue"), registration(MATTER)),
            2 => (Who::Leader, format!("/cases/{case}/register-issue"), json!({ "matter": 7 })),
            3 => (Who::Leader, format!("/cases/{}/register-issue", self.sender.randomness.id()), registration(MATTER)),
            4 if next != "register-issue" => {
                (Who::Leader, format!("/cases/{case}/register-issue"), registration("WM-0102"))
            }
            _ => (Who::Duty, format!("/cases/{case}/refuse-filing"), json!({ "reason": "?", "more": 1 })),
        };
        self.sender.give(who, path, body).await.map(drop)
    }

    /// The order in what a dispatch recorded, and the day on which it was sent. The log is asked: views may be behind.
    async fn order(&mut self, dispatched: &Value) -> anyhow::Result<Option<(String, String)>> {
        let (first, count) = (dispatched["first"].as_u64(), dispatched["events"].as_u64());
        let (Some(first), Some(count)) = (first, count) else { return Ok(None) };
        for position in (first..first + count).rev() {
            let Some(event) = self.sender.read(&format!("/events/{position}")).await else { return Ok(None) };
            if event["type"].as_str().is_some_and(|kind| kind.contains("order_dispatched")) {
                let order = event["data"]["order"]["order"].as_str().context("an order without an id")?;
                let day = event["time"].as_str().and_then(|time| time.get(..10)).context("an event without a time")?;
                return Ok(Some((order.to_owned(), day.to_owned())));
            }
        }
        Ok(None)
    }
}

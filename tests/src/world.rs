//! A system with the sample district, and the people most tests need.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::client::{Answer, Client, command_id, eventually};
use testkit::system::{Store, System, SystemSetup};
use uuid::Uuid;

/// How long a view may lag behind the log.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running system with the sample district.
#[derive(Debug)]
pub struct World {
    /// The system.
    pub system: System,
    /// Reads everything.
    pub auditor: String,
    /// Finds and registers anywhere in 静安寺.
    pub leader: String,
    /// Files, decides and closes in 静安寺.
    pub duty: String,
    /// Dispatches in 静安寺.
    pub dispatcher: String,
}

impl World {
    /// Starts it.
    pub async fn start(store: Store) -> anyhow::Result<Self> {
        Self::of(System::start(SystemSetup::sample(store)?).await?).await
    }

    /// The people of a system that runs.
    pub async fn of(system: System) -> anyhow::Result<Self> {
        let street = ["--grid", "JAS"];
        Ok(Self {
            auditor: system.token("auditor-1", "auditor", &[]).await?,
            leader: system.token("jas-leader", "grid_leader", &street).await?,
            duty: system.token("jas-duty", "duty_officer", &street).await?,
            dispatcher: system.token("jas-dispatcher", "dispatcher", &street).await?,
            system,
        })
    }

    /// A client of it.
    pub fn http(&self) -> Client {
        self.system.http()
    }

    /// Gives a command about a case.
    pub async fn command(&self, token: &str, case: Uuid, name: &str, body: Value) -> anyhow::Result<Answer> {
        self.http().command(token, &format!("/cases/{case}/{name}"), command_id()?, body).await
    }

    /// Discovers an issue in a grid of 静安寺 and gives its case.
    pub async fn discover(&self, grid: &str, title: &str) -> anyhow::Result<Uuid> {
        let body = discovery(grid, title);
        let answer =
            self.http().command(&self.leader, "/cases/discover-issue", command_id()?, body).await?.accepted()?;
        answer["case"].as_str().context("the answer names no case")?.parse().context("a case has a UUID")
    }

    /// Brings a case of this matter to a dispatch of this lead.
    pub async fn dispatch(&self, grid: &str, matter: &str, lead: &str) -> anyhow::Result<Uuid> {
        let case = self.discover(grid, "待派遣的案件").await?;
        let orders = json!({ "lead": lead, "instructions": "请处置" });
        let steps = [
            (&self.leader, "register-issue", registration(matter)),
            (&self.leader, "escalate-issue", json!({ "reason": "需部门处置" })),
            (&self.duty, "file-case", criteria()),
            (&self.dispatcher, "dispatch-case", orders),
        ];
        for (token, name, body) in steps {
            self.command(token, case, name, body).await?.accepted().with_context(|| name.to_owned())?;
        }
        Ok(case)
    }

    /// The case as the view shows it, once it shows this version or a later one.
    pub async fn case(&self, case: Uuid, version: u64) -> anyhow::Result<Value> {
        eventually("the view shows the case", PATIENCE, async || {
            let answer = self.http().get(&self.auditor, &format!("/cases/{case}")).await?;
            let shows = answer.status == 200 && answer.body["version"].as_u64() >= Some(version);
            Ok(shows.then_some(answer.body))
        })
        .await
    }

    /// The order of a case that was sent to this department.
    pub async fn order(&self, case: Uuid, department: &str) -> anyhow::Result<String> {
        eventually("the view shows the order", PATIENCE, async || {
            let answer = self.http().get(&self.auditor, &format!("/cases/{case}")).await?;
            let orders = answer.body["orders"].as_object();
            let own = orders.and_then(|orders| orders.iter().find(|(_, order)| order["department"] == department));
            Ok(own.map(|(id, _)| id.clone()))
        })
        .await
    }
}

/// The body of a discovery.
pub fn discovery(grid: &str, title: &str) -> Value {
    json!({
        "source": "patrol",
        "title": title,
        "description": "巡查发现",
        "grid": grid,
        "location": { "text": "弄堂口" },
    })
}

/// The body of a filing: every criterion of the sample's rules is met.
pub fn criteria() -> Value {
    let texts = [
        "发生在本街镇管辖范围内",
        "属于事项目录内的事项",
        "地点、现象清楚，有现场材料",
        "未与在办案件重复",
        "网格内已先议，或已说明免议理由",
    ];
    json!({ "criteria": texts.map(|criterion| json!({ "criterion": criterion, "met": true })) })
}

/// The body of a registration.
pub fn registration(matter: &str) -> Value {
    json!({ "matter": matter, "handling": "promised" })
}

/// Waits until the summaries of all these cases show at least these versions.
pub async fn wait_for_views(http: &Client, token: &str, cases: &[(Uuid, u64)]) -> anyhow::Result<()> {
    for (case, version) in cases {
        eventually("the view has caught up", PATIENCE, async || {
            let answer = http.get(token, &format!("/cases/{case}")).await?;
            ensure!(answer.status == 200 || answer.status == 404, "{} {}", answer.status, answer.text);
            Ok((answer.body["version"].as_u64() >= Some(*version)).then_some(()))
        })
        .await?;
    }
    Ok(())
}

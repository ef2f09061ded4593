//! A system with the sample district, and the people most tests need.

use std::time::Duration;

use anyhow::Context as _;
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
        answer["id"].as_str().context("the answer names no case")?.parse().context("a case has a UUID")
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

    /// The case. It shows everything that was answered before.
    pub async fn case(&self, case: Uuid) -> anyhow::Result<Value> {
        self.http().get(&self.auditor, &format!("/cases/{case}")).await?.accepted()
    }

    /// The order of a case that was sent to this department.
    pub async fn order(&self, case: Uuid, department: &str) -> anyhow::Result<String> {
        let shown = self.case(case).await?;
        let orders = shown["parts"]["orders"].as_array().context("a case without orders")?;
        let own = orders.iter().find(|order| order["department"] == department);
        let id = own.and_then(|order| order["order"].as_str()).map(str::to_owned);
        id.with_context(|| format!("no order for {department}: {shown}"))
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

/// Waits until the view with this path follows the log up to where it is now.
pub async fn wait_for_view(http: &Client, token: &str, path: &str) -> anyhow::Result<()> {
    let head = crate::head(http, token).await?;
    let what = format!("{path} follows up to {head}");
    eventually(&what, PATIENCE, async || {
        let answer = http.get(token, path).await?;
        let position = answer.header("dualgrid-view-position").map(str::parse).transpose()?;
        answer.accepted()?;
        Ok(position.filter(|position: &u64| *position >= head).map(drop))
    })
    .await
}

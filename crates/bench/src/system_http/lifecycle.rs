//! The ways of a case through its life, as the commands that people and departments send.

use kernel::{CaseId, OrderId};
use serde_json::{Value, json};

/// The criteria for filing, as in `deploy/sample/filing-criteria.toml`.
const CRITERIA: [&str; 5] = [
    "发生在本街镇管辖范围内",
    "属于事项目录内的事项",
    "地点、现象清楚，有现场材料",
    "未与在办案件重复",
    "网格内已先议，或已说明免议理由",
];
/// Where the order stands in a body until the case is known.
const ORDER: &str = "00000000-0000-0000-0000-000000000000";
/// The departments that get orders, each with a matter that it leads.
const LEADS: [(&str, &str); 4] = [("XFJY", "PA-0101"), ("SCJG", "PA-0104"), ("YJGL", "PA-0105"), ("SSGW", "PA-0201")];
/// A matter that a grid may handle itself.
const COMMUNITY_MATTER: &str = "PA-0103";

/// Who sends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Leader,
    /// A leader of the whole district.
    Anywhere,
    Duty,
    Dispatcher,
    Verifier,
    /// The clerk of the department with this place among [`departments`].
    Clerk(usize),
}

/// One command of a way.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) who: Who,
    pub(super) name: &'static str,
    body: String,
}

impl Step {
    fn new(who: Who, name: &'static str, body: &Value) -> Self {
        Self { who, name, body: body.to_string() }
    }

    /// The body, with the order of this case where one is named.
    pub(super) fn body(&self, order: &str) -> String {
        self.body.replace(ORDER, order)
    }
}

/// A way from the registration to the end.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) steps: Vec<Step>,
    /// The department that gets the order, if one does.
    pub(super) lead: Option<&'static str>,
}

impl Way {
    /// The order of a case on this way: its id follows from the case, the dispatch and the department.
    pub(super) fn order(&self, case: CaseId) -> String {
        self.lead.map(|lead| OrderId::named(&format!("{case}/1/{lead}")).to_string()).unwrap_or_default()
    }
}

/// The codes of the departments that get orders.
pub(super) fn departments() -> impl Iterator<Item = &'static str> {
    LEADS.iter().map(|(department, _)| *department)
}

/// Every way: one through each department, and as many through the grid itself as through two of them.
pub(super) fn ways(evidence: &str, day: &str) -> Vec<Way> {
    let through_departments = (0..LEADS.len()).map(|place| through_department(place, evidence, day));
    let through_grid = || through_grid(evidence, day);
    through_departments.chain([through_grid(), through_grid()]).collect()
}

/// The body of a discovery.
pub(super) fn discovery(grid: &str, title: &str) -> String {
    json!({
        "source": "patrol",
        "title": title,
        "description": "巡查发现，现场已拍照，请尽快处置",
        "grid": grid,
        "location": { "text": "弄堂口", "longitude": 121.4715, "latitude": 31.2437 },
    })
    .to_string()
}

fn through_department(place: usize, evidence: &str, day: &str) -> Way {
    let (lead, matter) = LEADS[place];
    let clerk = Who::Clerk(place);
    let criteria = CRITERIA.map(|criterion| json!({ "criterion": criterion, "met": true }));
    let progress = json!({ "order": ORDER, "day": day, "text": "已到现场，正在处置" });
    let disposal = json!({ "order": ORDER, "result": "已清理完毕，恢复原状", "evidence": [evidence] });
    let mut steps = vec![
        Step::new(Who::Leader, "register-issue", &json!({ "matter": matter, "handling": "promised" })),
        Step::new(Who::Leader, "escalate-issue", &json!({ "reason": "需部门处置" })),
        Step::new(Who::Duty, "file-case", &json!({ "criteria": criteria })),
        Step::new(Who::Dispatcher, "dispatch-case", &json!({ "lead": lead, "instructions": "请于时限内处置" })),
        Step::new(clerk, "accept-order", &json!({ "order": ORDER })),
        Step::new(clerk, "record-progress", &progress),
        Step::new(clerk, "submit-disposal", &disposal),
    ];
    steps.extend(to_the_end("solved", evidence));
    Way { steps, lead: Some(lead) }
}

fn through_grid(evidence: &str, day: &str) -> Way {
    let started = json!({ "executors": [{ "kind": "grid_team", "name": "网格队伍" }], "work": "清理楼道堆物" });
    let mut done = started.clone();
    done["done"] = json!({ "result": "已清理完毕", "evidence": [evidence] });
    let progress = json!({ "day": day, "text": "已联系住户，正在清理" });
    let registration = json!({ "matter": COMMUNITY_MATTER, "handling": "immediate" });
    let mut steps = vec![
        Step::new(Who::Leader, "register-issue", &registration),
        Step::new(Who::Leader, "handle-in-grid", &started),
        Step::new(Who::Leader, "record-progress", &progress),
        Step::new(Who::Leader, "handle-in-grid", &done),
    ];
    steps.extend(to_the_end("community_solved", evidence));
    Way { steps, lead: None }
}

fn to_the_end(outcome: &str, evidence: &str) -> [Step; 3] {
    let verified = json!({ "passed": true, "findings": "现场查看，已处置到位", "evidence": [evidence] });
    let heard = json!({ "answer": "问题已解决", "contacted": true, "solved": true, "satisfied": true });
    let closed = json!({ "outcome": outcome, "resolution": ["law"], "summary": "已办结，群众满意" });
    [
        Step::new(Who::Verifier, "verify-case", &verified),
        Step::new(Who::Leader, "record-feedback", &heard),
        Step::new(Who::Duty, "close-case", &closed),
    ]
}

//! A street with everything that a command may name, and one case that is told in it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use dualgrid_case::{
    Authority, Case, CaseCommand, CaseEvent, CaseFile, CloseCase, Completion, ConsentRuleFacts, Context,
    CriterionAnswer, DepartmentFacts, DiscoverIssue, DispatchCase, EscalateIssue, Executor, ExecutorKind, Facts,
    FileCase, GridFacts, HandleInGrid, Handling, Location, MatterFacts, MergeTarget, Outcome, RecordFeedback, Refusal,
    RegisterIssue, Resolution, Share, Source, Urgency, VerifyCase,
};
use kernel::digest::Digest;
use kernel::{
    Actor, CaseId, DepartmentCode, Derivation, Due, Evidence, GridCode, Limit, MatterCode, Role, Scope, Step, TimeUnit,
};

/// Monday 2026-03-02, 10:00 in Shanghai.
pub(crate) const MORNING: DateTime<Utc> = DateTime::from_timestamp(1_772_416_800, 0).expect("a valid time");
/// For a department, and for the community.
pub(crate) const MATTERS: [&str; 2] = ["FW-0301", "FW-0108"];
/// The first has every matter on its list.
pub(crate) const DEPARTMENTS: [&str; 3] = ["SCJG", "WSJK", "CGZF"];
const GRIDS: [&str; 3] = ["JAS-R03-M01", "JAS-R03", "JAS"];

pub(crate) fn case_id() -> CaseId {
    CaseId::named("told")
}

pub(crate) fn grid() -> GridCode {
    GridCode::try_new(GRIDS[0]).expect("a code")
}

pub(crate) fn matter(code: &str) -> MatterCode {
    MatterCode::try_new(code).expect("a code")
}

pub(crate) fn department(code: &str) -> DepartmentCode {
    DepartmentCode::try_new(code).expect("a code")
}

/// A file that was uploaded.
pub(crate) fn photo() -> Digest {
    Digest::of(b"photo")
}

pub(crate) fn staff(id: &str, role: Role) -> Actor {
    Actor { id: id.into(), role, scope: Scope::Everywhere }
}

pub(crate) fn clerk(code: &str) -> Actor {
    Actor { id: format!("clerk-{code}"), role: Role::DepartmentClerk, scope: Scope::Department(department(code)) }
}

/// `days` from `from`.
pub(crate) fn due(from: DateTime<Utc>, days: u32, rule: &str) -> Due {
    let limit = Limit { amount: days, unit: TimeUnit::CalendarDay };
    let (rule, calendar) = (rule.into(), "cn-2026.1".into());
    let derivation = Derivation { from, limit, rule, rules_version: 3, calendar, assumed: false };
    Due { at: from + TimeDelta::days(i64::from(days)), derivation }
}

fn matter_facts(code: &MatterCode) -> Option<MatterFacts> {
    let (authority, name) = match MATTERS.iter().position(|known| *known == code.as_str())? {
        0 => (Authority::Administrative, "从业人员健康证办理"),
        _ => (Authority::Community, "车棚改建"),
    };
    Some(MatterFacts { code: code.clone(), name: name.into(), authority, rules_version: 3 })
}

/// What other aggregates know of what `command` names.
fn facts(case: &Case, command: &CaseCommand, at: DateTime<Utc>) -> Facts {
    let registered = case.file.as_ref().and_then(|file| file.registered.as_ref());
    let matter = match command {
        CaseCommand::RegisterIssue(command) => Some(&command.matter),
        CaseCommand::FileCase(FileCase { matter: Some(matter), .. }) => Some(matter),
        _ => registered.map(|registered| &registered.matter.code),
    };
    let department = |(place, code): (usize, &&str)| {
        (department(code), DepartmentFacts { name: format!("{code}所"), owns_matter: place == 0 })
    };
    let photo = Evidence { sha256: photo(), media_type: "image/jpeg".into(), size: 5 };
    Facts {
        grid: Some(GridFacts {
            path: GRIDS.into_iter().map(|code| GridCode::try_new(code).expect("a code")).collect(),
            name: "复元坊微网格".into(),
            lowest: true,
            party_org: None,
            administrative: vec![],
        }),
        matter: matter.and_then(matter_facts),
        departments: DEPARTMENTS.iter().enumerate().map(department).collect(),
        steps: Step::ALL.into_iter().map(|step| (step, due(at, 1, &format!("step {step:?}")))).collect(),
        disposal: Some(due(at, 5, "disposal")),
        return_window: Some(due(at, 2, "return window")),
        reopen_window: Some(due(at, 30, "reopen window")),
        consent_rule: Some(ConsentRuleFacts {
            id: "RESIDENT_2_3".into(),
            participated_of_invited: None,
            agreed_of_invited: Some(Share { numerator: 2, denominator: 3, exceeded: false }),
            agreed_of_participated: None,
            rules_version: 3,
        }),
        evidence: BTreeMap::from([(photo.sha256, photo)]),
        merge_target: Some(MergeTarget { case: CaseId::named("another"), open: true, older: true }),
        ..Facts::default()
    }
}

/// One case and how it came to stand as it does.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) case: Case,
    pub(crate) events: Vec<CaseEvent>,
    pub(crate) at: DateTime<Utc>,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self { case: Case::default(), events: Vec::new(), at: MORNING }
    }

    pub(crate) fn file(&self) -> &CaseFile {
        self.case.file.as_ref().expect("the issue was discovered")
    }

    /// What `command` leads to now; nothing changes.
    pub(crate) fn ask(&self, by: &Actor, command: &CaseCommand) -> Result<Vec<CaseEvent>, Refusal> {
        let facts = facts(&self.case, command, self.at);
        self.case.decide(
            command,
            &Context { id: case_id(), at: self.at, today: self.at.date_naive(), by: by.clone(), facts },
        )
    }

    /// Lets `command` happen, if it is taken, and says which events it led to.
    pub(crate) fn tell(&mut self, by: &Actor, command: &CaseCommand) -> Result<Vec<CaseEvent>, Refusal> {
        let events = self.ask(by, command)?;
        self.case = events.iter().cloned().fold(std::mem::take(&mut self.case), Case::evolve);
        self.events.extend(events.clone());
        Ok(events)
    }
}

pub(crate) fn discover() -> DiscoverIssue {
    DiscoverIssue {
        source: Source::Patrol,
        source_code: None,
        title: "商户不知如何办理健康证".into(),
        description: "多家餐饮企业不清楚办理地点和时间".into(),
        grid: grid(),
        location: Location { text: "大悦城北座".into(), longitude: Some(121.472_644_1), latitude: Some(31.242_5) },
        reporter: None,
        evidence: vec![photo()],
        list_line: None,
        found_at: None,
    }
}

pub(crate) fn register(code: &str) -> RegisterIssue {
    RegisterIssue { matter: matter(code), urgency: Urgency::Ordinary, handling: Handling::Promised }
}

pub(crate) fn escalate() -> EscalateIssue {
    EscalateIssue { reason: "网格内没有办理资质".into(), waiver: Some("事实清楚, 无需共议".into()) }
}

pub(crate) fn work_done() -> HandleInGrid {
    HandleInGrid {
        executors: vec![Executor { kind: ExecutorKind::OwnersCommittee, name: "复元坊业委会".into() }],
        work: "改建车棚".into(),
        done: Some(Completion { result: "已竣工".into(), evidence: vec![photo()] }),
    }
}

pub(crate) fn file_case() -> FileCase {
    FileCase { criteria: vec![CriterionAnswer { criterion: "属于本街道管辖".into(), met: true }], matter: None }
}

pub(crate) fn dispatch() -> DispatchCase {
    DispatchCase {
        lead: department(DEPARTMENTS[0]),
        assist: vec![department(DEPARTMENTS[1])],
        instructions: "在楼宇设集体办理点".into(),
        override_reason: None,
        dispose_by: None,
    }
}

pub(crate) fn verify(passed: bool) -> VerifyCase {
    VerifyCase { passed, findings: "现场已看".into(), evidence: vec![photo()], rework: vec![] }
}

pub(crate) fn feedback(satisfied: bool) -> RecordFeedback {
    RecordFeedback {
        answer: "已设集体办理点".into(),
        contacted: true,
        solved: Some(satisfied),
        satisfied: Some(satisfied),
        comment: None,
    }
}

pub(crate) fn close(outcome: Outcome) -> CloseCase {
    CloseCase {
        outcome,
        resolution: vec![Resolution::Joint],
        summary: "已答复发现人".into(),
        override_reason: Some("诉求已尽责办理".into()),
    }
}

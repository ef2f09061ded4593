//! A street with everything that a command may name, and one case that is told in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use dualgrid_case::{
    Case, CaseCommand, CaseEvent, CaseFile, CloseCase, Completion, CriterionAnswer, DiscoverIssue, DispatchCase,
    EscalateIssue, Executor, ExecutorKind, FileCase, HandleInGrid, Handling, LocationInput, Outcome, RecordFeedback,
    Refusal, RegisterIssue, Resolution, Source, Urgency, VerifyCase,
};
use kernel::consent::{ConsentRule, Share, Thresholds};
use kernel::digest::Digest;
use kernel::facts::{Authority, DepartmentFacts, GridFacts, MatterFacts, SealedPerson, Seat};
use kernel::{
    Actor, Aggregate, CaseId, Command, Context, DepartmentCode, Derivation, Due, Evidence, Facts, GridCode, Limit,
    LimitOf, MatterCode, Needs, PersonId, Position, Role, Scope, SourceCode, TimeUnit,
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
    Digest::of(kernel::evidence::EXAMPLE)
}

pub(crate) fn staff(id: &str, role: Role) -> Actor {
    Actor { id: id.into(), role, scope: Scope::Everywhere, seconded_by: None }
}

pub(crate) fn clerk(code: &str) -> Actor {
    Actor {
        id: format!("clerk-{code}"),
        role: Role::DepartmentClerk,
        scope: Scope::Department(department(code)),
        seconded_by: None,
    }
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

fn grid_facts() -> GridFacts {
    let path: Vec<_> = GRIDS.into_iter().map(|code| GridCode::try_new(code).expect("a code")).collect();
    GridFacts {
        centre: path[2].clone(),
        path,
        name: "复元坊微网格".into(),
        lowest: true,
        party_org: None,
        administrative: vec![],
    }
}

/// The path of a grid, and the posts that are held on it.
type Held = (&'static [&'static str], &'static [(&'static str, Role)]);

/// Where a case belongs since then, with the posts that are held there: where it was found, in the micro grid beside that, in one whose
/// leader is the secretary above, in the grid above, in another street.
const SEATS: [Held; 5] = [
    (&GRIDS, &[("JAS-R03-M01", Role::GridLeader)]),
    (&["JAS-R03-M02", "JAS-R03", "JAS"], &[("JAS-R03-M02", Role::GridLeader), ("JAS-R03", Role::ResidentialSecretary)]),
    (&["JAS-R03-M03", "JAS-R03", "JAS"], &[("JAS-R03", Role::ResidentialSecretary)]),
    (&["JAS-R03", "JAS"], &[("JAS-R03", Role::ResidentialSecretary)]),
    (&["ZJX-R01-M01", "ZJX-R01", "ZJX"], &[("ZJX-R01-M01", Role::GridLeader), ("ZJX", Role::DutyOfficer)]),
];

/// Which of them it is, the seconds of the moment say.
fn seat(since: DateTime<Utc>) -> Seat {
    let number = usize::try_from((since - MORNING).num_seconds()).unwrap_or_default() % SEATS.len();
    let code = |code: &str| GridCode::try_new(code).expect("a code");
    let (path, held) = SEATS[number];
    let path: Vec<_> = path.iter().copied().map(code).collect();
    let grid = GridFacts { centre: path[path.len() - 1].clone(), path, ..grid_facts() };
    let mut posts: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (grid, role) in held {
        posts.entry(code(grid)).or_default().insert(*role);
    }
    Seat { grid, posts }
}

fn department_facts(code: &DepartmentCode) -> Option<DepartmentFacts> {
    let place = DEPARTMENTS.iter().position(|known| *known == code.as_str())?;
    let matters = if place == 0 { MATTERS.iter().map(|code| matter(code)).collect() } else { BTreeSet::new() };
    Some(DepartmentFacts { name: format!("{code}所"), matters })
}

fn due_of(of: &LimitOf, at: DateTime<Utc>) -> Due {
    match of {
        LimitOf::Step(step) => due(at, 1, &format!("step {step}")),
        LimitOf::Disposal(_) => due(at, 5, "disposal"),
        LimitOf::ReturnWindow => due(at, 2, "return window"),
        LimitOf::ReopenWindow => due(at, 30, "reopen window"),
        LimitOf::OwnDue => due(at, 90, "own due"),
    }
}

pub(crate) fn consent_rule(id: &str) -> Option<ConsentRule> {
    (id == "RESIDENT_2_3").then(|| ConsentRule {
        id: id.into(),
        heads: Thresholds {
            agreed_of_electorate: Some(Share { numerator: 2, denominator: 3, exceeded: false }),
            ..Thresholds::default()
        },
        rules_version: 3,
    })
}

/// What is known of what a command needs, and nothing else.
fn facts(needs: &Needs, at: DateTime<Utc>) -> Facts {
    fn known<K: Clone + Ord, V>(asked: &[K], find: impl Fn(&K) -> Option<V>) -> BTreeMap<K, V> {
        asked.iter().filter_map(|key| Some((key.clone(), find(key)?))).collect()
    }
    let file = Evidence { sha256: photo(), media_type: "image/jpeg".into(), size: 5 };
    Facts {
        grids: known(&needs.grids, |code| (*code == grid()).then(grid_facts)),
        matters: known(&needs.matters, matter_facts),
        departments: known(&needs.departments, department_facts),
        dues: known(&needs.dues, |of| Some(Ok(due_of(of, at)))),
        consent_rules: known(&needs.consent_rules, |id| consent_rule(id)),
        evidence: known(&needs.evidence, |sha256| (*sha256 == file.sha256).then(|| file.clone())),
        incompatible: if needs.incompatible { kernel::separation::INCOMPATIBLE.to_vec() } else { vec![] },
        review_score_min: needs.review_score.then_some(60),
        began: needs.began.then_some(Position(17)),
        may_number: needs.numbered.is_some(),
        seat: needs.seat.as_ref().map(|of| seat(of.since)),
        // Whoever discovers something names somebody who reported it.
        sealed: Some(SealedPerson { person: PersonId::named("reporter"), values: vec![] }),
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
        let mut facts = facts(&command.needs(&self.case), self.at);
        if matches!(command, CaseCommand::TakeBackOrders(_)) {
            // The system takes them back once the department is closed.
            facts.departments.clear();
        }
        let (id, today) = (case_id().uuid(), self.at.date_naive());
        self.case.decide(command, &Context { id, at: self.at, today, by: by.clone(), facts })
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
        source_code: Some(SourceCode::try_new("0417").expect("a number")),
        title: "商户不知如何办理健康证".into(),
        description: "多家餐饮企业不清楚办理地点和时间".into(),
        grid: grid(),
        location: LocationInput {
            text: "大悦城北座".into(),
            longitude: Some(121.472_644_1),
            latitude: Some(31.242_5),
            ..Default::default()
        },
        reporter: None,
        confidential: None,
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
        own_due: None,
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

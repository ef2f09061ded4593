//! Histories of cases, each decided once by `case` and then copied with other ids.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use case::{
    AcceptOrder, Case, CaseCommand, CaseEvent, CloseCase, Completion, CriterionAnswer, DiscoverIssue, DispatchCase,
    EscalateIssue, Executor, ExecutorKind, FileCase, HandleInGrid, Handling, LocationInput, Outcome, PartOutcome,
    RecordFeedback, RecordProgress, RegisterIssue, Resolution, Source, SubmitDisposal, Urgency, VerifyCase,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::facts::{Authority, DepartmentFacts, GridFacts, MatterFacts};
use kernel::{
    Actor, Aggregate as _, Audience, CaseId, Command as _, Context, DepartmentCode, Derivation, Due, Event as _,
    Evidence, Facts, GridCode, Limit, LimitOf, MatterCode, OrderId, Position, Role, Scope, TimeUnit, Verb as _,
};
use uuid::Uuid;

/// The most commands a history has.
#[cfg(test)]
const COMMANDS_MAX: usize = 11;

/// Monday 2026-03-02, 10:00 in Shanghai: when all of it was decided.
const DECIDED_AT: DateTime<Utc> = DateTime::from_timestamp(1_772_416_800, 0).expect("a valid time");
/// The case of which every history is decided, before it is copied. Its last digits are found nowhere else.
const MODEL: CaseId = CaseId::new(Uuid::from_u128(0x019c_aaaa_bbbb_7ccc_8ddd_eeee_5a5a_f0f0));

/// One event, with holes for what differs from case to case.
#[derive(Debug)]
pub(crate) struct Template {
    /// Its stored name.
    pub(crate) kind: &'static str,
    /// The department it is about.
    pub(crate) department: Option<DepartmentCode>,
    /// Pieces of JSON, each followed by what goes into the hole after it.
    pieces: Vec<(String, Hole)>,
    /// The rest.
    tail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Case,
    Number,
    Order,
}

/// What goes into the holes.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The case id.
    pub(crate) case: String,
    /// The case number.
    pub(crate) number: String,
    /// The id of its order.
    pub(crate) order: String,
}

impl Names {
    /// Those that `case` gives: the number by the street, the day and a position, the order by case and department.
    fn of(case: CaseId, street: &GridCode, department: &DepartmentCode) -> Self {
        Self {
            case: case.to_string(),
            number: format!("{street}-20260302-{}", began(case)),
            order: OrderId::named(&format!("{case}/1/{department}")).to_string(),
        }
    }
}

/// A position that a case with this id may have begun at, so that its number can be made from the id alone.
fn began(case: CaseId) -> Position {
    let last = case.uuid().as_u64_pair().1 & u64::from(u32::MAX);
    Position(last + 1)
}

impl Template {
    fn new(event: &CaseEvent, model: &Names) -> anyhow::Result<Self> {
        let data = event.data()?;
        let mut rest = data.get();
        let mut pieces = Vec::new();
        let holes = [(Hole::Case, &model.case), (Hole::Number, &model.number), (Hole::Order, &model.order)];
        loop {
            let found = holes.iter().filter_map(|(hole, name)| Some((rest.find(name.as_str())?, *hole, name.len())));
            let Some((at, hole, length)) = found.min_by_key(|(at, ..)| *at) else { break };
            pieces.push((rest[..at].to_owned(), hole));
            rest = &rest[at + length..];
        }
        Ok(Self { kind: event.name(), department: event.department().cloned(), pieces, tail: rest.to_owned() })
    }

    /// Its JSON for one case.
    pub(crate) fn data(&self, names: &Names) -> String {
        let mut data = String::with_capacity(self.tail.len() + self.pieces.len() * 64 + 1024);
        for (piece, hole) in &self.pieces {
            data.push_str(piece);
            data.push_str(match hole {
                Hole::Case => &names.case,
                Hole::Number => &names.number,
                Hole::Order => &names.order,
            });
        }
        data.push_str(&self.tail);
        data
    }
}

/// A command that was given, and what it led to.
#[derive(Debug)]
pub(crate) struct Given {
    /// Who gave it.
    pub(crate) actor: Actor,
    /// Its events; at least one.
    pub(crate) events: Vec<Template>,
}

/// A whole history.
#[derive(Debug)]
pub(crate) struct History {
    /// Its commands, in order.
    pub(crate) commands: Vec<Given>,
    grid: GridFacts,
    department: DepartmentCode,
}

impl History {
    /// What goes into the holes for `case`.
    pub(crate) fn names(&self, case: CaseId) -> Names {
        Names::of(case, &self.grid.centre, &self.department)
    }

    /// Whom an event of it is for.
    pub(crate) fn audience_of<'a>(&'a self, event: &'a Template) -> Audience<'a> {
        event.department.as_ref().map_or(Audience::Street(&self.grid.centre), Audience::Order)
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Histories(pub Vec<History>);

impl Histories {
    /// Decides them: one solved by the community and three by departments in each grid.
    pub(crate) fn decide() -> anyhow::Result<Self> {
        let codes = testkit::sample::department_codes()?;
        let mut departments = codes.iter().cycle();
        let mut histories = Vec::new();
        for grid in lowest_grids()? {
            for authority in [Authority::Community, Authority::Administrative, Authority::Administrative] {
                let code = departments.next().context("the sample district has no departments")?;
                let department = DepartmentCode::try_new(code)?;
                histories.push(decide(&grid, authority, &department)?);
            }
        }
        Ok(Self(histories))
    }

    /// Every grid that comes up.
    pub(crate) fn grids(&self) -> Vec<GridCode> {
        let grids: BTreeSet<_> = self.0.iter().flat_map(|history| history.grid.path.iter().cloned()).collect();
        grids.into_iter().collect()
    }

    /// Every department that comes up.
    pub(crate) fn departments(&self) -> Vec<DepartmentCode> {
        let of = |history: &History| {
            history.commands.iter().flat_map(|given| &given.events).find_map(|event| event.department.clone())
        };
        let departments: BTreeSet<_> = self.0.iter().filter_map(of).collect();
        departments.into_iter().collect()
    }
}

/// Grids of the sample district in which issues are located: three levels in one street, four in a town.
fn lowest_grids() -> anyhow::Result<Vec<GridFacts>> {
    let three = (1..=8).flat_map(|r| {
        (1..=3).map(move |m| vec![format!("JAS-R{r:02}-M{m:02}"), format!("JAS-R{r:02}"), "JAS".to_owned()])
    });
    let four = (1..=4).flat_map(|k| {
        (1..=2).map(move |m| {
            vec![format!("PP-K{k}-R01-M{m:02}"), format!("PP-K{k}-R01"), format!("PP-K{k}"), "PP".to_owned()]
        })
    });
    let facts = |path: Vec<String>| {
        let path = path.iter().map(GridCode::try_new).collect::<Result<Vec<_>, _>>()?;
        let centre = path.last().context("a grid has a path")?.clone();
        Ok(GridFacts {
            path, name: "微网格".to_owned(), lowest: true, centre, party_org: None, administrative: vec![]
        })
    };
    three.chain(four).map(facts).collect()
}

fn decide(grid: &GridFacts, authority: Authority, department: &DepartmentCode) -> anyhow::Result<History> {
    let names = Names::of(MODEL, &grid.centre, department);
    let facts = facts(grid, authority, department)?;
    let mut case = Case::default();
    let mut commands = Vec::new();
    for (actor, command) in way(grid, authority, department, names.order.parse()?)? {
        let context = Context {
            id: MODEL.uuid(),
            at: DECIDED_AT,
            today: DECIDED_AT.date_naive(),
            by: actor.clone(),
            facts: facts.clone(),
        };
        let events = case.decide(&command, &context);
        let events = events.map_err(|refusal| anyhow::anyhow!("{} was refused: {refusal}", command.name()))?;
        if events.is_empty() {
            bail!("{} led to nothing", command.name());
        }
        let templates = events.iter().map(|event| Template::new(event, &names)).collect::<Result<_, _>>()?;
        commands.push(Given { actor, events: templates });
        case = events.into_iter().fold(case, Case::evolve);
    }
    Ok(History { commands, grid: grid.clone(), department: department.clone() })
}

fn facts(grid: &GridFacts, authority: Authority, department: &DepartmentCode) -> anyhow::Result<Facts> {
    let matter =
        MatterFacts {
            code: matter_of(authority)?, name: "从业人员健康证办理".to_owned(), authority, rules_version: 1
        };
    let known = DepartmentFacts {
        name: "静安寺街道市场监管所".to_owned(),
        matters: BTreeSet::from([matter.code.clone()]),
    };
    let lowest = grid.path.first().context("a grid has a path")?.clone();
    let steps = Case::STEPS.iter().map(|step| (LimitOf::Step(step.clone()), Ok(due(&format!("step {step}"), 1))));
    let disposal = due(&format!("matter {} disposal", matter.code), 5);
    let others = [
        (LimitOf::Disposal(matter.code.clone()), Ok(disposal)),
        (LimitOf::ReturnWindow, Ok(due("return window", 2))),
        (LimitOf::ReopenWindow, Ok(due("reopen window", 30))),
        (LimitOf::OwnDue, Ok(due("own due", 90))),
    ];
    Ok(Facts {
        grids: BTreeMap::from([(lowest, grid.clone())]),
        matters: BTreeMap::from([(matter.code.clone(), matter)]),
        departments: BTreeMap::from([(department.clone(), known)]),
        dues: steps.chain(others).collect(),
        evidence: BTreeMap::from([(photo().sha256, photo())]),
        began: Some(began(MODEL)),
        ..Facts::default()
    })
}

fn matter_of(authority: Authority) -> anyhow::Result<MatterCode> {
    Ok(MatterCode::try_new(match authority {
        Authority::Community => "SQ-0101",
        Authority::Administrative => "FW-0301",
    })?)
}

fn due(rule: &str, days: u32) -> Due {
    let derivation = Derivation {
        from: DECIDED_AT,
        limit: Limit { amount: days, unit: TimeUnit::WorkDay },
        rule: rule.into(),
        rules_version: 1,
        calendar: "cn-2026.1".into(),
        assumed: true,
    };
    Due { at: DECIDED_AT + TimeDelta::days(i64::from(days)), derivation }
}

fn photo() -> Evidence {
    Evidence { sha256: Digest::of(b"photo"), media_type: "image/jpeg".to_owned(), size: 482_113 }
}

/// The commands of a history and who gives them.
fn way(
    grid: &GridFacts,
    authority: Authority,
    department: &DepartmentCode,
    order: OrderId,
) -> anyhow::Result<Vec<(Actor, CaseCommand)>> {
    let (lowest, street) = (grid.path.first().context("a grid has a path")?, &grid.centre);
    let actor = |id: String, role, scope| Actor { id: id.to_lowercase(), role, scope, seconded_by: None };
    let in_grid = |role: Role, grid: &GridCode| actor(format!("staff-{role}-{grid}"), role, Scope::Grid(grid.clone()));
    let leader = || in_grid(Role::GridLeader, lowest);
    let officer = || in_grid(Role::DutyOfficer, street);
    let mut way = vec![
        (leader(), discover(lowest).into()),
        (
            leader(),
            RegisterIssue { matter: matter_of(authority)?, urgency: Urgency::Ordinary, handling: Handling::Promised }
                .into(),
        ),
    ];
    match authority {
        Authority::Community => way.extend(community_work().map(|command| (leader(), command))),
        Authority::Administrative => {
            let dispatcher = in_grid(Role::Dispatcher, street);
            let place = Scope::Department(department.clone());
            let clerk = actor(format!("clerk-of-{department}"), Role::DepartmentClerk, place);
            way.extend([
                (leader(), EscalateIssue { reason: "网格内没有办理资质".to_owned(), waiver: None }.into()),
                (officer(), file()),
                (dispatcher, dispatch(department).into()),
            ]);
            way.extend(department_work(order).map(|command| (clerk.clone(), command)));
        }
    }
    let caller = in_grid(Role::Caller, street);
    way.extend([(in_grid(Role::Verifier, street), verify()), (caller, feedback()), (officer(), close(authority))]);
    Ok(way)
}

fn discover(grid: &GridCode) -> DiscoverIssue {
    DiscoverIssue {
        source: Source::Patrol,
        title: "商户不知如何办理健康证".to_owned(),
        description: "多家餐饮企业不清楚办理地点和时间, 希望街道在楼宇内设集体办理点".to_owned(),
        grid: grid.clone(),
        location: LocationInput {
            text: "大悦城北座三层".to_owned(),
            longitude: Some(121.446_312),
            latitude: Some(31.223_48),
            ..Default::default()
        },
        evidence: vec![photo().sha256],
        ..DiscoverIssue::example()
    }
}

fn community_work() -> [CaseCommand; 3] {
    let work = |done| HandleInGrid {
        executors: vec![Executor { kind: ExecutorKind::PropertyManagement, name: "复元坊物业".to_owned() }],
        work: "按第二稿改建车棚".to_owned(),
        done,
    };
    let done = Completion { result: "车棚已改建完成".to_owned(), evidence: vec![photo().sha256] };
    [work(None).into(), progress(None), work(Some(done)).into()]
}

fn department_work(order: OrderId) -> [CaseCommand; 3] {
    let submit = SubmitDisposal {
        order,
        outcome: PartOutcome::Done,
        result: "集体办证一百二十人".to_owned(),
        evidence: vec![photo().sha256],
    };
    [AcceptOrder { order }.into(), progress(Some(order)), submit.into()]
}

fn progress(order: Option<OrderId>) -> CaseCommand {
    let text = "已与体检中心约定上门".to_owned();
    RecordProgress { order, day: DECIDED_AT.date_naive(), text, evidence: vec![] }.into()
}

fn file() -> CaseCommand {
    let answer = |criterion: &str| CriterionAnswer { criterion: criterion.to_owned(), met: true };
    FileCase { criteria: vec![answer("属于本街道管辖"), answer("地点、现象清楚")], matter: None }.into()
}

fn dispatch(lead: &DepartmentCode) -> DispatchCase {
    DispatchCase {
        lead: lead.clone(),
        assist: vec![],
        instructions: "在楼宇设集体办理点".to_owned(),
        override_reason: None,
        own_due: None,
    }
}

fn verify() -> CaseCommand {
    let findings = "抽查十家商户, 均已办证".to_owned();
    VerifyCase { passed: true, findings, evidence: vec![photo().sha256], rework: vec![] }.into()
}

fn feedback() -> CaseCommand {
    RecordFeedback {
        answer: "已在大悦城设集体办理点".to_owned(),
        contacted: true,
        solved: Some(true),
        satisfied: Some(true),
        comment: None,
    }
    .into()
}

fn close(authority: Authority) -> CaseCommand {
    let (outcome, resolution) = match authority {
        Authority::Community => (Outcome::CommunitySolved, Resolution::Autonomy),
        Authority::Administrative => (Outcome::Solved, Resolution::Law),
    };
    let summary = "已办结, 居民满意".to_owned();
    CloseCase { outcome, resolution: vec![resolution], summary, override_reason: None }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_end_with_a_closed_case() {
        let Histories(histories) = Histories::decide().unwrap();
        let lengths: BTreeSet<_> = histories
            .iter()
            .map(|history| {
                let events: Vec<_> = history.commands.iter().flat_map(|given| &given.events).collect();
                assert_eq!(events.last().unwrap().kind, "cn.dualgrid.case.case_closed.v1");
                assert!(history.commands.len() <= COMMANDS_MAX);
                events.len()
            })
            .collect();
        assert_eq!(lengths, BTreeSet::from([8, 13]));
    }

    #[test]
    fn a_copy_names_its_own_case_only() {
        let Histories(histories) = Histories::decide().unwrap();
        let case = CaseId::named("another");
        for history in &histories {
            let names = history.names(case);
            for template in history.commands.iter().flat_map(|given| &given.events) {
                let data = template.data(&names);
                let event = CaseEvent::read(template.kind, &data).unwrap();
                assert_eq!(event.data().unwrap().get(), data);
                assert!(!data.contains("5a5af0f0") && !data.contains("5A5AF0F0"), "{data}");
            }
        }
    }
}

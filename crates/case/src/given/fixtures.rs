//! One case, told in events and commands.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{
    CaseId, DepartmentCode, Derivation, Due, Evidence, GridCode, Limit, MatterCode, MeetingId, Obligation, OrderId,
    Party, Role, Step, TimeUnit,
};
use uuid::Uuid;

use crate::{
    Attendance, Authority, CaseEvent, CloseCase, Completion, ConcludeDeliberation, Conclusion, ConsentCount,
    ConsentResult, ConsentRuleFacts, CriterionAnswer, DecideReturn, DepartmentFacts, DiscoverIssue, DispatchCase,
    EscalateIssue, Executor, ExecutorKind, Facts, FileCase, GridFacts, HandleInGrid, Handling, HoldMeeting, Location,
    MatterFacts, MeetingHeld, MeetingKind, OpenDeliberation, OrderRef, Outcome, Part, RecordFeedback, RefuseFiling,
    RegisterIssue, ReopenCase, ReopenCause, RequestReturn, Resolution, ReturnDecision, ReturnReason, ReviseProposal,
    Roster, Seat, Source, SubmitDisposal, Urgency, VerifyCase, *,
};

pub(crate) const CASE: CaseId = CaseId::new(Uuid::from_u128(0xca5e));
/// Monday 2026-03-02, 10:00 in Shanghai.
pub(crate) const NOW: DateTime<Utc> = DateTime::from_timestamp(1_772_416_800, 0).expect("a valid time");
pub(crate) const GRID: &str = "BZ-R01-B01";
pub(crate) const LEAD: &str = "LEAD";
pub(crate) const ASSIST: &str = "ASSIST";
const CENTRE: &str = "BZ";

pub(crate) fn department(code: &str) -> DepartmentCode {
    DepartmentCode::try_new(code).unwrap()
}

fn grid_code(code: &str) -> GridCode {
    GridCode::try_new(code).unwrap()
}

pub(crate) fn matter_code() -> MatterCode {
    MatterCode::try_new("FW-0301").unwrap()
}

pub(crate) fn evidence() -> Evidence {
    Evidence { sha256: Digest::of(b"photo"), media_type: "image/jpeg".into(), size: 5 }
}

fn due(step: &str, days: i64) -> Due {
    let limit = Limit { amount: u32::try_from(days).unwrap(), unit: TimeUnit::CalendarDay };
    let rule = format!("step {step}");
    let derivation = Derivation { from: NOW, limit, rule, rules_version: 3, calendar: "cn-2026.1".into(), assumed: false };
    Due { at: NOW + TimeDelta::days(days), derivation }
}

fn step_due(step: Step) -> Due {
    let days = if step == Step::Accept { 0 } else { 1 + i64::from(step == Step::Verify) };
    due(&format!("{step:?}"), days)
}

fn oblige(step: Step, role: Role, grid: &str) -> Obligation {
    Obligation { step, by: Party { role, grid: Some(grid_code(grid)), department: None }, due: step_due(step) }
}

fn oblige_department(step: Step, code: &str) -> Obligation {
    let by = Party { role: Role::DepartmentClerk, grid: None, department: Some(department(code)) };
    Obligation { step, by, due: step_due(step) }
}

fn grid_facts() -> GridFacts {
    GridFacts {
        path: vec![grid_code(GRID), grid_code("BZ-R01"), grid_code(CENTRE)],
        name: "静安大悦城微网格".into(),
        lowest: true,
        party_org: None,
        administrative: vec![],
    }
}

fn matter(authority: Authority) -> MatterFacts {
    MatterFacts { code: matter_code(), name: "从业人员健康证办理".into(), authority, rules_version: 3 }
}

fn rule() -> ConsentRuleFacts {
    ConsentRuleFacts { id: "RESIDENT_2_3".into(), numerator: 2, denominator: 3, rules_version: 3 }
}

pub(crate) fn facts() -> Facts {
    let known = |owns_matter| DepartmentFacts { name: "某部门".into(), owns_matter };
    Facts {
        grid: Some(grid_facts()),
        matter: Some(matter(Authority::Administrative)),
        departments: BTreeMap::from([(department(LEAD), known(true)), (department(ASSIST), known(false))]),
        steps: Step::ALL.into_iter().map(|step| (step, step_due(step))).collect(),
        disposal: Some(due("disposal", 5)),
        return_window: Some(due("return window", 2)),
        reopen_window: Some(due("reopen window", 30)),
        consent_rule: Some(rule()),
        evidence: BTreeMap::from([(evidence().sha256, evidence())]),
        ..Facts::default()
    }
}

pub(crate) fn discover() -> DiscoverIssue {
    DiscoverIssue {
        source: Source::Patrol,
        source_code: None,
        title: "商户不知如何办理健康证".into(),
        description: "多家餐饮企业不清楚办理地点和时间".into(),
        grid: grid_code(GRID),
        location: Location { text: "大悦城北座".into(), longitude: None, latitude: None },
        reporter: None,
        evidence: vec![evidence().sha256],
        list_line: None,
        found_at: None,
    }
}

pub(crate) fn discovered() -> CaseEvent {
    let command = discover();
    IssueDiscovered {
        source: command.source,
        source_code: None,
        title: command.title,
        description: command.description,
        grid: grid_facts(),
        location: command.location,
        reporter: None,
        evidence: vec![evidence()],
        list_line: None,
        found_at: NOW,
        next: oblige(Step::Register, Role::GridLeader, GRID),
    }
    .into()
}

pub(crate) fn register() -> RegisterIssue {
    RegisterIssue { matter: matter_code(), urgency: Urgency::Ordinary, handling: Handling::Promised }
}

pub(crate) fn registered_as(authority: Authority, urgency: Urgency) -> CaseEvent {
    let next = oblige(Step::Route, Role::GridLeader, GRID);
    IssueRegistered { matter: matter(authority), urgency, handling: Handling::Promised, next }.into()
}

pub(crate) fn registered() -> CaseEvent {
    registered_as(Authority::Administrative, Urgency::Ordinary)
}

pub(crate) fn community() -> CaseEvent {
    registered_as(Authority::Community, Urgency::Ordinary)
}

pub(crate) fn open_deliberation() -> OpenDeliberation {
    let seat = |class: &str| Seat { class: class.into(), holder: format!("某{class}") };
    let roster = Roster { convener: "居民区书记".into(), fixed: vec![seat("owners_committee")], invited: vec![] };
    OpenDeliberation { topic: "车棚改建".into(), roster, consent_rule: Some("RESIDENT_2_3".into()) }
}

pub(crate) fn opened() -> CaseEvent {
    let OpenDeliberation { topic, roster, .. } = open_deliberation();
    let next = oblige(Step::Deliberate, Role::ResidentialSecretary, "BZ-R01");
    DeliberationOpened { topic, roster, consent_rule: Some(rule()), next }.into()
}

pub(crate) fn hold_hearing() -> HoldMeeting {
    HoldMeeting {
        kind: MeetingKind::Hearing,
        round: 1,
        held_at: NOW - TimeDelta::hours(2),
        attendance: vec![Attendance { class: "resident".into(), present: 21 }],
        minutes: evidence().sha256,
        results: vec!["车棚与楼间距需加大".into()],
        consent: None,
        score: None,
    }
}

pub(crate) fn hearing() -> MeetingHeld {
    let command = hold_hearing();
    MeetingHeld {
        meeting: MeetingId::named(&format!("{CASE}/1/Hearing/1")),
        kind: command.kind,
        round: 1,
        held_at: command.held_at,
        attendance: command.attendance,
        minutes: evidence(),
        results: command.results,
        consent: None,
        score: None,
        next: Some(oblige(Step::Deliberate, Role::ResidentialSecretary, "BZ-R01")),
    }
}

pub(crate) fn held(meeting: MeetingHeld) -> CaseEvent {
    meeting.into()
}

pub(crate) fn consented(count: ConsentCount) -> CaseEvent {
    let consent = Some(ConsentResult { count, rule: rule(), proposal_version: 1, passed: true });
    MeetingHeld { consent, ..hearing() }.into()
}

/// The consent to version 1, counted in the second hearing.
pub(crate) fn consent() -> CaseEvent {
    let count = ConsentCount { invited: 300, reached: 290, participated: 260, agreed: 240, opposed: 20 };
    let consent = Some(ConsentResult { count, rule: rule(), proposal_version: 1, passed: true });
    MeetingHeld { round: 2, consent, ..hearing() }.into()
}

pub(crate) fn revise(version: u32) -> ReviseProposal {
    let text = format!("第{version}稿");
    ReviseProposal { version, text, changes: vec![], after: None, topics: vec![] }
}

pub(crate) fn proposal(version: u32) -> CaseEvent {
    let ReviseProposal { version, text, changes, after, topics } = revise(version);
    let next = oblige(Step::Deliberate, Role::ResidentialSecretary, "BZ-R01");
    ProposalRevised { version, text, changes, after, topics, next }.into()
}

pub(crate) fn conclude() -> ConcludeDeliberation {
    ConcludeDeliberation { conclusion: Conclusion::Agreed, summary: "达成共识".into() }
}

pub(crate) fn concluded() -> CaseEvent {
    let ConcludeDeliberation { conclusion, summary } = conclude();
    let next = oblige(Step::WorkInGrid, Role::GridLeader, GRID);
    DeliberationConcluded { conclusion, summary, proposal_version: 1, next }.into()
}

pub(crate) fn escalate() -> EscalateIssue {
    EscalateIssue { reason: "网格内没有办理资质".into(), waiver: None }
}

pub(crate) fn escalated() -> CaseEvent {
    let next = oblige(Step::File, Role::DutyOfficer, CENTRE);
    IssueEscalated { reason: escalate().reason, review: false, next }.into()
}

pub(crate) fn file() -> FileCase {
    FileCase { criteria: vec![CriterionAnswer { criterion: "属于本街道".into(), met: true }], matter: None }
}

pub(crate) fn filed() -> CaseEvent {
    CaseFiled {
        number: "BZ-20260302-0000CA5E".into(),
        matter: matter(Authority::Administrative),
        criteria: file().criteria,
        next: oblige(Step::Dispatch, Role::Dispatcher, CENTRE),
    }
    .into()
}

pub(crate) fn refuse_filing() -> RefuseFiling {
    RefuseFiling { reason: "不属于城市管理事项".into() }
}

pub(crate) fn refused_filing() -> CaseEvent {
    let next = oblige(Step::ReviewRefusal, Role::ResidentialSecretary, "BZ-R01");
    FilingRefused { reason: refuse_filing().reason, next }.into()
}

pub(crate) fn filed_case() -> Vec<CaseEvent> {
    vec![discovered(), registered(), escalated(), filed()]
}

pub(crate) fn dispatch() -> DispatchCase {
    DispatchCase {
        lead: department(LEAD),
        assist: vec![department(ASSIST)],
        instructions: "设集体办理点".into(),
        override_reason: None,
        dispose_by: None,
    }
}

pub(crate) fn order_id(code: &str) -> OrderId {
    OrderId::named(&format!("{CASE}/1/{code}"))
}

pub(crate) fn order_ref(code: &str) -> OrderRef {
    OrderRef {
        order: order_id(code),
        case: CASE,
        case_number: "BZ-20260302-0000CA5E".into(),
        title: discover().title,
        department: department(code),
        part: if code == LEAD { Part::Lead } else { Part::Assist },
    }
}

fn order_dispatched(code: &str, other: &str) -> CaseEvent {
    OrderDispatched {
        order: order_ref(code),
        department_name: "某部门".into(),
        with: vec![department(other)],
        matter: matter(Authority::Administrative),
        urgency: Urgency::Ordinary,
        description: discover().description,
        location: discover().location,
        grids: grid_facts().path,
        evidence: vec![evidence()],
        reporter: None,
        instructions: dispatch().instructions,
        cycle: 1,
        accept_by: step_due(Step::Accept),
        first_contact_by: step_due(Step::FirstContact),
        return_until: due("return window", 2),
        dispose_by: due("disposal", 5),
        next: oblige_department(Step::Accept, code),
    }
    .into()
}

pub(crate) fn dispatched() -> Vec<CaseEvent> {
    let DispatchCase { lead, assist, instructions, .. } = dispatch();
    let case =
        CaseDispatched { lead, assist, instructions, override_reason: None, dispose_by: due("disposal", 5), cycle: 1 };
    vec![case.into(), order_dispatched(LEAD, ASSIST), order_dispatched(ASSIST, LEAD)]
}

pub(crate) fn dispatched_case() -> Vec<CaseEvent> {
    [filed_case(), dispatched()].concat()
}

pub(crate) fn accepted(code: &str) -> CaseEvent {
    let next = Obligation { due: due("disposal", 5), ..oblige_department(Step::Dispose, code) };
    OrderAccepted { order: order_ref(code), late: false, next }.into()
}

pub(crate) fn request_return(code: &str) -> RequestReturn {
    RequestReturn {
        order: order_id(code),
        reason: ReturnReason::NotOurMatter,
        legal_basis: "权责清单第12条".into(),
        explanation: "应由市场监管部门办理".into(),
    }
}

pub(crate) fn return_requested(code: &str, _accepted: bool) -> CaseEvent {
    let RequestReturn { reason, legal_basis, explanation, .. } = request_return(code);
    let next = oblige(Step::DecideReturn, Role::DutyOfficer, CENTRE);
    ReturnRequested { order: order_ref(code), reason, legal_basis, explanation, next }.into()
}

pub(crate) fn decide_return(code: &str, decision: ReturnDecision) -> DecideReturn {
    DecideReturn { order: order_id(code), decision, reason: "清单明确由你部门主办".into() }
}

pub(crate) fn return_refused(code: &str) -> CaseEvent {
    let next = oblige_department(Step::Accept, code);
    ReturnRefused { order: order_ref(code), reason: "清单明确由你部门主办".into(), next }.into()
}

pub(crate) fn return_approved() -> Vec<CaseEvent> {
    let reason = || "清单明确由你部门主办".to_owned();
    let next = Some(oblige(Step::Dispatch, Role::Dispatcher, CENTRE));
    vec![
        ReturnApproved { order: order_ref(LEAD), reason: reason(), next }.into(),
        OrderWithdrawn { order: order_ref(ASSIST), reason: reason() }.into(),
    ]
}

fn executors() -> Vec<Executor> {
    vec![Executor { kind: ExecutorKind::OwnersCommittee, name: "复元坊业委会".into() }]
}

pub(crate) fn grid_work() -> HandleInGrid {
    HandleInGrid { executors: executors(), work: "改建车棚".into(), done: None }
}

pub(crate) fn work_done() -> HandleInGrid {
    let done = Completion { result: "已竣工".into(), evidence: vec![evidence().sha256] };
    HandleInGrid { done: Some(done), ..grid_work() }
}

pub(crate) fn grid_started() -> CaseEvent {
    let next = oblige(Step::WorkInGrid, Role::GridLeader, GRID);
    GridHandlingStarted { executors: executors(), work: "改建车棚".into(), cycle: 1, next }.into()
}

pub(crate) fn grid_done() -> CaseEvent {
    let next = oblige(Step::Verify, Role::Verifier, CENTRE);
    GridHandlingDone { result: "已竣工".into(), evidence: vec![evidence()], by: "staff-1".into(), next }.into()
}

pub(crate) fn submit(code: &str) -> SubmitDisposal {
    SubmitDisposal { order: order_id(code), result: "已办理".into(), evidence: vec![evidence().sha256] }
}

pub(crate) fn part_disposed(code: &str) -> CaseEvent {
    PartDisposed {
        order: order_ref(code),
        result: "已办理".into(),
        evidence: vec![evidence()],
        by: format!("clerk-of-{code}"),
        late: false,
    }
    .into()
}

pub(crate) fn disposed() -> CaseEvent {
    CaseDisposed { parts: 2, cycle: 1, next: oblige(Step::Verify, Role::Verifier, CENTRE) }.into()
}

pub(crate) fn disposed_case() -> Vec<CaseEvent> {
    let parts = vec![accepted(LEAD), accepted(ASSIST), part_disposed(ASSIST), part_disposed(LEAD), disposed()];
    [dispatched_case(), parts].concat()
}

pub(crate) fn verify(passed: bool) -> VerifyCase {
    VerifyCase { passed, findings: "现场已看".into(), evidence: vec![evidence().sha256], rework: vec![] }
}

pub(crate) fn passed() -> CaseEvent {
    let next = oblige(Step::CollectFeedback, Role::DutyOfficer, CENTRE);
    VerificationPassed { findings: "现场已看".into(), evidence: vec![evidence()], next }.into()
}

pub(crate) fn failed() -> CaseEvent {
    let next = oblige_department(Step::Rework, LEAD);
    VerificationFailed { findings: "现场已看".into(), evidence: vec![evidence()], next }.into()
}

pub(crate) fn rework(code: &str) -> CaseEvent {
    let next = oblige_department(Step::Rework, code);
    OrderReworkRequired { order: order_ref(code), findings: "现场已看".into(), evidence: vec![evidence()], next }.into()
}

pub(crate) fn verified_case() -> Vec<CaseEvent> {
    [disposed_case(), vec![passed()]].concat()
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

pub(crate) fn feedback_recorded(satisfied: bool) -> CaseEvent {
    let RecordFeedback { answer, contacted, solved, satisfied: happy, comment } = feedback(satisfied);
    let step = if satisfied { Step::Close } else { Step::RouteAgain };
    let next = oblige(step, Role::DutyOfficer, CENTRE);
    FeedbackRecorded { answer, contacted, solved, satisfied: happy, comment, cycle: 1, next }.into()
}

pub(crate) fn close() -> CloseCase {
    CloseCase {
        outcome: Outcome::Solved,
        resolution: vec![Resolution::CoGovernance],
        summary: "商户顺利办证".into(),
        override_reason: None,
    }
}

pub(crate) fn closed() -> CaseEvent {
    let CloseCase { outcome, resolution, summary, override_reason } = close();
    CaseClosed { outcome, resolution, summary, override_reason, cycle: 1, reopen_until: due("reopen window", 30) }.into()
}

pub(crate) fn closed_case() -> Vec<CaseEvent> {
    [verified_case(), vec![feedback_recorded(true), closed()]].concat()
}

pub(crate) fn reopen() -> ReopenCase {
    ReopenCase { cause: ReopenCause::FinderDissatisfied, reason: "又出现了".into() }
}

pub(crate) fn reopened() -> CaseEvent {
    let next = oblige(Step::RouteAgain, Role::Dispatcher, CENTRE);
    CaseReopened { cycle: 2, cause: ReopenCause::FinderDissatisfied, reason: "又出现了".into(), next }.into()
}

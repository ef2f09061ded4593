//! 处置, told.

use kernel::{Role, Step};

use super::common::{ASSIST, CENTRE, GRID, LEAD, evidence, grid_facts, oblige, oblige_department};
use super::respond::{accepted, dispatched_case, order_id, order_ref};
use crate::{
    CaseDisposed, CaseEvent, Completion, Executor, ExecutorKind, GridHandlingDone, GridHandlingStarted, HandleInGrid,
    OrderReworkRequired, PartDisposed, PartOutcome, SubmitDisposal, VerificationFailed, VerificationPassed, VerifyCase,
};

pub(crate) fn executors() -> Vec<Executor> {
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
    let next = oblige(Step::WORK_IN_GRID, Role::GridLeader, GRID);
    GridHandlingStarted { executors: executors(), work: "改建车棚".into(), cycle: 1, next }.into()
}

pub(crate) fn grid_done() -> CaseEvent {
    let next = oblige(Step::VERIFY, Role::Verifier, CENTRE);
    GridHandlingDone { result: "已竣工".into(), evidence: vec![evidence()], by: "staff-1".into(), next }.into()
}

pub(crate) fn submit(code: &str) -> SubmitDisposal {
    SubmitDisposal {
        order: order_id(code),
        outcome: PartOutcome::Done,
        result: "已办理".into(),
        evidence: vec![evidence().sha256],
    }
}

pub(crate) fn part_disposed(code: &str) -> CaseEvent {
    PartDisposed {
        order: order_ref(code),
        outcome: PartOutcome::Done,
        result: "已办理".into(),
        evidence: vec![evidence()],
        by: format!("clerk-of-{code}"),
        late: false,
    }
    .into()
}

pub(crate) fn disposed() -> CaseEvent {
    CaseDisposed { parts: 2, cycle: 1, next: oblige(Step::VERIFY, Role::Verifier, CENTRE) }.into()
}

pub(crate) fn disposed_case() -> Vec<CaseEvent> {
    let parts = vec![accepted(LEAD), accepted(ASSIST), part_disposed(ASSIST), part_disposed(LEAD), disposed()];
    [dispatched_case(), parts].concat()
}

pub(crate) fn verify(passed: bool) -> VerifyCase {
    VerifyCase { passed, findings: "现场已看".into(), evidence: vec![evidence().sha256], rework: vec![] }
}

pub(crate) fn passed() -> CaseEvent {
    let next = oblige(Step::COLLECT_FEEDBACK, Role::DutyOfficer, CENTRE);
    VerificationPassed {
        findings: "现场已看".into(), by: "staff-verifier".into(), evidence: vec![evidence()], next
    }
    .into()
}

pub(crate) fn failed() -> CaseEvent {
    let next = oblige_department(Step::REWORK, LEAD);
    VerificationFailed {
        findings: "现场已看".into(), by: "staff-verifier".into(), evidence: vec![evidence()], next
    }
    .into()
}

pub(crate) fn rework(code: &str) -> CaseEvent {
    let next = oblige_department(Step::REWORK, code);
    OrderReworkRequired {
        order: order_ref(code),
        grids: grid_facts().path,
        findings: "现场已看".into(),
        evidence: vec![evidence()],
        next,
    }
    .into()
}

pub(crate) fn verified_case() -> Vec<CaseEvent> {
    [disposed_case(), vec![passed()]].concat()
}

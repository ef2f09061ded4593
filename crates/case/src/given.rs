//! Given some events, when a command is handled, then these events, nothing, or a refusal.

mod common;
mod deliberate;
mod discover;
mod dispose;
mod feedback;
mod respond;

use chrono::{DateTime, Utc};
use kernel::{Actor, Due, Role, Scope};

pub(crate) use common::{ASSIST, CASE, GRID, LEAD, NOW, department, evidence, facts, matter_code};
pub(crate) use deliberate::{
    conclude, concluded, consent, consented, escalate, escalated, escalation, hearing, held, hold_hearing,
    open_deliberation, opened, proposal, revise,
};
pub(crate) use discover::{community, discover, discovered, register, registered, registered_as};
pub(crate) use dispose::{
    disposed, disposed_case, failed, grid_done, grid_started, grid_work, part_disposed, passed, rework, submit,
    verified_case, verify, work_done,
};
pub(crate) use feedback::{close, closed, closed_case, feedback, feedback_recorded, reopen, reopened, second_cycle};
pub(crate) use respond::{
    accepted, decide_return, dispatch, dispatched, dispatched_case, file, filed, filed_case, order_id, order_ref,
    refuse_filing, refused_filing, request_return, return_approved, return_refused, return_requested,
};

use crate::{Case, CaseCommand, CaseEvent, Context, Facts, Refusal};

/// A case as `events` made it, with everything a command of the fixtures may name.
pub(crate) fn given(events: impl IntoIterator<Item = CaseEvent>) -> Given {
    let case = events.into_iter().fold(Case::default(), Case::evolve);
    let by = Actor { id: "staff-1".into(), role: Role::DutyOfficer, scope: Scope::Everywhere };
    Given { case, context: Context { id: CASE, at: NOW, today: NOW.date_naive(), by, facts: facts() } }
}

pub(crate) struct Given {
    case: Case,
    context: Context,
}

impl Given {
    pub(crate) fn knowing(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.context.facts);
        self
    }

    pub(crate) fn at(mut self, now: DateTime<Utc>) -> Self {
        self.context.at = now;
        self.context.today = now.date_naive();
        self
    }

    pub(crate) fn by(mut self, id: &str) -> Self {
        self.context.by.id = id.into();
        self
    }

    pub(crate) fn by_department(mut self, code: &str) -> Self {
        self.context.by = Actor {
            id: format!("clerk-of-{code}"),
            role: Role::DepartmentClerk,
            scope: Scope::Department(department(code)),
        };
        self
    }

    pub(crate) fn when(self, command: impl Into<CaseCommand>) -> When {
        When(self.case.decide(&command.into(), &self.context))
    }

    pub(crate) fn case(self) -> Case {
        self.case
    }

    pub(crate) fn lead_due(self) -> Due {
        self.case.opened().unwrap().lead().unwrap().sent.dispose_by.clone()
    }

    pub(crate) fn return_until(self) -> DateTime<Utc> {
        self.case.opened().unwrap().lead().unwrap().sent.return_until.at
    }

    pub(crate) fn reopen_until(self) -> DateTime<Utc> {
        self.case.opened().unwrap().closed.as_ref().unwrap().reopen_until.at
    }
}

pub(crate) struct When(Result<Vec<CaseEvent>, Refusal>);

impl When {
    pub(crate) fn then(self, events: impl IntoIterator<Item = CaseEvent>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    pub(crate) fn then_nothing(self) {
        assert_eq!(self.0, Ok(vec![]));
    }

    pub(crate) fn then_refused(self, refusal: Refusal) {
        assert_eq!(self.0, Err(refusal));
    }

    pub(crate) fn events(self) -> Vec<CaseEvent> {
        self.0.expect("the command is taken")
    }
}

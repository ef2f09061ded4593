//! 响应, told.

use kernel::facts::Authority;
use kernel::{Obligation, OrderId, Role, Step};

use super::common::{
    ASSIST, CASE, CENTRE, LEAD, department, due, evidence, grid_facts, matter_facts, oblige, oblige_department,
    step_due,
};
use super::deliberate::escalated;
use super::discover::{discover, discovered, registered};
use crate::{
    CaseDispatched, CaseEvent, CaseFiled, CriterionAnswer, DecideReturn, DispatchCase, FileCase, FilingRefused,
    OrderAccepted, OrderDispatched, OrderRef, OrderWithdrawn, Part, RefuseFiling, RequestReturn, ReturnApproved,
    ReturnDecision, ReturnReason, ReturnRefused, ReturnRequested, Urgency,
};

pub(crate) fn file() -> FileCase {
    FileCase { criteria: vec![CriterionAnswer { criterion: "属于本街道".into(), met: true }], matter: None }
}

pub(crate) fn filed() -> CaseEvent {
    CaseFiled {
        number: "BZ-20260302-51806".into(),
        matter: matter_facts(Authority::Administrative),
        criteria: file().criteria,
        next: oblige(Step::DISPATCH, Role::Dispatcher, CENTRE),
    }
    .into()
}

pub(crate) fn refuse_filing() -> RefuseFiling {
    RefuseFiling { reason: "不属于城市管理事项".into() }
}

pub(crate) fn refused_filing() -> CaseEvent {
    let next = oblige(Step::REVIEW_REFUSAL, Role::ResidentialSecretary, "BZ-R01");
    FilingRefused { reason: refuse_filing().reason, by: "refuser-1".into(), next }.into()
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
        own_due: None,
    }
}

pub(crate) fn order_id(code: &str) -> OrderId {
    OrderId::named(&format!("{CASE}/1/{code}"))
}

pub(crate) fn order_ref(code: &str) -> OrderRef {
    OrderRef {
        order: order_id(code),
        case: CASE,
        case_number: "BZ-20260302-51806".into(),
        title: discover().title,
        department: department(code),
        part: if code == LEAD { Part::Lead } else { Part::Assist },
    }
}

pub(crate) fn order_dispatched(code: &str, other: &str) -> CaseEvent {
    OrderDispatched {
        order: order_ref(code),
        department_name: "某部门".into(),
        with: vec![department(other)],
        matter: matter_facts(Authority::Administrative),
        urgency: Urgency::Ordinary,
        description: discover().description,
        location: discover().location.recorded().unwrap(),
        grids: grid_facts().path,
        evidence: vec![evidence()],
        reporter: None,
        instructions: dispatch().instructions,
        cycle: 1,
        accept_by: step_due(&Step::ACCEPT),
        first_contact_by: step_due(&Step::FIRST_CONTACT),
        return_until: due("return window", 2),
        dispose_by: due("disposal", 5),
        next: oblige_department(Step::ACCEPT, code),
    }
    .into()
}

pub(crate) fn dispatched() -> Vec<CaseEvent> {
    let DispatchCase { lead, assist, instructions, .. } = dispatch();
    let case = CaseDispatched {
        lead,
        assist,
        instructions,
        override_reason: None,
        dispose_by: due("disposal", 5),
        own_due: None,
        cycle: 1,
    };
    vec![case.into(), order_dispatched(LEAD, ASSIST), order_dispatched(ASSIST, LEAD)]
}

pub(crate) fn dispatched_case() -> Vec<CaseEvent> {
    [filed_case(), dispatched()].concat()
}

pub(crate) fn accepted(code: &str) -> CaseEvent {
    let next = Obligation { due: due("disposal", 5), ..oblige_department(Step::DISPOSE, code) };
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

pub(crate) fn return_requested(code: &str) -> CaseEvent {
    let RequestReturn { reason, legal_basis, explanation, .. } = request_return(code);
    let next = oblige(Step::DECIDE_RETURN, Role::DutyOfficer, CENTRE);
    ReturnRequested { order: order_ref(code), reason, legal_basis, explanation, by: format!("clerk-of-{code}"), next }
        .into()
}

pub(crate) fn decide_return(code: &str, decision: ReturnDecision) -> DecideReturn {
    DecideReturn { order: order_id(code), decision, reason: "清单明确由你部门主办".into() }
}

pub(crate) fn return_refused(code: &str) -> CaseEvent {
    let next = oblige_department(Step::ACCEPT, code);
    ReturnRefused { order: order_ref(code), reason: "清单明确由你部门主办".into(), next }.into()
}

pub(crate) fn return_approved() -> Vec<CaseEvent> {
    let reason = || "清单明确由你部门主办".to_owned();
    let next = Some(oblige(Step::DISPATCH, Role::Dispatcher, CENTRE));
    vec![
        ReturnApproved { order: order_ref(LEAD), reason: reason(), next }.into(),
        OrderWithdrawn { order: order_ref(ASSIST), reason: reason() }.into(),
    ]
}

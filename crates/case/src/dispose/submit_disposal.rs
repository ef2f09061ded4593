use kernel::digest::Digest;
use kernel::{Allowed, Context, Evidence, Needs, Obligation, OrderId, Role, Step, Verb, check_count, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CLERKS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{OrderPart, OrderRef, OrderStatus, Part, Refusal};

// Most characters of a text.
const RESULT_MAX: usize = 2000;
// Most entries of a list.
const EVIDENCE_MAX: usize = 20;

/// A department says that its part is done, or that it cannot be done, with what shows it.
///
/// What cannot be done is verified like what was done; where the lead says so, the case is closed as explained.
/// The lead finishes last: while an assisting part is open, the lead's is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitDisposal {
    pub order: OrderId,
    /// Whether it was done; absent means that it was.
    #[serde(default)]
    pub outcome: PartOutcome,
    /// What was done, or why nothing can be, at most 2000 characters.
    #[schemars(length(min = 1, max = RESULT_MAX))]
    pub result: String,
    /// Digests of uploaded files that show it; at least one.
    #[schemars(length(min = 1, max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
}

/// What came of a department's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartOutcome {
    /// 已处置
    #[default]
    Done,
    /// 无法处置: nothing can be done, and the finder is told why.
    Impossible,
}

/// A department's part has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartDisposed {
    pub order: OrderRef,
    /// Whether it was done.
    pub outcome: PartOutcome,
    /// What was done, or why nothing can be.
    pub result: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// Staff id of whoever reported it; they will not verify it.
    pub by: String,
    /// Whether the due time was over.
    pub late: bool,
}

/// All parts are done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseDisposed {
    /// How many parts.
    pub parts: u32,
    /// The round of work.
    pub cycle: u32,
    /// Who must verify, and by when.
    pub next: Obligation,
}

impl Verb for SubmitDisposal {
    const NAME: &'static str = "submit-disposal";
    const BY: Allowed = CLERKS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let needs = Needs::none().evidence(&self.evidence);
        if case.is_of_lead(self.order) { case.posts(needs.step(Step::VERIFY)) } else { needs }
    }
    fn example() -> Self {
        let result = "两名人员已取得新健康证".into();
        Self { order: examples::order(), outcome: PartOutcome::Done, result, evidence: vec![examples::digest()] }
    }
}

impl SubmitDisposal {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        let (order, status) = case.order_of(self.order, &context.by)?;
        match status {
            OrderStatus::Disposed if order.disposed.last().is_some_and(|part| self.is_same(part)) => return Ok(vec![]),
            OrderStatus::Accepted | OrderStatus::Rework => {}
            status => return Err(Refusal::OrderNotReady { order: self.order, status: status.as_str() }),
        }
        check_text("result", &self.result, RESULT_MAX)?;
        check_count("evidence", self.evidence.len(), 1, EVIDENCE_MAX)?;
        let open = |other: &&OrderPart| other.order != self.order && other.status != OrderStatus::Disposed;
        let waiting: Vec<_> = case.standing.live_orders().filter(open).map(|other| other.department.clone()).collect();
        let lead = order.sent.order.part == Part::Lead;
        if lead && !waiting.is_empty() {
            return Err(Refusal::AssistingPartsOpen { waiting });
        }
        let part = PartDisposed {
            order: order.sent.order.clone(),
            outcome: self.outcome,
            result: self.result.clone(),
            evidence: context.evidence(&self.evidence)?,
            by: context.by.id.clone(),
            late: order.sent.dispose_by.is_over(context.at),
        };
        let mut events = vec![part.into()];
        if lead {
            let parts = u32::try_from(case.standing.live_orders().count()).unwrap_or(u32::MAX);
            let next = context.oblige(Step::VERIFY, file.centre(Role::Verifier, context))?;
            events.push(CaseDisposed { parts, cycle: case.standing.cycle, next }.into());
        }
        Ok(events)
    }

    fn is_same(&self, part: &PartDisposed) -> bool {
        (self.outcome, &self.result) == (part.outcome, &part.result)
            && self.evidence.iter().eq(part.evidence.iter().map(|evidence| &evidence.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, accepted, department, dispatched_case, disposed, given, order_id, part_disposed, submit,
    };
    use kernel::Unfit;

    fn at_work() -> Vec<crate::CaseEvent> {
        [dispatched_case(), vec![accepted(LEAD), accepted(ASSIST)]].concat()
    }

    #[test]
    fn the_lead_finishes_last() {
        let waiting = vec![department(ASSIST)];
        given(at_work()).by_department(LEAD).when(submit(LEAD)).then_refused(Refusal::AssistingPartsOpen { waiting });
        given(at_work()).by_department(ASSIST).when(submit(ASSIST)).then([part_disposed(ASSIST)]);
        let last = || [at_work(), vec![part_disposed(ASSIST)]].concat();
        given(last()).by_department(LEAD).when(submit(LEAD)).then([part_disposed(LEAD), disposed()]);
        given(last()).by_department(ASSIST).when(submit(ASSIST)).then_nothing();
    }

    #[test]
    fn an_order_is_accepted_before_it_is_disposed() {
        let refusal = Refusal::OrderNotReady { order: order_id(LEAD), status: "sent" };
        given(dispatched_case()).by_department(LEAD).when(submit(LEAD)).then_refused(refusal);
    }

    #[test]
    fn a_disposal_is_shown() {
        let unshown = SubmitDisposal { evidence: vec![], ..submit(ASSIST) };
        let refusal = Unfit::EntryCount { field: "evidence", min: 1, max: 20 };
        given(at_work()).by_department(ASSIST).when(unshown).then_refused(refusal);
    }
}

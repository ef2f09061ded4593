use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, DepartmentCode, Needs, Step, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decide_return::take_back;
use crate::access::SYSTEM;
use crate::case::{Case, Decision};
use crate::{OrderPart, examples};

/// The orders of a department that was closed are taken back: nobody is left who could act on them.
///
/// Given by the system once the closing takes effect, and for an order that somebody sent or gave back to it because they did not know
/// yet. Who gets a lead's order instead is the dispatcher's decision, whoever took over the department's matters; an assisting part
/// falls away. Nothing happens where the department is there again, or has done its part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBackOrders {
    /// The department.
    pub department: DepartmentCode,
    /// When its closing took effect.
    pub since: DateTime<Utc>,
}

impl Verb for TakeBackOrders {
    const NAME: &'static str = "take-back-orders";
    const BY: Allowed = SYSTEM;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let needs = Needs::none().departments([&self.department]);
        if self.open(case).any(OrderPart::is_lead) { case.posts(needs.step(Step::DISPATCH)) } else { needs }
    }
    fn example() -> Self {
        Self { department: examples::code("SCJG"), since: examples::moment() }
    }
}

impl TakeBackOrders {
    /// Its orders on which somebody must act, the lead's first: the others end with that.
    fn open<'a>(&'a self, case: &'a Case) -> impl Iterator<Item = &'a OrderPart> {
        let is_open = |part: &&OrderPart| part.department == self.department && part.next.is_some();
        case.standing.live_orders().filter(is_open)
    }

    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if context.department(&self.department).is_ok() {
            return Ok(vec![]);
        }
        // A department has one order in a dispatch.
        let Some(part) = self.open(case).next() else { return Ok(vec![]) };
        let order = file.orders.get(&part.order).ok_or(crate::Refusal::UnknownOrder { order: part.order })?;
        let day = self.since.date_naive();
        take_back(case, order, &format!("department {} was closed on {day} (UTC)", self.department), context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, NOW, accepted, closed_case, department, discovered, dispatch, dispatched_case, disposed_case,
        failed, given, return_requested, rework,
    };
    use crate::{CaseEvent, Refusal, Stage};

    fn take(code: &str) -> TakeBackOrders {
        TakeBackOrders { department: department(code), since: NOW }
    }

    fn closed(code: &'static str) -> impl FnOnce(&mut kernel::Facts) {
        move |facts| drop(facts.departments.remove(&department(code)))
    }

    #[test]
    fn what_somebody_must_do_at_a_department_that_is_gone_is_dispatched_again() {
        let asked = |code| [dispatched_case(), vec![return_requested(code)]].concat();
        let again = || [disposed_case(), vec![failed(), rework(ASSIST), rework(LEAD)]].concat();
        for before in [dispatched_case(), [dispatched_case(), vec![accepted(LEAD)]].concat(), asked(LEAD), again()] {
            let events = given(before.clone()).knowing(closed(LEAD)).when(take(LEAD)).events();
            let [CaseEvent::ReturnApproved(approved), CaseEvent::OrderWithdrawn(_)] = &events[..] else {
                panic!("{events:?}")
            };
            assert_eq!(approved.reason, "department LEAD was closed on 2026-03-02 (UTC)");
            assert_eq!(approved.next.as_ref().map(|next| &next.step), Some(&Step::DISPATCH));
            let after = [before, events].concat();
            assert_eq!(given(after.clone()).state().stage(), Stage::Filed);
            given(after.clone()).knowing(closed(LEAD)).when(take(LEAD)).then_nothing();
            assert_eq!(given(after).when(dispatch()).events().len(), 3, "somebody else gets it");
        }
        for before in [dispatched_case(), asked(ASSIST), again()] {
            let events = given(before.clone()).knowing(closed(ASSIST)).when(take(ASSIST)).events();
            assert!(matches!(&events[..], [CaseEvent::ReturnApproved(event)] if event.next.is_none()), "{events:?}");
            let lead = given([before, events].concat()).state().standing.lead().cloned();
            assert!(lead.is_some_and(|lead| lead.next.is_some()), "the lead's order stands");
        }
    }

    #[test]
    fn nothing_is_taken_from_a_department_that_is_there_or_has_done_its_part() {
        given(dispatched_case()).when(take(LEAD)).then_nothing();
        for before in [vec![discovered()], disposed_case(), closed_case()] {
            given(before).knowing(closed(LEAD)).when(take(LEAD)).then_nothing();
        }
        given([]).when(take(LEAD)).then_refused(Refusal::UnknownCase);
    }
}

use kernel::separation::Later;
use kernel::{Allowed, Context, Needs, Obligation, OrderId, Party, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::DUTY;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Order, OrderRef, OrderStatus, Part, Refusal};

// Most characters of a text.
const REASON_MAX: usize = 1000;

/// The duty officer decides on a return.
///
/// Refused: the order stands, and its due time did not move. Approved: a lead's case is dispatched again, an assisting
/// part falls away. The order of a department that is closed needs no request: nobody is left who could give one, and the duty
/// officer takes it back by approving, unless the system did so already ([`TakeBackOrders`](crate::TakeBackOrders)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideReturn {
    pub order: OrderId,
    /// Approved or refused.
    pub decision: ReturnDecision,
    /// Why, at most 1000 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// Approved or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnDecision {
    /// 同意退单
    Approve,
    /// 不同意退单
    Refuse,
}

/// A return was approved, or the order of a closed department was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnApproved {
    /// The order, which ends with this.
    pub order: OrderRef,
    pub reason: String,
    /// Who must dispatch again, and by when. Absent for an assisting part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
}

/// An assisting order ended because the lead's order was returned; the next dispatch sends new ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderWithdrawn {
    /// The order, which ends with this.
    pub order: OrderRef,
    pub reason: String,
}

/// A return was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRefused {
    /// The order; it continues.
    pub order: OrderRef,
    pub reason: String,
    /// What the department must do next, due as before.
    pub next: Obligation,
}

impl Verb for DecideReturn {
    const NAME: &'static str = "decide-return";
    const BY: Allowed = DUTY;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        if self.decision == ReturnDecision::Refuse {
            return Needs::none().incompatible();
        }
        let order = case.file.as_ref().and_then(|file| file.orders.get(&self.order));
        let needs = Needs::none().incompatible().departments(order.map(|order| &order.sent.order.department));
        if case.is_of_lead(self.order) { case.posts(needs.step(Step::DISPATCH)) } else { needs }
    }
    fn example() -> Self {
        let reason = "权责清单明确由该部门主办".into();
        Self { order: examples::order(), decision: ReturnDecision::Refuse, reason }
    }
}

impl ReturnRefused {
    /// Where the order stands after it: where it stood before its return was asked for.
    pub(crate) fn back_to(&self) -> OrderStatus {
        if self.next.step == Step::ACCEPT { OrderStatus::Sent } else { OrderStatus::Accepted }
    }
}

/// Ends an order. A lead's case is dispatched again, and the orders of all others end with it.
pub(super) fn take_back(case: &Case, order: &Order, reason: &str, context: &Context) -> Decision {
    let (file, order) = (case.opened()?, &order.sent.order);
    let is_lead = order.part == Part::Lead;
    let dispatcher = || context.oblige(Step::DISPATCH, file.centre(Role::Dispatcher, context));
    let next = is_lead.then(dispatcher).transpose()?;
    let mut events = vec![ReturnApproved { order: order.clone(), reason: reason.to_owned(), next }.into()];
    let others = case.standing.live_orders().filter(|other| is_lead && other.order != order.order);
    for other in others.filter_map(|other| file.orders.get(&other.order)) {
        events.push(OrderWithdrawn { order: other.sent.order.clone(), reason: reason.to_owned() }.into());
    }
    Ok(events)
}

impl DecideReturn {
    /// A decision where none is waited for: the one that was made, or another one.
    fn again(&self, order: &Order) -> Decision {
        let approved = order.return_approved.as_ref().map(|event| (ReturnDecision::Approve, &event.reason));
        let refused = order.return_refused.as_ref().map(|event| (ReturnDecision::Refuse, &event.reason));
        match approved.or(refused) {
            Some(made) if made == (self.decision, &self.reason) => Ok(vec![]),
            Some(_) => Err(Refusal::ReturnAlreadyDecided { order: self.order }),
            None => Err(Refusal::NoReturnRequested { order: self.order }),
        }
    }

    /// Whether somebody must act on the order and nobody can: its department is closed.
    fn is_forsaken(&self, case: &Case, order: &Order, context: &Context) -> bool {
        let is_open = case.standing.live_orders().any(|part| part.order == self.order && part.next.is_some());
        is_open && context.department(&order.sent.order.department).is_err()
    }

    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let (order, status) = case.order(self.order)?;
        match (status, self.decision) {
            (OrderStatus::ReturnReview, _) => {}
            (_, ReturnDecision::Approve) if self.is_forsaken(case, order, context) => {}
            _ => return self.again(order),
        }
        case.opened()?.check_apart(Later::DecideReturn, Some(self.order), context)?;
        check_text("reason", &self.reason, REASON_MAX)?;
        let (sent, reason) = (&order.sent, self.reason.clone());
        match self.decision {
            ReturnDecision::Approve => take_back(case, order, &reason, context),
            ReturnDecision::Refuse => {
                let due = if order.accepted.is_some() {
                    (Step::DISPOSE, &sent.dispose_by)
                } else {
                    (Step::ACCEPT, &sent.accept_by)
                };
                let by = Party::at_department(&sent.order.department);
                let next = Obligation { step: due.0, by, due: due.1.clone() };
                Ok(vec![ReturnRefused { order: sent.order.clone(), reason, next }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stage;
    use crate::testing::{
        ASSIST, LEAD, accepted, decide_return, department, dispatched_case, disposed_case, failed, given, order_id,
        return_approved, return_refused, return_requested, rework, submit,
    };

    #[test]
    fn a_refused_return_leaves_the_due_time_where_it_was() {
        let asked = || [dispatched_case(), vec![return_requested(LEAD)]].concat();
        given(asked()).when(decide_return(LEAD, ReturnDecision::Refuse)).then([return_refused(LEAD)]);
        let case = given([asked(), vec![return_refused(LEAD)]].concat()).state();
        assert_eq!(case.stage(), Stage::Dispatched);
        given([asked(), vec![return_refused(LEAD)]].concat())
            .when(decide_return(LEAD, ReturnDecision::Refuse))
            .then_nothing();
        let reworded = DecideReturn { reason: "换个说法".into(), ..decide_return(LEAD, ReturnDecision::Refuse) };
        for other in [reworded, decide_return(LEAD, ReturnDecision::Approve)] {
            let refusal = Refusal::ReturnAlreadyDecided { order: order_id(LEAD) };
            given([asked(), vec![return_refused(LEAD)]].concat()).when(other).then_refused(refusal);
        }
    }

    #[test]
    fn an_approved_return_of_the_lead_is_dispatched_anew() {
        let asked = || [dispatched_case(), vec![return_requested(LEAD)]].concat();
        given(asked()).when(decide_return(LEAD, ReturnDecision::Approve)).then(return_approved());
        let after = || [asked(), return_approved()].concat();
        assert_eq!(given(after()).state().stage(), Stage::Filed);
        given(after()).when(decide_return(LEAD, ReturnDecision::Approve)).then_nothing();
        let reworded = DecideReturn { reason: "换个说法".into(), ..decide_return(LEAD, ReturnDecision::Approve) };
        let refusal = Refusal::ReturnAlreadyDecided { order: order_id(LEAD) };
        given(after()).when(reworded).then_refused(refusal);
        let events = given(after()).when(crate::testing::dispatch()).events();
        let [_, crate::CaseEvent::OrderDispatched(anew), ..] = events.as_slice() else { panic!("{events:?}") };
        assert_ne!(anew.order.order, order_id(LEAD), "a new order, not the old one again");
    }

    #[test]
    fn nothing_is_decided_that_was_not_asked() {
        let refusal = Refusal::NoReturnRequested { order: order_id(LEAD) };
        given(dispatched_case()).when(decide_return(LEAD, ReturnDecision::Approve)).then_refused(refusal);
    }

    #[test]
    fn the_order_of_a_closed_department_is_taken_back_without_a_request() {
        let closed =
            |code: &'static str| move |facts: &mut kernel::Facts| drop(facts.departments.remove(&department(code)));
        let refused = || vec![return_requested(LEAD), return_refused(LEAD)];
        let reworked = || vec![failed(), rework(ASSIST), rework(LEAD)];
        let before = [
            dispatched_case(),
            [dispatched_case(), vec![accepted(LEAD)]].concat(),
            [dispatched_case(), vec![return_requested(LEAD)]].concat(),
            [dispatched_case(), refused()].concat(),
            [disposed_case(), reworked()].concat(),
        ];
        for events in before {
            let approve = || decide_return(LEAD, ReturnDecision::Approve);
            let taken = given(events.clone()).knowing(closed(LEAD)).when(approve()).events();
            let [crate::CaseEvent::ReturnApproved(approved), others @ ..] = taken.as_slice() else {
                panic!("{taken:?}")
            };
            assert_eq!(approved.next.as_ref().map(|next| &next.step), Some(&Step::DISPATCH));
            assert!(matches!(others, [crate::CaseEvent::OrderWithdrawn(_)]), "the assisting order too: {others:?}");
            let after = [events, taken].concat();
            let case = given(after.clone()).state();
            assert_eq!((case.stage(), case.standing.live_orders().count()), (Stage::Filed, 0));
            given(after.clone()).knowing(closed(LEAD)).when(approve()).then_nothing();
            assert_eq!(given(after).when(crate::testing::dispatch()).events().len(), 3, "somebody else gets it");
        }
    }

    #[test]
    fn only_an_order_on_which_somebody_must_act_is_taken_back() {
        let closed = |facts: &mut kernel::Facts| drop(facts.departments.remove(&department(ASSIST)));
        let approve = || decide_return(ASSIST, ReturnDecision::Approve);
        let taken = given(dispatched_case()).knowing(closed).when(approve()).events();
        assert_eq!(taken.len(), 1, "the lead's order stands");
        let refusal = || Refusal::NoReturnRequested { order: order_id(ASSIST) };
        given(dispatched_case()).when(approve()).then_refused(refusal());
        given(disposed_case()).knowing(closed).when(approve()).then_refused(refusal());
        given(dispatched_case())
            .knowing(closed)
            .when(decide_return(ASSIST, ReturnDecision::Refuse))
            .then_refused(refusal());
    }

    #[test]
    fn an_assisting_part_that_falls_away_lets_the_lead_finish() {
        let asked = [dispatched_case(), vec![accepted(LEAD), return_requested(ASSIST)]].concat();
        let waiting = vec![department(ASSIST)];
        given(asked.clone())
            .by_department(LEAD)
            .when(submit(LEAD))
            .then_refused(Refusal::AssistingPartsOpen { waiting });
        let approved = given(asked.clone()).when(decide_return(ASSIST, ReturnDecision::Approve)).events();
        assert_eq!(approved.len(), 1, "the lead's order stands");
        let after = [asked, approved].concat();
        assert_eq!(given(after.clone()).state().stage(), Stage::InDisposal);
        assert_eq!(given(after).by_department(LEAD).when(submit(LEAD)).events().len(), 2, "the part, and the case");
    }
}

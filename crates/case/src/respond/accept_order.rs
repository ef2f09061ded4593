use kernel::{Allowed, Context, Obligation, OrderId, Party, Step, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CLERKS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{OrderRef, OrderStatus, Refusal};

/// A department takes over the order it was sent.
///
/// The disposal clock has been running since dispatch: late acceptance is counted against the department, it does not
/// move the due time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptOrder {
    pub order: OrderId,
}

/// A department took its order over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAccepted {
    pub order: OrderRef,
    /// Whether the limit for accepting was over.
    pub late: bool,
    /// What the department must do next.
    pub next: Obligation,
}

impl Verb for AcceptOrder {
    const NAME: &'static str = "accept-order";
    const BY: Allowed = CLERKS;
    type Of = Case;

    fn example() -> Self {
        Self { order: examples::order() }
    }
}

impl AcceptOrder {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let (order, status) = case.order_of(self.order, &context.by)?;
        match status {
            OrderStatus::Accepted | OrderStatus::Rework | OrderStatus::Disposed => Ok(vec![]),
            OrderStatus::ReturnReview | OrderStatus::Returned => {
                Err(Refusal::OrderNotReady { order: self.order, status: status.as_str() })
            }
            OrderStatus::Sent => {
                let by = Party::at_department(&order.sent.order.department);
                let next = Obligation { step: Step::DISPOSE, by, due: order.sent.dispose_by.clone() };
                let late = order.sent.accept_by.is_over(context.at);
                Ok(vec![OrderAccepted { order: order.sent.order.clone(), late, next }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, NOW, accepted, department, dispatched_case, file_of, given, order_id, return_requested,
    };
    use chrono::TimeDelta;

    fn accept(department: &str) -> AcceptOrder {
        AcceptOrder { order: order_id(department) }
    }

    #[test]
    fn the_department_accepts_its_order_once() {
        given(dispatched_case()).by_department(LEAD).when(accept(LEAD)).then([accepted(LEAD)]);
        given([dispatched_case(), vec![accepted(LEAD)]].concat()).by_department(LEAD).when(accept(LEAD)).then_nothing();
        given(dispatched_case()).by_department(ASSIST).when(accept(ASSIST)).then([accepted(ASSIST)]);
    }

    #[test]
    fn another_departments_order_is_not_touched() {
        let refusal = Refusal::AnotherDepartment { order: order_id(LEAD), department: department(LEAD) };
        given(dispatched_case()).by_department(ASSIST).when(accept(LEAD)).then_refused(refusal);
        let order = OrderId::named("none");
        given(dispatched_case()).when(AcceptOrder { order }).then_refused(Refusal::UnknownOrder { order });
    }

    #[test]
    fn what_was_asked_back_is_not_accepted() {
        let order = order_id(LEAD);
        given([dispatched_case(), vec![return_requested(LEAD)]].concat())
            .by_department(LEAD)
            .when(accept(LEAD))
            .then_refused(Refusal::OrderNotReady { order, status: "return_review" });
    }

    #[test]
    fn late_acceptance_is_counted_and_moves_nothing() {
        let events =
            given(dispatched_case()).at(NOW + TimeDelta::days(1)).by_department(LEAD).when(accept(LEAD)).events();
        let [crate::CaseEvent::OrderAccepted(event)] = events.as_slice() else { panic!("{events:?}") };
        assert!(event.late);
        assert_eq!(event.next.due, file_of(dispatched_case()).orders[&order_id(LEAD)].sent.dispose_by);
    }
}

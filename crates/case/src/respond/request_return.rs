use kernel::{Obligation, OrderId, Role, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OrderRef, Part};
use crate::case::{Case, Decision};
use crate::discover::check_text;
use crate::{CaseFile, Context, OrderStatus, Refusal, Stage};

/// A department says that an order is not its own (退单), inside the window and with the legal basis.
///
/// Once an order: a second dispute goes to arbitration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturn {
    /// The order.
    pub order: OrderId,
    /// Why, as a code.
    pub reason: ReturnReason,
    /// The norm that says so, at most 500 characters.
    pub legal_basis: String,
    /// Why, in words, at most 1000 characters.
    pub explanation: String,
}

/// Why an order is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    /// 不属于本部门职责
    NotOurMatter,
    /// 不在本辖区
    NotOurArea,
    /// 重复派单
    Duplicate,
    /// 信息不清, 无法处置
    Unclear,
}

/// A department asked for the return of its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRequested {
    /// The order.
    pub order: OrderRef,
    /// Why, as a code.
    pub reason: ReturnReason,
    /// The norm that says so.
    pub legal_basis: String,
    /// Why, in words.
    pub explanation: String,
    /// Who has to decide until when. The disposal clock goes on.
    pub next: Obligation,
}

impl RequestReturn {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        let order = file.order_of(self.order, &context.by)?;
        match &order.status {
            OrderStatus::ReturnReview { request, .. } if self.is_same(request) => return Ok(vec![]),
            OrderStatus::Sent | OrderStatus::Accepted => {}
            status => return Err(Refusal::OrderNotReady { order: self.order, status: status.as_str() }),
        }
        if order.return_refused {
            return Err(Refusal::ReturnRightUsed);
        }
        if CaseFile::is_over(&order.sent.return_until, context.at) {
            return Err(Refusal::ReturnWindowOver { until: order.sent.return_until.at });
        }
        check_text("legal_basis", &self.legal_basis, 500)?;
        check_text("explanation", &self.explanation, 1000)?;
        Ok(vec![
            ReturnRequested {
                order: order.sent.order.clone(),
                reason: self.reason,
                legal_basis: self.legal_basis.clone(),
                explanation: self.explanation.clone(),
                next: context.oblige(Step::DecideReturn, file.centre(Role::DutyOfficer))?,
            }
            .into(),
        ])
    }

    fn is_same(&self, request: &ReturnRequested) -> bool {
        (self.reason, &self.legal_basis, &self.explanation)
            == (request.reason, &request.legal_basis, &request.explanation)
    }
}

impl ReturnRequested {
    pub(crate) fn evolve(self, case: Case) -> Case {
        let lead = self.order.part == Part::Lead;
        let stage = if lead { Stage::ReturnReview } else { case.stage };
        case.turned(stage, |file| {
            if lead {
                file.next = Some(self.next.clone());
            }
            if let Some(order) = file.orders.get_mut(&self.order.order) {
                let accepted = order.status == OrderStatus::Accepted;
                order.status = OrderStatus::ReturnReview { request: Box::new(self), accepted };
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::{LEAD, NOW, dispatched_case, given, order_id, request_return, return_refused, return_requested};
    use chrono::TimeDelta;

    #[test]
    fn an_order_is_asked_back_once() {
        let asked = || [dispatched_case(), vec![return_requested(LEAD)]].concat();
        given(dispatched_case()).by_department(LEAD).when(request_return(LEAD)).then([return_requested(LEAD)]);
        given(asked()).by_department(LEAD).when(request_return(LEAD)).then_nothing();
        let other = RequestReturn { reason: ReturnReason::Unclear, ..request_return(LEAD) };
        let refusal = Refusal::OrderNotReady { order: order_id(LEAD), status: "in return review" };
        given(asked()).by_department(LEAD).when(other).then_refused(refusal);
        given([asked(), vec![return_refused(LEAD)]].concat())
            .by_department(LEAD)
            .when(request_return(LEAD))
            .then_refused(Refusal::ReturnRightUsed);
    }

    #[test]
    fn the_window_is_two_working_days() {
        let until = given(dispatched_case()).return_until();
        given(dispatched_case())
            .at(NOW + TimeDelta::days(9))
            .by_department(LEAD)
            .when(request_return(LEAD))
            .then_refused(Refusal::ReturnWindowOver { until });
    }
}

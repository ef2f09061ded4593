use kernel::{Allowed, Context, Needs, Obligation, OrderId, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CLERKS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{OrderRef, OrderStatus, Refusal};

// Most characters of a text.
const LEGAL_BASIS_MAX: usize = 500;
const EXPLANATION_MAX: usize = 1000;

/// A department says that an order is not its own (退单), inside the window and with the legal basis.
///
/// Once an order: a second dispute goes to arbitration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturn {
    pub order: OrderId,
    /// Why, as a code.
    pub reason: ReturnReason,
    /// The norm that says so, at most 500 characters.
    #[schemars(length(min = 1, max = LEGAL_BASIS_MAX))]
    pub legal_basis: String,
    /// Why, in words, at most 1000 characters.
    #[schemars(length(min = 1, max = EXPLANATION_MAX))]
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
    pub order: OrderRef,
    /// Why, as a code.
    pub reason: ReturnReason,
    /// The norm that says so.
    pub legal_basis: String,
    /// Why, in words.
    pub explanation: String,
    /// Staff id of whoever asked; they will not decide.
    pub by: String,
    /// Who must decide, and by when. The disposal clock continues.
    pub next: Obligation,
}

impl Verb for RequestReturn {
    const NAME: &'static str = "request-return";
    const BY: Allowed = CLERKS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        case.posts(Needs::none().step(Step::DECIDE_RETURN))
    }
    fn example() -> Self {
        Self {
            order: examples::order(),
            reason: ReturnReason::NotOurMatter,
            legal_basis: "权责清单第十二项".into(),
            explanation: "该事项由另一部门主管".into(),
        }
    }
}

impl RequestReturn {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        let (order, status) = case.order_of(self.order, &context.by)?;
        match status {
            OrderStatus::ReturnReview if order.return_requested.as_ref().is_some_and(|last| self.is_same(last)) => {
                return Ok(vec![]);
            }
            OrderStatus::Sent | OrderStatus::Accepted => {}
            status => return Err(Refusal::OrderNotReady { order: self.order, status: status.as_str() }),
        }
        if order.return_refused.is_some() {
            return Err(Refusal::ReturnRightUsed);
        }
        if order.sent.return_until.is_over(context.at) {
            return Err(Refusal::ReturnWindowOver { until: order.sent.return_until.at });
        }
        check_text("legal_basis", &self.legal_basis, LEGAL_BASIS_MAX)?;
        check_text("explanation", &self.explanation, EXPLANATION_MAX)?;
        Ok(vec![
            ReturnRequested {
                order: order.sent.order.clone(),
                reason: self.reason,
                legal_basis: self.legal_basis.clone(),
                explanation: self.explanation.clone(),
                by: context.by.id.clone(),
                next: context.oblige(Step::DECIDE_RETURN, file.centre(Role::DutyOfficer, context))?,
            }
            .into(),
        ])
    }

    fn is_same(&self, request: &ReturnRequested) -> bool {
        (self.reason, &self.legal_basis, &self.explanation)
            == (request.reason, &request.legal_basis, &request.explanation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        LEAD, NOW, dispatched_case, file_of, given, order_id, request_return, return_refused, return_requested,
    };
    use chrono::TimeDelta;

    #[test]
    fn an_order_is_asked_back_once() {
        let asked = || [dispatched_case(), vec![return_requested(LEAD)]].concat();
        given(dispatched_case()).by_department(LEAD).when(request_return(LEAD)).then([return_requested(LEAD)]);
        given(asked()).by_department(LEAD).when(request_return(LEAD)).then_nothing();
        let other = RequestReturn { reason: ReturnReason::Unclear, ..request_return(LEAD) };
        let refusal = Refusal::OrderNotReady { order: order_id(LEAD), status: "return_review" };
        given(asked()).by_department(LEAD).when(other).then_refused(refusal);
        given([asked(), vec![return_refused(LEAD)]].concat())
            .by_department(LEAD)
            .when(request_return(LEAD))
            .then_refused(Refusal::ReturnRightUsed);
    }

    #[test]
    fn the_window_is_two_working_days() {
        let until = file_of(dispatched_case()).orders[&order_id(LEAD)].sent.return_until.at;
        given(dispatched_case())
            .at(NOW + TimeDelta::days(9))
            .by_department(LEAD)
            .when(request_return(LEAD))
            .then_refused(Refusal::ReturnWindowOver { until });
    }
}

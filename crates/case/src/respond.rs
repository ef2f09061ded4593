//! 响应: the administrative grid files the case, dispatches it, and departments take their orders over or return them.
//!
//! Arbitration, first contact and summons come with their issue.

mod accept_order;
mod decide_return;
mod dispatch_case;
mod file_case;
mod refuse_filing;
mod request_return;
mod take_back_orders;

pub use accept_order::{AcceptOrder, OrderAccepted};
pub use decide_return::{DecideReturn, OrderWithdrawn, ReturnApproved, ReturnDecision, ReturnRefused};
pub use dispatch_case::{CaseDispatched, DispatchCase, OrderDispatched, OwnDue};
pub use file_case::{CaseFiled, CriterionAnswer, FileCase};
pub use refuse_filing::{FilingRefused, RefuseFiling};
pub use request_return::{RequestReturn, ReturnReason, ReturnRequested};
pub use take_back_orders::TakeBackOrders;

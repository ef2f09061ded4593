//! What an event means for where a case stands, shared by the views.

use case::{CaseEvent, Conclusion, Part, Stage};
use kernel::{Obligation, OrderId, Step};

/// Where an order can stand, as views say it.
pub const ORDER_STATUSES: [&str; 6] = ["sent", "accepted", "return_review", "returned", "disposed", "rework"];

/// The order that an event is about, and where it stands after it; none for events that do not move an order.
pub(super) fn order_after(event: &CaseEvent) -> Option<(OrderId, &'static str)> {
    Some(match event {
        CaseEvent::OrderDispatched(event) => (event.order.order, "sent"),
        CaseEvent::OrderAccepted(event) => (event.order.order, "accepted"),
        CaseEvent::ReturnRequested(event) => (event.order.order, "return_review"),
        CaseEvent::ReturnApproved(event) => (event.order.order, "returned"),
        CaseEvent::OrderWithdrawn(event) => (event.order.order, "returned"),
        CaseEvent::ReturnRefused(event) if event.next.step == Step::Accept => (event.order.order, "sent"),
        CaseEvent::ReturnRefused(event) => (event.order.order, "accepted"),
        CaseEvent::PartDisposed(event) => (event.order.order, "disposed"),
        CaseEvent::OrderReworkRequired(event) => (event.order.order, "rework"),
        _ => return None,
    })
}

/// Where the case stands after the event; none where it does not move.
///
/// The aggregate knows this too, but it needs the whole case; a test compares the two over every story.
pub(super) fn stage_after(before: Stage, event: &CaseEvent) -> Option<Stage> {
    Some(match event {
        CaseEvent::IssueDiscovered(_) => Stage::Discovered,
        CaseEvent::IssueRegistered(_) => Stage::Registered,
        CaseEvent::IssueMerged(_) => Stage::Merged,
        CaseEvent::IssueVoided(_) => Stage::Voided,
        CaseEvent::GridHandlingStarted(_) | CaseEvent::GridReworkRequired(_) => Stage::GridHandling,
        CaseEvent::GridHandlingDone(_) | CaseEvent::CaseDisposed(_) => Stage::Disposed,
        CaseEvent::DeliberationOpened(_) => Stage::Deliberating,
        CaseEvent::DeliberationConcluded(event) if event.conclusion == Conclusion::Explain => Stage::Callback,
        CaseEvent::IssueEscalated(_) => Stage::Escalated,
        CaseEvent::CaseFiled(_) => Stage::Filed,
        CaseEvent::FilingRefused(_) => Stage::NotFiled,
        CaseEvent::OrderDispatched(_) => Stage::Dispatched,
        CaseEvent::OrderAccepted(event) if event.order.part == Part::Lead && before == Stage::Dispatched => {
            Stage::InDisposal
        }
        CaseEvent::ReturnRequested(event) if event.order.part == Part::Lead => Stage::ReturnReview,
        CaseEvent::ReturnApproved(event) if event.order.part == Part::Lead => Stage::Filed,
        CaseEvent::ReturnRefused(event) if event.order.part == Part::Lead => {
            if event.next.step == Step::Accept {
                Stage::Dispatched
            } else {
                Stage::InDisposal
            }
        }
        CaseEvent::VerificationPassed(_) => Stage::Callback,
        CaseEvent::VerificationFailed(_) => Stage::Rework,
        CaseEvent::CaseClosed(_) => Stage::Closed,
        CaseEvent::CaseReopened(_) => Stage::Reopened,
        _ => return None,
    })
}

/// What has to be done next after an event; nothing where the case is at its end.
pub(super) struct Next<'a>(pub(super) Option<&'a Obligation>);

/// What has to be done next; none where the event changes nothing in that.
pub(super) fn obligation_after(event: &CaseEvent) -> Option<Next<'_>> {
    let of_lead = |part: Part, next| (part == Part::Lead).then_some(Next(Some(next)));
    match event {
        CaseEvent::IssueDiscovered(event) => Some(Next(Some(&event.next))),
        CaseEvent::IssueRegistered(event) => Some(Next(Some(&event.next))),
        CaseEvent::IssueMerged(_) | CaseEvent::IssueVoided(_) | CaseEvent::CaseClosed(_) => Some(Next(None)),
        CaseEvent::GridHandlingStarted(event) => Some(Next(Some(&event.next))),
        CaseEvent::GridHandlingDone(event) => Some(Next(Some(&event.next))),
        CaseEvent::GridReworkRequired(event) => Some(Next(Some(&event.next))),
        CaseEvent::DeliberationOpened(event) => Some(Next(Some(&event.next))),
        CaseEvent::MeetingHeld(event) => event.next.as_ref().map(|next| Next(Some(next))),
        CaseEvent::ProposalRevised(event) => Some(Next(Some(&event.next))),
        CaseEvent::DeliberationConcluded(event) => Some(Next(Some(&event.next))),
        CaseEvent::IssueEscalated(event) => Some(Next(Some(&event.next))),
        CaseEvent::CaseFiled(event) => Some(Next(Some(&event.next))),
        CaseEvent::FilingRefused(event) => Some(Next(Some(&event.next))),
        CaseEvent::OrderDispatched(event) => of_lead(event.order.part, &event.next),
        CaseEvent::OrderAccepted(event) => of_lead(event.order.part, &event.next),
        CaseEvent::ReturnRequested(event) => of_lead(event.order.part, &event.next),
        CaseEvent::ReturnApproved(event) => event.next.as_ref().map(|next| Next(Some(next))),
        CaseEvent::ReturnRefused(event) => of_lead(event.order.part, &event.next),
        CaseEvent::CaseDisposed(event) => Some(Next(Some(&event.next))),
        CaseEvent::VerificationPassed(event) => Some(Next(Some(&event.next))),
        CaseEvent::VerificationFailed(event) => Some(Next(Some(&event.next))),
        CaseEvent::OrderReworkRequired(event) => of_lead(event.order.part, &event.next),
        CaseEvent::FeedbackRecorded(event) => Some(Next(Some(&event.next))),
        CaseEvent::CaseReopened(event) => Some(Next(Some(&event.next))),
        CaseEvent::DuplicateSuspected(_)
        | CaseEvent::GridProgressRecorded(_)
        | CaseEvent::DeliberationWaived(_)
        | CaseEvent::CaseDispatched(_)
        | CaseEvent::OrderWithdrawn(_)
        | CaseEvent::OrderProgressRecorded(_)
        | CaseEvent::PartDisposed(_) => None,
    }
}

/// What has to be done next for the order of an assisting department, and which order; none for other events. The lead's
/// obligation is the case's.
pub(super) fn assisting_obligation_after(event: &CaseEvent) -> Option<(OrderId, Next<'_>)> {
    let (order, next) = match event {
        CaseEvent::OrderDispatched(event) => (&event.order, Some(&event.next)),
        CaseEvent::OrderAccepted(event) => (&event.order, Some(&event.next)),
        CaseEvent::ReturnRequested(event) => (&event.order, Some(&event.next)),
        CaseEvent::ReturnRefused(event) => (&event.order, Some(&event.next)),
        CaseEvent::OrderReworkRequired(event) => (&event.order, Some(&event.next)),
        CaseEvent::ReturnApproved(event) => (&event.order, None),
        CaseEvent::OrderWithdrawn(event) => (&event.order, None),
        CaseEvent::PartDisposed(event) => (&event.order, None),
        _ => return None,
    };
    (order.part == Part::Assist).then_some((order.order, Next(next)))
}

//! Every event of a case, one line each with its stored name. A stored name never changes its meaning.

use kernel::DepartmentCode;

use crate::{
    CaseClosed, CaseDispatched, CaseDisposed, CaseFiled, CaseReopened, DeliberationConcluded, DeliberationOpened,
    DeliberationWaived, DuplicateSuspected, FeedbackRecorded, FilingRefused, GridHandlingDone, GridHandlingStarted,
    GridProgressRecorded, GridReworkRequired, IssueDiscovered, IssueEscalated, IssueMerged, IssueRegistered,
    IssueVoided, MeetingHeld, OrderAccepted, OrderDispatched, OrderProgressRecorded, OrderReworkRequired,
    OrderWithdrawn, PartDisposed, ProposalRevised, ReturnApproved, ReturnRefused, ReturnRequested, VerificationFailed,
    VerificationPassed,
};

kernel::events! {
    /// What has happened to a case.
    pub enum CaseEvent in "case" {
        IssueDiscovered = "cn.dualgrid.case.issue_discovered.v1",
        IssueRegistered = "cn.dualgrid.case.issue_registered.v1",
        DuplicateSuspected = "cn.dualgrid.case.duplicate_suspected.v1",
        IssueMerged = "cn.dualgrid.case.issue_merged.v1",
        IssueVoided = "cn.dualgrid.case.issue_voided.v1",
        GridHandlingStarted = "cn.dualgrid.case.grid_handling_started.v1",
        GridProgressRecorded = "cn.dualgrid.case.grid_progress_recorded.v1",
        GridHandlingDone = "cn.dualgrid.case.grid_handling_done.v1",
        GridReworkRequired = "cn.dualgrid.case.grid_rework_required.v1",
        DeliberationOpened = "cn.dualgrid.case.deliberation_opened.v1",
        MeetingHeld = "cn.dualgrid.case.meeting_held.v1",
        ProposalRevised = "cn.dualgrid.case.proposal_revised.v1",
        DeliberationConcluded = "cn.dualgrid.case.deliberation_concluded.v1",
        DeliberationWaived = "cn.dualgrid.case.deliberation_waived.v1",
        IssueEscalated = "cn.dualgrid.case.issue_escalated.v1",
        CaseFiled = "cn.dualgrid.case.case_filed.v1",
        FilingRefused = "cn.dualgrid.case.filing_refused.v1",
        CaseDispatched = "cn.dualgrid.case.case_dispatched.v1",
        OrderDispatched = "cn.dualgrid.case.order_dispatched.v1",
        OrderAccepted = "cn.dualgrid.case.order_accepted.v1",
        ReturnRequested = "cn.dualgrid.case.return_requested.v1",
        ReturnApproved = "cn.dualgrid.case.return_approved.v1",
        OrderWithdrawn = "cn.dualgrid.case.order_withdrawn.v1",
        ReturnRefused = "cn.dualgrid.case.return_refused.v1",
        OrderProgressRecorded = "cn.dualgrid.case.order_progress_recorded.v1",
        PartDisposed = "cn.dualgrid.case.part_disposed.v1",
        CaseDisposed = "cn.dualgrid.case.case_disposed.v1",
        VerificationPassed = "cn.dualgrid.case.verification_passed.v1",
        VerificationFailed = "cn.dualgrid.case.verification_failed.v1",
        OrderReworkRequired = "cn.dualgrid.case.order_rework_required.v1",
        FeedbackRecorded = "cn.dualgrid.case.feedback_recorded.v1",
        CaseClosed = "cn.dualgrid.case.case_closed.v1",
        CaseReopened = "cn.dualgrid.case.case_reopened.v1",
    }
    department = CaseEvent::department_of;
}

impl CaseEvent {
    /// The department whose order the event is about. Such an event goes to that department's subject.
    fn department_of(&self) -> Option<&DepartmentCode> {
        let order = match self {
            Self::OrderDispatched(event) => &event.order,
            Self::OrderAccepted(event) => &event.order,
            Self::ReturnRequested(event) => &event.order,
            Self::ReturnApproved(event) => &event.order,
            Self::OrderWithdrawn(event) => &event.order,
            Self::ReturnRefused(event) => &event.order,
            Self::OrderProgressRecorded(event) => &event.order,
            Self::PartDisposed(event) => &event.order,
            Self::OrderReworkRequired(event) => &event.order,
            _ => return None,
        };
        Some(&order.department)
    }
}

//! Every event of a case, one line each with its stored name and whom it is for. A stored name never changes its meaning.

use crate::{
    CaseClosed, CaseDispatched, CaseDisposed, CaseFiled, CaseLeft, CaseMoved, CaseReopened, DeliberationConcluded,
    DeliberationOpened, DeliberationWaived, DuplicateSuspected, FeedbackRecorded, FilingRefused, GridHandlingDone,
    GridHandlingStarted, GridProgressRecorded, GridReworkRequired, IssueDiscovered, IssueEscalated, IssueMerged,
    IssueRegistered, IssueTakenIn, IssueVoided, MeetingHeld, MergedCaseReopened, MergedFinderHeard,
    MergedIssueAnswered, OrderAccepted, OrderDispatched, OrderProgressRecorded, OrderReworkRequired, OrderWithdrawn,
    PartDisposed, ProposalRevised, ReaderNamed, ReportAdded, ReporterRead, ReturnApproved, ReturnRefused,
    ReturnRequested, VerificationFailed, VerificationPassed, WordTakenIn,
};

kernel::events! {
    /// What has happened to a case.
    pub enum CaseEvent in "case" {
        IssueDiscovered = "cn.dualgrid.case.issue_discovered.v1" to Street,
        IssueRegistered = "cn.dualgrid.case.issue_registered.v1" to Street,
        ReportAdded = "cn.dualgrid.case.report_added.v1" to Street,
        DuplicateSuspected = "cn.dualgrid.case.duplicate_suspected.v1" to Street,
        IssueMerged = "cn.dualgrid.case.issue_merged.v1" to Street,
        IssueTakenIn = "cn.dualgrid.case.issue_taken_in.v1" to Street,
        IssueVoided = "cn.dualgrid.case.issue_voided.v1" to Street,
        GridHandlingStarted = "cn.dualgrid.case.grid_handling_started.v1" to Street,
        GridProgressRecorded = "cn.dualgrid.case.grid_progress_recorded.v1" to Street,
        GridHandlingDone = "cn.dualgrid.case.grid_handling_done.v1" to Street,
        GridReworkRequired = "cn.dualgrid.case.grid_rework_required.v1" to Street,
        DeliberationOpened = "cn.dualgrid.case.deliberation_opened.v1" to Street,
        MeetingHeld = "cn.dualgrid.case.meeting_held.v1" to Street,
        ProposalRevised = "cn.dualgrid.case.proposal_revised.v1" to Street,
        DeliberationConcluded = "cn.dualgrid.case.deliberation_concluded.v1" to Street,
        DeliberationWaived = "cn.dualgrid.case.deliberation_waived.v1" to Street,
        IssueEscalated = "cn.dualgrid.case.issue_escalated.v1" to Street,
        CaseFiled = "cn.dualgrid.case.case_filed.v1" to Street,
        FilingRefused = "cn.dualgrid.case.filing_refused.v1" to Street,
        CaseDispatched = "cn.dualgrid.case.case_dispatched.v1" to Street,
        OrderDispatched = "cn.dualgrid.case.order_dispatched.v1" to Order,
        OrderAccepted = "cn.dualgrid.case.order_accepted.v1" to Order,
        ReturnRequested = "cn.dualgrid.case.return_requested.v1" to Order,
        ReturnApproved = "cn.dualgrid.case.return_approved.v1" to Order,
        OrderWithdrawn = "cn.dualgrid.case.order_withdrawn.v1" to Order,
        ReturnRefused = "cn.dualgrid.case.return_refused.v1" to Order,
        OrderProgressRecorded = "cn.dualgrid.case.order_progress_recorded.v1" to Order,
        PartDisposed = "cn.dualgrid.case.part_disposed.v1" to Order,
        CaseDisposed = "cn.dualgrid.case.case_disposed.v1" to Street,
        VerificationPassed = "cn.dualgrid.case.verification_passed.v1" to Street,
        VerificationFailed = "cn.dualgrid.case.verification_failed.v1" to Street,
        OrderReworkRequired = "cn.dualgrid.case.order_rework_required.v1" to Order,
        FeedbackRecorded = "cn.dualgrid.case.feedback_recorded.v1" to Street,
        MergedIssueAnswered = "cn.dualgrid.case.merged_issue_answered.v1" to Street,
        MergedFinderHeard = "cn.dualgrid.case.merged_finder_heard.v1" to Street,
        MergedCaseReopened = "cn.dualgrid.case.merged_case_reopened.v1" to Street,
        WordTakenIn = "cn.dualgrid.case.word_taken_in.v1" to Street,
        CaseClosed = "cn.dualgrid.case.case_closed.v1" to Street,
        CaseReopened = "cn.dualgrid.case.case_reopened.v1" to Street,
        CaseLeft = "cn.dualgrid.case.case_left.v1" to Street,
        ReporterRead = "cn.dualgrid.case.reporter_read.v1" to Internal,
        ReaderNamed = "cn.dualgrid.case.reader_named.v1" to Internal,
        CaseMoved = "cn.dualgrid.case.case_moved.v1" to Street,
    }
    department = CaseEvent::department_of;
    street = CaseEvent::street_of;
}

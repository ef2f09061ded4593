//! Every command of a case, one line each with its public name.

use crate::{
    AcceptOrder, CloseCase, ConcludeDeliberation, DecideReturn, DiscoverIssue, DispatchCase, EscalateIssue, FileCase,
    HandleInGrid, HoldMeeting, MergeIssue, OpenDeliberation, RecordFeedback, RecordProgress, RefuseFiling,
    RegisterIssue, ReopenCase, RequestReturn, ReviseProposal, SubmitDisposal, VerifyCase, VoidIssue,
};

kernel::commands! {
    /// What can be asked of a case.
    pub enum CaseCommand {
        DiscoverIssue = "discover-issue",
        RegisterIssue = "register-issue",
        MergeIssue = "merge-issue",
        VoidIssue = "void-issue",
        HandleInGrid = "handle-in-grid",
        OpenDeliberation = "open-deliberation",
        HoldMeeting = "hold-meeting",
        ReviseProposal = "revise-proposal",
        ConcludeDeliberation = "conclude-deliberation",
        EscalateIssue = "escalate-issue",
        FileCase = "file-case",
        RefuseFiling = "refuse-filing",
        DispatchCase = "dispatch-case",
        AcceptOrder = "accept-order",
        RequestReturn = "request-return",
        DecideReturn = "decide-return",
        RecordProgress = "record-progress",
        SubmitDisposal = "submit-disposal",
        VerifyCase = "verify-case",
        RecordFeedback = "record-feedback",
        CloseCase = "close-case",
        ReopenCase = "reopen-case",
    }
}

//! Every command of a case, one line each.

use crate::{
    AcceptOrder, AnswerMerged, Case, CloseCase, ConcludeDeliberation, DecideReturn, DiscoverIssue, DispatchCase,
    EscalateIssue, FileCase, HandleInGrid, HoldMeeting, MergeIssue, OpenDeliberation, RecordFeedback, RecordProgress,
    RefuseFiling, RegisterIssue, ReopenCase, RequestReturn, ReviseProposal, SubmitDisposal, TakeInIssue, VerifyCase,
    VoidIssue,
};

kernel::commands! {
    /// What can be asked of a case.
    pub enum CaseCommand of Case {
        DiscoverIssue,
        RegisterIssue,
        MergeIssue,
        TakeInIssue,
        VoidIssue,
        HandleInGrid,
        OpenDeliberation,
        HoldMeeting,
        ReviseProposal,
        ConcludeDeliberation,
        EscalateIssue,
        FileCase,
        RefuseFiling,
        DispatchCase,
        AcceptOrder,
        RequestReturn,
        DecideReturn,
        RecordProgress,
        SubmitDisposal,
        VerifyCase,
        RecordFeedback,
        AnswerMerged,
        CloseCase,
        ReopenCase,
    }
}

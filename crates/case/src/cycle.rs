//! One round of work: what a case begins afresh when it is reopened. Who did what in it is kept as the events say it.

use crate::{
    CaseClosed, CaseReopened, FeedbackRecorded, FilingRefused, GridHandlingDone, GridHandlingStarted,
    GridProgressRecorded, VerificationFailed, VerificationPassed,
};

/// One round of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// 1, and one more for each reopening.
    pub number: u32,
    /// How it began, unless it is the first.
    pub reopened: Option<CaseReopened>,
    /// Every refusal to file.
    pub refused: Vec<FilingRefused>,
    /// The work of the grid itself, as it was started last.
    pub grid_work: Option<GridHandlingStarted>,
    /// The newest progress of the work of the grid.
    pub grid_progress: Option<GridProgressRecorded>,
    /// Every time the grid said that its work was done.
    pub grid_done: Vec<GridHandlingDone>,
    /// Every verification.
    pub verified: Vec<Verification>,
    /// Every answer to the finder, and what they said.
    pub answered: Vec<FeedbackRecorded>,
    /// How it ended, once it has.
    pub closed: Option<CaseClosed>,
}

/// How a verification ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The disposal holds.
    Passed(VerificationPassed),
    /// The disposal does not hold.
    Failed(VerificationFailed),
}

impl Verification {
    /// Whether it passed.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Passed(_))
    }

    /// What was found.
    pub fn findings(&self) -> &str {
        match self {
            Self::Passed(event) => &event.findings,
            Self::Failed(event) => &event.findings,
        }
    }
}

impl Cycle {
    /// The first round of work.
    pub(crate) fn first() -> Self {
        Self {
            number: 1,
            reopened: None,
            refused: Vec::new(),
            grid_work: None,
            grid_progress: None,
            grid_done: Vec::new(),
            verified: Vec::new(),
            answered: Vec::new(),
            closed: None,
        }
    }

    /// The round of work that a reopening begins.
    pub(crate) fn begun(reopened: CaseReopened) -> Self {
        Self { number: reopened.cycle, reopened: Some(reopened), ..Self::first() }
    }

    /// Whether its newest verification passed.
    pub fn is_verified(&self) -> bool {
        self.verified.last().is_some_and(Verification::is_passed)
    }
}

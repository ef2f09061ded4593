//! One round of work: what a case begins afresh when it is reopened. Who did what in it is kept as the events say it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Evidence, OrderId};

use crate::{
    CaseClosed, CaseReopened, FeedbackRecorded, FilingRefused, GridHandlingDone, GridHandlingStarted,
    GridProgressRecorded, Said, VerificationFailed, VerificationPassed,
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
    /// When the work was said to be done last; `None` once a verification found that it is not.
    pub done_at: Option<DateTime<Utc>>,
    /// The score of the newest review meeting of what was done; none once a verification found that it is not.
    pub review_score: Option<u8>,
    /// Every verification.
    pub verified: Vec<Verification>,
    /// The orders that the newest verification sent back.
    pub rework: BTreeSet<OrderId>,
    /// Every answer to the finder about how it stands, and what they said.
    pub answered: Vec<FeedbackRecorded>,
    /// What the finder said last of it, whenever they were reached.
    pub said: Said,
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

    /// What shows it.
    pub fn evidence(&self) -> &[Evidence] {
        match self {
            Self::Passed(event) => &event.evidence,
            Self::Failed(event) => &event.evidence,
        }
    }

    /// The staff id of whoever verified.
    pub fn by(&self) -> &String {
        match self {
            Self::Passed(event) => &event.by,
            Self::Failed(event) => &event.by,
        }
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
            done_at: None,
            review_score: None,
            verified: Vec::new(),
            rework: BTreeSet::new(),
            answered: Vec::new(),
            said: Said::default(),
            closed: None,
        }
    }

    /// The round of work that a reopening begins.
    pub(crate) fn begun(reopened: CaseReopened) -> Self {
        Self { number: reopened.cycle, reopened: Some(reopened), ..Self::first() }
    }

    /// Keeps an answer to the finder. Who was not reached said nothing: their last word stays.
    pub(crate) fn note_answer(&mut self, answer: FeedbackRecorded) {
        self.said = self.said.then(answer.said());
        self.answered.push(answer);
    }

    /// What was answered is not about how it stands any more: it is asked again.
    pub(crate) fn forget_answers(&mut self) {
        self.answered.clear();
        self.said = Said::default();
    }

    /// Whether its newest verification passed.
    pub fn is_verified(&self) -> bool {
        self.verified.last().is_some_and(Verification::is_passed)
    }
}

//! A case that was merged into another is answered when that one is.

use std::collections::BTreeSet;

use case::{AnswerMerged, CaseEvent};
use kernel::{CaseId, Key, Read};
use serde::{Deserialize, Serialize};

use crate::process::{FollowUp, Process};

/// Gives the finder of every merged case the answer of the case that continued. A case that was merged later gets the last
/// answer at once; what a merged case was answered itself goes on to those that were merged into it before.
pub struct MergedAnswer;

/// What is remembered of a case into which others were merged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The cases that were merged into it.
    pub cases: BTreeSet<CaseId>,
    /// The round of work that it is in.
    pub cycle: u32,
    /// What its finder was told last.
    pub answer: Option<String>,
}

impl Merged {
    fn follow(&self, by_case: CaseId, cases: impl IntoIterator<Item = CaseId>) -> Vec<FollowUp> {
        let Some(answer) = &self.answer else { return Vec::new() };
        let command = AnswerMerged { by_case, cycle: self.cycle, answer: answer.clone() };
        cases.into_iter().map(|case| FollowUp::new(case.uuid(), &command)).collect()
    }
}

impl Process for MergedAnswer {
    const NAME: &'static str = "merged_answer";
    const ABOUT: &'static str = "Answers the finders of merged cases when the case that continued is answered";
    const FROM: &'static [&'static str] = &["case"];
    const NONE: &'static [&'static str] = &[];
    type State = Merged;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if matches!(
            kind,
            CaseEvent::IssueTakenIn(_) | CaseEvent::FeedbackRecorded(_) | CaseEvent::MergedIssueAnswered(_)
        ) {
            touch(event.id().into());
        }
    }

    fn react(_: &Key, state: &mut Option<Merged>, event: &Read<'_>) -> Vec<FollowUp> {
        let by_case = CaseId::new(event.id());
        match event.of::<CaseEvent>() {
            Some(CaseEvent::IssueTakenIn(taken)) => {
                let merged = state.get_or_insert_default();
                merged.cases.insert(taken.from);
                merged.follow(by_case, [taken.from])
            }
            Some(CaseEvent::FeedbackRecorded(feedback)) => answered(state, by_case, feedback.cycle, &feedback.answer),
            Some(CaseEvent::MergedIssueAnswered(answer)) => answered(state, by_case, answer.cycle, &answer.answer),
            _ => Vec::new(),
        }
    }
}

fn answered(state: &mut Option<Merged>, by_case: CaseId, cycle: u32, answer: &str) -> Vec<FollowUp> {
    let merged = state.get_or_insert_default();
    (merged.cycle, merged.answer) = (cycle, Some(answer.to_owned()));
    merged.follow(by_case, merged.cases.clone())
}

use chrono::{DateTime, Utc};
use kernel::{Allowed, CaseId, Context, GridCode, Needs, Obligation, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::SYSTEM;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Refusal, Stage};

/// Most characters of an answer: as many as the longest text of a case that becomes one.
const ANSWER_MAX: usize = 2000;

/// The system gives the finder of a merged case the answer of the case that continued.
///
/// Once for each answer of that case, however often it says the same; its closing and its reopening are answers too. The same answer
/// again, under the same number, does nothing. Somebody must then ask this finder for theirs, as the other one was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerMerged {
    /// The case into which this one was merged.
    pub by_case: CaseId,
    /// Which answer of that case it is, counted from 1.
    pub number: u32,
    /// The round of work of that case: 1, and one more for each reopening.
    pub cycle: u32,
    /// What its finder was told, or how it was closed, or why it was reopened; at most 2000 characters.
    #[schemars(length(min = 1, max = ANSWER_MAX))]
    pub answer: String,
    /// Whether this finder can have it reopened.
    pub reopening: Reopening,
}

/// Whether the finder of a merged case can have the case that continued reopened, once they got its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reopening {
    /// It is being worked on: the next answer comes.
    Needless,
    /// Until it is closed: its own finder is being asked too.
    UntilClosed,
    /// It is closed, and the finder has until then to say that they are not satisfied.
    Until(DateTime<Utc>),
}

impl Reopening {
    pub(crate) fn is_possible(&self, at: DateTime<Utc>) -> bool {
        match self {
            Self::Needless => false,
            Self::UntilClosed => true,
            Self::Until(until) => at <= *until,
        }
    }
}

/// The finder of a merged case got the answer of the case that continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedIssueAnswered {
    /// The case into which this one was merged.
    pub by_case: CaseId,
    /// Which answer of that case it is, counted from 1.
    pub number: u32,
    /// The round of work of that case.
    pub cycle: u32,
    /// What the finder was told.
    pub answer: String,
    /// Whether this finder can have it reopened.
    pub reopening: Reopening,
    /// What the case is about.
    pub title: String,
    /// The grid in which it is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// Who must ask the finder, and by when.
    pub next: Obligation,
}

impl Verb for AnswerMerged {
    const NAME: &'static str = "answer-merged";
    const BY: Allowed = SYSTEM;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        case.posts(Needs::none().step(Step::COLLECT_FEEDBACK))
    }
    fn example() -> Self {
        Self {
            by_case: examples::case(),
            number: 1,
            cycle: 1,
            answer: "问题已解决，健康证已补办".into(),
            reopening: Reopening::UntilClosed,
        }
    }
}

impl AnswerMerged {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened_in(&[Stage::Merged], "merged")?;
        if file.merged.as_ref().is_none_or(|merged| merged.into != self.by_case) {
            return Err(Refusal::NotMergedInto { case: self.by_case });
        }
        let is_same = |known: &MergedIssueAnswered| {
            (known.number, known.cycle, &known.answer, &known.reopening)
                == (self.number, self.cycle, &self.answer, &self.reopening)
        };
        if file.merged_answers.iter().any(is_same) {
            return Ok(vec![]);
        }
        check_text("answer", &self.answer, ANSWER_MAX)?;
        Ok(vec![
            MergedIssueAnswered {
                by_case: self.by_case,
                number: self.number,
                cycle: self.cycle,
                answer: self.answer.clone(),
                reopening: self.reopening.clone(),
                title: file.discovered.title.clone(),
                grids: file.grid().path.clone(),
                next: context.oblige(Step::COLLECT_FEEDBACK, file.centre(Role::DutyOfficer, context))?,
            }
            .into(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CaseEvent;
    use crate::testing::{discovered, given, merged, merged_answered};
    use kernel::Unfit;

    fn answer(by_case: CaseId, cycle: u32) -> AnswerMerged {
        AnswerMerged { by_case, number: cycle, cycle, answer: "已改建".into(), reopening: Reopening::UntilClosed }
    }

    fn answered(by_case: CaseId, cycle: u32) -> crate::CaseEvent {
        merged_answered(by_case, cycle, "已改建")
    }

    #[test]
    fn the_finder_of_a_merged_case_gets_each_answer_once() {
        let into = CaseId::named("target");
        let before = || vec![discovered(), merged(into)];
        given(before()).when(answer(into, 1)).then([answered(into, 1)]);
        let after = || [before(), vec![answered(into, 1)]].concat();
        given(after()).when(answer(into, 1)).then_nothing();
        given(after()).when(answer(into, 2)).then([answered(into, 2)]);
        // In the usual words once more: another answer of that case.
        let second = AnswerMerged { cycle: 1, ..answer(into, 2) };
        let events = given(after()).when(second.clone()).events();
        assert!(
            matches!(&events[..], [CaseEvent::MergedIssueAnswered(answered)] if answered.number == 2),
            "{events:?}"
        );
        given([after(), events].concat()).when(second).then_nothing();
        let empty = AnswerMerged { answer: " ".into(), ..answer(into, 1) };
        given(before()).when(empty).then_refused(Unfit::TextLength { field: "answer", max: 2000 });
    }

    #[test]
    fn only_the_case_that_continued_answers() {
        let (into, other) = (CaseId::named("target"), CaseId::named("other"));
        given([discovered(), merged(into)]).when(answer(other, 1)).then_refused(Refusal::NotMergedInto { case: other });
        given([discovered()])
            .when(answer(into, 1))
            .then_refused(Refusal::WrongStage { stage: Stage::Discovered, taken: "merged" });
    }
}

use kernel::separation::Later;
use kernel::{Allowed, Context, Needs, Obligation, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::LISTENERS;
use crate::case::{Case, Decision};
use crate::feedback::{Reopening, Said, TakeInWord};
use crate::{Refusal, Stage};

// Most characters of a text.
const ANSWER_MAX: usize = 2000;
pub(super) const COMMENT_MAX: usize = 2000;

/// Somebody gave the finder the answer and asked for theirs (回访). Every case gets an answer to its finder.
///
/// A finder who could not be reached is counted apart, never as satisfied. What a finder said last when they were reached stays
/// until they say otherwise. The finder of a merged case is asked about the answer of the case that continued,
/// which is told what they said under the same command ([`TakeInWord`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordFeedback {
    /// What the finder was told, at most 2000 characters.
    #[schemars(length(min = 1, max = ANSWER_MAX))]
    pub answer: String,
    /// 先行联系: whether the finder was reached.
    pub contacted: bool,
    /// 实际解决: whether the finder says that it is solved.
    #[serde(default)]
    pub solved: Option<bool>,
    /// 满意: whether the finder is satisfied.
    #[serde(default)]
    pub satisfied: Option<bool>,
    /// What the finder said, at most 2000 characters; no names.
    #[serde(default)]
    #[schemars(length(min = 1, max = COMMENT_MAX))]
    pub comment: Option<String>,
}

/// The finder was given an answer and asked for theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackRecorded {
    /// What the finder was told.
    pub answer: String,
    /// Whether the finder was reached.
    pub contacted: bool,
    /// Whether the finder says that it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<bool>,
    /// Whether the finder is satisfied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfied: Option<bool>,
    /// What the finder said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Staff id of whoever wrote it down; they will not close the case.
    pub by: String,
    /// The round of work it is about.
    pub cycle: u32,
    /// Who must close or reopen, and by when.
    pub next: Obligation,
}

impl FeedbackRecorded {
    /// What the finder said.
    pub(crate) fn said(&self) -> Said {
        Said { solved: self.solved, satisfied: self.satisfied }
    }

    /// Whether the finder of a case that was merged into this one can have it reopened after this answer.
    pub fn reopening(&self) -> Reopening {
        if self.next.step == Step::REVIEW_REFUSAL { Reopening::Needless } else { Reopening::UntilClosed }
    }
}

impl Verb for RecordFeedback {
    const NAME: &'static str = "record-feedback";
    const BY: Allowed = LISTENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let merged = case.file.as_ref().and_then(|file| Some((file.discovered.case, file.merged.as_ref()?.into)));
        let Some((from, into)) = merged else {
            return case.posts(Needs::none().incompatible().step(self.next_step(case)));
        };
        let needs = Needs::none().step(Step::ROUTE_AGAIN).also(into.uuid(), &TakeInWord { from, said: self.word() });
        case.posts(needs)
    }
    fn example() -> Self {
        Self {
            answer: "问题已解决，健康证已补办".into(),
            contacted: true,
            solved: Some(true),
            satisfied: Some(true),
            comment: None,
        }
    }
}

impl RecordFeedback {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if file.merged.is_some() {
            return self.decide_merged(case, file, context);
        }
        if file.last_feedback().is_some_and(|last| self.is_same(last)) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::Callback, Stage::NotFiled], "called back or not filed")?;
        file.check_apart(Later::Hear, None, context)?;
        self.check()?;
        let Said { solved, satisfied } = self.said();
        let step = self.next_step(case);
        let by = if step == Step::REVIEW_REFUSAL {
            file.secretary(context)
        } else {
            file.centre(Role::DutyOfficer, context)
        };
        let next = context.oblige(step, by)?;
        Ok(vec![
            FeedbackRecorded {
                answer: self.answer.clone(),
                contacted: self.contacted,
                solved,
                satisfied,
                comment: self.comment.clone(),
                by: context.by.id.clone(),
                cycle: file.cycle.number,
                next,
            }
            .into(),
        ])
    }

    fn next_step(&self, case: &Case) -> Step {
        let before = case.file.as_ref().map_or_else(Said::default, |file| file.cycle.said);
        let unhappy = before.then(self.said()).is_unhappy();
        let refusals = case.file.as_ref().map_or(0, |file| file.cycle.refused.len());
        match (case.stage(), unhappy) {
            // What was not filed is reviewed once, and not reopened before it is closed.
            (Stage::NotFiled, true) if refusals < 2 => Step::REVIEW_REFUSAL,
            (Stage::Callback, true) => Step::ROUTE_AGAIN,
            _ => Step::CLOSE,
        }
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_text("answer", &self.answer, ANSWER_MAX)?;
        if let Some(comment) = &self.comment {
            check_text("comment", comment, COMMENT_MAX)?;
        }
        if !self.contacted && (self.solved.is_some() || self.satisfied.is_some()) {
            return Err(Refusal::NotReached);
        }
        Ok(())
    }

    pub(super) fn said(&self) -> Said {
        Said { solved: self.solved, satisfied: self.satisfied }
    }

    fn is_same(&self, last: &FeedbackRecorded) -> bool {
        (&self.answer, self.contacted, self.said(), &self.comment)
            == (&last.answer, last.contacted, last.said(), &last.comment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        close, discovered, escalated, feedback, feedback_recorded, given, refused_filing, registered, second_cycle,
        verified_case,
    };
    use kernel::Unfit;

    #[test]
    fn the_finder_is_answered_and_asked() {
        given(verified_case()).by("caller-1").when(feedback(true)).then([feedback_recorded(true)]);
        given([verified_case(), vec![feedback_recorded(true)]].concat()).when(feedback(true)).then_nothing();
        given([verified_case(), vec![feedback_recorded(true)]].concat())
            .by("caller-1")
            .when(feedback(false))
            .then([feedback_recorded(false)]);
        given([discovered()])
            .when(feedback(true))
            .then_refused(Refusal::WrongStage { stage: Stage::Discovered, taken: "called back or not filed" });
    }

    #[test]
    fn who_was_not_reached_is_not_counted_as_satisfied() {
        let claimed = RecordFeedback { contacted: false, ..feedback(true) };
        given(verified_case()).when(claimed).then_refused(Refusal::NotReached);
        let events = given(verified_case()).when(unreached()).events();
        let [crate::CaseEvent::FeedbackRecorded(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((event.solved, event.satisfied), (None, None));
    }

    #[test]
    fn who_was_not_reached_and_asked_again_is_recorded_once() {
        let events = given(verified_case()).when(unreached()).events();
        let [crate::CaseEvent::FeedbackRecorded(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.next.step, Step::CLOSE, "nobody said that it is not solved");
        given([verified_case(), events].concat()).when(unreached()).then_nothing();
    }

    #[test]
    fn what_a_finder_said_stays_until_they_say_otherwise() {
        let unhappy = || [verified_case(), vec![feedback_recorded(false)]].concat();
        let events = given(unhappy()).by("caller-1").when(unreached()).events();
        let [crate::CaseEvent::FeedbackRecorded(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.next.step, Step::ROUTE_AGAIN, "not being reached takes nothing back");
        let after = [unhappy(), events].concat();
        given(after.clone()).when(close()).then_refused(Refusal::FinderNotSatisfied);
        let half = RecordFeedback { solved: None, ..feedback(true) };
        let half = given(after.clone()).by("caller-1").when(half).events();
        given([after.clone(), half].concat()).when(close()).then_refused(Refusal::FinderNotSatisfied);
        let otherwise = given(after.clone()).by("caller-1").when(feedback(true)).events();
        assert_eq!(given([after, otherwise].concat()).when(close()).events().len(), 1);
    }

    #[test]
    fn what_was_said_of_a_refusal_to_file_is_no_answer_to_what_was_done_later() {
        let refused = [discovered(), registered(), escalated(), refused_filing(), feedback_recorded(false)];
        let case = given(refused.into_iter().chain([escalated()])).state();
        let file = case.opened().unwrap();
        assert_eq!((file.last_feedback(), file.cycle.said), (None, Said::default()));
    }

    fn unreached() -> RecordFeedback {
        RecordFeedback { contacted: false, solved: None, satisfied: None, ..feedback(false) }
    }

    #[test]
    fn the_same_words_in_the_next_cycle_are_another_answer() {
        let case = given(second_cycle(true)).state();
        assert_eq!((case.stage(), case.opened().unwrap().cycle.number), (Stage::Callback, 2));
        let events = given(second_cycle(true)).when(feedback(true)).events();
        let [crate::CaseEvent::FeedbackRecorded(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.cycle, 2);
    }

    #[test]
    fn who_is_unhappy_with_a_refusal_to_file_has_one_review() {
        let next = |refusals: usize| {
            let refused = std::iter::repeat_n([escalated(), refused_filing()], refusals).flatten();
            let events = [discovered(), registered()].into_iter().chain(refused);
            let events = given(events).when(feedback(false)).events();
            let [crate::CaseEvent::FeedbackRecorded(event)] = events.as_slice() else { panic!("{events:?}") };
            event.next.step.clone()
        };
        assert_eq!((next(1), next(2)), (Step::REVIEW_REFUSAL, Step::CLOSE));
    }

    #[test]
    fn an_answer_has_words() {
        let refusal = Unfit::TextLength { field: "answer", max: 2000 };
        given(verified_case()).when(RecordFeedback { answer: " ".into(), ..feedback(true) }).then_refused(refusal);
    }
}

//! What the finder of a merged case says of the answer that they got, and what follows from it.

use chrono::{DateTime, Utc};
use kernel::{CaseId, Context, GridCode, Obligation, Role, Step, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RecordFeedback, ReopenCase, ReopenCause, Said};
use crate::case::{Case, Decision};
use crate::{CaseFile, IssueMerged, Refusal};

/// The finder of a merged case was asked what they say of the answer of the case that continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedFinderHeard {
    /// The case that answered.
    pub by_case: CaseId,
    /// The round of work of that case.
    pub cycle: u32,
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
    /// When the finder said so.
    pub heard_at: DateTime<Utc>,
    /// What the case is about.
    pub title: String,
    /// The grid in which it is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// Who must have the case that continued reopened, and by when; absent where the finder does not ask for it, or
    /// where there is nothing to reopen: it is being worked on, or was closed too long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
}

/// The finder of a merged case had the case that continued reopened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedCaseReopened {
    /// The case that is reopened, or into which that one was merged in turn.
    pub into: CaseId,
    /// Why, as a code.
    pub cause: ReopenCause,
    /// Why, in words.
    pub reason: String,
}

impl MergedFinderHeard {
    /// What the finder said.
    pub(crate) fn said(&self) -> Said {
        Said { solved: self.solved, satisfied: self.satisfied }
    }
}

impl RecordFeedback {
    /// The step that follows at a time where the case was merged.
    fn next_step_of_merged(&self, file: &CaseFile, at: DateTime<Utc>) -> Option<Step> {
        let is_unhappy = file.merged_said.then(self.said()).is_unhappy();
        let is_possible = file.merged_answers.last().is_some_and(|told| told.reopening.is_possible(at));
        // Once the case that continued is reopened for this finder, they are answered anew, and nothing is reopened twice.
        (is_unhappy && is_possible && file.merged_reopened.is_none()).then_some(Step::ROUTE_AGAIN)
    }

    /// What the finder of a merged case says.
    pub(super) fn decide_merged(&self, case: &Case, file: &CaseFile, context: &Context) -> Decision {
        let is_same = |last: &MergedFinderHeard| {
            (&self.answer, self.contacted, self.said(), &self.comment)
                == (&last.answer, last.contacted, last.said(), &last.comment)
        };
        if file.merged_heard.as_ref().is_some_and(is_same) {
            return Ok(vec![]);
        }
        let told = file.merged_answers.last().ok_or_else(|| case.wrong_stage("merged and answered"))?;
        self.check()?;
        let oblige = |step| context.oblige(step, file.centre(Role::DutyOfficer, context));
        let Said { solved, satisfied } = self.said();
        Ok(vec![
            MergedFinderHeard {
                by_case: told.by_case,
                cycle: told.cycle,
                answer: self.answer.clone(),
                contacted: self.contacted,
                solved,
                satisfied,
                comment: self.comment.clone(),
                title: file.discovered.title.clone(),
                grids: file.grid().path.clone(),
                heard_at: context.at,
                next: self.next_step_of_merged(file, context.at).map(oblige).transpose()?,
            }
            .into(),
        ])
    }
}

impl ReopenCase {
    /// A finder of a merged case who is not satisfied: what is reopened is the case that continued.
    pub(super) fn decide_merged(&self, case: &Case, file: &CaseFile, merged: &IssueMerged) -> Decision {
        if let Some(last) = &file.merged_reopened {
            let is_same = (last.cause, &last.reason) == (self.cause, &self.reason);
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyReopened) };
        }
        if !file.merged_said.is_unhappy() {
            return Err(case.wrong_stage("merged, and its finder was told the answer and is not satisfied"));
        }
        check_text("reason", &self.reason, 1000)?;
        Ok(vec![MergedCaseReopened { into: merged.into, cause: self.cause, reason: self.reason.clone() }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        CASE, NOW, closed_case, discovered, dispatched_case, feedback, file_of, given, merged, merged_answered, reopen,
        taken_in,
    };
    use crate::{AnswerMerged, CaseEvent, ReopenForMerged, Reopening, Stage};
    use chrono::TimeDelta;
    use kernel::{Aggregate, Verb};

    fn into() -> CaseId {
        CaseId::named("target")
    }

    fn told() -> Vec<CaseEvent> {
        vec![discovered(), merged(into()), merged_answered(into(), 1, "已改建")]
    }

    fn heard(happy: bool) -> Vec<CaseEvent> {
        let events = given(told()).when(feedback(happy)).events();
        [told(), events].concat()
    }

    #[test]
    fn each_finder_is_asked_for_themselves() {
        let next = |events| given(events).state().standing.next().map(|next| next.step.clone());
        assert_eq!(next(told()), Some(Step::COLLECT_FEEDBACK));
        assert_eq!((next(heard(true)), next(heard(false))), (None, Some(Step::ROUTE_AGAIN)));
        given(heard(true)).when(feedback(true)).then_nothing();
        given([discovered(), merged(into())])
            .when(feedback(true))
            .then_refused(Refusal::WrongStage { stage: Stage::Merged, taken: "merged and answered" });
        let unreached = RecordFeedback { contacted: false, solved: None, satisfied: None, ..feedback(false) };
        let events = given(heard(false)).when(unreached).events();
        assert_eq!(next([heard(false), events].concat()), Some(Step::ROUTE_AGAIN), "their last word stays");
        let again = [heard(true), vec![merged_answered(into(), 2, "重新施工")]].concat();
        assert_eq!(next(again), Some(Step::COLLECT_FEEDBACK), "another answer is told and asked about again");
    }

    #[test]
    fn nobody_has_to_reopen_what_cannot_be_reopened() {
        let next_after = |reopening| {
            let answer = AnswerMerged { by_case: into(), number: 2, cycle: 1, answer: "已重开".into(), reopening };
            let events = given(heard(false)).when(answer).events();
            let history = [heard(false), events].concat();
            let events = given(history.clone()).when(feedback(false)).events();
            let state = given([history, events].concat()).state();
            state.standing.next().map(|next| next.step.clone())
        };
        let second = TimeDelta::seconds(1);
        assert_eq!(next_after(Reopening::Needless), None, "it is being worked on: the next answer comes");
        assert_eq!(next_after(Reopening::Until(NOW - second)), None, "it was closed too long ago");
        for reopening in [Reopening::UntilClosed, Reopening::Until(NOW), Reopening::Until(NOW + second)] {
            assert_eq!(next_after(reopening), Some(Step::ROUTE_AGAIN));
        }
    }

    #[test]
    fn who_said_so_inside_the_window_is_not_late_because_somebody_else_is() {
        let from = CaseId::named("from");
        let closed = || [vec![discovered(), taken_in(from)], closed_case()[1..].to_vec()].concat();
        let until = file_of(closed()).cycle.closed.as_ref().unwrap().reopen_until.at;
        let part = |said_at| ReopenForMerged { from, cause: reopen().cause, reason: reopen().reason, said_at };
        let late = || given(closed()).at(until + TimeDelta::days(9));
        assert_eq!(late().when(part(until)).events().len(), 1);
        late().when(part(until + TimeDelta::seconds(1))).then_refused(Refusal::ReopenWindowOver { until });
    }

    #[test]
    fn one_who_is_not_satisfied_has_the_other_case_reopened() {
        let event = MergedCaseReopened { into: into(), cause: reopen().cause, reason: reopen().reason };
        given(heard(false)).when(reopen()).then([event.clone()]);
        let after = [heard(false), vec![event.into()]].concat();
        given(after.clone()).when(reopen()).then_nothing();
        let other = ReopenCase { reason: "换个说法".into(), ..reopen() };
        given(after).when(other).then_refused(Refusal::AlreadyReopened);
        let taken = "merged, and its finder was told the answer and is not satisfied";
        given(heard(true)).when(reopen()).then_refused(Refusal::WrongStage { stage: Stage::Merged, taken });
        let case = heard(false).into_iter().fold(Case::default(), Case::evolve);
        let part = ReopenForMerged { from: CASE, cause: reopen().cause, reason: reopen().reason, said_at: NOW };
        let needs = kernel::Needs::none().also(into().uuid(), &part);
        assert_eq!(reopen().needs(&case).also, needs.also, "under the same command");
    }

    #[test]
    fn an_answer_that_comes_between_what_they_said_and_the_reopening_does_not_keep_it_from_the_other_case() {
        // The other case was closed, and its finder's answer overtaken: what follows from the closing comes late.
        let history = [heard(false), vec![merged_answered(into(), 2, "已结案")]].concat();
        let event = MergedCaseReopened { into: into(), cause: reopen().cause, reason: reopen().reason };
        given(history.clone()).when(reopen()).then([event]);
        let case = history.into_iter().fold(Case::default(), Case::evolve);
        let part = ReopenForMerged { from: CASE, cause: reopen().cause, reason: reopen().reason, said_at: NOW };
        assert_eq!(reopen().needs(&case).also, kernel::Needs::none().also(into().uuid(), &part).also);
    }

    #[test]
    fn the_case_that_continued_is_reopened_for_a_finder_of_its_own_and_no_other() {
        let from = CaseId::named("from");
        let part = || ReopenForMerged { from, cause: reopen().cause, reason: reopen().reason, said_at: NOW };
        let closed = || [vec![discovered(), taken_in(from)], closed_case()[1..].to_vec()].concat();
        let events = given(closed()).when(part()).events();
        assert!(matches!(&events[..], [CaseEvent::CaseReopened(event)] if event.from == Some(from)), "{events:?}");
        let after = [closed(), events].concat();
        given(after.clone()).when(part()).then_nothing();
        let other = ReopenForMerged { reason: "换个说法".into(), ..part() };
        given(after).when(other).then_refused(Refusal::AlreadyReopened);
        given(closed_case()).when(part()).then_refused(Refusal::NotMergedInto { case: CASE });
        let works = [vec![discovered(), taken_in(from)], dispatched_case()[1..].to_vec()].concat();
        given(works).when(part()).then_nothing();
        let again = [closed(), vec![crate::testing::reopened()]].concat();
        given(again).when(part()).then_nothing();
        // It was merged in turn: the case in which it ended is reopened.
        let chain = vec![discovered(), taken_in(from), merged(into())];
        let event = MergedCaseReopened { into: into(), cause: reopen().cause, reason: reopen().reason };
        given(chain).when(part()).then([event]);
    }
}

use kernel::separation::Later;
use kernel::{Allowed, Context, Due, LimitOf, Needs, Step, Verb, check_count, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::DUTY;
use crate::case::{Case, Decision};
use crate::{CaseFile, Conclusion, Deliberation, PartOutcome, Refusal, Stage};

// Most characters of a text.
const SUMMARY_MAX: usize = 2000;
const OVERRIDE_REASON_MAX: usize = 500;
// Most entries of a list.
const RESOLUTIONS_MAX: usize = 4;

/// The duty officer closes the case (结案): the work was verified and the finder has been answered.
///
/// Not against a finder who says that it is not solved, whatever the outcome, or against a review below the score of the rules,
/// unless with a reason. Not while the residential secretary may still ask for the review of a refusal to file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    /// How it ended.
    pub outcome: Outcome,
    /// How it was solved: one or more of autonomy, joint, virtue and law (自治共治德治法治); none for what was explained.
    #[serde(default)]
    #[schemars(length(max = RESOLUTIONS_MAX))]
    pub resolution: Vec<Resolution>,
    /// The summary, at most 2000 characters.
    #[schemars(length(min = 1, max = SUMMARY_MAX))]
    pub summary: String,
    /// Why it is closed although the finder is not satisfied, or a review did not reach the score of the rules.
    #[serde(default)]
    #[schemars(length(min = 1, max = OVERRIDE_REASON_MAX))]
    pub override_reason: Option<String>,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 已解决: by departments.
    Solved,
    /// 社区自治解决: by the community.
    CommunitySolved,
    /// 已解释: not done, and the finder was told why.
    Explained,
}

/// By which kind of governance it was solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// 自治
    Autonomy,
    /// 共治
    Joint,
    /// 德治
    Virtue,
    /// 法治
    Law,
}

/// The case was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseClosed {
    /// How it ended.
    pub outcome: Outcome,
    /// How it was solved.
    pub resolution: Vec<Resolution>,
    pub summary: String,
    /// Why it is closed although the finder is not satisfied, or a review did not reach the score of the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// The round of work it ends.
    pub cycle: u32,
    /// Until when it can be reopened.
    pub reopen_until: Due,
}

impl Verb for CloseCase {
    const NAME: &'static str = "close-case";
    const BY: Allowed = DUTY;
    type Of = Case;

    fn needs(&self, _case: &Case) -> Needs {
        Needs::none().due(LimitOf::ReopenWindow).review_score().incompatible()
    }
    fn example() -> Self {
        Self {
            outcome: Outcome::Solved,
            resolution: vec![Resolution::Law],
            summary: "已办结，群众满意".into(),
            override_reason: None,
        }
    }
}

impl CloseCase {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if file.cycle.closed.as_ref().is_some_and(|closed| self.is_same(closed)) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::Callback, Stage::NotFiled], "called back or not filed")?;
        let later = if self.override_reason.is_some() { Later::Override } else { Later::Close };
        file.check_apart(later, None, context)?;
        let (outcome, expected) = fitting_outcome(case, file);
        if self.outcome != outcome {
            return Err(Refusal::OutcomeDoesNotFit { expected });
        }
        let explained = outcome == Outcome::Explained;
        check_count("resolution", self.resolution.len(), usize::from(!explained), RESOLUTIONS_MAX)?;
        check_text("summary", &self.summary, SUMMARY_MAX)?;
        Self::check_filing_review(case, context)?;
        file.last_feedback().ok_or(Refusal::FinderNotAnswered)?;
        match &self.override_reason {
            Some(reason) => check_text("override_reason", reason, OVERRIDE_REASON_MAX)?,
            None if file.cycle.said.is_unhappy() => return Err(Refusal::FinderNotSatisfied),
            None if !explained => Self::check_review(file, context)?,
            None => {}
        }
        let reopen_until = context.due(LimitOf::ReopenWindow)?;
        Ok(vec![
            CaseClosed {
                outcome: self.outcome,
                resolution: self.resolution.clone(),
                summary: self.summary.clone(),
                override_reason: self.override_reason.clone(),
                cycle: file.cycle.number,
                reopen_until,
            }
            .into(),
        ])
    }
}

impl CloseCase {
    /// A refusal to file is not put beyond review while the secretary has time to ask for one.
    fn check_filing_review(case: &Case, context: &Context) -> Result<(), Refusal> {
        match case.standing.next().filter(|next| next.step == Step::REVIEW_REFUSAL) {
            Some(next) if !next.due.is_over(context.at) => Err(Refusal::FilingReviewOpen { until: next.due.at }),
            _ => Ok(()),
        }
    }

    /// What was judged is judged well enough: by the newest review of this round of work.
    fn check_review(file: &CaseFile, context: &Context) -> Result<(), Refusal> {
        match (file.cycle.review_score, context.facts.review_score_min) {
            (Some(score), Some(least)) if score < least => Err(Refusal::ReviewScoreTooLow { score, least }),
            _ => Ok(()),
        }
    }

    fn is_same(&self, closed: &CaseClosed) -> bool {
        (self.outcome, &self.resolution, &self.summary, &self.override_reason)
            == (closed.outcome, &closed.resolution, &closed.summary, &closed.override_reason)
    }
}

fn fitting_outcome(case: &Case, file: &CaseFile) -> (Outcome, &'static str) {
    let conclusion = file.deliberation().and_then(Deliberation::conclusion);
    // A deliberation can end works that failed their verification: what counts is whether they ever passed.
    let passed = file.cycle.is_verified();
    if case.stage() == Stage::NotFiled || (!passed && conclusion == Some(Conclusion::Explain)) {
        (Outcome::Explained, "explained")
    } else if let Some(lead) = case.standing.lead() {
        let impossible = file.disposal_of(lead.order).is_some_and(|part| part.outcome == PartOutcome::Impossible);
        if impossible { (Outcome::Explained, "explained") } else { (Outcome::Solved, "solved") }
    } else {
        (Outcome::CommunitySolved, "community_solved")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, accepted, close, closed, community, conclude, discovered, dispatched_case, escalated, feedback,
        feedback_recorded, given, grid_done, grid_started, hearing, held, opened, order_id, part_disposed, passed,
        refused_filing, registered, submit, verified_case, verify,
    };
    use crate::{ConcludeDeliberation, MeetingHeld, MeetingKind, SubmitDisposal};
    use chrono::TimeDelta;
    use kernel::NoDue;
    use kernel::Unfit;

    fn answered(satisfied: bool) -> Vec<crate::CaseEvent> {
        [verified_case(), vec![feedback_recorded(satisfied)]].concat()
    }

    #[test]
    fn a_case_is_closed_once_its_finder_was_answered() {
        given(verified_case()).when(close()).then_refused(Refusal::FinderNotAnswered);
        given(answered(true)).when(close()).then([closed()]);
        given([answered(true), vec![closed()]].concat()).when(close()).then_nothing();
        let other = CloseCase { summary: "别的总结".into(), ..close() };
        let refusal = Refusal::WrongStage { stage: Stage::Closed, taken: "called back or not filed" };
        given([answered(true), vec![closed()]].concat()).when(other).then_refused(refusal);
        assert_eq!(given([answered(true), vec![closed()]].concat()).state().standing.next(), None);
    }

    #[test]
    fn an_unhappy_finder_keeps_it_open_unless_with_a_reason() {
        given(answered(false)).when(close()).then_refused(Refusal::FinderNotSatisfied);
        let reasoned = CloseCase { override_reason: Some("诉求超出法定职责".into()), ..close() };
        assert_eq!(given(answered(false)).when(reasoned).events().len(), 1);
    }

    #[test]
    fn the_outcome_fits_the_way_of_the_case() {
        let other = CloseCase { outcome: Outcome::CommunitySolved, ..close() };
        given(answered(true)).when(other).then_refused(Refusal::OutcomeDoesNotFit { expected: "solved" });
    }

    #[test]
    fn a_bad_review_keeps_it_open_unless_with_a_reason() {
        let done = vec![discovered(), community(), grid_started(), grid_done()];
        let scored = |round, score| {
            let kind = MeetingKind::Review;
            crate::CaseEvent::from(MeetingHeld { kind, round, score: Some(score), next: None, ..hearing() })
        };
        let after = |reviews: Vec<crate::CaseEvent>| {
            let told = [done.clone(), vec![passed()], reviews, vec![feedback_recorded(true)]].concat();
            given(told).by("duty-1").knowing(|facts| facts.review_score_min = Some(60))
        };
        let close = || CloseCase { outcome: Outcome::CommunitySolved, ..close() };
        for score in [0, 5, 59] {
            let refusal = Refusal::ReviewScoreTooLow { score, least: 60 };
            after(vec![scored(1, score)]).when(close()).then_refused(refusal.clone());
            after(vec![scored(1, 90), scored(2, score)]).when(close()).then_refused(refusal);
            let reasoned = CloseCase { override_reason: Some("评议组意见已逐条答复".into()), ..close() };
            assert_eq!(after(vec![scored(1, score)]).when(reasoned).events().len(), 1);
        }
        for enough in [vec![], vec![scored(1, 60)], vec![scored(1, 5), scored(2, 100)]] {
            assert_eq!(after(enough).when(close()).events().len(), 1);
        }
        let unruled = after(vec![scored(1, 5)]).knowing(|facts| facts.review_score_min = None);
        assert_eq!(unruled.when(close()).events().len(), 1, "the rules ask for no score");
    }

    #[test]
    fn what_a_department_found_impossible_is_explained() {
        let accepted = [dispatched_case(), vec![accepted(LEAD), accepted(ASSIST), part_disposed(ASSIST)]].concat();
        let impossible = SubmitDisposal { outcome: PartOutcome::Impossible, ..submit(LEAD) };
        let found = given(accepted.clone()).by_department(LEAD).when(impossible.clone()).events();
        let before = [accepted, found].concat();
        given(before.clone()).by_department(LEAD).when(impossible).then_nothing();
        let other = Refusal::OrderNotReady { order: order_id(LEAD), status: "disposed" };
        given(before.clone()).by_department(LEAD).when(submit(LEAD)).then_refused(other);
        let before = [before, vec![passed(), feedback_recorded(false)]].concat();
        given(before.clone()).when(close()).then_refused(Refusal::OutcomeDoesNotFit { expected: "explained" });
        let fitting = CloseCase { outcome: Outcome::Explained, resolution: vec![], ..close() };
        given(before.clone()).when(fitting.clone()).then_refused(Refusal::FinderNotSatisfied);
        let reasoned = CloseCase { override_reason: Some("已两次上门解释".into()), ..fitting };
        assert_eq!(given(before).when(reasoned).events().len(), 1);
    }

    #[test]
    fn a_refusal_to_file_is_not_closed_before_its_review() {
        let refused = [discovered(), registered(), escalated(), refused_filing()];
        let explained = CloseCase { outcome: Outcome::Explained, resolution: vec![], ..close() };
        let reasoned = CloseCase { override_reason: Some("已两次上门解释".into()), ..explained.clone() };
        let told = |satisfied| {
            let said = given(refused.clone()).by("caller-1").when(feedback(satisfied)).events();
            [refused.to_vec(), said].concat()
        };
        let until = ::given::step_due(&Step::REVIEW_REFUSAL).at;
        for command in [explained.clone(), reasoned.clone()] {
            given(told(false)).when(command.clone()).then_refused(Refusal::FilingReviewOpen { until });
            given(refused.clone()).when(command).then_refused(Refusal::FilingReviewOpen { until });
        }
        assert_eq!(given(told(true)).when(explained.clone()).events().len(), 1, "nobody wants the review");
        let later = until + TimeDelta::seconds(1);
        given(told(false)).at(later).when(explained).then_refused(Refusal::FinderNotSatisfied);
        assert_eq!(given(told(false)).at(later).when(reasoned).events().len(), 1, "nobody asked for the review");
    }

    #[test]
    fn works_that_failed_and_were_given_up_are_explained() {
        let explain = ConcludeDeliberation { conclusion: Conclusion::Explain, ..conclude() };
        let failed = given([discovered(), community(), grid_started(), grid_done()])
            .by("staff-verifier")
            .when(verify(false))
            .events();
        let before = [vec![discovered(), community(), grid_started(), grid_done()], failed].concat();
        let before = [before, vec![opened(), held(hearing())]].concat();
        let explained = given(before.clone()).when(explain).events();
        let before = [before, explained, vec![feedback_recorded(true)]].concat();
        let closing = || given(before.clone()).by("duty-1");
        closing().when(close()).then_refused(Refusal::OutcomeDoesNotFit { expected: "explained" });
        let fitting = CloseCase { outcome: Outcome::Explained, resolution: vec![], ..close() };
        assert_eq!(closing().when(fitting).events().len(), 1);
    }

    #[test]
    fn the_window_for_reopening_comes_from_the_rules() {
        given(answered(true))
            .knowing(|facts| drop(facts.dues.remove(&LimitOf::ReopenWindow)))
            .when(close())
            .then_refused(NoDue::NoLimit { of: LimitOf::ReopenWindow });
    }

    #[test]
    fn what_is_solved_says_how() {
        let refusal = Unfit::EntryCount { field: "resolution", min: 1, max: 4 };
        given(answered(true)).when(CloseCase { resolution: vec![], ..close() }).then_refused(refusal);
    }
}

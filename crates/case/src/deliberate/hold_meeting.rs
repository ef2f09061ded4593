use chrono::{DateTime, Utc};
use kernel::consent::{ConsentCount, ConsentRule};
use kernel::digest::Digest;
use kernel::{
    Allowed, Context, Evidence, MeetingId, Needs, Obligation, Role, Step, Verb, check_count, check_line, check_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{CaseFile, Deliberation, MeetingKind, Refusal, Stage};

// Most characters of a text.
const CLASS_MAX: usize = 100;
const RESULT_MAX: usize = 1000;
// Most entries of a list.
const ATTENDANCE_MAX: usize = 100;
const RESULTS_MAX: usize = 100;

/// The convener records a meeting that was held (三会), with its minutes.
///
/// Any number of rounds, numbered per kind. A hearing comes before the decision, a coordination meeting also during
/// works; a review judges what was done. None is held before the issue was found, before the deliberation was opened, or before the
/// round before it; a count not before the version that it is to, a review not before the work was done. A consent is counted under the rule that the case is bound to,
/// and every share is of the electorate. The first count fixes the electorate of the case; another one needs a reason of the
/// secretary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldMeeting {
    pub kind: MeetingKind,
    /// 1, 2, 3 … of this kind, in this deliberation.
    pub round: u32,
    /// When it was held.
    pub held_at: DateTime<Utc>,
    /// How many of each class of seats were there.
    #[schemars(length(min = 1, max = ATTENDANCE_MAX))]
    pub attendance: Vec<Attendance>,
    /// Digest of the uploaded minutes.
    pub minutes: Digest,
    /// What was decided or found, a line each.
    #[schemars(length(min = 1, max = RESULTS_MAX), inner(length(min = 1, max = RESULT_MAX)))]
    pub results: Vec<String>,
    /// The count of a consent to the current version of the proposal.
    #[serde(default)]
    pub consent: Option<ConsentCount>,
    /// Why the electorate is another one than at the count before, at most 1000 characters. The residential secretary gives it.
    #[serde(default)]
    #[schemars(length(min = 1, max = RESULT_MAX))]
    pub electorate_reason: Option<String>,
    /// Score of a review, 0 to 100.
    #[serde(default)]
    pub score: Option<u8>,
}

/// How many of a class of seats were there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attendance {
    /// Class of seats, for example `resident`.
    #[schemars(length(min = 1, max = CLASS_MAX))]
    pub class: String,
    /// How many.
    pub present: u32,
}

/// A consent, the rule it was counted under, and whether it passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentResult {
    /// As counted.
    pub count: ConsentCount,
    /// The rule that was pinned.
    pub rule: ConsentRule,
    /// The version of the proposal that was put to them.
    pub proposal_version: u32,
    /// Whether it passed.
    pub passed: bool,
}

/// A meeting was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeetingHeld {
    pub meeting: MeetingId,
    pub kind: MeetingKind,
    /// Its number of this kind.
    pub round: u32,
    /// When it was held.
    pub held_at: DateTime<Utc>,
    /// Who was there.
    pub attendance: Vec<Attendance>,
    pub minutes: Evidence,
    /// What was decided or found.
    pub results: Vec<String>,
    /// A consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentResult>,
    /// Why the electorate is another one than at the count before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electorate_reason: Option<String>,
    /// Score of a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Who must act next. Absent where the meeting does not change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
}

impl Verb for HoldMeeting {
    const NAME: &'static str = "hold-meeting";
    const BY: Allowed = CONVENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let needs = case.posts(Needs::none().evidence(&[self.minutes]));
        if case.stage() == Stage::Deliberating { needs.step(Step::DELIBERATE) } else { needs }
    }
    fn example() -> Self {
        let present = |class: &str, present| Attendance { class: class.into(), present };
        let count = ConsentCount { electorate: 60, invited: 60, reached: 58, participated: 54, agreed: 48, opposed: 6 };
        Self {
            kind: MeetingKind::Hearing,
            round: 1,
            held_at: examples::moment(),
            attendance: vec![present("居民代表", 21), present("物业", 2)],
            minutes: examples::digest(),
            results: vec!["车棚改建必要".into(), "充电口数量再议".into()],
            consent: Some(count),
            electorate_reason: None,
            score: None,
        }
    }
}

impl HoldMeeting {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(held) = file.meetings(self.kind).find(|held| held.round == self.round) {
            let round = self.round;
            return if self.is_same(held) { Ok(vec![]) } else { Err(Refusal::MeetingAlreadyRecorded { round }) };
        }
        self.check_stage(case, file)?;
        let next = u32::try_from(file.meetings(self.kind).count()).unwrap_or(u32::MAX).saturating_add(1);
        if self.round != next {
            return Err(Refusal::WrongRound { next });
        }
        self.check_time(file, context)?;
        self.check()?;
        self.check_electorate(file, context)?;
        let minutes = context.evidence(&[self.minutes])?.remove(0);
        let next = match case.stage() {
            Stage::Deliberating => Some(context.oblige(Step::DELIBERATE, file.secretary(context))?),
            _ => None,
        };
        let name = format!("{}/{}/{}/{}", context.id, file.deliberations.len(), self.kind.as_str(), self.round);
        let held = MeetingHeld {
            meeting: MeetingId::named(&name),
            kind: self.kind,
            round: self.round,
            held_at: self.held_at,
            attendance: self.attendance.clone(),
            minutes,
            results: self.results.clone(),
            consent: self.consent.map(|count| ConsentResult::of(count, case.stage(), file)).transpose()?,
            electorate_reason: self.electorate_reason.clone(),
            score: self.score,
            next,
        };
        Ok(vec![held.into()])
    }

    fn check(&self) -> Result<(), Refusal> {
        check_count("attendance", self.attendance.len(), 1, ATTENDANCE_MAX)?;
        self.attendance.iter().try_for_each(|seats| check_line("attendance.class", &seats.class, CLASS_MAX))?;
        check_count("results", self.results.len(), 1, RESULTS_MAX)?;
        self.results.iter().try_for_each(|result| check_text("results", result, RESULT_MAX))?;
        self.electorate_reason.iter().try_for_each(|why| check_text("electorate_reason", why, RESULT_MAX))?;
        match self.score {
            Some(score) if score > 100 || self.kind != MeetingKind::Review => Err(Refusal::ScoreDoesNotFit),
            _ => Ok(()),
        }
    }

    /// The electorate is counted once: asking fewer does not make a consent of a proposal that failed.
    fn check_electorate(&self, file: &CaseFile, context: &Context) -> Result<(), Refusal> {
        let is_reasoned = self.electorate_reason.is_some() && context.by.role == Role::ResidentialSecretary;
        match (self.consent, file.electorate()) {
            (Some(count), Some(electorate)) if count.electorate != electorate && !is_reasoned => {
                Err(Refusal::AnotherElectorate { electorate })
            }
            _ => Ok(()),
        }
    }

    /// A meeting about the issue is held after it was found and deliberated, and a round not before the one before it. A count is not before the
    /// version of the proposal that it is to, and a review not before what it judges was done.
    fn check_time(&self, file: &CaseFile, context: &Context) -> Result<(), Refusal> {
        let found = ("the discovery of the issue", file.discovered.found_at);
        let before = file.meetings(self.kind).map(|held| ("the round before it", held.held_at));
        let opened = file.deliberation().map(|talk| ("the opening of the deliberation", talk.opened.opened_at));
        let put = file.deliberation().and_then(Deliberation::proposed_at).filter(|_| self.consent.is_some());
        let put = put.map(|since| ("the version of the proposal that was put to them", since));
        let done =
            file.cycle.done_at.filter(|_| self.kind == MeetingKind::Review).map(|since| ("what it judges", since));
        match before.chain([found]).chain(put).chain(done).chain(opened).find(|(_, since)| self.held_at < *since) {
            Some((what, since)) => Err(Refusal::TooEarly { moment: self.held_at, what, since }),
            None => Ok(context.has_happened(self.held_at)?),
        }
    }

    fn check_stage(&self, case: &Case, file: &CaseFile) -> Result<(), Refusal> {
        let concluded = file.deliberation().is_some_and(|deliberation| deliberation.concluded.is_some());
        match (self.kind, case.stage()) {
            (MeetingKind::Hearing | MeetingKind::Coordination, Stage::Deliberating) if !concluded => Ok(()),
            (MeetingKind::Coordination, Stage::GridHandling | Stage::Disposed)
            | (MeetingKind::Review, Stage::Disposed | Stage::Callback) => Ok(()),
            (MeetingKind::Review, Stage::Deliberating | Stage::GridHandling | Stage::InDisposal | Stage::Rework) => {
                Err(Refusal::NothingToReview)
            }
            (MeetingKind::Hearing, Stage::GridHandling | Stage::Disposed | Stage::Callback | Stage::Deliberating) => {
                Err(Refusal::HearingAfterDecision)
            }
            (MeetingKind::Coordination, Stage::Deliberating) => Err(Refusal::DeliberationOver),
            _ => Err(case.wrong_stage("deliberated, handled or called back")),
        }
    }

    fn is_same(&self, held: &MeetingHeld) -> bool {
        (self.held_at, &self.attendance, self.minutes, &self.results, self.score, &self.electorate_reason)
            == (held.held_at, &held.attendance, held.minutes.sha256, &held.results, held.score, &held.electorate_reason)
            && self.consent == held.consent.as_ref().map(|consent| consent.count)
    }
}

impl ConsentResult {
    fn of(count: ConsentCount, stage: Stage, file: &CaseFile) -> Result<Self, Refusal> {
        let rule = file.consent_rule().ok_or(Refusal::UnknownConsentRule)?.clone();
        if stage != Stage::Deliberating {
            return Err(Refusal::DeliberationOver); // It would count for nothing.
        }
        let proposal_version = file.deliberation().map_or(0, crate::Deliberation::proposal_version);
        if proposal_version == 0 {
            return Err(Refusal::WrongProposalVersion { current: 0 }); // Nothing was put to them.
        }
        if !count.adds_up() {
            return Err(Refusal::ConsentDoesNotAddUp);
        }
        let passed = rule.heads.are_met(count);
        Ok(Self { count, rule, proposal_version, passed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        LEAD, NOW, accepted, community, conclude, concluded, consent, consented, discovered, dispatched_case,
        disposed_case, failed, file_of, given, grid_done, grid_started, hearing, held, hold_hearing, open_deliberation,
        opened, proposal, registered, verified_case,
    };
    use crate::{CaseEvent, ConcludeDeliberation, Conclusion, OpenDeliberation};
    use chrono::TimeDelta;
    use kernel::{Actor, Scope, Unfit};

    fn held_by(role: Role) -> Actor {
        Actor { id: "staff-1".into(), role, scope: Scope::Everywhere, seconded_by: None }
    }

    /// When the told issue was found.
    fn found() -> DateTime<Utc> {
        file_of([discovered()]).discovered.found_at
    }

    fn count(agreed: u32, opposed: u32) -> ConsentCount {
        ConsentCount { electorate: 300, invited: 300, reached: 280, participated: 250, agreed, opposed }
    }

    #[test]
    fn rounds_are_held_in_order_and_recorded_once() {
        let open = || given([discovered(), registered(), opened()]);
        open().when(hold_hearing()).then([held(hearing())]);
        given([discovered(), registered(), opened(), held(hearing())]).when(hold_hearing()).then_nothing();
        let other = HoldMeeting { results: vec!["别的".into()], ..hold_hearing() };
        given([discovered(), registered(), opened(), held(hearing())])
            .when(other)
            .then_refused(Refusal::MeetingAlreadyRecorded { round: 1 });
        open().when(HoldMeeting { round: 3, ..hold_hearing() }).then_refused(Refusal::WrongRound { next: 1 });
    }

    #[test]
    fn two_thirds_are_counted_exactly() {
        for (agreed, passed) in [(199, false), (200, true)] {
            let file = given([discovered(), registered(), opened(), proposal(1)]).state();
            let result = ConsentResult::of(count(agreed, 10), file.stage(), file.opened().unwrap()).unwrap();
            assert_eq!((result.passed, result.proposal_version), (passed, 1));
        }
        let asked = |count| HoldMeeting { consent: Some(count), ..hold_hearing() };
        let open = || given([discovered(), registered(), opened(), proposal(1)]);
        open().when(asked(count(200, 10))).then([consented(count(200, 10))]);
        open().when(asked(count(240, 20))).then_refused(Refusal::ConsentDoesNotAddUp);
        let unreached =
            ConsentCount { electorate: 300, invited: 300, reached: 10, participated: 290, agreed: 290, opposed: 0 };
        open().when(asked(unreached)).then_refused(Refusal::ConsentDoesNotAddUp);
        let overrun = ConsentCount { electorate: 299, ..count(200, 10) };
        open().when(asked(overrun)).then_refused(Refusal::ConsentDoesNotAddUp);
        let few = ConsentCount { electorate: 300, invited: 30, reached: 30, participated: 30, agreed: 30, opposed: 0 };
        let events = open().when(asked(few)).events();
        let [CaseEvent::MeetingHeld(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.consent.as_ref().map(|consent| consent.passed), Some(false), "30 of 300 are no two thirds");
    }

    #[test]
    fn a_meeting_is_not_before_what_it_is_about() {
        let open = || given([discovered(), registered(), opened(), held(hearing())]);
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for early in ["0001-01-01T00:00:00Z", "1990-05-01T08:00:00Z", "2001-01-01T00:00:00Z", "2026-03-01T17:59:59Z"] {
            let early = moment(early);
            let what = "the discovery of the issue";
            for kind in [MeetingKind::Hearing, MeetingKind::Coordination] {
                let told = HoldMeeting { kind, held_at: early, ..hold_hearing() };
                let refusal = Refusal::TooEarly { moment: early, what, since: found() };
                given([discovered(), registered(), opened()]).when(told).then_refused(refusal);
            }
            let review = HoldMeeting { kind: MeetingKind::Review, held_at: early, score: Some(90), ..hold_hearing() };
            let refusal = Refusal::TooEarly { moment: early, what, since: found() };
            given([discovered(), community(), grid_started(), grid_done()]).when(review).then_refused(refusal);
        }
        let first = hearing().held_at;
        let second = |held_at| HoldMeeting { round: 2, held_at, ..hold_hearing() };
        let early = first - TimeDelta::seconds(1);
        let refusal = Refusal::TooEarly { moment: early, what: "the round before it", since: first };
        open().when(second(early)).then_refused(refusal);
        assert_eq!(open().when(second(first)).events().len(), 1);
        let ahead = NOW + TimeDelta::seconds(1);
        open().when(second(ahead)).then_refused(Unfit::InTheFuture { moment: ahead });
        assert_eq!(open().when(second(NOW)).events().len(), 1);
    }

    #[test]
    fn a_count_is_not_before_the_version_that_it_is_to() {
        let before = OpenDeliberation { opened_at: Some(NOW - TimeDelta::hours(7)), ..open_deliberation() };
        let opened = given([discovered(), registered()]).when(before).events();
        let put = || given([vec![discovered(), registered()], opened.clone(), vec![proposal(1)]].concat());
        for early in [NOW - TimeDelta::seconds(1), NOW - TimeDelta::hours(7)] {
            let told = HoldMeeting { held_at: early, ..hold_hearing() };
            let what = "the version of the proposal that was put to them";
            let refusal = Refusal::TooEarly { moment: early, what, since: NOW };
            put().when(HoldMeeting { consent: Some(count(200, 10)), ..told.clone() }).then_refused(refusal);
            assert_eq!(put().when(told).events().len(), 1, "what is recorded later was held earlier");
        }
    }

    #[test]
    fn a_review_judges_what_was_done() {
        let review = |held_at| HoldMeeting { kind: MeetingKind::Review, held_at, score: Some(95), ..hold_hearing() };
        let grid = || vec![discovered(), community(), grid_started()];
        let again = || [disposed_case(), vec![failed()]].concat();
        for not_done in [grid(), [dispatched_case(), vec![accepted(LEAD)]].concat(), again()] {
            given(not_done).when(review(NOW)).then_refused(Refusal::NothingToReview);
        }
        for done in [[grid(), vec![grid_done()]].concat(), disposed_case(), verified_case()] {
            let early = NOW - TimeDelta::seconds(1);
            let refusal = Refusal::TooEarly { moment: early, what: "what it judges", since: NOW };
            given(done.clone()).when(review(early)).then_refused(refusal);
            let judged = given(done.clone()).when(review(NOW)).events();
            let judged = [done, judged].concat();
            assert_eq!(file_of(judged.clone()).cycle.review_score, Some(95));
            assert_eq!(file_of([judged, vec![failed()]].concat()).cycle.review_score, None, "it is done again");
        }
    }

    #[test]
    fn the_electorate_of_a_case_is_counted_once() {
        let few = ConsentCount { electorate: 3, invited: 3, reached: 3, participated: 3, agreed: 2, opposed: 1 };
        let open = vec![discovered(), community(), opened(), held(hearing()), proposal(1), consent()];
        let explain = ConcludeDeliberation { conclusion: Conclusion::Explain, ..conclude() };
        let ended = given(open.clone()).when(explain).events();
        let anew = [open.clone(), ended, vec![opened(), proposal(1)]].concat();
        for (before, round) in [(open, 3), (anew, 1)] {
            let asked = |count, why: Option<&str>| {
                let electorate_reason = why.map(Into::into);
                HoldMeeting { round, consent: Some(count), electorate_reason, ..hold_hearing() }
            };
            let refusal = || Refusal::AnotherElectorate { electorate: 300 };
            given(before.clone()).when(asked(few, None)).then_refused(refusal());
            let leader = given(before.clone()).by_actor(held_by(Role::GridLeader));
            leader.when(asked(few, Some("两户已搬离"))).then_refused(refusal());
            let secretary = || given(before.clone()).by_actor(held_by(Role::ResidentialSecretary));
            secretary().when(asked(few, None)).then_refused(refusal());
            let silent = Unfit::TextLength { field: "electorate_reason", max: 1000 };
            secretary().when(asked(few, Some(" "))).then_refused(silent);
            let events = secretary().when(asked(few, Some("两户已搬离"))).events();
            assert!(matches!(&events[..], [CaseEvent::MeetingHeld(held)]
                if held.electorate_reason.as_deref() == Some("两户已搬离")));
            assert_eq!(given(before.clone()).when(asked(count(199, 10), None)).events().len(), 1);
        }
    }

    #[test]
    fn a_hearing_comes_before_the_decision_and_a_review_after_it() {
        let works = || [discovered(), registered(), opened(), held(hearing()), proposal(1), consent(), concluded()];
        let second = || HoldMeeting { round: 2, ..hold_hearing() };
        given(works()).when(HoldMeeting { round: 3, ..hold_hearing() }).then_refused(Refusal::HearingAfterDecision);
        let coordination = HoldMeeting { kind: MeetingKind::Coordination, round: 1, ..hold_hearing() };
        given(works()).when(coordination).then_refused(Refusal::DeliberationOver);
        let review = HoldMeeting { kind: MeetingKind::Review, round: 1, score: Some(90), ..hold_hearing() };
        given([discovered(), registered(), opened()]).when(review).then_refused(Refusal::NothingToReview);
        given([discovered(), registered(), grid_started()]).when(second()).then_refused(Refusal::HearingAfterDecision);
    }

    #[test]
    fn a_consent_is_to_a_version_and_under_the_pinned_rule() {
        let asked = |count| HoldMeeting { consent: Some(count), ..hold_hearing() };
        let open = || vec![discovered(), registered(), opened()];
        given(open()).when(asked(count(200, 10))).then_refused(Refusal::WrongProposalVersion { current: 0 });
        let unruled = OpenDeliberation { consent_rule: None, ..open_deliberation() };
        let unruled = given([discovered(), registered()]).when(unruled).events();
        let before = [vec![discovered(), registered()], unruled, vec![proposal(1)]].concat();
        given(before).when(asked(count(200, 10))).then_refused(Refusal::UnknownConsentRule);
        let works = [open(), vec![held(hearing()), proposal(1), consent(), concluded(), grid_started()]].concat();
        let late = HoldMeeting { kind: MeetingKind::Coordination, ..asked(count(200, 10)) };
        given(works).when(late).then_refused(Refusal::DeliberationOver);
    }

    #[test]
    fn a_later_count_stands_instead_of_the_one_before() {
        let before = [discovered(), registered(), opened(), held(hearing()), proposal(1), consent()];
        let recount = HoldMeeting { round: 3, consent: Some(count(199, 10)), ..hold_hearing() };
        let failed = given(before.clone()).when(recount).events();
        let case = given(before.into_iter().chain(failed)).state();
        assert_eq!(case.opened().unwrap().deliberation().unwrap().consented(), None);
    }

    #[test]
    fn a_review_is_scored_up_to_a_hundred_and_nothing_else_is() {
        let open = || given([discovered(), registered(), opened()]);
        open().when(HoldMeeting { score: Some(90), ..hold_hearing() }).then_refused(Refusal::ScoreDoesNotFit);
        let review = HoldMeeting { kind: MeetingKind::Review, score: Some(101), ..hold_hearing() };
        let done = [discovered(), community(), grid_started(), grid_done()];
        given(done).when(review).then_refused(Refusal::ScoreDoesNotFit);
    }
}

//! What is known of a case over all its stages: what its events say, as far as a decision asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use chrono::{DateTime, Utc};
use kernel::consent::ConsentRule;
use kernel::facts::{Authority, GridFacts, MatterFacts, SealedPerson, Seat};
use kernel::likeness::Told;
use kernel::needs::SeatOf;
use kernel::{CaseId, Context, GridCode, OrderId, Party, Place, Role, Sealed, Step};

use crate::seat::{nearest, nearest_of_centre};
use crate::{
    CaseDispatched, CaseEvent, CaseFiled, CaseMoved, Conclusion, Cycle, Deliberation, DeliberationWaived,
    FeedbackRecorded, IssueDiscovered, IssueEscalated, IssueMerged, IssueRegistered, IssueTakenIn, IssueVoided,
    MeetingHeld, MeetingKind, MergedCaseReopened, MergedFinderHeard, MergedIssueAnswered, Order, PartDisposed,
    ReaderNamed, ReportAdded, Reporter, ReporterRead, Said, Urgency, Verification, WordTakenIn,
};

/// The file of a case. It grows; a new round of work keeps what the old ones did. Where the case stands is not in it: see
/// [`Standing`](crate::Standing).
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    pub discovered: IssueDiscovered,
    /// What its source said of it later.
    pub reports: Vec<ReportAdded>,
    pub registered: Option<IssueRegistered>,
    /// Its deliberations, the newest last.
    pub deliberations: Vec<Deliberation>,
    /// Review meetings of a case that was never deliberated.
    pub reviews: Vec<MeetingHeld>,
    /// How it was filed last.
    pub filed: Option<CaseFiled>,
    /// Whether the grid centre, when it decided last, filed it.
    pub is_filing_newest: bool,
    /// Every dispatch. Their number is a part of the names of orders.
    pub dispatched: Vec<CaseDispatched>,
    /// Every order that was ever sent.
    pub orders: BTreeMap<OrderId, Order>,
    /// The current round of work.
    pub cycle: Cycle,
    /// The rounds of work before it.
    pub earlier_cycles: Vec<Cycle>,
    /// Cases that may be the same, as far as that was recorded.
    pub suspected: BTreeSet<CaseId>,
    /// Other cases about the same issue that ended in this one.
    pub taken_in: Vec<IssueTakenIn>,
    /// Why it is no issue, once it was voided.
    pub voided: Option<IssueVoided>,
    /// How it was escalated last.
    pub escalated: Option<IssueEscalated>,
    /// Why it was not deliberated before that, where that was said.
    pub waived: Option<DeliberationWaived>,
    /// How it ended in another case.
    pub merged: Option<IssueMerged>,
    /// What its finder was told by the case in which it ended.
    pub merged_answers: Vec<MergedIssueAnswered>,
    /// What its finder answered to that last.
    pub merged_heard: Option<MergedFinderHeard>,
    /// What its finder said last, whenever they were reached.
    pub merged_said: Said,
    /// When they said something last; also what they said of an answer before the newest.
    pub merged_said_at: Option<DateTime<Utc>>,
    /// How its finder had the other case reopened, since the newest answer.
    pub merged_reopened: Option<MergedCaseReopened>,
    /// What was said of the cases that were merged into it.
    pub words: Vec<WordTakenIn>,
    /// How it followed its grid last.
    pub moved: Option<Box<CaseMoved>>,
    /// When steps that somebody had to take ended last: somebody took them, or they fell away.
    pub steps_ended: BTreeMap<Step, DateTime<Utc>>,
    /// The newest reading of who reported it, for each reader and purpose.
    pub readings: Vec<ReporterRead>,
    /// Who was named to read who reported it.
    pub readers: Vec<ReaderNamed>,
}

impl CaseFile {
    /// Opens the file of a discovered issue.
    pub(crate) fn open(discovered: IssueDiscovered) -> Self {
        Self {
            discovered,
            reports: Vec::new(),
            registered: None,
            deliberations: Vec::new(),
            reviews: Vec::new(),
            filed: None,
            is_filing_newest: false,
            dispatched: Vec::new(),
            orders: BTreeMap::new(),
            cycle: Cycle::first(),
            earlier_cycles: Vec::new(),
            suspected: BTreeSet::new(),
            taken_in: Vec::new(),
            voided: None,
            escalated: None,
            waived: None,
            merged: None,
            merged_answers: Vec::new(),
            merged_heard: None,
            merged_said: Said::default(),
            merged_said_at: None,
            merged_reopened: None,
            words: Vec::new(),
            moved: None,
            steps_ended: BTreeMap::new(),
            readings: Vec::new(),
            readers: Vec::new(),
        }
    }

    /// Keeps what an event says.
    pub(crate) fn note(&mut self, event: CaseEvent) {
        match event {
            CaseEvent::IssueRegistered(event) => self.registered = Some(*event),
            CaseEvent::ReportAdded(event) => self.reports.push(*event),
            CaseEvent::DuplicateSuspected(event) => self.suspected.extend(event.cases.iter().map(|one| one.case)),
            CaseEvent::IssueMerged(event) => self.merged = Some(*event),
            CaseEvent::IssueTakenIn(event) => self.taken_in.push(*event),
            CaseEvent::MergedIssueAnswered(event) => {
                self.merged_answers.push(*event);
                (self.merged_heard, self.merged_reopened) = (None, None);
            }
            CaseEvent::MergedFinderHeard(event) => {
                self.merged_said = self.merged_said.then(event.said());
                self.merged_said_at = Some(event.heard_at);
                self.merged_heard = Some(*event);
            }
            CaseEvent::WordTakenIn(event) => self.words.push(*event),
            CaseEvent::MergedCaseReopened(event) => {
                (self.merged_reopened, self.merged_said) = (Some(*event), Said::default());
            }
            CaseEvent::GridHandlingStarted(event) => {
                self.cycle.grid_work = Some(*event);
                self.cycle.forget_answers();
            }
            CaseEvent::GridProgressRecorded(event) => self.cycle.grid_progress = Some(*event),
            CaseEvent::GridHandlingDone(event) => {
                self.cycle.done_at = Some(event.next.due.derivation.from);
                self.cycle.grid_done.push(*event);
            }
            CaseEvent::CaseDisposed(event) => self.cycle.done_at = Some(event.next.due.derivation.from),
            CaseEvent::DeliberationOpened(_)
            | CaseEvent::MeetingHeld(_)
            | CaseEvent::ProposalRevised(_)
            | CaseEvent::DeliberationConcluded(_) => self.note_of_deliberation(event),
            CaseEvent::CaseFiled(event) => (self.filed, self.is_filing_newest) = (Some(*event), true),
            CaseEvent::FilingRefused(event) => {
                self.is_filing_newest = false;
                self.cycle.refused.push(*event);
            }
            CaseEvent::CaseDispatched(event) => self.dispatched.push(*event),
            CaseEvent::OrderDispatched(event) => drop(self.orders.insert(event.order.order, Order::sent(*event))),
            CaseEvent::OrderAccepted(_)
            | CaseEvent::ReturnRequested(_)
            | CaseEvent::ReturnApproved(_)
            | CaseEvent::OrderWithdrawn(_)
            | CaseEvent::ReturnRefused(_)
            | CaseEvent::OrderProgressRecorded(_)
            | CaseEvent::PartDisposed(_)
            | CaseEvent::OrderReworkRequired(_) => self.note_of_order(event),
            CaseEvent::VerificationPassed(event) => self.note_verification(Verification::Passed(*event)),
            CaseEvent::VerificationFailed(event) => self.note_verification(Verification::Failed(*event)),
            CaseEvent::FeedbackRecorded(event) => self.cycle.note_answer(*event),
            CaseEvent::IssueVoided(event) => self.voided = Some(*event),
            CaseEvent::DeliberationWaived(event) => (self.waived, self.escalated) = (Some(*event), None),
            CaseEvent::IssueEscalated(event) => {
                // A waiver comes right before it.
                self.waived = self.waived.take().filter(|_| self.escalated.is_none());
                self.escalated = Some(*event);
                self.cycle.forget_answers();
            }
            CaseEvent::CaseClosed(event) => self.cycle.closed = Some(*event),
            CaseEvent::CaseReopened(event) => {
                self.earlier_cycles.push(mem::replace(&mut self.cycle, Cycle::begun(*event)));
            }
            CaseEvent::CaseMoved(event) => self.moved = Some(event),
            CaseEvent::ReporterRead(_) | CaseEvent::ReaderNamed(_) => self.note_of_reading(event),
            // What these say is asked for by no decision.
            CaseEvent::IssueDiscovered(_) | CaseEvent::GridReworkRequired(_) | CaseEvent::CaseLeft(_) => {}
        }
    }

    fn note_of_deliberation(&mut self, event: CaseEvent) {
        match (event, self.deliberations.last_mut()) {
            (CaseEvent::DeliberationOpened(event), _) => {
                self.deliberations.push(Deliberation::opened(*event, self.cycle.number));
                self.cycle.forget_answers();
            }
            (CaseEvent::MeetingHeld(event), newest) => {
                self.cycle.review_score = event.score.or(self.cycle.review_score);
                let meetings = newest.map_or(&mut self.reviews, |newest| &mut newest.meetings);
                meetings.push(*event);
            }
            (CaseEvent::ProposalRevised(event), Some(newest)) => newest.proposals.push(*event),
            (CaseEvent::DeliberationConcluded(event), Some(newest)) => newest.concluded = Some(*event),
            _ => {}
        }
    }

    fn note_verification(&mut self, verification: Verification) {
        if !verification.is_passed() {
            // What was judged is done again.
            (self.cycle.review_score, self.cycle.done_at) = (None, None);
        }
        self.cycle.verified.push(verification);
        self.cycle.rework.clear();
    }

    fn note_of_order(&mut self, event: CaseEvent) {
        if let CaseEvent::OrderReworkRequired(event) = &event {
            self.cycle.rework.insert(event.order.order);
        }
        let order = event.order().map(|about| about.order);
        if let Some(order) = order.and_then(|order| self.orders.get_mut(&order)) {
            order.note(event);
        }
    }

    /// The grid in which the case is, as of its discovery or of when it followed its grid.
    pub fn grid(&self) -> &GridFacts {
        self.moved.as_ref().map_or(&self.discovered.grid, |moved| &moved.grid)
    }

    /// What was told of it first, and where it is.
    pub(crate) fn told(&self) -> Told {
        Told { grids: self.grid().path.clone(), ..self.discovered.told() }
    }

    /// Everything that was sealed of whoever reported it, the oldest first.
    pub(crate) fn sealed_of_reporters(&self) -> Vec<Sealed> {
        self.reporters().flat_map(|reporter| reporter.sealed().values).collect()
    }

    /// Everybody who reported it, the first first, each with what they said last of themselves.
    pub(crate) fn reporter_data(&self) -> Vec<SealedPerson> {
        let mut people: Vec<SealedPerson> = Vec::new();
        for reporter in self.reporters() {
            let SealedPerson { person, values } = reporter.sealed();
            let at = people.iter().position(|known| known.person == person).unwrap_or_else(|| {
                people.push(SealedPerson { person, values: Vec::new() });
                people.len() - 1
            });
            for value in values {
                people[at].values.retain(|known| known.field != value.field);
                people[at].values.push(value);
            }
        }
        people
    }

    fn reporters(&self) -> impl Iterator<Item = &Reporter> {
        let later = self.reports.iter().map(|report| &report.reporter);
        std::iter::once(&self.discovered.reporter).chain(later).flatten()
    }

    /// The code of that grid.
    pub(crate) fn grid_code(&self) -> &GridCode {
        self.grid().path.first().unwrap_or(&self.grid().centre)
    }

    /// Where the case is.
    pub(crate) fn place(&self) -> Place {
        Place {
            grids: self.grid().path.clone(),
            departments: self.orders.values().map(|order| order.sent.order.department.clone()).collect(),
            owner: None,
            street: Some(self.grid().centre.clone()),
        }
    }

    /// The matter under which it is handled now.
    pub fn matter(&self) -> Option<&MatterFacts> {
        let filed = self.filed.as_ref().map(|filed| &filed.matter);
        filed.or_else(|| self.registered.as_ref().map(|registered| &registered.matter))
    }

    /// Its filing, as far as it can be dispatched on it: a refusal that came later stands instead.
    pub(crate) fn valid_filing(&self) -> Option<&CaseFiled> {
        self.filed.as_ref().filter(|_| self.is_filing_newest)
    }

    /// The newest deliberation.
    pub fn deliberation(&self) -> Option<&Deliberation> {
        self.deliberations.last()
    }

    /// The consent rule that the case is bound to. A rule that one deliberation pinned goes over to every later one: no other
    /// conclusion, no other round of work and no merger gets rid of it.
    pub fn consent_rule(&self) -> Option<&ConsentRule> {
        let pinned = self.deliberation().and_then(|deliberation| deliberation.opened.consent_rule.as_ref());
        pinned.or_else(|| self.consent_rule_taken_in())
    }

    /// The consent rule that came with a case that was merged into this one.
    pub(crate) fn consent_rule_taken_in(&self) -> Option<&ConsentRule> {
        self.taken_in.iter().find_map(|taken| taken.consent_rule.as_ref())
    }

    /// How urgent it is: as urgent as whatever was merged into it.
    pub(crate) fn urgency(&self) -> Urgency {
        let own = self.registered.as_ref().map(|registered| registered.urgency);
        self.taken_in.iter().map(|taken| taken.urgency).chain(own).max().unwrap_or_default()
    }

    /// Whether the residents stand in the way of works: the case is bound to a consent rule, and no deliberation of this round of
    /// work ended in an agreement under it. What was agreed in an earlier round was done in that round.
    pub(crate) fn bound_by(&self) -> Option<&ConsentRule> {
        let is_agreed = |newest: &Deliberation| {
            let is_met = newest.consented() == Some(newest.proposal_version());
            is_met && newest.cycle == self.cycle.number && newest.conclusion() == Some(Conclusion::Agreed)
        };
        self.consent_rule().filter(|_| !self.deliberation().is_some_and(is_agreed))
    }

    /// The matter, where only departments may solve it. Once the grid centre has refused to file the case in this round of work,
    /// no department will, and the grid may.
    pub(crate) fn for_departments(&self) -> Option<&MatterFacts> {
        self.matter().filter(|matter| matter.authority == Authority::Administrative && self.cycle.refused.is_empty())
    }

    /// Whether filing was refused and, on review, refused again: it is not escalated a third time in this round of work.
    pub(crate) fn is_review_used(&self) -> bool {
        self.cycle.refused.len() >= 2
    }

    /// The meetings of one kind, of the newest deliberation or, where there is none, of the case.
    pub(crate) fn meetings(&self, kind: MeetingKind) -> impl Iterator<Item = &MeetingHeld> {
        let meetings = self.deliberation().map_or(&self.reviews, |deliberation| &deliberation.meetings);
        meetings.iter().filter(move |held| held.kind == kind)
    }

    /// The electorate that was counted last, in whichever deliberation; before the first count, the one that came with a case that
    /// was merged into this one.
    pub(crate) fn electorate(&self) -> Option<u32> {
        let meetings = self.deliberations.iter().flat_map(|deliberation| &deliberation.meetings);
        let own = meetings.filter_map(|held| held.consent.as_ref()).next_back();
        let taken_in = || self.taken_in.iter().find_map(|taken| taken.electorate);
        own.map(|consent| consent.count.electorate).or_else(taken_in)
    }

    /// What the finder said last in the current round of work; what they said in an earlier one is not about this work.
    pub fn last_feedback(&self) -> Option<&FeedbackRecorded> {
        self.cycle.answered.last()
    }

    /// The newest disposal of an order.
    pub(crate) fn disposal_of(&self, order: OrderId) -> Option<&PartDisposed> {
        self.orders.get(&order)?.disposed.last()
    }

    /// The grid leader of the grid in which the issue is, or whoever leads since it followed its grid. Where nobody holds that post
    /// today, whoever does nearest above.
    pub(crate) fn grid_leader(&self, context: &Context) -> Party {
        let own = || Party::in_grid(Role::GridLeader, self.grid_code());
        let known = || self.moved.as_ref().map_or_else(own, |moved| moved.leader.clone());
        self.seat(context).map_or_else(known, |seat| nearest(seat, 0, Role::GridLeader))
    }

    /// The secretary of the grid one level up, found in the same way: escalation walks actual parents.
    pub(crate) fn secretary(&self, context: &Context) -> Party {
        let above = || self.grid().path.get(1).unwrap_or(self.grid_code());
        let own = || Party::in_grid(Role::ResidentialSecretary, above());
        let known = || self.moved.as_ref().map_or_else(own, |moved| moved.secretary.clone());
        self.seat(context).map_or_else(known, |seat| nearest(seat, 1, Role::ResidentialSecretary))
    }

    /// Who holds which post around it. Nobody is named there whom the case has yet to follow.
    fn seat<'a>(&self, context: &'a Context) -> Option<&'a Seat> {
        let is_here = |seat: &&Seat| (&seat.grid.path, &seat.grid.centre) == (&self.grid().path, &self.grid().centre);
        context.facts.seat.as_ref().filter(is_here)
    }

    /// What is asked to know who holds the posts around it, as of now.
    pub(crate) fn seat_of(&self) -> SeatOf {
        let (location, since) = (&self.discovered.location, self.discovered.found_at);
        SeatOf { grid: self.grid_code().clone(), point: location.longitude.zip(location.latitude), since }
    }

    /// Whoever acts in a role of the grid centre: at the centre itself; where nobody holds that post today, whoever does nearest.
    pub(crate) fn centre(&self, role: Role, context: &Context) -> Party {
        let known = || match &self.moved {
            Some(moved) => moved.of_centre(role),
            None => Party::in_grid(role, &self.grid().centre),
        };
        self.seat(context).map_or_else(known, |seat| nearest_of_centre(seat, role))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use ::given::{grid, grid_facts};

    use super::*;
    use crate::testing::{
        CASE, closed_case, community, conclude, consent, discover, discovered, disposed_case, escalate, escalated,
        feedback, given, grid_done, grid_started, grid_work, hearing, held, hold_hearing, merged, merged_answered,
        open_deliberation, opened, proposal, refuse_filing, refused_filing, register, registered, reopen, revise,
        verified_case, verify, work_done,
    };
    use crate::{CaseCommand, ConcludeDeliberation};

    /// Who must act after a command, where only these posts are held.
    fn obliged(before: &[CaseEvent], command: impl Into<CaseCommand>, held: &[(&str, Role)]) -> (Role, GridCode) {
        let mut posts: BTreeMap<GridCode, BTreeSet<Role>> = BTreeMap::new();
        for (code, role) in held {
            posts.entry(grid(code)).or_default().insert(*role);
        }
        let told = given(before.to_vec()).on(CASE.uuid()).by("staff-other");
        let told = told.knowing(|facts| facts.seat = Some(Seat { grid: grid_facts(), posts }));
        let next = told.when(command).state().standing.next().cloned().expect("somebody must act");
        (next.by.role, next.by.grid.expect("in a grid"))
    }

    #[test]
    fn whoever_must_act_holds_a_post_that_there_is() {
        let open = || vec![discovered(), community(), opened()];
        let met = || [open(), vec![held(hearing()), proposal(1), consent()]].concat();
        let refused = vec![discovered(), registered(), escalated(), refused_filing()];
        let explain = ConcludeDeliberation { conclusion: Conclusion::Escalate, ..conclude() };
        let done = vec![discovered(), community(), grid_started(), grid_done()];
        let (secretary, leader) = (Role::ResidentialSecretary, Role::GridLeader);
        let ways: Vec<(Vec<CaseEvent>, CaseCommand, Role)> = vec![
            (vec![discovered(), community()], open_deliberation().into(), secretary),
            (open(), hold_hearing().into(), secretary),
            (open(), revise(1).into(), secretary),
            (met(), explain.into(), secretary),
            (refused[..3].to_vec(), refuse_filing().into(), secretary),
            (refused, feedback(false).into(), secretary),
            (vec![], discover().into(), leader),
            (vec![discovered()], register().into(), leader),
            (met(), conclude().into(), leader),
            (vec![discovered(), community()], grid_work().into(), leader),
            (done, verify(false).into(), leader),
        ];
        for (before, command, role) in ways {
            let own = if role == leader { crate::testing::GRID } else { "BZ-R01" };
            let at = |held: &[(&str, Role)]| obliged(&before, command.clone(), held);
            assert_eq!(at(&[(own, role), ("BZ", secretary)]), (role, grid(own)));
            // Nobody holds the post there: whoever holds one nearest above, else the post itself.
            assert_eq!(at(&[("BZ", secretary), ("BZ", leader)]).1, grid("BZ"));
            assert_eq!(at(&[("BZ", secretary)]), (secretary, grid("BZ")));
            assert_eq!(at(&[]), (role, grid(own)));
        }
    }

    #[test]
    fn a_step_of_the_centre_is_for_whoever_holds_that_post_nearest_to_it() {
        let (duty, dispatcher, verifier) = (Role::DutyOfficer, Role::Dispatcher, Role::Verifier);
        let explain = ConcludeDeliberation { conclusion: Conclusion::Explain, ..conclude() };
        let met = vec![discovered(), community(), opened(), held(hearing()), proposal(1), consent()];
        let into = CaseId::named("target");
        let told = vec![discovered(), merged(into), merged_answered(into, 1, "已改建")];
        let ways: Vec<(Vec<CaseEvent>, CaseCommand, Role)> = vec![
            (vec![discovered(), registered()], escalate().into(), duty),
            (met, explain.into(), duty),
            (disposed_case(), verify(true).into(), duty),
            (verified_case(), feedback(true).into(), duty),
            (told, feedback(false).into(), duty),
            (vec![discovered(), registered(), escalated()], crate::testing::file().into(), dispatcher),
            (closed_case(), reopen().into(), dispatcher),
            (vec![discovered(), community(), grid_started()], work_done().into(), verifier),
        ];
        for (before, command, role) in ways {
            let at = |held: &[(&str, Role)]| obliged(&before, command.clone(), held);
            let own = crate::testing::GRID;
            assert_eq!(at(&[("BZ", role), ("BZ-R01", role)]), (role, grid("BZ")));
            assert_eq!(at(&[("BZ-R01", role), (own, role)]), (role, grid("BZ-R01")), "nearest to the centre");
            // Whoever leads a grid cannot do what is asked of the centre.
            assert_eq!(at(&[("BZ", Role::ResidentialSecretary)]), (role, grid("BZ")), "the post itself, to be filled");
        }
    }

    #[test]
    fn above_the_centre_comes_before_below() {
        let path = ["M1", "R1", "T", "D"].map(grid).to_vec();
        let facts = GridFacts { path, centre: grid("T"), ..grid_facts() };
        let at = |held: &[&str]| {
            let posts = held.iter().map(|code| (grid(code), [Role::Dispatcher].into())).collect();
            nearest_of_centre(&Seat { grid: facts.clone(), posts }, Role::Dispatcher).grid.unwrap()
        };
        for (held, found) in [(&["R1", "T", "D"][..], "T"), (&["R1", "D"], "D"), (&["M1", "R1"], "R1"), (&[], "T")] {
            assert_eq!(at(held), grid(found), "{held:?}");
        }
    }
}

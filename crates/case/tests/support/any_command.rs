//! Any command on any case, out of small pools of values, so that many are taken.

use dualgrid_case::{
    AcceptOrder, AnswerMerged, Attendance, CaseCommand, CloseCase, Completion, ConcludeDeliberation, Conclusion, Datum,
    DecideReturn, Deliberation, DiscoverIssue, DispatchCase, EscalateIssue, FileCase, FollowGrid, HandleInGrid,
    HoldMeeting, LocationInput, MeetingKind, MeetingRound, MergeIssue, NameReader, OpenDeliberation, Outcome, OwnDue,
    PartOutcome, ReadPurpose, ReadReporter, RecordFeedback, RecordProgress, RefuseFiling, RegisterIssue, ReopenCase,
    ReopenCause, ReopenForMerged, RequestReturn, ReturnDecision, ReturnReason, ReviseProposal, Roster, Seat, Stage,
    SubmitDisposal, TakeBackOrders, TakeInIssue, TakeInWord, Topic, Urgency, VerifyCase, VoidIssue, Word, WordOfFinder,
    WordOfSource,
};
use kernel::consent::ConsentCount;
use kernel::{Actor, CaseId, OrderId, Role, Verb as _};
use proptest::prelude::{Strategy, any, prop};

use crate::world::{
    self, DEPARTMENTS, MATTERS, Told, clerk, close, department, dispatch, escalate, feedback, file_case, matter, photo,
    register, staff, verify, work_done,
};

/// Towards what somebody asks.
#[derive(Clone, Copy, Debug)]
enum Aim {
    /// The next step to the end.
    End,
    /// Something that the stage takes.
    Stage,
    /// Anything.
    Nothing,
}

/// One thing that somebody asks of the case.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// How much later than what was asked before.
    pub(crate) hours_later: i64,
    /// Towards what.
    aim: Aim,
    /// Which command, by place.
    kind: usize,
    /// Which of the pools' values.
    picks: [u8; 5],
}

pub(crate) fn any_asked() -> impl Strategy<Value = Asked> {
    let hours = prop::sample::select(vec![0, 0, 0, 1, 20, 30, 900]);
    let aim = prop::sample::select(vec![
        Aim::End,
        Aim::Stage,
        Aim::Stage,
        Aim::Stage,
        Aim::Stage,
        Aim::Stage,
        Aim::Stage,
        Aim::Nothing,
    ]);
    (hours, aim, 0..30_usize, any::<[u8; 5]>()).prop_map(|(hours_later, aim, kind, picks)| Asked {
        hours_later,
        aim,
        kind,
        picks,
    })
}

/// The places of commands that a stage takes.
fn taken_in(stage: Stage) -> &'static [usize] {
    match stage {
        Stage::Absent => &[0],
        Stage::Discovered => &[1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 25],
        Stage::Registered => &[0, 28, 29, 4, 4, 22, 5, 5, 5, 9, 9, 2, 3],
        Stage::GridHandling => &[4, 16, 5, 9, 6, 25],
        Stage::Deliberating => &[6, 6, 6, 6, 7, 7, 8, 8, 8, 8, 4, 4, 9, 5],
        Stage::Escalated => &[10, 11, 25],
        Stage::NotFiled => &[9, 19, 20, 4, 5],
        Stage::Filed => &[12],
        Stage::Dispatched | Stage::ReturnReview | Stage::InDisposal | Stage::Rework => {
            &[13, 14, 15, 16, 17, 13, 14, 15, 16, 17, 25, 26, 27]
        }
        Stage::Disposed => &[18, 6, 25],
        Stage::Callback => &[19, 20, 21, 6, 26],
        Stage::Closed => &[21, 24, 25, 26, 28],
        Stage::Reopened => &[4, 5, 9, 12],
        Stage::Merged => &[2, 3, 23, 23, 19, 21, 24, 25],
        Stage::Voided => &[2, 3],
    }
}

impl Asked {
    /// Who asks, and what, as the case stands.
    pub(crate) fn of(&self, told: &Told) -> (Actor, CaseCommand) {
        let fitting = taken_in(told.case.stage());
        match self.aim {
            Aim::End => told.way_to_the_end().unwrap_or_else(|| (self.by(), self.command(self.kind, told))),
            Aim::Stage => (self.by(), self.command(fitting[self.kind % fitting.len()], told)),
            Aim::Nothing => (self.by(), self.command(self.kind, told)),
        }
    }

    fn by(&self) -> Actor {
        match self.picks[4] % 6 {
            0 => staff("grid-leader", Role::GridLeader),
            1 => staff("duty-officer", Role::DutyOfficer),
            2 => staff("verifier", Role::Verifier),
            place => clerk(DEPARTMENTS[usize::from(place) - 3]),
        }
    }

    fn command(&self, kind: usize, told: &Told) -> CaseCommand {
        match kind {
            0 => self.discover().into(),
            1 => {
                RegisterIssue { urgency: self.pick(1, [Urgency::Ordinary, Urgency::Urgent]), ..self.register() }.into()
            }
            2 => self.merge().into(),
            3 => VoidIssue { reason: self.text() }.into(),
            4 => self.handle(told).into(),
            5 => self.open_deliberation(told).into(),
            6 => self.meet(told).into(),
            7 => self.revise(told).into(),
            8 => self.conclude().into(),
            9 => EscalateIssue { waiver: self.maybe(0).then(|| self.text()), ..escalate() }.into(),
            10 => FileCase { matter: self.maybe(0).then(|| matter(self.pick(1, MATTERS))), ..file_case() }.into(),
            11 => RefuseFiling { reason: self.text() }.into(),
            12 => self.dispatch(told).into(),
            13 => AcceptOrder { order: self.order(told) }.into(),
            14 => self.request_return(told).into(),
            15 => self.decide_return(told).into(),
            16 => self.progress(told).into(),
            17 => self.submit(told).into(),
            18 => VerifyCase { rework: self.orders(told), ..verify(self.maybe(0)) }.into(),
            19 => self.feedback().into(),
            20 => self.close().into(),
            21 => self.reopen().into(),
            22 => TakeInIssue { from: self.other_case(), reason: self.text(), ..self.taken_over() }.into(),
            25 => FollowGrid { since: world::MORNING + chrono::TimeDelta::seconds(self.picks[0].into()) }.into(),
            24 => ReopenForMerged { from: self.other_case(), reason: self.text(), ..ReopenForMerged::example() }.into(),
            26 => self.word().into(),
            27 => TakeBackOrders { department: department(self.pick(1, DEPARTMENTS)), since: told.at }.into(),
            28 => ReadReporter { purpose: self.pick(1, [ReadPurpose::Contact, ReadPurpose::Answer]) }.into(),
            29 => NameReader { reader: "staff-7".into(), reason: self.text() }.into(),
            _ => AnswerMerged { answer: self.text(), by_case: self.other_case(), ..AnswerMerged::example() }.into(),
        }
    }

    /// What is said of another case, which was merged into it.
    fn word(&self) -> TakeInWord {
        let comment = self.maybe(0).then(|| self.text());
        let (contacted, said) = (self.maybe(1), self.maybe(2).then_some(self.maybe(3)));
        let feedback = WordOfFinder { contacted, solved: said, satisfied: None, comment };
        let discover = self.discover();
        let report = WordOfSource {
            title: self.text(),
            description: self.text(),
            grid: discover.grid,
            location: discover.location,
            evidence: discover.evidence,
        };
        let said = if self.picks[4].is_multiple_of(3) { Word::Report(report) } else { Word::Feedback(feedback) };
        TakeInWord { from: self.other_case(), said }
    }

    /// What goes over with a merger.
    fn taken_over(&self) -> TakeInIssue {
        let consent_rule = self.pick(2, [None, None, Some("RESIDENT_2_3")]).and_then(world::consent_rule);
        TakeInIssue {
            urgency: self.pick(3, [Urgency::Ordinary, Urgency::Urgent]),
            consent_rule,
            ..TakeInIssue::example()
        }
    }

    fn maybe(&self, place: usize) -> bool {
        self.picks[place].is_multiple_of(2)
    }

    fn pick<T: Copy, const N: usize>(&self, place: usize, pool: [T; N]) -> T {
        pool[usize::from(self.picks[place]) % N]
    }

    fn text(&self) -> String {
        self.pick(3, ["一样的话", "另一句话", "第三句话", " "]).to_owned()
    }

    /// An order of the case, of whatever cycle and state, or one that it does not have.
    fn order(&self, told: &Told) -> OrderId {
        let orders: Vec<_> = told.case.file.iter().flat_map(|file| file.orders.keys().copied()).collect();
        let place = usize::from(self.picks[0]) % (orders.len() + 1);
        orders.get(place).copied().unwrap_or_else(|| OrderId::named("none"))
    }

    fn orders(&self, told: &Told) -> Vec<OrderId> {
        if self.maybe(1) { vec![] } else { vec![self.order(told); 2] }
    }

    fn discover(&self) -> DiscoverIssue {
        // As many digits as a device sends.
        let longitude = Some(121.0 + f64::from(self.picks[0]) / 7.3);
        let latitude = self.maybe(1).then(|| f64::from(self.picks[2]) / 3.1);
        let datum = if self.maybe(3) { Datum::Gcj02 } else { Datum::Wgs84 };
        let location = LocationInput { text: self.text(), longitude, latitude, datum };
        DiscoverIssue { location, ..world::discover() }
    }

    fn register(&self) -> RegisterIssue {
        register(self.pick(0, [MATTERS[0], MATTERS[1], "NO-SUCH"]))
    }

    fn merge(&self) -> MergeIssue {
        MergeIssue { into: self.other_case(), reason: self.text() }
    }

    /// Another case, or by mistake the same.
    fn other_case(&self) -> CaseId {
        self.pick(0, [CaseId::named("another"), world::case_id()])
    }

    /// The work that was started, mostly.
    fn handle(&self, told: &Told) -> HandleInGrid {
        let started = told.case.file.as_ref().and_then(|file| file.cycle.grid_work.as_ref());
        let work = started.filter(|_| self.maybe(1)).map_or_else(|| self.text(), |started| started.work.clone());
        let Completion { evidence, .. } = work_done().done.expect("it is done");
        let done = self.maybe(0).then(|| Completion { result: self.text(), evidence });
        HandleInGrid { work, done, ..work_done() }
    }

    fn open_deliberation(&self, told: &Told) -> OpenDeliberation {
        let seat = Seat { class: "owners_committee".into(), holder: "复元坊业委会".into() };
        let roster = Roster { convener: "居民区书记".into(), fixed: vec![seat], invited: vec![] };
        let consent_rule = self.pick(0, [None, Some("RESIDENT_2_3"), Some("NO-SUCH")]).map(str::to_owned);
        let opened_at = self.pick(1, [None, None, Some(told.at), Some(told.at - chrono::TimeDelta::hours(30))]);
        OpenDeliberation { topic: self.text(), roster, consent_rule, opened_at }
    }

    fn meet(&self, told: &Told) -> HoldMeeting {
        let kind = self.pick(0, [MeetingKind::Hearing, MeetingKind::Coordination, MeetingKind::Review]);
        let newest = told.case.file.as_ref().and_then(|file| file.deliberation());
        let held = newest.map_or(0, |newest| newest.meetings.iter().filter(|held| held.kind == kind).count());
        let is_put = newest.is_some_and(|it| it.opened.consent_rule.is_some() && it.proposal_version() > 0);
        let agreed = self.pick(2, [150, 200, 400]);
        let count =
            ConsentCount { electorate: 300, invited: 300, reached: 290, participated: 260, agreed, opposed: 10 };
        HoldMeeting {
            kind,
            round: u32::try_from(held).expect("few meetings") + self.pick(1, [0, 1, 1, 1, 2]),
            held_at: told.at,
            attendance: vec![Attendance { class: "resident".into(), present: 21 }],
            minutes: photo(),
            results: vec![self.text()],
            // Mostly where it counts.
            consent: (self.maybe(4) && (is_put || self.picks[3] == 0)).then_some(count),
            electorate_reason: None,
            score: (kind == MeetingKind::Review).then_some(self.pick(3, [90, 5])),
        }
    }

    fn revise(&self, told: &Told) -> ReviseProposal {
        let newest = told.case.file.as_ref().and_then(|file| file.deliberation());
        let current = newest.map_or(0, Deliberation::proposal_version);
        let after = self.maybe(1).then_some(MeetingRound { kind: MeetingKind::Hearing, round: 1 });
        let topics = vec![Topic { name: "收费标准".into(), agreed: self.maybe(2), withdrawn: None }];
        ReviseProposal {
            version: current + self.pick(0, [0, 1, 1, 2]),
            text: self.text(),
            changes: vec![],
            after,
            topics,
        }
    }

    fn conclude(&self) -> ConcludeDeliberation {
        let conclusion = self.pick(0, [Conclusion::Agreed, Conclusion::Escalate, Conclusion::Explain]);
        ConcludeDeliberation { conclusion, summary: self.text() }
    }

    fn dispatch(&self, told: &Told) -> DispatchCase {
        let assist = self.pick(1, [&[1, 2][..], &[1], &[], &[0]]);
        DispatchCase {
            lead: department(self.pick(0, [DEPARTMENTS[0], DEPARTMENTS[0], DEPARTMENTS[2]])),
            assist: assist.iter().map(|place| department(DEPARTMENTS[*place])).collect(),
            override_reason: self.maybe(2).then(|| self.text()),
            own_due: self.maybe(4).then(|| OwnDue {
                at: told.at + chrono::TimeDelta::hours(self.pick(2, [-1, 24, 24 * 365 * 180])),
                reason: self.text(),
            }),
            ..dispatch()
        }
    }

    fn request_return(&self, told: &Told) -> RequestReturn {
        let reason = self.pick(1, [ReturnReason::NotOurMatter, ReturnReason::Unclear]);
        RequestReturn {
            order: self.order(told),
            reason,
            legal_basis: "权责清单第12条".into(),
            explanation: self.text(),
        }
    }

    fn decide_return(&self, told: &Told) -> DecideReturn {
        let decision = self.pick(1, [ReturnDecision::Approve, ReturnDecision::Refuse]);
        DecideReturn { order: self.order(told), decision, reason: self.text() }
    }

    fn progress(&self, told: &Told) -> RecordProgress {
        let order = self.maybe(1).then(|| self.order(told));
        let evidence = if self.maybe(2) { vec![photo()] } else { vec![] };
        RecordProgress { order, day: told.at.date_naive(), text: self.text(), evidence }
    }

    fn submit(&self, told: &Told) -> SubmitDisposal {
        let outcome = self.pick(1, [PartOutcome::Done, PartOutcome::Impossible]);
        SubmitDisposal { order: self.order(told), outcome, result: self.text(), evidence: vec![photo()] }
    }

    fn feedback(&self) -> RecordFeedback {
        let reached = feedback(self.maybe(0));
        let said = |said| if self.maybe(1) { said } else { None };
        let (solved, satisfied) = (said(reached.solved), said(reached.satisfied));
        RecordFeedback { contacted: self.maybe(1), solved, satisfied, ..reached }
    }

    fn close(&self) -> CloseCase {
        let outcome = self.pick(0, [Outcome::Solved, Outcome::CommunitySolved, Outcome::Explained]);
        CloseCase { override_reason: self.maybe(1).then(|| self.text()), ..close(outcome) }
    }

    fn reopen(&self) -> ReopenCase {
        let cause = self.pick(0, [ReopenCause::FinderDissatisfied, ReopenCause::Recurred]);
        ReopenCase { cause, reason: self.text() }
    }
}

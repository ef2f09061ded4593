//! What every open obligation asks for, as a command of whoever it names: it has to be taken.

use dualgrid_case::{
    AcceptOrder, Attendance, CaseCommand, CloseCase, Conclusion, DecideReturn, EscalateIssue, HandleInGrid,
    HoldMeeting, MeetingKind, OpenDeliberation, OrderPart, OrderStatus, Outcome, PartOutcome, Parts, ReopenCase,
    ReopenCause, ReturnDecision, Roster, Seat, Stage, SubmitDisposal, VerifyCase,
};
use kernel::{Actor, Command, Obligation, OrderId, Role};

use crate::world::{
    MATTERS, Told, clerk, close, dispatch, escalate, feedback, file_case, photo, register, staff, verify, work_done,
};

impl Told {
    /// Every obligation of every part, with the order that it is about. An obligation comes once, whatever holds it.
    pub(crate) fn obligations(&self) -> Vec<(Option<OrderId>, Obligation)> {
        let Parts { own, grid_work, deliberation, orders } = &self.case.standing.parts;
        let grid_work = grid_work.as_ref().and_then(|part| part.next.clone());
        let deliberation = deliberation.as_ref().and_then(|part| part.next.clone());
        let of_case = own.next.clone().into_iter().chain(grid_work).chain(deliberation);
        let of_orders = orders.iter().filter_map(|part| Some((Some(part.order), part.next.clone()?)));
        of_case.map(|next| (None, next)).chain(of_orders).collect()
    }

    /// Whether whoever is named can do what is asked for: a holder of the role in a grid of the case, or the department.
    pub(crate) fn can_be_met(&self, order: Option<OrderId>, next: &Obligation) -> Result<(), String> {
        let named = (&next.by.grid, &next.by.department);
        let (by, here) = match named {
            (Some(grid), None) => (holder(next.by.role), self.file().grid().path.contains(grid)),
            (None, Some(department)) => {
                let of_order = self.case.standing.parts.orders.iter().find(|part| Some(part.order) == order);
                (clerk(department.as_str()), of_order.is_some_and(|part| part.department == *department))
            }
            _ => return Err(format!("{next:?} names nobody")),
        };
        if !here || by.role != next.by.role {
            return Err(format!("{next:?} names somebody who has nothing to do with the case"));
        }
        let told = order.map_or_else(|| self.clone(), |order| self.until_only(order));
        told.meets(&by, order, next)
    }

    fn meets(&self, by: &Actor, order: Option<OrderId>, next: &Obligation) -> Result<(), String> {
        let (all, any) = self.asked_for(order, next);
        let taken = |command: &CaseCommand| {
            let spec = CaseCommand::VERBS.iter().find(|verb| verb.name == command.name()).expect("a verb");
            let may = spec.by.iter().any(|(role, _)| *role == by.role);
            match self.ask(by, command) {
                Ok(events) if may && !events.is_empty() => Ok(()),
                Ok(_) if may => Err(format!("{} changes nothing", command.name())),
                Ok(_) => Err(format!("{} is not for {:?}", command.name(), by.role)),
                Err(refusal) => Err(format!("{} is refused: {refusal}", command.name())),
            }
        };
        all.iter().try_for_each(taken)?;
        let tried: Vec<_> = any.iter().map(taken).collect();
        if tried.is_empty() || tried.iter().any(Result::is_ok) { Ok(()) } else { Err(format!("{tried:?}")) }
    }

    /// What the step asks for: commands that must all be taken, and commands of which one must be.
    fn asked_for(&self, order: Option<OrderId>, next: &Obligation) -> (Vec<CaseCommand>, Vec<CaseCommand>) {
        let one = |command: CaseCommand| (vec![command], vec![]);
        let order = || order.expect("it is about an order");
        match next.step.as_str() {
            "register" => one(register(MATTERS[0]).into()),
            "route" => self.ways_from_here(),
            "work_in_grid" => one(self.work_in_grid().into()),
            "rework" if next.by.department.is_none() => one(self.work_in_grid().into()),
            "deliberate" => one(self.next_meeting().into()),
            "file" => one(file_case().into()),
            "review_refusal" => one(EscalateIssue { waiver: None, ..escalate() }.into()),
            "dispatch" => one(dispatch().into()),
            "accept" => one(AcceptOrder { order: order() }.into()),
            "decide_return" => {
                let decide = |decision| DecideReturn { order: order(), decision, reason: "已核对清单".into() }.into();
                ([ReturnDecision::Approve, ReturnDecision::Refuse].map(decide).into(), vec![])
            }
            "dispose" | "rework" => {
                let submit = |outcome| {
                    SubmitDisposal { order: order(), outcome, result: "新的结果".into(), evidence: vec![photo()] }
                        .into()
                };
                ([PartOutcome::Done, PartOutcome::Impossible].map(submit).into(), vec![])
            }
            "verify" => {
                let verify = |passed| VerifyCase { findings: "第二次现场".into(), ..verify(passed) }.into();
                ([true, false].map(verify).into(), vec![])
            }
            "collect_feedback" => one(feedback(true).into()),
            "close" => {
                let outcomes = [Outcome::Solved, Outcome::CommunitySolved, Outcome::Explained];
                // Against a bad review, or a finder of whom filing was refused twice, it is closed with a reason.
                let cycle = &self.file().cycle;
                let is_bad = cycle.said.is_unhappy() || cycle.review_score.is_some_and(|score| score < 60);
                let plain = |outcome| {
                    let reasoned = close(outcome);
                    let override_reason = reasoned.override_reason.clone().filter(|_| is_bad);
                    CloseCase { override_reason, ..reasoned }.into()
                };
                (vec![], outcomes.map(plain).into())
            }
            "route_again" if self.case.stage() == Stage::Reopened => self.ways_from_here(),
            "route_again" => one(ReopenCase { cause: ReopenCause::Recurred, reason: "又出现了".into() }.into()),
            other => panic!("what is {other}?"),
        }
    }

    /// What was concluded; else any way that is open.
    fn ways_from_here(&self) -> (Vec<CaseCommand>, Vec<CaseCommand>) {
        let deliberation = self.file().deliberation().filter(|_| self.case.stage() == Stage::Deliberating);
        if deliberation.and_then(dualgrid_case::Deliberation::conclusion) == Some(Conclusion::Escalate) {
            return (vec![EscalateIssue { waiver: None, ..escalate() }.into()], vec![]);
        }
        let seat = Seat { class: "owners_committee".into(), holder: "复元坊业委会".into() };
        let roster = Roster { convener: "居民区书记".into(), fixed: vec![seat], invited: vec![] };
        let deliberate = OpenDeliberation { topic: "怎么办".into(), roster, consent_rule: None, opened_at: None };
        (vec![], vec![deliberate.into(), dispatch().into()])
    }

    fn work_in_grid(&self) -> HandleInGrid {
        let started = self.file().cycle.grid_work.as_ref().filter(|_| self.case.stage() == Stage::GridHandling);
        started.map_or_else(work_done, |started| HandleInGrid {
            executors: started.executors.clone(),
            work: started.work.clone(),
            ..work_done()
        })
    }

    pub(crate) fn next_meeting(&self) -> HoldMeeting {
        let kind = MeetingKind::Coordination;
        let meetings = self.file().deliberation().map(|newest| newest.meetings.iter());
        let held = meetings.into_iter().flatten().filter(|held| held.kind == kind).count();
        HoldMeeting {
            kind,
            round: u32::try_from(held).expect("few meetings") + 1,
            held_at: self.at,
            attendance: vec![Attendance { class: "resident".into(), present: 3 }],
            minutes: photo(),
            results: vec!["再议".into()],
            consent: None,
            electorate_reason: None,
            score: None,
        }
    }

    /// The lead finishes last: what it must do can be done once the assisting departments have done what they must.
    fn until_only(&self, order: OrderId) -> Told {
        let mut told = self.clone();
        let is_lead = self.case.standing.lead().is_some_and(|lead| lead.order == order);
        let is_open = |part: &&OrderPart| !part.is_lead() && part.status != OrderStatus::Disposed;
        while is_lead && told.case.standing.live_orders().find(is_open).is_some() {
            let (by, command) = told.way_of_an_order();
            told.tell(&by, &command).expect("an assisting department does its part");
        }
        told
    }
}

fn holder(role: Role) -> Actor {
    staff(if role == Role::Verifier { "second-verifier" } else { "holder" }, role)
}

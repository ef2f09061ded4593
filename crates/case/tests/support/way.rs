//! The shortest way on which a case can be closed: from every state there has to be one.

use dualgrid_case::{
    AcceptOrder, CaseCommand, CloseCase, ConcludeDeliberation, Conclusion, DecideReturn, EscalateIssue, HandleInGrid,
    MeetingKind, OrderPart, OrderStatus, Outcome, PartOutcome, ReturnDecision, Stage, SubmitDisposal,
};
use kernel::{Actor, Role, Step};

use crate::world::{
    MATTERS, Told, clerk, close, discover, dispatch, escalate, feedback, file_case, photo, register, staff, verify,
    work_done,
};

impl Told {
    /// The next command on the shortest way on which the case can be closed; none once nobody has to act.
    pub(crate) fn way_to_the_end(&self) -> Option<(Actor, CaseCommand)> {
        let grid_leader = || staff("grid-leader", Role::GridLeader);
        let officer = || staff("duty-officer", Role::DutyOfficer);
        let step: (Actor, CaseCommand) = match self.case.stage() {
            Stage::Closed | Stage::Merged | Stage::Voided => return None,
            Stage::Absent => (grid_leader(), discover().into()),
            Stage::Discovered => (grid_leader(), register(MATTERS[0]).into()),
            Stage::Deliberating if self.file().cycle.refused.len() >= 2 => (grid_leader(), self.way_out_of_talks()),
            Stage::Registered | Stage::Deliberating => (grid_leader(), escalate().into()),
            Stage::Reopened if !self.file().is_filing_newest => (grid_leader(), escalate().into()),
            Stage::GridHandling => (grid_leader(), self.grid_work_done().into()),
            Stage::Escalated => (officer(), file_case().into()),
            Stage::Filed | Stage::Reopened => (staff("dispatcher", Role::Dispatcher), dispatch().into()),
            Stage::Dispatched | Stage::ReturnReview | Stage::InDisposal | Stage::Rework => self.way_of_an_order(),
            Stage::Disposed => (staff("second-verifier", Role::Verifier), verify(true).into()),
            // Not closed while the review is open: the secretary has it reviewed.
            Stage::NotFiled if self.case.standing.next().is_some_and(|next| next.step == Step::REVIEW_REFUSAL) => {
                let review = EscalateIssue { waiver: None, ..escalate() };
                (staff("secretary", Role::ResidentialSecretary), review.into())
            }
            Stage::NotFiled | Stage::Callback => {
                let answered = self.file().last_feedback().is_some();
                // Whoever heard the finder does not close.
                let closer = staff("second-officer", Role::DutyOfficer);
                if answered { (closer, self.close().into()) } else { (officer(), feedback(true).into()) }
            }
        };
        Some(step)
    }

    /// What was not filed twice is not escalated again: the works that were agreed on, or an explanation.
    fn way_out_of_talks(&self) -> CaseCommand {
        let newest = self.file().deliberation().expect("it is deliberated");
        match newest.conclusion() {
            Some(_) => work_done().into(),
            None if newest.meetings.iter().any(|held| held.kind != MeetingKind::Review) => {
                ConcludeDeliberation { conclusion: Conclusion::Explain, summary: "已向居民说明".into() }.into()
            }
            None => self.next_meeting().into(),
        }
    }

    fn grid_work_done(&self) -> HandleInGrid {
        let started = self.file().cycle.grid_work.as_ref().expect("the grid is at work");
        HandleInGrid { executors: started.executors.clone(), work: started.work.clone(), ..work_done() }
    }

    /// Assisting parts first, because the lead finishes last.
    pub(crate) fn way_of_an_order(&self) -> (Actor, CaseCommand) {
        let mut orders: Vec<&OrderPart> = self.case.standing.live_orders().collect();
        orders.sort_by_key(|order| (order.is_lead(), order.order));
        let open = orders.into_iter().find(|order| order.status != OrderStatus::Disposed);
        let open = open.expect("an order is open");
        let (order, by) = (open.order, clerk(open.department.as_str()));
        match open.status {
            OrderStatus::Sent => (by, AcceptOrder { order }.into()),
            OrderStatus::ReturnReview => {
                let (decision, reason) = (ReturnDecision::Refuse, "清单明确由你部门办理".into());
                (staff("duty-officer", Role::DutyOfficer), DecideReturn { order, decision, reason }.into())
            }
            _ => {
                let (outcome, result) = (PartOutcome::Done, "已办理".into());
                (by, SubmitDisposal { order, outcome, result, evidence: vec![photo()] }.into())
            }
        }
    }

    fn close(&self) -> CloseCase {
        let outcomes = [Outcome::Solved, Outcome::CommunitySolved, Outcome::Explained];
        let by = staff("second-officer", Role::DutyOfficer);
        let fits = |outcome: &Outcome| self.ask(&by, &close(*outcome).into()).is_ok();
        close(outcomes.into_iter().find(fits).unwrap_or(Outcome::Solved))
    }
}

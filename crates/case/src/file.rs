//! What is known of a case over all its stages: what its events say, as far as a decision asks for it.

use std::collections::BTreeMap;
use std::mem;

use kernel::consent::ConsentRule;
use kernel::facts::{GridFacts, MatterFacts};
use kernel::{GridCode, OrderId, Party, Place, Role};

use crate::{
    CaseDispatched, CaseEvent, CaseFiled, Cycle, Deliberation, FeedbackRecorded, IssueDiscovered, IssueMerged,
    IssueRegistered, IssueTakenIn, MeetingHeld, MeetingKind, MergedIssueAnswered, Order, Verification,
};

/// The file of a case. It grows; a new round of work keeps what the old ones did. Where the case stands is not in it: see
/// [`Standing`](crate::Standing).
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    pub discovered: IssueDiscovered,
    pub registered: Option<IssueRegistered>,
    /// Its deliberations, the newest last.
    pub deliberations: Vec<Deliberation>,
    /// Review meetings of a case that was never deliberated.
    pub reviews: Vec<MeetingHeld>,
    /// How it was filed last.
    pub filed: Option<CaseFiled>,
    /// Every dispatch. Their number is a part of the names of orders.
    pub dispatched: Vec<CaseDispatched>,
    /// Every order that was ever sent.
    pub orders: BTreeMap<OrderId, Order>,
    /// The current round of work.
    pub cycle: Cycle,
    /// The rounds of work before it.
    pub earlier_cycles: Vec<Cycle>,
    /// Other cases about the same issue that ended in this one.
    pub taken_in: Vec<IssueTakenIn>,
    /// How it ended in another case.
    pub merged: Option<IssueMerged>,
    /// What its finder was told by the case in which it ended.
    pub merged_answers: Vec<MergedIssueAnswered>,
}

impl CaseFile {
    /// Opens the file of a discovered issue.
    pub(crate) fn open(discovered: IssueDiscovered) -> Self {
        Self {
            discovered,
            registered: None,
            deliberations: Vec::new(),
            reviews: Vec::new(),
            filed: None,
            dispatched: Vec::new(),
            orders: BTreeMap::new(),
            cycle: Cycle::first(),
            earlier_cycles: Vec::new(),
            taken_in: Vec::new(),
            merged: None,
            merged_answers: Vec::new(),
        }
    }

    /// Keeps what an event says.
    pub(crate) fn note(&mut self, event: CaseEvent) {
        match event {
            CaseEvent::IssueRegistered(event) => self.registered = Some(*event),
            CaseEvent::IssueMerged(event) => self.merged = Some(*event),
            CaseEvent::IssueTakenIn(event) => self.taken_in.push(*event),
            CaseEvent::MergedIssueAnswered(event) => self.merged_answers.push(*event),
            CaseEvent::GridHandlingStarted(event) => self.cycle.grid_work = Some(*event),
            CaseEvent::GridProgressRecorded(event) => self.cycle.grid_progress = Some(*event),
            CaseEvent::GridHandlingDone(event) => self.cycle.grid_done.push(*event),
            CaseEvent::DeliberationOpened(event) => self.deliberations.push(Deliberation::opened(*event)),
            CaseEvent::MeetingHeld(event) => match self.deliberations.last_mut() {
                Some(deliberation) => deliberation.meetings.push(*event),
                None => self.reviews.push(*event),
            },
            CaseEvent::ProposalRevised(event) => {
                if let Some(deliberation) = self.deliberations.last_mut() {
                    deliberation.proposals.push(*event);
                }
            }
            CaseEvent::DeliberationConcluded(event) => {
                if let Some(deliberation) = self.deliberations.last_mut() {
                    deliberation.concluded = Some(*event);
                }
            }
            CaseEvent::CaseFiled(event) => self.filed = Some(*event),
            CaseEvent::FilingRefused(event) => self.cycle.refused.push(*event),
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
            CaseEvent::VerificationPassed(event) => self.cycle.verified.push(Verification::Passed(*event)),
            CaseEvent::VerificationFailed(event) => self.cycle.verified.push(Verification::Failed(*event)),
            CaseEvent::FeedbackRecorded(event) => self.cycle.answered.push(*event),
            CaseEvent::CaseClosed(event) => self.cycle.closed = Some(*event),
            CaseEvent::CaseReopened(event) => {
                self.earlier_cycles.push(mem::replace(&mut self.cycle, Cycle::begun(*event)));
            }
            // What these say is asked for by no decision.
            CaseEvent::IssueDiscovered(_)
            | CaseEvent::DuplicateSuspected(_)
            | CaseEvent::IssueVoided(_)
            | CaseEvent::GridReworkRequired(_)
            | CaseEvent::DeliberationWaived(_)
            | CaseEvent::IssueEscalated(_)
            | CaseEvent::CaseDisposed(_) => {}
        }
    }

    fn note_of_order(&mut self, event: CaseEvent) {
        let order = event.order().map(|about| about.order);
        if let Some(order) = order.and_then(|order| self.orders.get_mut(&order)) {
            order.note(event);
        }
    }

    /// The grid in which the issue is, as of its discovery.
    pub fn grid(&self) -> &GridFacts {
        &self.discovered.grid
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

    /// The newest deliberation.
    pub fn deliberation(&self) -> Option<&Deliberation> {
        self.deliberations.last()
    }

    /// The consent rule that the newest deliberation pinned.
    pub fn consent_rule(&self) -> Option<&ConsentRule> {
        self.deliberation().and_then(|deliberation| deliberation.opened.consent_rule.as_ref())
    }

    /// The meetings of one kind, of the newest deliberation or, where there is none, of the case.
    pub(crate) fn meetings(&self, kind: MeetingKind) -> impl Iterator<Item = &MeetingHeld> {
        let meetings = self.deliberation().map_or(&self.reviews, |deliberation| &deliberation.meetings);
        meetings.iter().filter(move |held| held.kind == kind)
    }

    /// Whether this person disposed something in the current round of work: they do not verify it.
    pub(crate) fn is_disposer(&self, staff: &str) -> bool {
        let cycle = &self.cycle;
        let orders = self.orders.values().filter(|order| order.sent.cycle == cycle.number);
        let by_department = orders.flat_map(|order| &order.disposed).any(|part| part.by == staff);
        by_department || cycle.grid_done.iter().any(|done| done.by == staff)
    }

    /// What the finder said last in the current round of work; what they said in an earlier one is not about this work.
    pub fn last_feedback(&self) -> Option<&FeedbackRecorded> {
        self.cycle.answered.last()
    }

    /// The grid leader of the grid in which the issue is.
    pub(crate) fn grid_leader(&self) -> Party {
        Party::in_grid(Role::GridLeader, self.grid_code())
    }

    /// The secretary of the grid one level up: escalation walks actual parents.
    pub(crate) fn secretary(&self) -> Party {
        Party::in_grid(Role::ResidentialSecretary, self.grid().path.get(1).unwrap_or(self.grid_code()))
    }

    /// `role` at the grid centre.
    pub(crate) fn centre(&self, role: Role) -> Party {
        Party::in_grid(role, &self.grid().centre)
    }
}

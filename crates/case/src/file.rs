//! What is known of a case over all its stages.

use kernel::consent::ConsentRule;
use kernel::facts::{GridFacts, MatterFacts};
use kernel::{Actor, GridCode, Obligation, OrderId, Party, Place, Role};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    CaseClosed, CaseDispatched, CaseDisposed, CaseReopened, Conclusion, CriterionAnswer, DeliberationOpened,
    FeedbackRecorded, GridHandlingDone, GridHandlingStarted, GridProgressRecorded, IssueDiscovered, IssueRegistered,
    IssueTakenIn, IssueVoided, MeetingHeld, MergedIssueAnswered, OrderDispatched, OrderProgressRecorded, Part,
    PartDisposed, ProposalRevised, Refusal, ReturnRequested,
};

/// The file of a case. It grows; a new cycle keeps what the old ones did.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    /// How it was discovered.
    pub discovered: IssueDiscovered,
    /// The grid in which it is and every grid above it, as of its discovery.
    pub grids: Vec<GridCode>,
    /// How it was registered.
    pub registered: Option<IssueRegistered>,
    /// Its deliberations, the newest last.
    pub deliberations: Vec<Deliberation>,
    /// The work of the grid itself, in this cycle.
    pub grid_work: Option<GridHandlingStarted>,
    /// The last progress of the work of the grid.
    pub grid_progress: Option<GridProgressRecorded>,
    /// The last time the grid said that its work was done, in this cycle.
    pub grid_done: Option<GridHandlingDone>,
    /// How it was filed.
    pub filing: Option<Filing>,
    /// How often filing was refused in this cycle.
    pub filings_refused: u32,
    /// Every order that was ever sent.
    pub orders: BTreeMap<OrderId, Order>,
    /// How it was dispatched last.
    pub dispatched: Option<CaseDispatched>,
    /// How often the case was dispatched; part of the names of orders.
    pub dispatches: u32,
    /// 1, and one more for each time it was reopened.
    pub cycle: u32,
    /// How this cycle began, where it is not the first.
    pub reopened: Option<CaseReopened>,
    /// Review meetings outside a deliberation.
    pub reviews: Vec<MeetingHeld>,
    /// Who disposed in this cycle; none of them verifies.
    pub disposers: BTreeSet<String>,
    /// How the verification of this cycle ended, and what was found.
    pub verified: Option<(bool, String)>,
    /// What the finder said in this cycle, the newest last.
    pub feedback: Vec<FeedbackRecorded>,
    /// When all parts were in, in this cycle.
    pub disposed: Option<CaseDisposed>,
    /// Other cases about the same issue that ended in this one.
    pub taken_in: Vec<IssueTakenIn>,
    /// What its finder was told by the case into which it was merged.
    pub answered_by_other: Vec<MergedIssueAnswered>,
    /// The case into which it was merged.
    pub merged_into: Option<kernel::CaseId>,
    /// Why it was voided.
    pub voided: Option<IssueVoided>,
    /// How it was closed, while it is.
    pub closed: Option<CaseClosed>,
    /// Who has to do what until when; none once it is closed.
    pub next: Option<Obligation>,
}

/// One deliberation (共议).
#[derive(Clone, Debug, PartialEq)]
pub struct Deliberation {
    /// How it was opened.
    pub opened: DeliberationOpened,
    /// Every meeting, in order.
    pub meetings: Vec<MeetingHeld>,
    /// Every version of the proposal, in order.
    pub proposals: Vec<ProposalRevised>,
    /// How it was concluded.
    pub conclusion: Option<Conclusion>,
    /// The version of the proposal that got the consent it needs.
    pub consented: Option<u32>,
}

impl Deliberation {
    /// The number of the current version of the proposal; 0 before the first.
    pub fn proposal_version(&self) -> u32 {
        u32::try_from(self.proposals.len()).unwrap_or(u32::MAX)
    }
}

/// How a case was filed (立案).
#[derive(Clone, Debug, PartialEq)]
pub struct Filing {
    /// The case number for people.
    pub number: String,
    /// The matter as of that day.
    pub matter: MatterFacts,
    /// The criteria and their answers.
    pub criteria: Vec<CriterionAnswer>,
}

/// Where an order stands.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderStatus {
    /// 待签收
    Sent,
    /// 已签收
    Accepted,
    /// 退单审核中; the flag says whether it had been accepted before.
    ReturnReview {
        /// What was asked for.
        request: Box<ReturnRequested>,
        /// Whether the order had been accepted before.
        accepted: bool,
    },
    /// 已退单
    Returned,
    /// 已处置
    Disposed(Box<PartDisposed>),
    /// 返工
    Rework,
}

impl OrderStatus {
    /// The stored name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::ReturnReview { .. } => "return_review",
            Self::Returned => "returned",
            Self::Disposed(_) => "disposed",
            Self::Rework => "rework",
        }
    }
}

/// One department's part of the case (工单).
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// How it was sent.
    pub sent: OrderDispatched,
    /// Where it stands.
    pub status: OrderStatus,
    /// Whether a return was asked for and refused.
    pub return_refused: bool,
    /// The last progress.
    pub progress: Option<Box<OrderProgressRecorded>>,
}

impl CaseFile {
    /// Opens the file of a discovered issue.
    pub(crate) fn open(discovered: IssueDiscovered) -> Self {
        Self {
            grids: discovered.grid.path.clone(),
            next: Some(discovered.next.clone()),
            discovered,
            registered: None,
            deliberations: Vec::new(),
            grid_work: None,
            grid_progress: None,
            grid_done: None,
            filing: None,
            filings_refused: 0,
            orders: BTreeMap::new(),
            dispatched: None,
            dispatches: 0,
            cycle: 1,
            reopened: None,
            reviews: Vec::new(),
            disposers: BTreeSet::new(),
            verified: None,
            feedback: Vec::new(),
            disposed: None,
            taken_in: Vec::new(),
            answered_by_other: Vec::new(),
            merged_into: None,
            voided: None,
            closed: None,
        }
    }

    /// The grid in which the issue is, as of its discovery.
    pub fn grid(&self) -> &GridFacts {
        &self.discovered.grid
    }

    /// The matter under which it is handled now.
    pub fn matter(&self) -> Option<&MatterFacts> {
        let filed = self.filing.as_ref().map(|filing| &filing.matter);
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

    /// An order, if the case has it.
    pub(crate) fn order(&self, order: OrderId) -> Result<&Order, Refusal> {
        self.orders.get(&order).ok_or(Refusal::UnknownOrder { order })
    }

    /// An order of the department that the actor acts for; nobody else answers it.
    pub(crate) fn order_of(&self, order: OrderId, by: &Actor) -> Result<&Order, Refusal> {
        let found = self.order(order)?;
        if by.department() == Some(&found.sent.order.department) {
            Ok(found)
        } else {
            Err(Refusal::AnotherDepartment { order, department: found.sent.order.department.clone() })
        }
    }

    /// The orders of this cycle that were not returned.
    pub fn live_orders(&self) -> impl Iterator<Item = &Order> {
        let cycle = self.cycle;
        self.orders.values().filter(move |order| order.sent.cycle == cycle && order.status != OrderStatus::Returned)
    }

    /// The lead order of this cycle.
    pub fn lead(&self) -> Option<&Order> {
        self.live_orders().find(|order| order.sent.order.part == Part::Lead)
    }

    /// What the finder said last in this cycle; what they said in an earlier one is not about this work.
    pub fn last_feedback(&self) -> Option<&FeedbackRecorded> {
        self.feedback.iter().rfind(|feedback| feedback.cycle == self.cycle)
    }

    /// Where the case is.
    pub(crate) fn place(&self) -> Place {
        Place {
            grids: self.grids.clone(),
            departments: self.orders.values().map(|order| order.sent.order.department.clone()).collect(),
            owner: None,
            street: Some(self.grid().centre.clone()),
        }
    }

    /// The grid in which it is.
    pub(crate) fn grid_code(&self) -> &GridCode {
        self.grids.first().unwrap_or(&self.grid().centre)
    }

    /// The grid leader of the grid in which the issue is.
    pub(crate) fn grid_leader(&self) -> Party {
        Party::in_grid(Role::GridLeader, self.grid_code())
    }

    /// The secretary of the grid one level up: escalation walks actual parents.
    pub(crate) fn secretary(&self) -> Party {
        Party::in_grid(Role::ResidentialSecretary, self.grids.get(1).unwrap_or(self.grid_code()))
    }

    /// `role` at the grid centre.
    pub(crate) fn centre(&self, role: Role) -> Party {
        Party::in_grid(role, &self.grid().centre)
    }
}

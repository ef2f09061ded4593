//! The aggregate: two matches, no rule inside.

use crate::access::{CASE_READERS, REPORTER_READERS};
use crate::{CaseCommand, CaseEvent, CaseFile, Part, Refusal, Stage};
use kernel::aggregate::PersonalSpec;
use kernel::facts::SealedPerson;
use kernel::{Aggregate, Allowed, Context, OrderId, Place, Step};

/// What a command leads to.
pub(crate) type Decision = Result<Vec<CaseEvent>, Refusal>;

/// A case as its events made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// Where it stands.
    pub stage: Stage,
    /// What is known of it; none before it is discovered.
    pub file: Option<Box<CaseFile>>,
}

impl Case {
    /// The file, or the refusal that there is no such case.
    pub(crate) fn opened(&self) -> Result<&CaseFile, Refusal> {
        self.file.as_deref().ok_or(Refusal::UnknownCase)
    }

    /// The file, if the case stands in one of `stages`.
    pub(crate) fn opened_in(&self, stages: &[Stage], taken: &'static str) -> Result<&CaseFile, Refusal> {
        let file = self.opened()?;
        if stages.contains(&self.stage) { Ok(file) } else { Err(self.wrong_stage(taken)) }
    }

    /// The refusal that the command is not taken in this stage.
    pub(crate) fn wrong_stage(&self, taken: &'static str) -> Refusal {
        Refusal::WrongStage { stage: self.stage, taken }
    }

    /// Changes the file, if there is one, and the stage.
    pub(crate) fn turned(mut self, stage: Stage, change: impl FnOnce(&mut CaseFile)) -> Self {
        self.stage = stage;
        self.noted(change)
    }

    /// Changes the file, if there is one, and not the stage.
    pub(crate) fn noted(mut self, change: impl FnOnce(&mut CaseFile)) -> Self {
        if let Some(file) = self.file.as_deref_mut() {
            change(file);
        }
        self
    }

    /// Whether it has such an order and the order is that of the lead department.
    pub(crate) fn is_of_lead(&self, order: OrderId) -> bool {
        let found = self.file.as_ref().and_then(|file| file.orders.get(&order));
        found.is_some_and(|order| order.sent.order.part == Part::Lead)
    }
}

impl Aggregate for Case {
    const PLURAL: &'static str = "cases";
    const ABOUT: &'static str = "One issue from its discovery to its closing (案件)";
    const STEPS: &'static [Step] = &[
        Step::REGISTER,
        Step::ROUTE,
        Step::WORK_IN_GRID,
        Step::DELIBERATE,
        Step::FILE,
        Step::REVIEW_REFUSAL,
        Step::DISPATCH,
        Step::ACCEPT,
        Step::FIRST_CONTACT,
        Step::DECIDE_RETURN,
        Step::DISPOSE,
        Step::VERIFY,
        Step::REWORK,
        Step::COLLECT_FEEDBACK,
        Step::CLOSE,
        Step::ROUTE_AGAIN,
    ];
    const READ_ACTION: &'static str = "read-case-history";
    const READ: Allowed = CASE_READERS;
    const PERSONAL: Option<PersonalSpec> =
        Some(PersonalSpec { path: "reporter", action: "read-reporter", read: REPORTER_READERS });
    type Command = CaseCommand;
    type Event = CaseEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        self.file.as_ref().map(|file| file.place())
    }

    fn sealed(&self) -> Option<SealedPerson> {
        Some(self.file.as_ref()?.discovered.reporter.as_ref()?.sealed())
    }

    fn missing() -> Refusal {
        Refusal::UnknownCase
    }

    fn decide(&self, command: &CaseCommand, context: &Context) -> Decision {
        match command {
            CaseCommand::DiscoverIssue(command) => command.decide(self, context),
            CaseCommand::RegisterIssue(command) => command.decide(self, context),
            CaseCommand::MergeIssue(command) => command.decide(self, context),
            CaseCommand::TakeInIssue(command) => command.decide(self, context),
            CaseCommand::VoidIssue(command) => command.decide(self, context),
            CaseCommand::HandleInGrid(command) => command.decide(self, context),
            CaseCommand::OpenDeliberation(command) => command.decide(self, context),
            CaseCommand::HoldMeeting(command) => command.decide(self, context),
            CaseCommand::ReviseProposal(command) => command.decide(self, context),
            CaseCommand::ConcludeDeliberation(command) => command.decide(self, context),
            CaseCommand::EscalateIssue(command) => command.decide(self, context),
            CaseCommand::FileCase(command) => command.decide(self, context),
            CaseCommand::RefuseFiling(command) => command.decide(self, context),
            CaseCommand::DispatchCase(command) => command.decide(self, context),
            CaseCommand::AcceptOrder(command) => command.decide(self, context),
            CaseCommand::RequestReturn(command) => command.decide(self, context),
            CaseCommand::DecideReturn(command) => command.decide(self, context),
            CaseCommand::RecordProgress(command) => command.decide(self, context),
            CaseCommand::SubmitDisposal(command) => command.decide(self, context),
            CaseCommand::VerifyCase(command) => command.decide(self, context),
            CaseCommand::RecordFeedback(command) => command.decide(self, context),
            CaseCommand::AnswerMerged(command) => command.decide(self, context),
            CaseCommand::CloseCase(command) => command.decide(self, context),
            CaseCommand::ReopenCase(command) => command.decide(self, context),
        }
    }

    fn evolve(self, event: CaseEvent) -> Self {
        match event {
            CaseEvent::IssueDiscovered(event) => event.evolve(self),
            CaseEvent::IssueRegistered(event) => event.evolve(self),
            CaseEvent::DuplicateSuspected(_) | CaseEvent::DeliberationWaived(_) => self,
            CaseEvent::CaseDispatched(event) => event.evolve(self),
            CaseEvent::IssueMerged(event) => event.evolve(self),
            CaseEvent::IssueTakenIn(event) => event.evolve(self),
            CaseEvent::IssueVoided(event) => event.evolve(self),
            CaseEvent::GridHandlingStarted(event) => event.evolve(self),
            CaseEvent::GridProgressRecorded(event) => event.evolve(self),
            CaseEvent::GridHandlingDone(event) => event.evolve(self),
            CaseEvent::GridReworkRequired(event) => event.evolve(self),
            CaseEvent::DeliberationOpened(event) => event.evolve(self),
            CaseEvent::MeetingHeld(event) => event.evolve(self),
            CaseEvent::ProposalRevised(event) => event.evolve(self),
            CaseEvent::DeliberationConcluded(event) => event.evolve(self),
            CaseEvent::IssueEscalated(event) => event.evolve(self),
            CaseEvent::CaseFiled(event) => event.evolve(self),
            CaseEvent::FilingRefused(event) => event.evolve(self),
            CaseEvent::OrderDispatched(event) => event.evolve(self),
            CaseEvent::OrderAccepted(event) => event.evolve(self),
            CaseEvent::ReturnRequested(event) => event.evolve(self),
            CaseEvent::ReturnApproved(event) => event.evolve(self),
            CaseEvent::OrderWithdrawn(event) => event.evolve(self),
            CaseEvent::ReturnRefused(event) => event.evolve(self),
            CaseEvent::OrderProgressRecorded(event) => event.evolve(self),
            CaseEvent::PartDisposed(event) => event.evolve(self),
            CaseEvent::CaseDisposed(event) => event.evolve(self),
            CaseEvent::VerificationPassed(event) => event.evolve(self),
            CaseEvent::VerificationFailed(event) => event.evolve(self),
            CaseEvent::OrderReworkRequired(event) => event.evolve(self),
            CaseEvent::FeedbackRecorded(event) => event.evolve(self),
            CaseEvent::MergedIssueAnswered(event) => event.evolve(self),
            CaseEvent::CaseClosed(event) => event.evolve(self),
            CaseEvent::CaseReopened(event) => event.evolve(self),
        }
    }
}

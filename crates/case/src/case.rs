//! The aggregate: two matches, no rule inside.

use crate::{CaseCommand, CaseEvent, CaseFile, Context, Instruction, Refusal, Stage};

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

    /// What the command leads to. The case does not change.
    pub fn decide(&self, command: &CaseCommand, context: &Context) -> Decision {
        match command {
            CaseCommand::DiscoverIssue(command) => command.decide(self, context),
            CaseCommand::RegisterIssue(command) => command.decide(self, context),
            CaseCommand::MergeIssue(command) => command.decide(self, context),
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
            CaseCommand::CloseCase(command) => command.decide(self, context),
            CaseCommand::ReopenCase(command) => command.decide(self, context),
        }
    }

    /// The case after `event`.
    #[must_use]
    pub fn evolve(self, event: CaseEvent) -> Self {
        match event {
            CaseEvent::IssueDiscovered(event) => event.evolve(self),
            CaseEvent::IssueRegistered(event) => event.evolve(self),
            CaseEvent::DuplicateSuspected(_) | CaseEvent::DeliberationWaived(_) => self,
            CaseEvent::CaseDispatched(event) => event.evolve(self),
            CaseEvent::IssueMerged(event) => event.evolve(self),
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
            CaseEvent::CaseClosed(event) => event.evolve(self),
            CaseEvent::CaseReopened(event) => event.evolve(self),
        }
    }
}

impl esrs::Aggregate for Case {
    const NAME: &'static str = "case";
    type State = Case;
    type Command = Instruction;
    type Event = CaseEvent;
    type Error = Refusal;

    fn handle_command(state: &Case, instruction: Instruction) -> Result<Vec<CaseEvent>, Refusal> {
        state.decide(&instruction.command, &instruction.context)
    }

    fn apply_event(state: Case, event: CaseEvent) -> Case {
        state.evolve(event)
    }
}

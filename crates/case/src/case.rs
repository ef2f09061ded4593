//! The aggregate: its commands, who decides what, and no rule inside.

use chrono::{DateTime, Utc};
use kernel::aggregate::{PersonalSpec, SimilarSpec};
use kernel::facts::SealedPerson;
use kernel::likeness::Told;
use kernel::view::words_of;
use kernel::{Actor, Aggregate, Allowed, Context, Needs, OrderId, Place, Role, Step, Verb as _, View as _};

use crate::access::{CASE_READERS, ISSUE_READERS, REPORTER_READERS};
use crate::moment::moment_of;
use crate::{
    AcceptOrder, AnswerMerged, CaseEvent, CaseFile, CloseCase, ConcludeDeliberation, DecideReturn, DiscoverIssue,
    DispatchCase, EscalateIssue, FileCase, FollowGrid, HandleInGrid, HoldMeeting, MergeIssue, NameReader,
    OpenDeliberation, Order, OrderPart, OrderStatus, ReadPurpose, ReadReporter, RecordFeedback, RecordProgress,
    Refusal, RefuseFiling, RegisterIssue, ReopenCase, ReopenForMerged, ReporterReadingView, RequestReturn,
    ReviseProposal, Stage, Standing, SubmitDisposal, TakeBackOrders, TakeInIssue, TakeInWord, VerifyCase, VoidIssue,
};

kernel::commands! {
    /// What can be asked of a case.
    pub enum CaseCommand of Case {
        DiscoverIssue,
        RegisterIssue,
        MergeIssue,
        TakeInIssue,
        VoidIssue,
        HandleInGrid,
        OpenDeliberation,
        HoldMeeting,
        ReviseProposal,
        ConcludeDeliberation,
        EscalateIssue,
        FileCase,
        RefuseFiling,
        DispatchCase,
        AcceptOrder,
        RequestReturn,
        DecideReturn,
        RecordProgress,
        SubmitDisposal,
        VerifyCase,
        RecordFeedback,
        AnswerMerged,
        CloseCase,
        ReopenCase,
        ReopenForMerged,
        TakeInWord,
        TakeBackOrders,
        FollowGrid,
        ReadReporter,
        NameReader,
    }
}

/// What a command leads to.
pub(crate) type Decision = kernel::Decision<Case>;

/// A case as its events made it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    pub standing: Standing,
    /// What is known of it; `None` before it is discovered.
    pub file: Option<Box<CaseFile>>,
}

impl Case {
    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.standing.stage()
    }

    /// What is needed to know who holds the posts around it, once it is discovered.
    pub(crate) fn posts(&self, needs: Needs) -> Needs {
        match &self.file {
            Some(file) => needs.seat(file.seat_of()),
            None => needs,
        }
    }

    /// The file, or the refusal that there is no such case.
    pub(crate) fn opened(&self) -> Result<&CaseFile, Refusal> {
        self.file.as_deref().ok_or(Refusal::UnknownCase)
    }

    /// The file, if the case stands in one of `stages`.
    pub(crate) fn opened_in(&self, stages: &[Stage], taken: &'static str) -> Result<&CaseFile, Refusal> {
        let file = self.opened()?;
        if stages.contains(&self.stage()) { Ok(file) } else { Err(self.wrong_stage(taken)) }
    }

    /// The refusal that the command is not taken in this stage.
    pub(crate) fn wrong_stage(&self, taken: &'static str) -> Refusal {
        Refusal::WrongStage { stage: self.stage(), taken }
    }

    /// An order and where it stands, if the case has it.
    pub(crate) fn order(&self, order: OrderId) -> Result<(&Order, OrderStatus), Refusal> {
        let found = self.opened()?.orders.get(&order).zip(self.standing.order(order));
        found.map(|(order, part)| (order, part.status)).ok_or(Refusal::UnknownOrder { order })
    }

    /// An order of the department that the actor acts for; nobody else answers it.
    pub(crate) fn order_of(&self, order: OrderId, by: &Actor) -> Result<(&Order, OrderStatus), Refusal> {
        let found = self.order(order)?;
        let department = &found.0.sent.order.department;
        if by.department() == Some(department) {
            Ok(found)
        } else {
            Err(Refusal::AnotherDepartment { order, department: department.clone() })
        }
    }

    /// Whether it has such an order and the order is that of the lead department.
    pub(crate) fn is_of_lead(&self, order: OrderId) -> bool {
        self.standing.order(order).is_some_and(OrderPart::is_lead)
    }
}

impl Aggregate for Case {
    const PLURAL: &'static str = "cases";
    const ABOUT: &'static str = "One issue from its discovery to its closing (案件)";
    const STEPS: &'static [Step] = &Step::OF_CASES;
    const READ_ACTION: &'static str = "read-case-history";
    const READ: Allowed = CASE_READERS;
    const PERSONAL: Option<PersonalSpec> = Some(PersonalSpec {
        path: "reporter",
        action: ReadReporter::NAME,
        read: REPORTER_READERS,
        purposes: words_of::<ReadPurpose>,
        readings: ReporterReadingView::PATH,
    });
    const SIMILAR: Option<SimilarSpec> =
        Some(SimilarSpec { path: "similar", action: "read-similar-cases", read: ISSUE_READERS, view: "issues" });
    type Command = CaseCommand;
    type Event = CaseEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        self.file.as_ref().map(|file| file.place())
    }

    fn sealed(&self) -> Vec<SealedPerson> {
        self.file.as_ref().map(|file| file.reporter_data()).unwrap_or_default()
    }

    fn sealed_for(&self, by: &Actor) -> Vec<SealedPerson> {
        self.file.as_ref().map(|file| file.reporters_for(by)).unwrap_or_default()
    }

    fn is_open_to(&self, by: &Actor, at: DateTime<Utc>, days_after: u32) -> bool {
        by.role != Role::DepartmentClerk || self.is_needed_by(by, at, days_after)
    }

    fn told(&self) -> Option<Told> {
        Some(self.file.as_ref()?.told())
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
            CaseCommand::ReopenForMerged(command) => command.decide(self, context),
            CaseCommand::TakeInWord(command) => command.decide(self, context),
            CaseCommand::TakeBackOrders(command) => command.decide(self, context),
            CaseCommand::ReadReporter(command) => command.decide(self, context),
            CaseCommand::NameReader(command) => command.decide(self, context),
            CaseCommand::FollowGrid(_) => FollowGrid::decide(self, context),
        }
    }

    fn evolve(mut self, event: CaseEvent) -> Self {
        let before: Vec<_> = self.standing.open().cloned().collect();
        self.standing.apply(&event);
        let moment = moment_of(&event, self.standing.open().map(|next| next.due.derivation.from));
        self.note_ended(before, moment);
        if let Some(file) = self.file.as_deref_mut() {
            file.note(event);
        } else if let CaseEvent::IssueDiscovered(event) = event {
            self.file = Some(Box::new(CaseFile::open(*event)));
        }
        self
    }
}

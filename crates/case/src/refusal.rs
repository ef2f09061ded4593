//! Every reason for which the domain says no.

use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CaseId, DepartmentCode, GridCode, MatterCode, OrderId, Step};

use crate::Stage;

/// The domain says no. Nothing was recorded; the text says what would be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was ever discovered under this id.
    #[error("there is no such case")]
    UnknownCase,
    /// The command is not taken in this stage.
    #[error("the case is {stage}; this command is taken when it is {taken}")]
    WrongStage {
        /// Where the case stands.
        stage: Stage,
        /// Where it would have to stand, for people.
        taken: &'static str,
    },
    /// The id or source code belongs to another discovery.
    #[error("this case was discovered already, with other content")]
    AlreadyDiscovered,
    /// The grid does not exist at that time.
    #[error("there is no active grid {grid}")]
    UnknownGrid {
        /// The grid.
        grid: GridCode,
    },
    /// Issues are located in the lowest grids of the party network.
    #[error("grid {grid} has grids below it or is not of the party network; name one of the micro grids")]
    NotAMicroGrid {
        /// The grid.
        grid: GridCode,
    },
    /// The matter is not in the catalogue at that time.
    #[error("there is no active matter {matter}; publish it with the rules first")]
    UnknownMatter {
        /// The matter.
        matter: MatterCode,
    },
    /// The department is not in the register at that time.
    #[error("there is no active department {department}")]
    UnknownDepartment {
        /// The department.
        department: DepartmentCode,
    },
    /// The file was not uploaded.
    #[error("there is no evidence {sha256}; upload the file first")]
    UnknownEvidence {
        /// Its digest.
        sha256: Digest,
    },
    /// The case has no such order.
    #[error("the case has no order {order}")]
    UnknownOrder {
        /// The order.
        order: OrderId,
    },
    /// The rules have no limit for a step.
    #[error("the rules have no limit for the step {step:?}; publish one")]
    NoLimit {
        /// The step.
        step: Step,
    },
    /// The rules have a limit, but no due time can be derived from it.
    #[error("no due time for the step {step:?}: {reason}")]
    NoDueTime {
        /// The step.
        step: Step,
        /// What the rules said, for example which calendar has to be published.
        reason: String,
    },
    /// A text is missing or too long.
    #[error("{field} must have 1 to {max} characters")]
    TextLength {
        /// The field.
        field: &'static str,
        /// The most characters it may have.
        max: usize,
    },
    /// A list is empty that must not be, or too long.
    #[error("{field} must have {min} to {max} entries")]
    EntryCount {
        /// The field.
        field: &'static str,
        /// The fewest entries.
        min: usize,
        /// The most entries.
        max: usize,
    },
    /// A point that is not on the earth.
    #[error("longitude must be -180 to 180 and latitude -90 to 90")]
    NotOnTheMap,
    /// What is reported lies ahead.
    #[error("{moment} lies ahead; report what has happened")]
    InTheFuture {
        /// The moment.
        moment: DateTime<Utc>,
    },
    /// A due time that has passed.
    #[error("the due time {due} lies in the past")]
    DueInThePast {
        /// The due time.
        due: DateTime<Utc>,
    },
    /// The case was registered with other content.
    #[error("the case was registered already, with other content")]
    AlreadyRegistered,
    /// Of two cases the older one goes on, so that two cannot be merged into each other.
    #[error("case {into} was recorded later; merge that one into this")]
    MergeIntoTheOlder {
        /// The target.
        into: CaseId,
    },
    /// A case cannot be merged into this target.
    #[error("case {into} does not exist, is closed, or is this case itself")]
    CannotMergeInto {
        /// The target.
        into: CaseId,
    },
    /// Departments solve this matter; the grid escalates it.
    #[error("matter {matter} is for a department; escalate the case")]
    AdministrativeMatter {
        /// The matter.
        matter: MatterCode,
    },
    /// The grid works on it already, in another way.
    #[error("the grid works on this case already; report progress, or that it is done")]
    AlreadyInGridHandling,
    /// Works that need consent cannot start.
    #[error("works may start only after the deliberation was concluded with agreement")]
    DeliberationStillOpen,
    /// The deliberation was opened with other content.
    #[error("a deliberation is open already")]
    DeliberationAlreadyOpen,
    /// The deliberation is concluded.
    #[error("the deliberation is concluded; open a new one")]
    DeliberationOver,
    /// A hearing comes before the decision.
    #[error("a hearing comes before the decision; hold a coordination or a review meeting")]
    HearingAfterDecision,
    /// A review judges what was done.
    #[error("a review meeting judges what was done; nothing was done yet")]
    NothingToReview,
    /// Rounds of one kind are numbered 1, 2, 3.
    #[error("the next round of this kind of meeting is {next}")]
    WrongRound {
        /// The next round.
        next: u32,
    },
    /// That round was recorded with other content.
    #[error("round {round} was recorded already, with other content")]
    MeetingAlreadyRecorded {
        /// The round.
        round: u32,
    },
    /// A score that is none, or of a meeting that scores nothing.
    #[error("a score is 0 to 100 and is given in a review meeting")]
    ScoreDoesNotFit,
    /// The counts of a consent contradict each other.
    #[error("agreed + opposed <= participated <= invited and reached <= invited must hold")]
    ConsentDoesNotAddUp,
    /// The rule is not in the rules, or the deliberation was opened without one.
    #[error("there is no such consent rule in force that counts heads alone; one that counts areas needs a poll")]
    UnknownConsentRule,
    /// Versions of a proposal are numbered 1, 2, 3.
    #[error("the proposal stands at version {current}; revise it as version {next}", next = .current + 1)]
    WrongProposalVersion {
        /// The current version.
        current: u32,
    },
    /// Nobody met.
    #[error("no meeting was held; a deliberation is concluded after a hearing or a coordination meeting")]
    NoMeetingHeld,
    /// The residents did not agree, or not to this version.
    #[error("version {version} of the proposal did not get the consent it needs")]
    ConsentMissing {
        /// The version.
        version: u32,
    },
    /// 网格先议: a matter of the community is deliberated before it is escalated.
    #[error(
        "a matter of the community is deliberated first; conclude a deliberation or record a waiver with its reason"
    )]
    DeliberationNeeded,
    /// A refusal to file is reviewed once.
    #[error("filing was refused twice; the one review has been used")]
    ReviewUsed,
    /// A published criterion has no answer.
    #[error("criterion {criterion:?} is not answered; answer every criterion of the rules, in their words")]
    CriterionNotAnswered {
        /// The criterion.
        criterion: String,
    },
    /// Not every criterion is met.
    #[error("criterion {criterion:?} is not met; refuse the filing instead")]
    CriterionNotMet {
        /// The criterion.
        criterion: String,
    },
    /// A department is named twice.
    #[error("department {department} is named twice")]
    DepartmentTwice {
        /// The department.
        department: DepartmentCode,
    },
    /// The lead department does not have the matter on its list.
    #[error("department {department} does not have the matter on its list; say why it leads all the same")]
    NotItsMatter {
        /// The department.
        department: DepartmentCode,
    },
    /// A department reports on its own order, never on the work of the grid.
    #[error("a department reports on its order; name it")]
    OrderNotNamed,
    /// The order is for another department.
    #[error("order {order} is for department {department}")]
    AnotherDepartment {
        /// The order.
        order: OrderId,
        /// Whose it is.
        department: DepartmentCode,
    },
    /// The order is not in a state for this.
    #[error("order {order} is {status}; this is not possible then")]
    OrderNotReady {
        /// The order.
        order: OrderId,
        /// Its state, for people.
        status: &'static str,
    },
    /// Returns are possible only for some days.
    #[error("the order could be returned until {until}")]
    ReturnWindowOver {
        /// The end of the window.
        until: DateTime<Utc>,
    },
    /// One return an order; a second dispute goes to arbitration.
    #[error("the return of this order was refused already; the dispute is for arbitration")]
    ReturnRightUsed,
    /// No return was asked for.
    #[error("no return of order {order} waits for a decision")]
    NoReturnRequested {
        /// The order.
        order: OrderId,
    },
    /// The lead department finishes last.
    #[error("assisting departments have not finished: {waiting:?}")]
    AssistingPartsOpen {
        /// Whose parts are open.
        waiting: Vec<DepartmentCode>,
    },
    /// A verifier never verifies their own work.
    #[error("who disposed does not verify; another person has to")]
    VerifierDisposed,
    /// The finder has not been answered.
    #[error("the finder has to get an answer before the case is closed")]
    FinderNotAnswered,
    /// The finder says that it is not solved.
    #[error("the finder is not satisfied; reopen the case, or close it with a reason")]
    FinderNotSatisfied,
    /// The outcome does not fit the way of the case.
    #[error("the outcome does not fit: {expected} would")]
    OutcomeDoesNotFit {
        /// The outcomes that would.
        expected: &'static str,
    },
    /// The window for reopening is over.
    #[error("the case could be reopened until {until}; discover a new one")]
    ReopenWindowOver {
        /// The end of the window.
        until: DateTime<Utc>,
    },
}

impl Refusal {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCase => "unknown-case",
            Self::WrongStage { .. } => "wrong-stage",
            Self::AlreadyDiscovered => "already-discovered",
            Self::UnknownGrid { .. } => "unknown-grid",
            Self::NotAMicroGrid { .. } => "not-a-micro-grid",
            Self::UnknownMatter { .. } => "unknown-matter",
            Self::UnknownDepartment { .. } => "unknown-department",
            Self::UnknownEvidence { .. } => "unknown-evidence",
            Self::UnknownOrder { .. } => "unknown-order",
            Self::NoLimit { .. } => "no-limit",
            Self::NoDueTime { .. } => "no-due-time",
            Self::TextLength { .. } => "text-length",
            Self::EntryCount { .. } => "entry-count",
            Self::NotOnTheMap => "not-on-the-map",
            Self::InTheFuture { .. } => "in-the-future",
            Self::DueInThePast { .. } => "due-in-the-past",
            Self::AlreadyRegistered => "already-registered",
            Self::MergeIntoTheOlder { .. } => "merge-into-the-older",
            Self::CannotMergeInto { .. } => "cannot-merge-into",
            Self::AdministrativeMatter { .. } => "administrative-matter",
            Self::AlreadyInGridHandling => "already-in-grid-handling",
            Self::DeliberationStillOpen => "deliberation-still-open",
            Self::DeliberationAlreadyOpen => "deliberation-already-open",
            Self::DeliberationOver => "deliberation-over",
            Self::HearingAfterDecision => "hearing-after-decision",
            Self::NothingToReview => "nothing-to-review",
            Self::WrongRound { .. } => "wrong-round",
            Self::MeetingAlreadyRecorded { .. } => "meeting-already-recorded",
            Self::ScoreDoesNotFit => "score-does-not-fit",
            Self::ConsentDoesNotAddUp => "consent-does-not-add-up",
            Self::UnknownConsentRule => "unknown-consent-rule",
            Self::WrongProposalVersion { .. } => "wrong-proposal-version",
            Self::NoMeetingHeld => "no-meeting-held",
            Self::ConsentMissing { .. } => "consent-missing",
            Self::DeliberationNeeded => "deliberation-needed",
            Self::ReviewUsed => "review-used",
            Self::CriterionNotAnswered { .. } => "criterion-not-answered",
            Self::CriterionNotMet { .. } => "criterion-not-met",
            Self::DepartmentTwice { .. } => "department-twice",
            Self::NotItsMatter { .. } => "not-its-matter",
            Self::OrderNotNamed => "order-not-named",
            Self::AnotherDepartment { .. } => "another-department",
            Self::OrderNotReady { .. } => "order-not-ready",
            Self::ReturnWindowOver { .. } => "return-window-over",
            Self::ReturnRightUsed => "return-right-used",
            Self::NoReturnRequested { .. } => "no-return-requested",
            Self::AssistingPartsOpen { .. } => "assisting-parts-open",
            Self::VerifierDisposed => "verifier-disposed",
            Self::FinderNotAnswered => "finder-not-answered",
            Self::FinderNotSatisfied => "finder-not-satisfied",
            Self::OutcomeDoesNotFit { .. } => "outcome-does-not-fit",
            Self::ReopenWindowOver { .. } => "reopen-window-over",
        }
    }
}

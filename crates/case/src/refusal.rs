//! Every reason for which a case says no.

use chrono::{DateTime, Utc};
use kernel::{CaseId, DepartmentCode, GridCode, MatterCode, NoDue, OrderId, Unfit};

use crate::Stage;

kernel::refusals! {
    /// The domain says no. Nothing was recorded; the text says what would be taken.
    pub enum Refusal {
        /// Nothing was ever discovered under this id.
        #[error("there is no such case")]
        UnknownCase = Missing "unknown-case",
        /// The command is not taken in this stage.
        #[error("the case is {stage}; this command is taken when it is {taken}")]
        WrongStage {
            stage: Stage,
            taken: &'static str,
        } = Refused "wrong-stage",
        /// The number of a source comes from somebody else than the connector of that source.
        #[error(
            "the numbers of the source {of} are handed in by the connector that is registered for it, and by nobody else; leave \
             `source_code` out, or have the security administrator register a connector"
        )]
        NotNumberedByYou {
            of: &'static str,
        } = Refused "source-not-yours",
        /// The id or source code belongs to another discovery.
        #[error("this case was discovered already, with other content")]
        AlreadyDiscovered = Refused "already-discovered",
        /// The source tells of a case again on which nobody works any more.
        #[error(
            "the case of this number is {stage}, and what was told now was not recorded; reopen the case where it was closed, or \
             discover a new one under another number or none"
        )]
        CaseIsOver {
            stage: Stage,
        } = Refused "case-is-over",
        /// Issues are located in the lowest grids of the party network.
        #[error("grid {grid} has grids below it or is not of the party network; name one of the micro grids")]
        NotAMicroGrid {
            grid: GridCode,
        } = Unfit "not-a-micro-grid",
        /// The case has no such order.
        #[error("the case has no order {order}")]
        UnknownOrder {
            order: OrderId,
        } = Missing "unknown-order",
        /// The point is not on the earth.
        #[error("longitude must be -180 to 180 and latitude -90 to 90; perhaps they are swapped")]
        NotOnTheMap = Unfit "not-on-the-map",
        /// The point is on the earth, but not in the district.
        #[error("longitude {longitude} and latitude {latitude} (WGS 84) are not in the district; correct or leave out both")]
        OutsideTheDistrict {
            longitude: String,
            latitude: String,
        } = Unfit "outside-the-district",
        /// One of the two degrees is missing, or both where a datum is named.
        #[error("give longitude and latitude together, or neither of them and no datum")]
        HalfACoordinate = Unfit "half-a-coordinate",
        /// A due time that has passed.
        #[error("the due time {due} lies in the past")]
        DueInThePast {
            due: DateTime<Utc>,
        } = Unfit "due-in-the-past",
        /// A due time that is further than the rules let a dispatcher set one.
        #[error("the due time {due} is too far; set one until {until}, or leave it to the limit of the matter")]
        DueTooFar {
            due: DateTime<Utc>,
            until: DateTime<Utc>,
        } = Unfit "due-too-far",
        /// The case was registered with other content.
        #[error("the case was registered already, with other content")]
        AlreadyRegistered = Refused "already-registered",
        /// The case was voided for another reason.
        #[error("the case was voided already, for another reason")]
        AlreadyVoided = Refused "already-voided",
        /// Finders of other cases wait for what becomes of this one.
        #[error("case {case} was merged into this one and its finder waits for the answer; work on this case")]
        OthersMergedIntoIt {
            case: CaseId,
        } = Refused "others-merged-into-it",
        /// The case was merged into another case, or for another reason.
        #[error("the case was merged already, into another case or for another reason")]
        AlreadyMerged = Refused "already-merged",
        /// The case was escalated with other content.
        #[error("the case was escalated already, with other content")]
        AlreadyEscalated = Refused "already-escalated",
        /// Filing was refused for another reason.
        #[error("filing was refused already, for another reason")]
        FilingAlreadyRefused = Refused "filing-already-refused",
        /// The disposal was verified with other content.
        #[error("what was disposed was verified already, with other content; nothing was disposed since")]
        AlreadyVerified = Refused "already-verified",
        /// The case was reopened with other content.
        #[error("the case was reopened already, for another cause or reason")]
        AlreadyReopened = Refused "already-reopened",
        /// Who was not reached said nothing.
        #[error("the finder was not reached and cannot have said whether it is solved; leave `solved` and `satisfied` out")]
        NotReached = Unfit "finder-not-reached",
        /// A case cannot be merged into this target.
        #[error("case {into} takes no other case in: it does not exist, is closed, merged or voided, or is the same case")]
        CannotMergeInto {
            into: CaseId,
        } = Refused "cannot-merge-into",
        /// A case is bound to one consent rule.
        #[error(
            "this case is bound to the consent rule {rule} and the other one to {other}; keep both cases, each under its rule"
        )]
        AnotherConsentRule {
            rule: String,
            other: String,
        } = Refused "another-consent-rule",
        /// The residents would be asked once the works are under way.
        #[error(
            "case {from} is bound to the consent rule {rule}, and works go on here without it; merge this case into that one"
        )]
        WorksWithoutConsent {
            from: CaseId,
            rule: String,
        } = Refused "works-without-consent",
        /// The case was not merged, or was merged into another case.
        #[error("the case was not merged into case {case}")]
        NotMergedInto {
            case: CaseId,
        } = Refused "not-merged-into",
        /// Departments solve this matter; the grid escalates it.
        #[error("matter {matter} is for a department; escalate the case")]
        AdministrativeMatter {
            matter: MatterCode,
        } = Refused "administrative-matter",
        /// The grid works on it already, in another way.
        #[error("the grid works on this case already; report progress, or that it is done")]
        AlreadyInGridHandling = Refused "already-in-grid-handling",
        /// Works that need consent cannot start.
        #[error("works may start only after the deliberation was concluded with agreement")]
        DeliberationStillOpen = Refused "deliberation-still-open",
        /// The deliberation was opened with other content.
        #[error("a deliberation is open already")]
        DeliberationAlreadyOpen = Refused "deliberation-already-open",
        /// The deliberation is concluded.
        #[error("the deliberation is concluded; open a new one")]
        DeliberationOver = Refused "deliberation-over",
        /// A hearing comes before the decision.
        #[error("a hearing comes before the decision; hold a coordination or a review meeting")]
        HearingAfterDecision = Refused "hearing-after-decision",
        /// A review judges what was done.
        #[error("a review meeting judges what was done; nothing was done yet")]
        NothingToReview = Refused "nothing-to-review",
        /// Rounds of one kind are numbered 1, 2, 3.
        #[error("the next round of this kind of meeting is {next}")]
        WrongRound {
            next: u32,
        } = Refused "wrong-round",
        /// That round was recorded with other content.
        #[error("round {round} was recorded already, with other content")]
        MeetingAlreadyRecorded {
            round: u32,
        } = Refused "meeting-already-recorded",
        /// The score is not 0 to 100, or the meeting gives no scores.
        #[error("a score is 0 to 100 and is given in a review meeting")]
        ScoreDoesNotFit = Unfit "score-does-not-fit",
        /// The electorate is counted once.
        #[error(
            "the electorate of this case is {electorate}; count against that number, or let the residential secretary give \
             `electorate_reason`"
        )]
        AnotherElectorate {
            electorate: u32,
        } = Refused "another-electorate",
        /// The counts of a consent contradict each other.
        #[error("agreed + opposed <= participated <= reached <= invited <= electorate must hold, and somebody must have a vote")]
        ConsentDoesNotAddUp = Unfit "consent-does-not-add-up",
        /// The rule is not in the rules, or the deliberation was opened without one.
        #[error("there is no such consent rule in force that counts heads alone; one that counts areas needs a poll")]
        UnknownConsentRule = Unfit "unknown-consent-rule",
        /// A rule that was pinned binds every later way to works.
        #[error(
            "this case is bound to the consent rule {rule}; name that one or none, and start works once residents agreed \
             under it"
        )]
        BoundByConsentRule {
            rule: String,
        } = Refused "bound-by-consent-rule",
        /// The residents have not agreed on everything.
        #[error("the proposal has topics that are not agreed: {}; revise it, or conclude otherwise", .topics.join(", "))]
        TopicsOpen {
            topics: Vec<String>,
        } = Refused "topics-open",
        /// Something was reported as of before what it is about.
        #[error("{moment} is before {what}, which was {since}")]
        TooEarly {
            moment: DateTime<Utc>,
            what: &'static str,
            since: DateTime<Utc>,
        } = Unfit "too-early",
        /// Versions of a proposal are numbered 1, 2, 3.
        #[error("the proposal stands at version {current}; revise it as version {next}", next = .current + 1)]
        WrongProposalVersion {
            current: u32,
        } = Refused "wrong-proposal-version",
        /// Nobody met.
        #[error("no meeting was held; a deliberation is concluded after a hearing or a coordination meeting")]
        NoMeetingHeld = Refused "no-meeting-held",
        /// The residents did not agree, or not to this version.
        #[error("version {version} of the proposal did not get the consent it needs")]
        ConsentMissing {
            version: u32,
        } = Refused "consent-missing",
        /// 网格先议: a matter of the community is deliberated before it is escalated.
        #[error(
            "a matter of the community is deliberated first; conclude a deliberation or record a waiver with its reason"
        )]
        DeliberationNeeded = Refused "deliberation-needed",
        /// A refusal to file is reviewed once.
        #[error("filing was refused twice; the one review has been used")]
        ReviewUsed = Refused "review-used",
        /// A published criterion has no answer.
        #[error("criterion `{criterion}` is not answered; answer every criterion of the rules, in their words")]
        CriterionNotAnswered {
            criterion: String,
        } = Unfit "criterion-not-answered",
        /// Not every criterion is met.
        #[error("criterion `{criterion}` is not met; refuse the filing instead")]
        CriterionNotMet {
            criterion: String,
        } = Refused "criterion-not-met",
        /// A department is named twice.
        #[error("department {department} is named twice")]
        DepartmentTwice {
            department: DepartmentCode,
        } = Refused "department-twice",
        /// The lead department does not have the matter on its list.
        #[error("department {department} does not have the matter on its list; say why it leads anyway")]
        NotItsMatter {
            department: DepartmentCode,
        } = Refused "not-its-matter",
        /// A department reports on its own order, never on the work of the grid.
        #[error("a department reports on its order; name it")]
        OrderNotNamed = Unfit "order-not-named",
        /// The order is for another department.
        #[error("order {order} is for department {department}")]
        AnotherDepartment {
            order: OrderId,
            department: DepartmentCode,
        } = Refused "another-department",
        /// The order is not in a state for this.
        #[error("order {order} is {status}; this is not possible then")]
        OrderNotReady {
            order: OrderId,
            status: &'static str,
        } = Refused "order-not-ready",
        /// Returns are possible only for some days.
        #[error("the order could be returned until {until}")]
        ReturnWindowOver {
            until: DateTime<Utc>,
        } = Refused "return-window-over",
        /// One return an order; a second dispute goes to arbitration.
        #[error("the return of this order was refused already; the dispute is for arbitration")]
        ReturnRightUsed = Refused "return-right-used",
        /// The return was decided otherwise.
        #[error("the return of order {order} was decided already, otherwise or for another reason")]
        ReturnAlreadyDecided {
            order: OrderId,
        } = Refused "return-already-decided",
        /// No return was asked for.
        #[error("no return of order {order} waits for a decision")]
        NoReturnRequested {
            order: OrderId,
        } = Refused "no-return-requested",
        /// The lead department finishes last.
        #[error("assisting departments have not finished: {}", list(.waiting))]
        AssistingPartsOpen {
            waiting: Vec<DepartmentCode>,
        } = Refused "assisting-parts-open",
        /// What passed its verification is not done again.
        #[error("a verification that passed names no rework; leave `rework` empty, or say that it did not pass")]
        NothingToRework = Unfit "nothing-to-rework",
        /// One person does not take both steps.
        #[error("whoever {earlier} does not {later}; another person must")]
        AnotherPersonNeeded {
            earlier: &'static str,
            later: &'static str,
        } = Refused "another-person-needed",
        /// Nor does whoever is lent by the department that took the first.
        #[error("department {department} {earlier}, and lends you, so that you do not {later}; a person whom it does not lend must")]
        PersonSeconded {
            department: DepartmentCode,
            earlier: &'static str,
            later: &'static str,
        } = Refused "person-seconded",
        /// Whether it is another person cannot be known.
        #[error(
            "whoever {earlier} does not {later}, and nobody knows who stands behind a program; a registered person must {later}"
        )]
        PersonUnknown {
            earlier: &'static str,
            later: &'static str,
        } = Refused "person-unknown",
        /// The finder has not been answered.
        #[error("the finder must get an answer before the case is closed")]
        FinderNotAnswered = Refused "finder-not-answered",
        /// The finder says that it is not solved.
        #[error("the finder is not satisfied; reopen the case, or close it with a reason")]
        FinderNotSatisfied = Refused "finder-not-satisfied",
        /// A refusal to file is open to one review.
        #[error("the residential secretary can ask for a review of the refusal until {until}; close the case after that")]
        FilingReviewOpen {
            until: DateTime<Utc>,
        } = Refused "filing-review-open",
        /// Those who judged what was done were not content.
        #[error("the review gave {score} of 100, and {least} are needed; hold another, or close with a reason")]
        ReviewScoreTooLow {
            score: u8,
            least: u8,
        } = Refused "review-score-too-low",
        /// The outcome does not fit the way of the case.
        #[error("the outcome does not fit: {expected} would")]
        OutcomeDoesNotFit {
            expected: &'static str,
        } = Refused "outcome-does-not-fit",
        /// Nobody reads personal data without a duty.
        #[error(
            "you have no duty in this case for which you need to know who reported it, and had none in the last {days_after} days"
        )]
        NoDuty {
            days_after: u32,
        } = Refused "no-duty",
        /// Nobody is known to have reported it.
        #[error("the case has no reporter")]
        NoReporter = Missing "no-reporter",
        /// Whoever reported it trusts the grid centre alone.
        #[error("who reported this case is known to the duty officer alone; ask the duty officer to name you (name-reader)")]
        ReporterConfidential = Refused "reporter-confidential",
        /// The reader was named for another reason.
        #[error("this reader was named already, for another reason")]
        ReaderAlreadyNamed = Refused "reader-already-named",
        /// The window for reopening is over.
        #[error("the case could be reopened until {until}; discover a new one")]
        ReopenWindowOver {
            until: DateTime<Utc>,
        } = Refused "reopen-window-over",
        ..Unfit(Unfit),
        ..NoDue(NoDue),
    }
}

/// Departments in a text for people.
fn list(departments: &[DepartmentCode]) -> String {
    departments.iter().map(DepartmentCode::as_str).collect::<Vec<_>>().join(", ")
}

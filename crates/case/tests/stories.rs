//! The three stories of the field, told on the aggregate alone.

#[path = "support/world.rs"]
mod world;

use chrono::TimeDelta;
use dualgrid_case::{
    AcceptOrder, Attendance, CaseCommand, CaseEvent, CloseCase, Completion, ConcludeDeliberation, Conclusion,
    DecideReturn, DiscoverIssue, DispatchCase, Executor, ExecutorKind, HandleInGrid, HoldMeeting, ListLine,
    MeetingKind, MeetingRound, OpenDeliberation, Outcome, PartOutcome, RecordProgress, Refusal, ReopenCase,
    ReopenCause, RequestReturn, Resolution, ReturnDecision, ReturnReason, ReviseProposal, Roster, Seat, Source, Stage,
    SubmitDisposal, Topic,
};
use kernel::consent::ConsentCount;
use kernel::{Actor, OrderId, Role, Step};
use world::{DEPARTMENTS, MATTERS, Told};

/// Lets it happen an hour later, and says how many events it led to.
fn happens(told: &mut Told, by: &Actor, command: impl Into<CaseCommand>) -> usize {
    told.at += TimeDelta::hours(1);
    let command = command.into();
    let events = told.tell(by, &command).unwrap_or_else(|refusal| panic!("{command:?}: {refusal}"));
    assert_eq!(told.ask(by, &command), Ok(vec![]), "a retry is nothing: {command:?}");
    events.len()
}

fn refused(told: &Told, by: &Actor, command: impl Into<CaseCommand>) -> Refusal {
    told.ask(by, &command.into()).expect_err("the domain says no")
}

/// Where the case stands, what comes next, and who has to do it.
fn stands(told: &Told) -> (Stage, Option<(Step, Role)>) {
    let next = told.case.standing.next();
    (told.case.stage(), next.map(|next| (next.step.clone(), next.by.role)))
}

fn at(stage: Stage, step: Step, role: Role) -> (Stage, Option<(Step, Role)>) {
    (stage, Some((step, role)))
}

fn grid_leader() -> Actor {
    world::staff("grid-leader", Role::GridLeader)
}

fn secretary() -> Actor {
    world::staff("secretary", Role::ResidentialSecretary)
}

fn caller() -> Actor {
    world::staff("caller", Role::Caller)
}

fn duty_officer() -> Actor {
    world::staff("duty-officer", Role::DutyOfficer)
}

fn dispatcher() -> Actor {
    world::staff("dispatcher", Role::Dispatcher)
}

fn verifier() -> Actor {
    world::staff("verifier", Role::Verifier)
}

fn order(told: &Told, department: &str) -> OrderId {
    let department = world::department(department);
    let found = told.case.standing.live_orders().find(|order| order.department == department);
    found.expect("the department has an order").order
}

fn accept(told: &mut Told, department: &str) {
    let order = order(told, department);
    assert_eq!(happens(told, &world::clerk(department), AcceptOrder { order }), 1);
}

fn submit(told: &mut Told, department: &str, result: &str) -> usize {
    let command = disposal(told, department, result);
    happens(told, &world::clerk(department), command)
}

fn disposal(told: &Told, department: &str, result: &str) -> SubmitDisposal {
    let (order, result) = (order(told, department), result.into());
    SubmitDisposal { order, outcome: PartOutcome::Done, result, evidence: vec![world::photo()] }
}

fn meeting(told: &Told, kind: MeetingKind, round: u32, result: &str) -> HoldMeeting {
    HoldMeeting {
        kind,
        round,
        held_at: told.at,
        attendance: vec![Attendance { class: "resident".into(), present: 42 }],
        minutes: world::photo(),
        results: vec![result.into()],
        consent: None,
        electorate_reason: None,
        score: None,
    }
}

fn proposal(version: u32, text: &str, after: Option<MeetingRound>) -> ReviseProposal {
    let topics = vec![Topic { name: "收费标准".into(), agreed: version > 1, withdrawn: None }];
    ReviseProposal { version, text: text.into(), changes: vec![], after, topics }
}

/// 复元坊: found on a visit, and registered as a matter of the community.
fn bike_shed() -> Told {
    let mut told = Told::new();
    let line = ListLine { list: "FYF-2026-1".into(), line: 3 };
    let found = DiscoverIssue {
        source: Source::Visit,
        title: "车棚老旧、充电线路私拉".into(),
        list_line: Some(line),
        ..world::discover()
    };
    happens(&mut told, &grid_leader(), found);
    assert_eq!(stands(&told), at(Stage::Discovered, Step::REGISTER, Role::GridLeader));
    happens(&mut told, &grid_leader(), world::register(MATTERS[1]));
    assert_eq!(stands(&told), at(Stage::Registered, Step::ROUTE, Role::GridLeader));
    told
}

fn open_deliberation() -> OpenDeliberation {
    let seat = |class: &str, holder: &str| Seat { class: class.into(), holder: holder.into() };
    let fixed = vec![seat("owners_committee", "复元坊业委会"), seat("property", "复元坊物业")];
    let roster = Roster { convener: "居民区书记".into(), fixed, invited: vec![seat("design", "社区规划师")] };
    OpenDeliberation {
        topic: "车棚改建".into(), roster, consent_rule: Some("RESIDENT_2_3".into()), opened_at: None
    }
}

fn works(done: Option<&str>) -> HandleInGrid {
    let property = Executor { kind: ExecutorKind::PropertyManagement, name: "复元坊物业".into() };
    let mut work = world::work_done();
    work.executors.push(property);
    let done = done.map(|result| Completion { result: result.into(), evidence: vec![world::photo()] });
    HandleInGrid { done, ..work }
}

/// Two versions of the proposal; the second gets the consent of two thirds.
fn agree(told: &mut Told) {
    happens(told, &secretary(), open_deliberation());
    assert_eq!(stands(told), at(Stage::Deliberating, Step::DELIBERATE, Role::ResidentialSecretary));
    happens(told, &secretary(), proposal(1, "两层车棚, 间距四米", None));
    let hearing = meeting(told, MeetingKind::Hearing, 1, "间距太近, 收费不明");
    happens(told, &secretary(), hearing);
    assert_eq!(refused(told, &grid_leader(), works(None)), Refusal::DeliberationStillOpen);
    let after = Some(MeetingRound { kind: MeetingKind::Hearing, round: 1 });
    happens(told, &secretary(), proposal(2, "单层车棚, 间距六米, 每度一元", after));
    let agreed = ConcludeDeliberation { conclusion: Conclusion::Agreed, summary: "按第二稿改建".into() };
    assert_eq!(refused(told, &secretary(), agreed.clone()), Refusal::ConsentMissing { version: 2 });
    let count =
        ConsentCount { electorate: 300, invited: 300, reached: 290, participated: 260, agreed: 200, opposed: 20 };
    let coordination = meeting(told, MeetingKind::Coordination, 1, "三分之二居民同意第二稿");
    happens(told, &secretary(), HoldMeeting { consent: Some(count), ..coordination });
    happens(told, &secretary(), agreed);
    assert_eq!(stands(told), at(Stage::Deliberating, Step::WORK_IN_GRID, Role::GridLeader));
}

#[test]
fn the_bike_shed_is_solved_by_the_community() {
    let mut told = bike_shed();
    let unheard = dualgrid_case::EscalateIssue { waiver: None, ..world::escalate() };
    assert_eq!(refused(&told, &grid_leader(), unheard), Refusal::DeliberationNeeded);
    agree(&mut told);

    happens(&mut told, &grid_leader(), works(None));
    assert_eq!(stands(&told), at(Stage::GridHandling, Step::WORK_IN_GRID, Role::GridLeader));
    for text in ["拆除旧棚", "基础已浇筑", "充电桩通电"] {
        told.at += TimeDelta::days(1);
        let day = told.at.date_naive();
        let progress = RecordProgress { order: None, day, text: text.into(), evidence: vec![] };
        happens(&mut told, &grid_leader(), progress);
    }
    happens(&mut told, &grid_leader(), works(Some("车棚竣工")));
    assert_eq!(stands(&told), at(Stage::Disposed, Step::VERIFY, Role::Verifier));

    assert_eq!(
        refused(&told, &grid_leader(), world::verify(true)),
        Refusal::AnotherPersonNeeded { earlier: "disposed", later: "verify" }
    );
    happens(&mut told, &verifier(), world::verify(true));
    assert_eq!(stands(&told), at(Stage::Callback, Step::COLLECT_FEEDBACK, Role::DutyOfficer));
    let review = meeting(&told, MeetingKind::Review, 1, "居民满意, 建议加灭火器");
    happens(&mut told, &secretary(), HoldMeeting { score: Some(92), ..review });
    assert_eq!(stands(&told), at(Stage::Callback, Step::COLLECT_FEEDBACK, Role::DutyOfficer));
    happens(&mut told, &caller(), world::feedback(true));
    assert_eq!(stands(&told), at(Stage::Callback, Step::CLOSE, Role::DutyOfficer));

    let fits = Refusal::OutcomeDoesNotFit { expected: "community_solved" };
    assert_eq!(refused(&told, &duty_officer(), world::close(Outcome::Solved)), fits);
    let resolution = vec![Resolution::Autonomy, Resolution::Joint];
    happens(&mut told, &duty_officer(), CloseCase { resolution, ..world::close(Outcome::CommunitySolved) });
    assert_eq!(stands(&told), (Stage::Closed, None));
    let deliberation = told.file().deliberation().expect("it was deliberated");
    assert_eq!((deliberation.proposals.len(), deliberation.consented(), deliberation.meetings.len()), (2, Some(2), 3));
}

/// Escalated, filed, and dispatched to a lead and an assisting department.
fn dispatched() -> Told {
    let mut told = Told::new();
    happens(&mut told, &grid_leader(), world::discover());
    happens(&mut told, &grid_leader(), world::register(MATTERS[0]));
    happens(&mut told, &grid_leader(), dualgrid_case::EscalateIssue { waiver: None, ..world::escalate() });
    assert_eq!(stands(&told), at(Stage::Escalated, Step::FILE, Role::DutyOfficer));
    happens(&mut told, &duty_officer(), world::file_case());
    assert_eq!(stands(&told), at(Stage::Filed, Step::DISPATCH, Role::Dispatcher));
    assert_eq!(happens(&mut told, &dispatcher(), world::dispatch()), 3, "the case, and an order each");
    assert_eq!(stands(&told), at(Stage::Dispatched, Step::ACCEPT, Role::DepartmentClerk));
    told
}

#[test]
fn the_health_certificates_are_issued_by_two_departments() {
    let [lead, assist, _] = DEPARTMENTS;
    let mut told = dispatched();
    let due = told.file().orders[&order(&told, lead)].sent.dispose_by.clone();

    let give_back = RequestReturn {
        order: order(&told, lead),
        reason: ReturnReason::NotOurMatter,
        legal_basis: "权责清单第12条".into(),
        explanation: "健康证由卫生健康部门核发".into(),
    };
    happens(&mut told, &world::clerk(lead), give_back.clone());
    assert_eq!(stands(&told), at(Stage::ReturnReview, Step::DECIDE_RETURN, Role::DutyOfficer));
    accept(&mut told, assist); // Nobody waits for the decision but the lead.
    let reason = "清单明确由你部门主办".to_owned();
    let decision = DecideReturn { order: give_back.order, decision: ReturnDecision::Refuse, reason };
    happens(&mut told, &duty_officer(), decision);
    assert_eq!(stands(&told), at(Stage::Dispatched, Step::ACCEPT, Role::DepartmentClerk));
    assert_eq!(refused(&told, &world::clerk(lead), give_back), Refusal::ReturnRightUsed);

    accept(&mut told, lead);
    assert_eq!(stands(&told), at(Stage::InDisposal, Step::DISPOSE, Role::DepartmentClerk));
    assert_eq!(told.case.standing.next().map(|next| &next.due), Some(&due), "the clock ran on");
    let early = disposal(&told, lead, "已设集体办理点");
    let waiting = vec![world::department(assist)];
    assert_eq!(refused(&told, &world::clerk(lead), early), Refusal::AssistingPartsOpen { waiting });
    assert_eq!(submit(&mut told, assist, "体检医生上门"), 1);
    assert_eq!(submit(&mut told, lead, "已设集体办理点"), 2, "the lead's part, and the case");
    assert_eq!(stands(&told), at(Stage::Disposed, Step::VERIFY, Role::Verifier));

    happens(&mut told, &verifier(), world::verify(true));
    assert_eq!(refused(&told, &duty_officer(), world::close(Outcome::Solved)), Refusal::FinderNotAnswered);
    happens(&mut told, &caller(), world::feedback(true));
    happens(&mut told, &duty_officer(), CloseCase { override_reason: None, ..world::close(Outcome::Solved) });
    assert_eq!(stands(&told), (Stage::Closed, None));
}

#[test]
fn what_failed_and_came_back_is_closed_in_its_second_cycle() {
    let [lead, assist, _] = DEPARTMENTS;
    let mut told = dispatched();
    accept(&mut told, lead);
    accept(&mut told, assist);
    submit(&mut told, assist, "已配合");
    submit(&mut told, lead, "已办理");
    happens(&mut told, &verifier(), world::verify(false));
    assert_eq!(stands(&told), at(Stage::Rework, Step::REWORK, Role::DepartmentClerk));
    assert_eq!(submit(&mut told, lead, "重新办理"), 2);
    happens(&mut told, &verifier(), world::verify(true));
    happens(&mut told, &caller(), world::feedback(true));
    happens(&mut told, &duty_officer(), CloseCase { override_reason: None, ..world::close(Outcome::Solved) });

    told.at += TimeDelta::days(3);
    let again = ReopenCase { cause: ReopenCause::FinderDissatisfied, reason: "又出现了".into() };
    happens(&mut told, &duty_officer(), again.clone());
    assert_eq!(stands(&told), at(Stage::Reopened, Step::ROUTE_AGAIN, Role::Dispatcher));
    happens(&mut told, &dispatcher(), DispatchCase { assist: vec![], ..world::dispatch() });
    accept(&mut told, lead);
    assert_eq!(submit(&mut told, lead, "彻底办理"), 2, "the second cycle waits for nobody of the first");
    happens(&mut told, &verifier(), world::verify(true));
    // The finder of the first cycle was content; that says nothing of the second.
    assert_eq!(refused(&told, &duty_officer(), world::close(Outcome::Solved)), Refusal::FinderNotAnswered);
    let unasked = "closed, or called back with a finder who is not satisfied";
    let wrong = Refusal::WrongStage { stage: Stage::Callback, taken: unasked };
    assert_eq!(refused(&told, &duty_officer(), again), wrong);
    happens(&mut told, &caller(), world::feedback(true));
    happens(&mut told, &duty_officer(), CloseCase { override_reason: None, ..world::close(Outcome::Solved) });
    assert_eq!(stands(&told), (Stage::Closed, None));
    assert_eq!((told.case.standing.cycle, told.file().orders.len()), (2, 3));
    let ends = told.events.iter().filter(|event| matches!(event, CaseEvent::CaseClosed(_))).count();
    assert_eq!(ends, 2, "the first closing stays in the history");
}

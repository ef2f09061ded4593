//! One value of every event, with every optional field present, as of the two cases of the article.

mod follow;
mod merged;
mod reading;
mod values;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::facts::GridFacts;
use kernel::{
    CaseId, DepartmentCode, Derivation, Due, Evidence, GridCode, Limit, MeetingId, Obligation, OrderId, Party,
    PartyOrgCode, PersonId, Role, SourceCode, Step, TimeUnit,
};

use crate::{
    Attendance, CaseClosed, CaseDispatched, CaseDisposed, CaseEvent, CaseFiled, CaseReopened, Conclusion, Confidential,
    CriterionAnswer, DeliberationConcluded, DeliberationOpened, DeliberationWaived, DuplicateSuspected, Executor,
    ExecutorKind, FeedbackRecorded, FilingRefused, GridHandlingDone, GridHandlingStarted, GridProgressRecorded,
    GridReworkRequired, Handling, IssueDiscovered, IssueEscalated, IssueMerged, IssueRegistered, IssueTakenIn,
    IssueVoided, ListLine, MeetingHeld, MeetingKind, MeetingRound, OrderAccepted, OrderDispatched,
    OrderProgressRecorded, OrderRef, OrderReworkRequired, OrderWithdrawn, Outcome, OwnDue, Part, PartDisposed,
    PartOutcome, ProposalRevised, ReopenCause, ReportAdded, Resolution, ReturnApproved, ReturnReason, ReturnRefused,
    ReturnRequested, Source, Topic, Urgency, VerificationFailed, VerificationPassed,
};

use follow::follow;
use merged::merged;
use reading::reading;
use values::{consent, location, matter, reporter, roster, rule, suspected};

/// Monday 2026-03-02, 10:00 in Shanghai.
const MORNING: DateTime<Utc> = DateTime::from_timestamp(1_772_416_800, 0).expect("a valid time");

/// One value of every event.
pub(crate) fn every_event() -> Vec<CaseEvent> {
    [discover(), deliberate(), respond(), orders(), dispose(), feedback(), merged(), follow(), reading()].concat()
}

fn discover() -> Vec<CaseEvent> {
    vec![
        IssueDiscovered {
            case: CaseId::named("sample"),
            by: "staff-0042".into(),
            source: Source::Hotline,
            source_code: Some(SourceCode::try_new("12345-20260302-0417").expect("a number")),
            title: "车棚老旧、充电线路私拉".into(),
            description: "车棚与居民楼间距过近, 存在火灾隐患".into(),
            grid: grid(),
            location: location(),
            reporter: Some(reporter()),
            confidential: Some(Confidential::CentreOnly),
            evidence: vec![photo()],
            list_line: Some(ListLine { list: "FYF-2026-1".into(), line: 3 }),
            found_at: MORNING - TimeDelta::hours(3),
            next: by_grid(Step::REGISTER, Role::GridLeader, "JAS-R03-M01"),
        }
        .into(),
        IssueRegistered {
            matter: matter(),
            urgency: Urgency::Ordinary,
            handling: Handling::Coordinated,
            next: by_grid(Step::ROUTE, Role::GridLeader, "JAS-R03-M01"),
        }
        .into(),
        ReportAdded {
            number: 2,
            title: "车棚老旧、夜间充电".into(),
            description: "来电人补充：每晚有人私拉电线".into(),
            grid: grid_code("JAS-R03-M01"),
            location: location(),
            reporter: Some(reporter()),
            confidential: Some(Confidential::CentreOnly),
            evidence: vec![photo()],
            list_line: Some(ListLine { list: "FYF-2026-1".into(), line: 3 }),
            found_at: MORNING - TimeDelta::hours(1),
        }
        .into(),
        DuplicateSuspected { cases: vec![suspected()] }.into(),
        IssueMerged { into: CaseId::named("sample/twin"), reason: "同一车棚".into(), merged_at: MORNING }.into(),
        IssueTakenIn {
            from: CaseId::named("sample/twin"),
            reason: "同一车棚".into(),
            urgency: crate::Urgency::Urgent,
            consent_rule: Some(rule()),
            electorate: Some(300),
        }
        .into(),
        IssueVoided { reason: "误报".into(), voided_at: MORNING }.into(),
    ]
}

fn deliberate() -> Vec<CaseEvent> {
    vec![
        DeliberationOpened {
            topic: "复元坊车棚改建".into(),
            roster: roster(),
            consent_rule: Some(rule()),
            opened_at: MORNING - TimeDelta::days(2),
            next: convene(),
        }
        .into(),
        MeetingHeld {
            meeting: MeetingId::named("sample/hearing/2"),
            kind: MeetingKind::Hearing,
            round: 2,
            held_at: MORNING - TimeDelta::days(1),
            attendance: vec![Attendance { class: "resident".into(), present: 212 }],
            minutes: minutes(),
            results: vec!["三分之二以上居民同意第二稿".into()],
            consent: Some(consent()),
            electorate_reason: Some("两户已搬离".into()),
            score: None,
            next: Some(convene()),
        }
        .into(),
        ProposalRevised {
            version: 2,
            text: "车棚改建为单层, 与居民楼间距加大至六米, 充电收费每度一元".into(),
            changes: vec!["间距由四米改为六米".into()],
            after: Some(MeetingRound { kind: MeetingKind::Hearing, round: 1 }),
            topics: vec![
                Topic { name: "收费标准".into(), agreed: true, withdrawn: None },
                Topic { name: "门禁系统".into(), agreed: false, withdrawn: Some("另案处理".into()) },
            ],
            next: convene(),
        }
        .into(),
        DeliberationConcluded {
            conclusion: Conclusion::Agreed,
            summary: "按第二稿改建; 一户对噪声有保留".into(),
            proposal_version: 2,
            next: by_grid(Step::WORK_IN_GRID, Role::GridLeader, "JAS-R03-M01"),
        }
        .into(),
        DeliberationWaived { reason: "居民已三次拒绝到会".into() }.into(),
        IssueEscalated {
            reason: "网格内没有办理资质".into(),
            review: false,
            next: by_grid(Step::FILE, Role::DutyOfficer, "JAS"),
        }
        .into(),
    ]
}

fn respond() -> Vec<CaseEvent> {
    vec![
        CaseFiled {
            number: "JAS-20260302-45580".into(),
            matter: matter(),
            criteria: vec![CriterionAnswer { criterion: "属于本街道管辖".into(), met: true }],
            next: by_grid(Step::DISPATCH, Role::Dispatcher, "JAS"),
        }
        .into(),
        FilingRefused {
            reason: "不属于城市管理事项".into(),
            by: "staff-0042".into(),
            next: by_grid(Step::REVIEW_REFUSAL, Role::ResidentialSecretary, "JAS-R03"),
        }
        .into(),
        CaseDispatched {
            lead: department("SCJG"),
            assist: vec![department("WSJK")],
            instructions: "在楼宇设集体办理点".into(),
            override_reason: Some("权责清单待更新".into()),
            dispose_by: due("matter FW-0301 disposal", 5),
            own_due: Some(OwnDue { at: MORNING + TimeDelta::days(5), reason: "等待医院排期".into() }),
            cycle: 1,
        }
        .into(),
        OrderDispatched {
            order: order(),
            department_name: "静安寺街道市场监管所".into(),
            with: vec![department("WSJK")],
            matter: matter(),
            urgency: Urgency::Urgent,
            description: "多家餐饮企业不清楚办理地点和时间".into(),
            location: location(),
            grids: grid().path,
            evidence: vec![photo()],
            reporter: Some(PersonId::named("sample/reporter")),
            instructions: "在楼宇设集体办理点".into(),
            cycle: 1,
            accept_by: due("step accept", 1),
            first_contact_by: due("step first_contact", 1),
            return_until: due("return window", 2),
            dispose_by: due("matter FW-0301 disposal", 5),
            next: by_department(Step::ACCEPT),
        }
        .into(),
    ]
}

fn orders() -> Vec<CaseEvent> {
    let reason = || "权责清单明确由你部门主办".to_owned();
    vec![
        OrderAccepted { order: order(), late: true, next: by_department(Step::DISPOSE) }.into(),
        ReturnRequested {
            order: order(),
            reason: ReturnReason::NotOurMatter,
            legal_basis: "权责清单第12条".into(),
            explanation: "健康证由卫生健康部门核发".into(),
            by: "staff-0317".into(),
            next: by_grid(Step::DECIDE_RETURN, Role::DutyOfficer, "JAS"),
        }
        .into(),
        ReturnApproved {
            order: order(),
            reason: reason(),
            next: Some(by_grid(Step::DISPATCH, Role::Dispatcher, "JAS")),
        }
        .into(),
        OrderWithdrawn { order: assisting_order(), reason: "主办部门已退单, 重新派遣".into() }.into(),
        ReturnRefused { order: order(), reason: reason(), next: by_department(Step::ACCEPT) }.into(),
        OrderProgressRecorded {
            order: order(),
            day: NaiveDate::from_ymd_opt(2026, 3, 4).expect("a day"),
            text: "已与体检中心约定上门".into(),
            evidence: vec![photo()],
        }
        .into(),
    ]
}

fn dispose() -> Vec<CaseEvent> {
    let executor = |kind, name: &str| Executor { kind, name: name.into() };
    let findings = || "南侧充电桩仍无灭火器".to_owned();
    vec![
        GridHandlingStarted {
            executors: vec![
                executor(ExecutorKind::OwnersCommittee, "复元坊业委会"),
                executor(ExecutorKind::PropertyManagement, "复元坊物业"),
            ],
            work: "按第二稿改建车棚".into(),
            cycle: 1,
            next: by_grid(Step::WORK_IN_GRID, Role::GridLeader, "JAS-R03-M01"),
        }
        .into(),
        GridProgressRecorded {
            day: NaiveDate::from_ymd_opt(2026, 3, 3).expect("a day"),
            text: "基础已浇筑".into(),
            evidence: vec![photo()],
        }
        .into(),
        GridHandlingDone {
            result: "车棚竣工, 充电桩通电".into(),
            evidence: vec![photo()],
            by: "staff-0042".into(),
            next: by_grid(Step::VERIFY, Role::Verifier, "JAS"),
        }
        .into(),
        GridReworkRequired { findings: findings(), next: by_grid(Step::REWORK, Role::GridLeader, "JAS-R03-M01") }
            .into(),
        PartDisposed {
            order: assisting_order(),
            outcome: PartOutcome::Done,
            result: "集体办证一百二十人".into(),
            evidence: vec![photo()],
            by: "staff-0317".into(),
            late: false,
        }
        .into(),
        CaseDisposed { parts: 2, cycle: 1, next: by_grid(Step::VERIFY, Role::Verifier, "JAS") }.into(),
        VerificationPassed {
            findings: "抽查十家商户, 均已办证".into(),
            by: "staff-0518".into(),
            evidence: vec![photo()],
            next: by_grid(Step::COLLECT_FEEDBACK, Role::DutyOfficer, "JAS"),
        }
        .into(),
        VerificationFailed {
            findings: findings(),
            by: "staff-0518".into(),
            evidence: vec![photo()],
            next: by_department(Step::REWORK),
        }
        .into(),
        OrderReworkRequired {
            order: order(),
            grids: grid().path,
            findings: findings(),
            evidence: vec![photo()],
            next: by_department(Step::REWORK),
        }
        .into(),
    ]
}

fn feedback() -> Vec<CaseEvent> {
    vec![
        FeedbackRecorded {
            answer: "已在大悦城设集体办理点".into(),
            contacted: true,
            solved: Some(true),
            satisfied: Some(false),
            comment: Some("办得好, 但等得久".into()),
            by: "staff-0611".into(),
            cycle: 1,
            next: by_grid(Step::ROUTE_AGAIN, Role::DutyOfficer, "JAS"),
        }
        .into(),
        CaseClosed {
            outcome: Outcome::CommunitySolved,
            resolution: vec![Resolution::Autonomy, Resolution::Joint, Resolution::Virtue, Resolution::Law],
            summary: "居民共议两稿, 业委会和物业改建完成".into(),
            override_reason: Some("诉求已尽责办理".into()),
            cycle: 1,
            reopen_until: due("reopen window", 30),
        }
        .into(),
        CaseReopened {
            title: order().title,
            grids: grid().path,
            cycle: 2,
            cause: ReopenCause::FinderDissatisfied,
            reason: "灭火器又被移走".into(),
            from: Some(CaseId::named("sample/twin")),
            next: by_grid(Step::ROUTE_AGAIN, Role::ResidentialSecretary, "JAS-R03"),
        }
        .into(),
    ]
}

fn grid_code(code: &str) -> GridCode {
    GridCode::try_new(code).expect("a code")
}

fn department(code: &str) -> DepartmentCode {
    DepartmentCode::try_new(code).expect("a code")
}

fn grid() -> GridFacts {
    GridFacts {
        path: ["JAS-R03-M01", "JAS-R03", "JAS"].map(grid_code).to_vec(),
        name: "复元坊微网格".into(),
        lowest: true,
        party_org: Some(PartyOrgCode::try_new("JAS-P03").expect("a code")),
        centre: grid_code("JAS"),
        administrative: vec![grid_code("JAS-A07")],
    }
}

fn photo() -> Evidence {
    Evidence { sha256: Digest::of(b"sample photo"), media_type: "image/jpeg".into(), size: 482_113 }
}

fn minutes() -> Evidence {
    Evidence { sha256: Digest::of(b"sample minutes"), media_type: "application/pdf".into(), size: 90_210 }
}

fn order() -> OrderRef {
    OrderRef {
        order: OrderId::named("sample/1/SCJG"),
        case: CaseId::named("sample"),
        case_number: "JAS-20260302-45580".into(),
        title: "商户不知如何办理健康证".into(),
        department: department("SCJG"),
        part: Part::Lead,
    }
}

fn due(rule: &str, days: u32) -> Due {
    let limit = Limit { amount: days, unit: TimeUnit::WorkDay };
    let (rule, calendar) = (rule.into(), "cn-2026.1".into());
    let derivation = Derivation { from: MORNING, limit, rule, rules_version: 3, calendar, assumed: true };
    Due { at: MORNING + TimeDelta::days(i64::from(days)), derivation }
}

fn by_grid(step: Step, role: Role, grid: &str) -> Obligation {
    let by = Party { role, grid: Some(grid_code(grid)), department: None };
    Obligation { due: due(&format!("step {step}"), 1), step, by }
}

fn convene() -> Obligation {
    by_grid(Step::DELIBERATE, Role::ResidentialSecretary, "JAS-R03")
}

fn by_department(step: Step) -> Obligation {
    let by = Party { role: Role::DepartmentClerk, grid: None, department: Some(department("SCJG")) };
    Obligation { step, by, due: due("matter FW-0301 disposal", 5) }
}

fn assisting_order() -> OrderRef {
    OrderRef { part: Part::Assist, ..order() }
}

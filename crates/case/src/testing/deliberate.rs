//! 共议, told.

use kernel::consent::ConsentCount;
use kernel::{MeetingId, Role, Step};

use super::common::{CASE, CENTRE, GRID, NOW, evidence, oblige, rule};
use crate::{
    Attendance, CaseEvent, ConcludeDeliberation, Conclusion, ConsentResult, DeliberationConcluded, DeliberationOpened,
    EscalateIssue, HoldMeeting, IssueEscalated, MeetingHeld, MeetingKind, OpenDeliberation, ProposalRevised,
    ReviseProposal, Roster, Seat,
};

pub(crate) fn open_deliberation() -> OpenDeliberation {
    let seat = |class: &str| Seat { class: class.into(), holder: format!("某{class}") };
    let roster = Roster { convener: "居民区书记".into(), fixed: vec![seat("owners_committee")], invited: vec![] };
    OpenDeliberation {
        topic: "车棚改建".into(), roster, consent_rule: Some("RESIDENT_2_3".into()), opened_at: None
    }
}

pub(crate) fn opened() -> CaseEvent {
    let OpenDeliberation { topic, roster, .. } = open_deliberation();
    let next = oblige(Step::DELIBERATE, Role::ResidentialSecretary, "BZ-R01");
    DeliberationOpened { topic, roster, consent_rule: Some(rule()), opened_at: NOW, next }.into()
}

pub(crate) fn hold_hearing() -> HoldMeeting {
    HoldMeeting {
        kind: MeetingKind::Hearing,
        round: 1,
        held_at: NOW,
        attendance: vec![Attendance { class: "resident".into(), present: 21 }],
        minutes: evidence().sha256,
        results: vec!["车棚与楼间距需加大".into()],
        consent: None,
        electorate_reason: None,
        score: None,
    }
}

pub(crate) fn hearing() -> MeetingHeld {
    let command = hold_hearing();
    MeetingHeld {
        meeting: MeetingId::named(&format!("{CASE}/1/hearing/1")),
        kind: command.kind,
        round: 1,
        held_at: command.held_at,
        attendance: command.attendance,
        minutes: evidence(),
        results: command.results,
        consent: None,
        electorate_reason: None,
        score: None,
        next: Some(oblige(Step::DELIBERATE, Role::ResidentialSecretary, "BZ-R01")),
    }
}

pub(crate) fn held(meeting: MeetingHeld) -> CaseEvent {
    meeting.into()
}

pub(crate) fn consented(count: ConsentCount) -> CaseEvent {
    let consent = Some(ConsentResult { count, rule: rule(), proposal_version: 1, passed: true });
    MeetingHeld { consent, ..hearing() }.into()
}

/// The consent to version 1, counted in the second hearing.
pub(crate) fn consent() -> CaseEvent {
    let count =
        ConsentCount { electorate: 300, invited: 300, reached: 290, participated: 260, agreed: 240, opposed: 20 };
    let consent = Some(ConsentResult { count, rule: rule(), proposal_version: 1, passed: true });
    MeetingHeld { round: 2, consent, ..hearing() }.into()
}

pub(crate) fn revise(version: u32) -> ReviseProposal {
    let text = format!("第{version}稿");
    ReviseProposal { version, text, changes: vec![], after: None, topics: vec![] }
}

pub(crate) fn proposal(version: u32) -> CaseEvent {
    let ReviseProposal { version, text, changes, after, topics } = revise(version);
    let next = oblige(Step::DELIBERATE, Role::ResidentialSecretary, "BZ-R01");
    ProposalRevised { version, text, changes, after, topics, next }.into()
}

pub(crate) fn conclude() -> ConcludeDeliberation {
    ConcludeDeliberation { conclusion: Conclusion::Agreed, summary: "达成共识".into() }
}

pub(crate) fn concluded() -> CaseEvent {
    let ConcludeDeliberation { conclusion, summary } = conclude();
    let next = oblige(Step::WORK_IN_GRID, Role::GridLeader, GRID);
    DeliberationConcluded { conclusion, summary, proposal_version: 1, next }.into()
}

pub(crate) fn escalate() -> EscalateIssue {
    EscalateIssue { reason: "网格内没有办理资质".into(), waiver: None }
}

pub(crate) fn escalation(review: bool) -> IssueEscalated {
    let next = oblige(Step::FILE, Role::DutyOfficer, CENTRE);
    IssueEscalated { reason: escalate().reason, review, next }
}

pub(crate) fn escalated() -> CaseEvent {
    escalation(false).into()
}

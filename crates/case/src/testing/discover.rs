//! 发现, told.

use chrono::TimeDelta;
use kernel::facts::Authority;
use kernel::{CaseId, Role, Step};

use super::common::{CASE, GRID, NOW, evidence, grid, grid_facts, matter, matter_facts, oblige};
use crate::{
    CaseEvent, DiscoverIssue, Handling, IssueDiscovered, IssueMerged, IssueRegistered, IssueTakenIn, IssueVoided,
    LocationInput, MergeIssue, RegisterIssue, Source, Urgency,
};

pub(crate) fn discover() -> DiscoverIssue {
    DiscoverIssue {
        source: Source::Patrol,
        source_code: None,
        title: "商户不知如何办理健康证".into(),
        description: "多家餐饮企业不清楚办理地点和时间".into(),
        grid: grid(GRID),
        location: LocationInput { text: "大悦城北座".into(), ..Default::default() },
        reporter: None,
        confidential: None,
        evidence: vec![evidence().sha256],
        list_line: None,
        found_at: Some(NOW - TimeDelta::hours(8)),
    }
}

pub(crate) fn discovered() -> CaseEvent {
    let command = discover();
    IssueDiscovered {
        case: CASE,
        by: "finder-1".into(),
        source: command.source,
        source_code: None,
        title: command.title,
        description: command.description,
        grid: grid_facts(),
        location: command.location.recorded().unwrap(),
        reporter: None,
        confidential: None,
        evidence: vec![evidence()],
        list_line: None,
        found_at: NOW - TimeDelta::hours(8),
        next: oblige(Step::REGISTER, Role::GridLeader, GRID),
    }
    .into()
}

pub(crate) fn register() -> RegisterIssue {
    RegisterIssue { matter: matter(), urgency: Urgency::Ordinary, handling: Handling::Promised }
}

pub(crate) fn registered_as(authority: Authority, urgency: Urgency) -> CaseEvent {
    let next = oblige(Step::ROUTE, Role::GridLeader, GRID);
    IssueRegistered { matter: matter_facts(authority), urgency, handling: Handling::Promised, next }.into()
}

pub(crate) fn registered() -> CaseEvent {
    registered_as(Authority::Administrative, Urgency::Ordinary)
}

pub(crate) fn community() -> CaseEvent {
    registered_as(Authority::Community, Urgency::Ordinary)
}

pub(crate) fn merge(into: CaseId) -> MergeIssue {
    MergeIssue { into, reason: "同一车棚".into() }
}

pub(crate) fn merged(into: CaseId) -> CaseEvent {
    IssueMerged { into, reason: merge(into).reason, merged_at: NOW }.into()
}

pub(crate) fn taken_in(from: CaseId) -> CaseEvent {
    let (reason, urgency) = ("同一车棚".into(), Urgency::Ordinary);
    IssueTakenIn { from, reason, urgency, consent_rule: None, electorate: None }.into()
}

pub(crate) fn voided() -> CaseEvent {
    IssueVoided { reason: "误报".into(), voided_at: NOW }.into()
}

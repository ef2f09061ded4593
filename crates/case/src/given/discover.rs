//! 发现, told.

use kernel::{Role, Step};

use super::common::{GRID, NOW, evidence, grid_code, grid_facts, matter, matter_code, oblige};
use crate::{
    Authority, CaseEvent, DiscoverIssue, Handling, IssueDiscovered, IssueRegistered, Location, RegisterIssue, Source,
    Urgency,
};

pub(crate) fn discover() -> DiscoverIssue {
    DiscoverIssue {
        source: Source::Patrol,
        source_code: None,
        title: "商户不知如何办理健康证".into(),
        description: "多家餐饮企业不清楚办理地点和时间".into(),
        grid: grid_code(GRID),
        location: Location { text: "大悦城北座".into(), longitude: None, latitude: None },
        reporter: None,
        evidence: vec![evidence().sha256],
        list_line: None,
        found_at: None,
    }
}

pub(crate) fn discovered() -> CaseEvent {
    let command = discover();
    IssueDiscovered {
        source: command.source,
        source_code: None,
        title: command.title,
        description: command.description,
        grid: grid_facts(),
        location: command.location,
        reporter: None,
        evidence: vec![evidence()],
        list_line: None,
        found_at: NOW,
        next: oblige(Step::Register, Role::GridLeader, GRID),
    }
    .into()
}

pub(crate) fn register() -> RegisterIssue {
    RegisterIssue { matter: matter_code(), urgency: Urgency::Ordinary, handling: Handling::Promised }
}

pub(crate) fn registered_as(authority: Authority, urgency: Urgency) -> CaseEvent {
    let next = oblige(Step::Route, Role::GridLeader, GRID);
    IssueRegistered { matter: matter(authority), urgency, handling: Handling::Promised, next }.into()
}

pub(crate) fn registered() -> CaseEvent {
    registered_as(Authority::Administrative, Urgency::Ordinary)
}

pub(crate) fn community() -> CaseEvent {
    registered_as(Authority::Community, Urgency::Ordinary)
}

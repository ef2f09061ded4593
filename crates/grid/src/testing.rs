//! A small district for tests: T – R1 – M1 and the like.

use chrono::{DateTime, NaiveDate, Utc};
use kernel::{Aggregate as _, DepartmentCode, GridCode, MatterCode, PartyOrgCode};

use crate::{
    DepartmentRegistered, District, DistrictEvent, GridClosed, GridEstablished, GridSpec, GridsMapped, Level, Network,
    PartyOrg, Refusal,
};

pub(crate) fn district(events: impl IntoIterator<Item = DistrictEvent>) -> District {
    events.into_iter().fold(District::default(), District::evolve)
}

pub(crate) fn day(text: &str) -> DateTime<Utc> {
    text.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc()
}

pub(crate) fn code(text: &str) -> GridCode {
    GridCode::try_new(text).unwrap()
}

pub(crate) fn org(text: &str) -> PartyOrg {
    PartyOrg { code: PartyOrgCode::try_new(text).unwrap(), name: format!("{text}党总支") }
}

pub(crate) fn level(name: &str, party_org_required: bool) -> Level {
    Level { name: name.into(), party_org_required, centre: false, duty: None }
}

pub(crate) fn levels() -> Vec<Level> {
    vec![level("总网格", false), level("居民区网格", true), level("微网格", false)]
}

/// A grid to be; a 居民区网格 comes with the party organisation that its level asks for.
pub(crate) fn spec(text: &str, parent: Option<&str>, level: &str) -> GridSpec {
    GridSpec {
        code: code(text),
        name: text.into(),
        network: Network::Party,
        parent: parent.map(code),
        level: level.into(),
        kind: None,
        party_org: (level == "居民区网格").then(|| org(&format!("{text}-ORG"))),
        reason: None,
    }
}

/// A grid as the event says it; a root comes with one level, its own.
pub(crate) fn grid_event(text: &str, parent: Option<&str>, depth: u8, name: &str) -> GridEstablished {
    GridEstablished {
        code: code(text),
        name: text.into(),
        network: Network::Party,
        parent: parent.map(code),
        level: depth,
        level_name: name.into(),
        kind: None,
        party_org: None,
        reason: None,
        levels: if parent.is_none() { vec![level(name, false)] } else { vec![] },
        effective_from: day("2018-01-01"),
    }
}

pub(crate) fn root(text: &str) -> GridEstablished {
    GridEstablished { levels: levels(), ..grid_event(text, None, 1, "总网格") }
}

pub(crate) fn admin_root(text: &str) -> GridEstablished {
    GridEstablished { network: Network::Administrative, ..grid_event(text, None, 1, "责任网格") }
}

pub(crate) fn residential(text: &str, parent: &str) -> GridEstablished {
    GridEstablished {
        party_org: Some(org(&format!("{text}-ORG"))), ..grid_event(text, Some(parent), 2, "居民区网格")
    }
}

pub(crate) fn micro(text: &str, parent: &str) -> GridEstablished {
    grid_event(text, Some(parent), 3, "微网格")
}

/// A grid is closed, and that one takes over.
pub(crate) fn closed(text: &str, successor: Option<&str>, effective_from: DateTime<Utc>) -> GridClosed {
    GridClosed { code: code(text), successor: successor.map(code), parts: vec![], reason: None, effective_from }
}

pub(crate) fn mapped(party: &str, administrative: &str) -> GridsMapped {
    GridsMapped { party: code(party), administrative: code(administrative), effective_from: day("2018-01-01") }
}

pub(crate) fn department(code: &str, name: &str, matters: &[&str]) -> DepartmentRegistered {
    DepartmentRegistered {
        code: DepartmentCode::try_new(code).unwrap(),
        name: name.into(),
        matters: matters.iter().map(|text| MatterCode::try_new(*text).unwrap()).collect(),
        effective_from: day("2018-01-01"),
    }
}

/// Its name shows nothing.
pub(crate) fn unfit_name(what: &str) -> Refusal {
    kernel::UnfitOf { what: what.into(), unfit: kernel::Unfit::TextLength { field: "name", max: 200 } }.into()
}

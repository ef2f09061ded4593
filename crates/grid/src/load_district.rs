//! `load-district`

mod plan;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::{Allowed, DepartmentCode, Excess, GridCode, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::close_grid::{check_heirs, release};
use crate::draft::{Draft, check_order};
use crate::place::establish;
use crate::timeline::Timeline;
use crate::{
    DepartmentClosed, DepartmentSpec, District, DistrictBounded, DistrictDescription, DistrictEvent, GridChanged,
    GridClosed, GridNode, GridReparented, GridSpec, Level, LevelPlan, MapGrids, Network, PartyOrg, Refusal,
    RegisterDepartment,
};

/// Describes the whole district as of a moment. Every difference from the known state at that moment becomes an event.
///
/// Given by a system administrator, from a file. What the description does not mention is closed or ended, at most as much as
/// `allow_closing` says. The same file again changes nothing, even if the district has changed since. Refused or accepted as
/// a whole. Refused where a tree is deeper than eight levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LoadDistrict(pub DistrictDescription);

impl Verb for LoadDistrict {
    const NAME: &'static str = "load-district";
    const IS_DESCRIPTION: bool = true;
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        let root: GridCode = code("BZ");
        let level = |name: &str, centre| Level {
            name: name.into(),
            party_org_required: centre,
            centre,
            duty: centre.then(|| "加强党的建设".into()),
        };
        let levels = vec![level("街镇总网格", true), level("商务区网格", false), level("楼宇微网格", false)];
        let grid = |text: &str, name: &str, parent: Option<&str>, depth: usize| GridSpec {
            code: code(text),
            name: name.into(),
            network: Network::Party,
            parent: parent.map(code),
            level: levels[depth].name.clone(),
            kind: None,
            party_org: (depth == 0).then(|| PartyOrg { code: code("BZ-DGW"), name: "北站街道党工委".into() }),
            reason: None,
        };
        let grids = vec![
            grid("BZ", "北站街道总网格", None, 0),
            grid("BZ-R01", "大悦城商务区网格", Some("BZ"), 1),
            grid("BZ-R01-B01", "大悦城北座微网格", Some("BZ-R01"), 2),
        ];
        let department =
            DepartmentSpec {
                code: code("SCJG"), name: "市场监督管理所".into(), matters: [code("FW-0301")].into()
            };
        Self(DistrictDescription {
            effective_from: DateTime::from_timestamp(1_767_225_600, 0).expect("a valid time"),
            levels: vec![LevelPlan { root, levels }],
            grids,
            closings: vec![],
            departments: vec![department],
            mappings: vec![],
            bounds: None,
            allow_closing: 0,
        })
    }
}

impl LoadDistrict {
    pub(crate) fn decide(&self, district: &District) -> Result<Vec<DistrictEvent>, Refusal> {
        let Self(description) = self;
        plan::check_counts(description)?;
        let planned = plan::grids(description)?;
        plan::check_references(description)?;
        plan::check_closings(description, district)?;
        let mut draft = Draft::of(district);
        for node in &planned {
            redraw(&mut draft, node, description.effective_from)?;
        }
        departments(&mut draft, description)?;
        let open: BTreeSet<GridCode> = planned.into_iter().map(|node| node.code).collect();
        mappings(&mut draft, description)?;
        bounds(&mut draft, description)?;
        close_grids(&mut draft, &open, description)?;
        close_departments(&mut draft, description)?;
        let events = draft.finish(description.effective_from)?;
        match Excess::of(&district.changed_by(&events), description.allow_closing) {
            Some(excess) => Err(Refusal::ClosesTooMuch(excess)),
            None => Ok(events),
        }
    }
}

/// Records what makes one grid the planned one.
fn redraw(draft: &mut Draft, planned: &GridNode, from: DateTime<Utc>) -> Result<(), Refusal> {
    let last = draft.district.grids.get(&planned.code).and_then(Timeline::last_change);
    let Some(known) = draft.district.grid(&planned.code, from).cloned() else {
        check_order(&planned.code, last, from)?;
        draft.record(establish(planned.clone()));
        return Ok(());
    };
    let place = |node: &GridNode| (node.parent.clone(), node.level, node.level_name.clone());
    let moved = place(&known) != place(planned);
    let described = |node: &GridNode| {
        (node.name.clone(), node.kind, node.party_org.clone(), node.reason.clone(), node.levels.clone())
    };
    let changed = described(&known) != described(planned);
    if known.network != planned.network {
        return Err(Refusal::WrongNetwork(planned.code.clone()));
    }
    if moved || changed {
        check_order(&planned.code, last, from)?;
    }
    if moved {
        draft.record(GridReparented {
            code: planned.code.clone(),
            from_parent: known.parent,
            parent: planned.parent.clone(),
            level: planned.level,
            level_name: planned.level_name.clone(),
            reason: planned.reason.clone(),
            effective_from: from,
        });
    }
    if changed {
        draft.record(GridChanged {
            code: planned.code.clone(),
            name: planned.name.clone(),
            kind: planned.kind,
            party_org: planned.party_org.clone(),
            reason: planned.reason.clone(),
            levels: planned.levels.clone(),
            effective_from: from,
        });
    }
    Ok(())
}

fn departments(draft: &mut Draft, description: &DistrictDescription) -> Result<(), Refusal> {
    let from = description.effective_from;
    let mut seen: BTreeSet<&DepartmentCode> = BTreeSet::new();
    for spec in &description.departments {
        if !seen.insert(&spec.code) {
            return Err(Refusal::Duplicate(format!("department {}", spec.code)));
        }
        let events = RegisterDepartment::described(spec, from).changes(&draft.district, from)?;
        draft.record_all(events);
    }
    Ok(())
}

fn mappings(draft: &mut Draft, description: &DistrictDescription) -> Result<(), Refusal> {
    let from = description.effective_from;
    let known = draft.district.mappings.iter().filter(|(_, timeline)| timeline.at(from).is_some());
    let mut wanted: BTreeMap<GridCode, BTreeSet<GridCode>> =
        known.map(|(mapping, _)| (mapping.party.clone(), BTreeSet::new())).collect();
    for mapping in &description.mappings {
        wanted.entry(mapping.party.clone()).or_default().insert(mapping.administrative.clone());
    }
    for (party, administrative) in wanted {
        let map = MapGrids { party, administrative, effective_from: Some(from) };
        let events = map.changes(&draft.district, from)?;
        draft.record_all(events);
    }
    Ok(())
}

fn bounds(draft: &mut Draft, description: &DistrictDescription) -> Result<(), Refusal> {
    let (bounds, from) = (description.bounds, description.effective_from);
    if bounds.is_some_and(|bounds| !bounds.is_sound()) {
        return Err(Refusal::BoundsReversed);
    }
    if bounds != draft.district.bounds(from) {
        check_order("the bounds of the district", draft.district.bounds.last_change(), from)?;
        draft.record(DistrictBounded { bounds, effective_from: from });
    }
    Ok(())
}

/// Closes the grids that the description does not mention, the deepest first.
fn close_grids(draft: &mut Draft, open: &BTreeSet<GridCode>, description: &DistrictDescription) -> Result<(), Refusal> {
    let from = description.effective_from;
    let mut gone: Vec<(u8, GridCode)> = draft
        .district
        .grids(from)
        .filter(|node| !open.contains(&node.code))
        .map(|node| (node.level, node.code.clone()))
        .collect();
    gone.sort_by(|one, other| other.cmp(one));
    for (_, code) in gone {
        let last = draft.district.grids.get(&code).and_then(Timeline::last_change);
        check_order(&code, last, from)?;
        let closed = closing(&draft.district, open, description, code);
        check_heirs(&closed, &draft.district)?;
        release(draft, &closed.code, from)?;
        draft.record(closed);
    }
    Ok(())
}

/// The closing of one grid: as it is described, else to the nearest grid above it that stays.
fn closing(
    district: &District,
    open: &BTreeSet<GridCode>,
    description: &DistrictDescription,
    code: GridCode,
) -> GridClosed {
    let from = description.effective_from;
    let row = description.closings.iter().find(|row| row.grid == code);
    let is_party = district.grid(&code, from).is_some_and(|node| node.network == Network::Party);
    let above = || district.path(&code, from).into_iter().find(|above| is_party && open.contains(above));
    GridClosed {
        successor: row.and_then(|row| row.successor.clone()).or_else(above),
        parts: row.map(|row| row.parts.clone()).unwrap_or_default(),
        reason: row.and_then(|row| row.reason.clone()),
        code,
        effective_from: from,
    }
}

fn close_departments(draft: &mut Draft, description: &DistrictDescription) -> Result<(), Refusal> {
    let from = description.effective_from;
    let described = |code: &DepartmentCode| description.departments.iter().any(|spec| spec.code == *code);
    let gone: Vec<_> =
        draft.district.departments(from).map(|known| known.code.clone()).filter(|code| !described(code)).collect();
    for code in gone {
        check_order(&code, draft.district.departments.get(&code).and_then(Timeline::last_change), from)?;
        draft.record(DepartmentClosed { code, effective_from: from });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

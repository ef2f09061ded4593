//! Reads the grids of a description as trees, before they are compared with what is known.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{GridCode, check_count};

use crate::bounds::{DEPARTMENTS_MAX, GRIDS_MAX, MAPPINGS_MAX, TREES_MAX};
use crate::place::{check_levels, place};
use crate::{ClosingSpec, District, DistrictDescription, GridNode, GridSpec, Level, LevelPlan, Refusal};

/// Refuses lists with more entries than are published, before anything else is made of them.
pub(super) fn check_counts(description: &DistrictDescription) -> Result<(), Refusal> {
    check_count("levels", description.levels.len(), 0, TREES_MAX)?;
    check_count("grids", description.grids.len(), 0, GRIDS_MAX)?;
    check_count("closings", description.closings.len(), 0, GRIDS_MAX)?;
    check_count("departments", description.departments.len(), 0, DEPARTMENTS_MAX)?;
    Ok(check_count("mappings", description.mappings.len(), 0, MAPPINGS_MAX)?)
}

/// Every described grid in its place, parents before children.
pub(super) fn grids(description: &DistrictDescription) -> Result<Vec<GridNode>, Refusal> {
    let mut specs: BTreeMap<&GridCode, &GridSpec> = BTreeMap::new();
    for spec in &description.grids {
        if specs.insert(&spec.code, spec).is_some() {
            return Err(Refusal::Duplicate(format!("grid {}", spec.code)));
        }
    }
    let levels = levels(&description.levels, &specs)?;
    let mut planned: BTreeMap<GridCode, (GridNode, &[Level])> = BTreeMap::new();
    let mut order = vec![];
    for code in parents_first(&specs)? {
        let spec = specs[code];
        let above = spec.parent.as_ref().and_then(|parent| planned.get(parent));
        let levels = match above {
            Some((_, levels)) => levels,
            None => *levels.get(code).ok_or_else(|| Refusal::LevelsMissing(code.clone()))?,
        };
        let node = place(spec, above.map(|(node, _)| node), levels, description.effective_from)?;
        order.push(node.clone());
        planned.insert(code.clone(), (node, levels));
    }
    Ok(order)
}

/// Refuses a map that names something the description does not contain: it would be closed at the same moment.
pub(super) fn check_references(description: &DistrictDescription) -> Result<(), Refusal> {
    let grids: BTreeSet<&GridCode> = description.grids.iter().map(|spec| &spec.code).collect();
    let mapped = description.mappings.iter().flat_map(|mapping| [&mapping.party, &mapping.administrative]);
    match mapped.into_iter().find(|code| !grids.contains(code)) {
        Some(unknown) => Err(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: unknown.clone() })),
        None => Ok(()),
    }
}

/// Refuses a closing of a grid that is described too, is closed twice, or never was.
pub(super) fn check_closings(description: &DistrictDescription, district: &District) -> Result<(), Refusal> {
    let mut seen: BTreeSet<&GridCode> = description.grids.iter().map(|spec| &spec.code).collect();
    for ClosingSpec { grid, .. } in &description.closings {
        if !seen.insert(grid) {
            return Err(Refusal::Duplicate(format!("grid {grid}, which is to be closed,")));
        }
        if !district.grids.contains_key(grid) {
            return Err(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: grid.clone() }));
        }
    }
    Ok(())
}

/// The levels of each root.
fn levels<'a>(
    plans: &'a [LevelPlan],
    specs: &BTreeMap<&GridCode, &GridSpec>,
) -> Result<BTreeMap<&'a GridCode, &'a [Level]>, Refusal> {
    let mut levels = BTreeMap::new();
    for LevelPlan { root, levels: names } in plans {
        let spec = specs.get(root).ok_or_else(|| Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: root.clone() }))?;
        if spec.parent.is_some() {
            return Err(Refusal::LevelsBelowRoot(root.clone()));
        }
        check_levels(root, names)?;
        if levels.insert(root, names.as_slice()).is_some() {
            return Err(Refusal::Duplicate(format!("tree {root}")));
        }
    }
    Ok(levels)
}

/// The codes, ordered so that each parent precedes its children.
fn parents_first<'a>(specs: &BTreeMap<&'a GridCode, &'a GridSpec>) -> Result<Vec<&'a GridCode>, Refusal> {
    let mut order: Vec<&GridCode> = vec![];
    let mut placed: BTreeSet<&GridCode> = BTreeSet::new();
    for &code in specs.keys() {
        let mut chain = vec![];
        let mut next = Some(code);
        while let Some(code) = next.filter(|code| !placed.contains(code)) {
            if chain.contains(&code) {
                return Err(Refusal::Cycle(code.clone()));
            }
            chain.push(code);
            next = match &specs[code].parent {
                None => None,
                Some(parent) => {
                    let unknown = || Refusal::UnknownParent { grid: code.clone(), parent: parent.clone() };
                    Some(*specs.get_key_value(parent).ok_or_else(unknown)?.0)
                }
            };
        }
        placed.extend(&chain);
        order.extend(chain.iter().rev());
    }
    Ok(order)
}

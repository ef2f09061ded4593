//! The place of a grid: the rules for one grid under one parent.

use chrono::{DateTime, Utc};
use kernel::GridCode;

use crate::bounds::{NAME_LEN_MAX, TEXT_LEN_MAX};
use crate::node::LEVELS_MAX;
use crate::{GridEstablished, GridNode, GridSpec, Level, PartyOrg, Refusal};

/// The grid that `spec` describes, placed under `parent` in a tree with `levels`.
pub(crate) fn place(
    spec: &GridSpec,
    parent: Option<&GridNode>,
    levels: &[Level],
    from: DateTime<Utc>,
) -> Result<GridNode, Refusal> {
    check_texts(&spec.code, &spec.name, spec.party_org.as_ref(), spec.reason.as_ref())?;
    check(&spec.code, kernel::check_line("level", &spec.level, NAME_LEN_MAX))?;
    if parent.is_some_and(|parent| parent.network != spec.network) {
        return Err(Refusal::WrongNetwork(spec.code.clone()));
    }
    let depth = parent.map_or(1, |parent| parent.level.saturating_add(1));
    check_depth(&spec.code, depth)?;
    if !levels.iter().any(|level| level.name == spec.level) {
        return Err(Refusal::UnknownLevel { grid: spec.code.clone(), level: spec.level.clone() });
    }
    let expected = level_at(&spec.code, levels, depth)?;
    if expected.name != spec.level {
        return Err(Refusal::LevelSkipped {
            grid: spec.code.clone(),
            level: spec.level.clone(),
            depth,
            expected: expected.name.clone(),
        });
    }
    check_party_org(&spec.code, spec.party_org.as_ref(), expected)?;
    Ok(GridNode {
        code: spec.code.clone(),
        name: spec.name.clone(),
        network: spec.network,
        parent: spec.parent.clone(),
        level: depth,
        level_name: spec.level.clone(),
        kind: spec.kind,
        party_org: spec.party_org.clone(),
        reason: spec.reason.clone(),
        levels: if parent.is_none() { levels.to_vec() } else { vec![] },
        valid_from: from,
        valid_until: None,
    })
}

fn check_texts(
    grid: &GridCode,
    name: &str,
    party_org: Option<&PartyOrg>,
    reason: Option<&String>,
) -> Result<(), Refusal> {
    check_name(grid, name)?;
    if let Some(party_org) = party_org {
        check_name(format_args!("{}, the party organisation of {grid}", party_org.code), &party_org.name)?;
    }
    check_reason(grid, reason)
}

/// Refuses a grid that lies deeper than a tree may be.
fn check_depth(grid: &GridCode, depth: u8) -> Result<(), Refusal> {
    if depth > LEVELS_MAX { Err(Refusal::TooDeep { grid: grid.clone(), depth }) } else { Ok(()) }
}

/// The level of that depth.
pub(crate) fn level_at<'a>(grid: &GridCode, levels: &'a [Level], depth: u8) -> Result<&'a Level, Refusal> {
    check_depth(grid, depth)?;
    let beyond = || Refusal::LevelBeyondPlan { grid: grid.clone(), depth };
    usize::from(depth).checked_sub(1).and_then(|index| levels.get(index)).ok_or_else(beyond)
}

/// Refuses a grid without a party organisation where its level requires one.
pub(crate) fn check_party_org(grid: &GridCode, party_org: Option<&PartyOrg>, level: &Level) -> Result<(), Refusal> {
    if level.party_org_required && party_org.is_none() {
        return Err(Refusal::PartyOrgMissing { grid: grid.clone(), level: level.name.clone() });
    }
    Ok(())
}

/// The depth of the level that has the grid centre: the one that says so, otherwise the root's.
pub(crate) fn centre_depth(levels: &[Level]) -> usize {
    levels.iter().position(|level| level.centre).map_or(1, |index| index + 1)
}

/// Refuses a root without levels or with too many, two levels of the same name, and two levels with the grid centre.
pub(crate) fn check_levels(root: &GridCode, levels: &[Level]) -> Result<(), Refusal> {
    if levels.is_empty() {
        return Err(Refusal::LevelsMissing(root.clone()));
    }
    check_depth(root, u8::try_from(levels.len()).unwrap_or(u8::MAX))?;
    if let Some(second) = levels.iter().filter(|level| level.centre).nth(1) {
        return Err(Refusal::SeveralCentres { root: root.clone(), level: second.name.clone() });
    }
    for (index, level) in levels.iter().enumerate() {
        check_name(format_args!("level {} of {root}", index + 1), &level.name)?;
        check_optional(format_args!("level {} of {root}", index + 1), "duty", level.duty.as_ref())?;
        if levels[..index].iter().any(|other| other.name == level.name) {
            return Err(Refusal::RepeatedLevel { root: root.clone(), level: level.name.clone() });
        }
    }
    Ok(())
}

/// Refuses a name that is not one visible line.
pub(crate) fn check_name(what: impl std::fmt::Display, name: &str) -> Result<(), Refusal> {
    check(what, kernel::check_line("name", name, NAME_LEN_MAX))
}

/// Refuses a reason that shows nothing, where there is one.
pub(crate) fn check_reason(what: impl std::fmt::Display, reason: Option<&String>) -> Result<(), Refusal> {
    check_optional(what, "reason", reason)
}

fn check_optional(what: impl std::fmt::Display, field: &'static str, text: Option<&String>) -> Result<(), Refusal> {
    check(what, text.map_or(Ok(()), |text| kernel::check_text(field, text, TEXT_LEN_MAX)))
}

fn check(what: impl std::fmt::Display, checked: Result<(), kernel::Unfit>) -> Result<(), Refusal> {
    Ok(kernel::UnfitOf::name(what, checked)?)
}

/// The event that establishes a placed grid.
pub(crate) fn establish(node: GridNode) -> GridEstablished {
    GridEstablished {
        code: node.code,
        name: node.name,
        network: node.network,
        parent: node.parent,
        level: node.level,
        level_name: node.level_name,
        kind: node.kind,
        party_org: node.party_org,
        reason: node.reason,
        levels: node.levels,
        effective_from: node.valid_from,
    }
}

//! `close-grid`

use chrono::{DateTime, Utc};
use kernel::{Allowed, GridCode, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::draft::{Draft, check_order};
use crate::{District, DistrictEvent, GridClosed, GridsUnmapped, PostEnded, Refusal};

/// Closes a grid.
///
/// Given by an administrator when boundaries are redrawn. The posts of the grid and its entries in the map to the other
/// network end at the same moment. Refused while the grid has grids below it; move or close those first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseGrid {
    pub code: GridCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Start of validity; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
}

impl Verb for CloseGrid {
    const NAME: &'static str = "close-grid";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        Self { code: code("JAS-R03-M04"), reason: Some("并入第三微网格".into()), effective_from: None }
    }
}

impl CloseGrid {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let from = self.effective_from.unwrap_or(now);
        let timeline = district
            .grids
            .get(&self.code)
            .ok_or_else(|| Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: self.code.clone() }))?;
        if timeline.at(from).is_none() {
            let ended = timeline.last_change().filter(|last| *last <= from);
            let is_so = ended.is_some_and(|last| self.effective_from.is_none_or(|asked| asked == last));
            let is_same = is_so && district.closed.get(&self.code) == Some(&self.reason);
            // A retry: already done. At any other moment, or for another reason, there is no such grid to be closed.
            return if is_same {
                Ok(vec![])
            } else {
                Err(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: self.code.clone() }))
            };
        }
        check_order(&self.code, timeline.last_change(), from)?;
        if let Some(child) = district.children(&self.code, from).next() {
            return Err(Refusal::OpenChildren { grid: self.code.clone(), child: child.code.clone() });
        }
        let mut draft = Draft::of(district);
        release(&mut draft, &self.code, from)?;
        draft.record(GridClosed { code: self.code.clone(), reason: self.reason.clone(), effective_from: from });
        draft.finish(from)
    }
}

/// Ends the posts of a grid and removes it from the map.
pub(crate) fn release(draft: &mut Draft, grid: &GridCode, from: DateTime<Utc>) -> Result<(), Refusal> {
    let later = |post: &&crate::Post| post.grid == *grid && post.from > from;
    if let Some(post) = draft.district.posts.iter().find(later) {
        return Err(Refusal::OutOfOrder { what: format!("a post in {grid}"), last: post.from });
    }
    let held: Vec<_> = draft.district.posts(grid, from).cloned().collect();
    for post in held {
        draft.record(PostEnded { grid: post.grid, role: post.role, holder: post.holder, effective_from: from });
    }
    let touching: Vec<_> = draft
        .district
        .mappings
        .iter()
        .filter(|(mapping, _)| mapping.party == *grid || mapping.administrative == *grid)
        .filter(|(_, timeline)| timeline.open().is_some())
        .map(|(mapping, timeline)| (mapping.clone(), timeline.last_change()))
        .collect();
    for (mapping, last) in touching {
        check_order(format_args!("the map of {} to {}", mapping.party, mapping.administrative), last, from)?;
        let (party, administrative) = (mapping.party, mapping.administrative);
        draft.record(GridsUnmapped { party, administrative, effective_from: from });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::testing::{admin_root, code, day, mapped, micro, post, residential, root};
    use crate::{GridChanged, GridsMapped};
    use kernel::Role;

    fn close(grid: &str, from: &str) -> CloseGrid {
        CloseGrid { code: code(grid), reason: Some("撤并".into()), effective_from: Some(day(from)) }
    }

    fn closed(grid: &str, from: &str) -> GridClosed {
        GridClosed { code: code(grid), reason: Some("撤并".into()), effective_from: day(from) }
    }

    #[test]
    fn closing_ends_the_posts_and_the_map_too() {
        let history = [
            root("T").into(),
            residential("R1", "T").into(),
            admin_root("A").into(),
            mapped("R1", "A").into(),
            post("R1", Role::GridLeader, "staff-1").into(),
        ];
        let from = day("2020-01-01");
        given::<District>(history).when(close("R1", "2020-01-01")).then::<DistrictEvent>([
            PostEnded { grid: code("R1"), role: Role::GridLeader, holder: "staff-1".into(), effective_from: from }
                .into(),
            GridsUnmapped { party: code("R1"), administrative: code("A"), effective_from: from }.into(),
            closed("R1", "2020-01-01").into(),
        ]);
    }

    #[test]
    fn a_closed_grid_stays_closed() {
        given::<District>([root("T").into(), closed("T", "2020-01-01").into()])
            .when(close("T", "2020-01-01"))
            .then_nothing();
        let at_another_moment = close("T", "2021-01-01");
        let for_another_reason = CloseGrid { reason: Some("换个说法".into()), ..close("T", "2020-01-01") };
        for other in [at_another_moment, for_another_reason] {
            given::<District>([root("T").into(), closed("T", "2020-01-01").into()])
                .when(other)
                .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("T") }));
        }
    }

    #[test]
    fn only_a_known_grid_is_closed() {
        given::<District>([])
            .when(close("T", "2020-01-01"))
            .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("T") }));
        given::<District>([root("T").into()])
            .when(close("T", "2017-01-01"))
            .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("T") }));
    }

    #[test]
    fn children_are_moved_first() {
        let open = Refusal::OpenChildren { grid: code("R1"), child: code("M1") };
        given::<District>([root("T").into(), residential("R1", "T").into(), micro("M1", "R1").into()])
            .when(close("R1", "2020-01-01"))
            .then_refused(open);
    }

    #[test]
    fn what_is_scheduled_is_not_undercut() {
        let changed = GridChanged {
            code: code("T"),
            name: "新".into(),
            kind: None,
            party_org: None,
            reason: None,
            levels: crate::testing::levels(),
            effective_from: day("2022-01-01"),
        };
        let order = |what: &str| Refusal::OutOfOrder { what: what.into(), last: day("2022-01-01") };
        given::<District>([root("T").into(), changed.into()]).when(close("T", "2020-01-01")).then_refused(order("T"));
        let late = crate::PostAppointed { effective_from: day("2022-01-01"), ..post("T", Role::GridLeader, "s") };
        given::<District>([root("T").into(), late.into()])
            .when(close("T", "2020-01-01"))
            .then_refused(order("a post in T"));
        let map = GridsMapped { effective_from: day("2022-01-01"), ..mapped("T", "A") };
        given::<District>([root("T").into(), admin_root("A").into(), map.into()])
            .when(close("T", "2020-01-01"))
            .then_refused(order("the map of T to A"));
    }
}

//! `reparent-grid`

use chrono::{DateTime, Utc};
use kernel::{Allowed, GridCode, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::bounds::TEXT_LEN_MAX;
use crate::draft::{Draft, check_order};
use crate::place::{check_party_org, check_reason, level_at};
use crate::{District, DistrictEvent, GridNode, GridReparented, Level, Refusal};

/// Moves a grid, with every grid below it, under another parent.
///
/// Given by a system administrator when blocks (街区) are redrawn. Open cases in it and below follow, also into another street, from that
/// moment on. Refused where it lies there already by another move, across networks, into the grid itself, and where a grid would lie below the lowest level of the new tree or
/// deeper than eight levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReparentGrid {
    pub code: GridCode,
    pub parent: GridCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub reason: Option<String>,
    /// Start of validity; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
}

impl Verb for ReparentGrid {
    const NAME: &'static str = "reparent-grid";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        Self {
            code: code("JAS-R03-M03"),
            parent: code("JAS-R04"),
            reason: Some("居民区边界调整".into()),
            effective_from: None,
        }
    }
}

impl ReparentGrid {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        check_reason(&self.code, self.reason.as_ref())?;
        let from = self.effective_from.unwrap_or(now);
        let node = district
            .grid(&self.code, from)
            .ok_or_else(|| Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: self.code.clone() }))?;
        if node.parent.as_ref() == Some(&self.parent) {
            // A retry: already done. For another reason, or from another moment on, it is not what was recorded.
            return if self.is_done(district, from) {
                Ok(vec![])
            } else {
                Err(Refusal::AlreadyThere { grid: self.code.clone(), parent: self.parent.clone() })
            };
        }
        let unknown = || Refusal::UnknownParent { grid: self.code.clone(), parent: self.parent.clone() };
        let parent = district.grid(&self.parent, from).ok_or_else(unknown)?;
        if parent.network != node.network {
            return Err(Refusal::WrongNetwork(self.code.clone()));
        }
        if district.is_within(&self.parent, &self.code, from) {
            return Err(Refusal::Cycle(self.code.clone()));
        }
        let levels = district.levels(&self.parent, from);
        let mut draft = Draft::of(district);
        self.carry(&mut draft, district, &Carried { node, parent, levels, from })?;
        draft.finish(from)
    }

    /// Whether the last move by then is the one that is asked for. Where no start is given, any one is that was for that reason.
    fn is_done(&self, district: &District, from: DateTime<Utc>) -> bool {
        let by_then = |moved: &&GridReparented| moved.effective_from <= from;
        let last = district.moved.get(&self.code).and_then(|all| all.iter().rev().find(by_then));
        last.is_some_and(|last| {
            last.parent.as_ref() == Some(&self.parent)
                && last.reason == self.reason
                && self.effective_from.is_none_or(|asked| asked == last.effective_from)
        })
    }

    /// Moves a grid under its parent, then the grids below it whose depth or level name changes.
    fn carry(&self, draft: &mut Draft, district: &District, carried: &Carried<'_>) -> Result<(), Refusal> {
        let Carried { node, parent, levels, from } = *carried;
        let depth = parent.level.saturating_add(1);
        let level = level_at(&node.code, levels, depth)?;
        check_party_org(&node.code, node.party_org.as_ref(), level)?;
        let stays = node.parent.as_ref() == Some(&parent.code) && node.level == depth && node.level_name == level.name;
        if stays {
            return Ok(());
        }
        check_order(&node.code, district.grids.get(&node.code).and_then(crate::timeline::Timeline::last_change), from)?;
        draft.record(GridReparented {
            code: node.code.clone(),
            from_parent: node.parent.clone(),
            parent: Some(parent.code.clone()),
            level: depth,
            level_name: level.name.clone(),
            reason: self.reason.clone(),
            effective_from: from,
        });
        let moved = GridNode { level: depth, ..node.clone() };
        for child in district.children(&node.code, from) {
            self.carry(draft, district, &Carried { node: child, parent: &moved, levels, from })?;
        }
        Ok(())
    }
}

/// A grid that is being moved under a parent.
struct Carried<'a> {
    node: &'a GridNode,
    parent: &'a GridNode,
    levels: &'a [Level],
    from: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::GridEstablished;
    use crate::testing::{admin_root, code, day, grid_event, level, micro, residential, root};

    fn reparent(grid: &str, parent: &str) -> ReparentGrid {
        ReparentGrid { code: code(grid), parent: code(parent), reason: None, effective_from: Some(day("2020-01-01")) }
    }

    fn reparented(grid: &str, from: &str, to: &str, level: (u8, &str)) -> GridReparented {
        GridReparented {
            code: code(grid),
            from_parent: Some(code(from)),
            parent: Some(code(to)),
            level: level.0,
            level_name: level.1.into(),
            reason: None,
            effective_from: day("2020-01-01"),
        }
    }

    fn tree() -> Vec<DistrictEvent> {
        vec![root("T").into(), residential("R1", "T").into(), residential("R2", "T").into(), micro("M1", "R1").into()]
    }

    #[test]
    fn a_grid_moves_once_and_the_past_keeps_its_tree() {
        let moved = reparented("M1", "R1", "R2", (3, "微网格"));
        given::<District>(tree()).when(reparent("M1", "R2")).then([moved.clone()]);
        let after = given::<District>(tree().into_iter().chain([moved.into()])).state();
        assert_eq!(after.path(&code("M1"), day("2019-12-31"))[1], code("R1"));
        assert_eq!(after.path(&code("M1"), day("2020-01-01"))[1], code("R2"));
        given::<District>(tree().into_iter().chain([reparented("M1", "R1", "R2", (3, "微网格")).into()]))
            .when(reparent("M1", "R2"))
            .then_nothing();
    }

    #[test]
    fn a_move_is_repeated_only_with_its_reason_and_its_moment() {
        let because = |reason: &str| Some(reason.to_owned());
        let moving = ReparentGrid { reason: because("居民区边界调整"), ..reparent("M1", "R2") };
        let moved = given::<District>(tree()).when(moving.clone()).events();
        let after = || given::<District>(tree().into_iter().chain(moved.clone()));
        after().when(moving.clone()).then_nothing();
        after().when(ReparentGrid { effective_from: None, ..moving.clone() }).then_nothing();
        let others = [
            ReparentGrid { reason: because("换个说法"), ..moving.clone() },
            ReparentGrid { reason: None, ..moving.clone() },
            ReparentGrid { effective_from: Some(day("2021-01-01")), ..moving.clone() },
        ];
        for other in others {
            let there = Refusal::AlreadyThere { grid: code("M1"), parent: code("R2") };
            after().when(other).then_refused(there);
        }
        // It was never moved there: it was established there.
        let there = Refusal::AlreadyThere { grid: code("M1"), parent: code("R1") };
        given::<District>(tree()).when(reparent("M1", "R1")).then_refused(there);
    }

    #[test]
    fn what_hangs_below_moves_too_and_takes_the_names_of_the_new_tree() {
        let names = ["镇总网格", "街区中网格", "小网格", "楼群微网格"].map(|name| level(name, false));
        let town = GridEstablished { levels: names.into(), ..grid_event("P", None, 1, "镇总网格") };
        let block = grid_event("P-K1", Some("P"), 2, "街区中网格");
        let history = tree().into_iter().chain([town.into(), block.into()]);
        given::<District>(history).when(reparent("R1", "P-K1")).then::<DistrictEvent>([
            reparented("R1", "T", "P-K1", (3, "小网格")).into(),
            reparented("M1", "R1", "R1", (4, "楼群微网格")).into(),
        ]);
    }

    #[test]
    fn only_open_grids_of_one_network_are_joined() {
        given::<District>(tree())
            .when(reparent("X", "R2"))
            .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("X") }));
        let parent = Refusal::UnknownParent { grid: code("M1"), parent: code("X") };
        given::<District>(tree()).when(reparent("M1", "X")).then_refused(parent);
        given::<District>(tree().into_iter().chain([admin_root("A").into()]))
            .when(reparent("M1", "A"))
            .then_refused(Refusal::WrongNetwork(code("M1")));
    }

    #[test]
    fn no_grid_lies_inside_itself() {
        given::<District>(tree()).when(reparent("R1", "M1")).then_refused(Refusal::Cycle(code("R1")));
        given::<District>(tree()).when(reparent("R1", "R1")).then_refused(Refusal::Cycle(code("R1")));
    }

    #[test]
    fn the_new_tree_must_be_deep_enough() {
        let beyond = Refusal::LevelBeyondPlan { grid: code("M1"), depth: 4 };
        given::<District>(tree()).when(reparent("R1", "R2")).then_refused(beyond);
    }

    #[test]
    fn the_new_level_may_ask_for_a_party_organisation() {
        let strict = vec![level("总", false), level("区", false), level("微", true)];
        let town = GridEstablished { levels: strict, ..grid_event("P", None, 1, "总") };
        let area = grid_event("P-R", Some("P"), 2, "区");
        let missing = Refusal::PartyOrgMissing { grid: code("M1"), level: "微".into() };
        given::<District>(tree().into_iter().chain([town.into(), area.into()]))
            .when(reparent("M1", "P-R"))
            .then_refused(missing);
    }

    #[test]
    fn a_move_before_the_last_one_is_refused() {
        let later =
            GridReparented { effective_from: day("2021-01-01"), ..reparented("M1", "R1", "R2", (3, "微网格")) };
        given::<District>(tree().into_iter().chain([later.into()]))
            .when(reparent("M1", "R2"))
            .then_refused(Refusal::OutOfOrder { what: "M1".into(), last: day("2021-01-01") });
    }
}

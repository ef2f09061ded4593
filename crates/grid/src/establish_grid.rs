//! `establish-grid`

use chrono::{DateTime, Utc};
use kernel::{Allowed, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::draft::{Draft, check_order};
use crate::node::LEVELS_MAX;
use crate::place::{check_levels, establish, place};
use crate::{District, DistrictEvent, GridKind, GridNode, GridSpec, Level, Network, PartyOrg, Refusal};

/// Establishes a grid.
///
/// Given by a system administrator when a street or town adds a grid. Refused where the code is taken, the parent is not active,
/// the level is not the one directly below the parent's, or the grid would lie deeper than eight levels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EstablishGrid {
    pub grid: GridSpec,
    /// The levels of its tree, 1 to 8; only for a root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = LEVELS_MAX))]
    pub levels: Vec<Level>,
    /// Start of validity; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
}

impl Verb for EstablishGrid {
    const NAME: &'static str = "establish-grid";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        let party_org = PartyOrg { code: code("JAS-R03-M04-ZB"), name: "百乐居民区第四党支部".into() };
        Self {
            grid: GridSpec {
                code: code("JAS-R03-M04"),
                name: "百乐第四微网格".into(),
                network: Network::Party,
                parent: Some(code("JAS-R03")),
                level: "微网格".into(),
                kind: Some(GridKind::Residential),
                party_org: Some(party_org),
                reason: None,
            },
            levels: vec![],
            effective_from: None,
        }
    }
}

impl EstablishGrid {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let from = self.effective_from.unwrap_or(now);
        let node = self.placed(district, from)?;
        if let Some(known) = district.grid(&node.code, from) {
            let same = GridNode { valid_from: known.valid_from, valid_until: known.valid_until, ..node.clone() };
            let is_asked = self.effective_from.is_none_or(|asked| asked == known.valid_from);
            // A retry: already done.
            return if same == *known && is_asked { Ok(vec![]) } else { Err(Refusal::DuplicateCode(node.code)) };
        }
        let last = district.grids.get(&node.code).and_then(crate::timeline::Timeline::last_change);
        check_order(&node.code, last, from)?;
        let mut draft = Draft::of(district);
        draft.record(establish(node));
        draft.finish(from)
    }

    fn placed(&self, district: &District, from: DateTime<Utc>) -> Result<GridNode, Refusal> {
        let Some(code) = &self.grid.parent else {
            check_levels(&self.grid.code, &self.levels)?;
            return place(&self.grid, None, &self.levels, from);
        };
        if !self.levels.is_empty() {
            return Err(Refusal::LevelsBelowRoot(self.grid.code.clone()));
        }
        let unknown = || Refusal::UnknownParent { grid: self.grid.code.clone(), parent: code.clone() };
        let parent = district.grid(code, from).ok_or_else(unknown)?;
        place(&self.grid, Some(parent), district.levels(code, from), from)
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::testing::{closed, code, day, levels, micro, org, residential, root, spec};
    use crate::{GridEstablished, Network};

    fn command(grid: GridSpec) -> EstablishGrid {
        let levels = if grid.parent.is_none() { levels() } else { vec![] };
        EstablishGrid { grid, levels, effective_from: Some(day("2018-01-01")) }
    }

    fn below(code: &str, parent: &str, level: &str) -> EstablishGrid {
        command(spec(code, Some(parent), level))
    }

    #[test]
    fn a_grid_is_established_under_its_parent_once() {
        given::<District>([]).when(command(spec("T", None, "总网格"))).then([root("T")]);
        given::<District>([root("T").into()]).when(below("R1", "T", "居民区网格")).then([residential("R1", "T")]);
        given::<District>([root("T").into(), residential("R1", "T").into()])
            .when(below("R1", "T", "居民区网格"))
            .then_nothing();
    }

    #[test]
    fn another_start_is_another_grid_and_not_a_repeat() {
        for start in ["2018-01-02", "2020-01-01"] {
            let later = EstablishGrid { effective_from: Some(day(start)), ..command(spec("T", None, "总网格")) };
            given::<District>([root("T").into()]).when(later).then_refused(Refusal::DuplicateCode(code("T")));
        }
        let as_of_now = EstablishGrid { effective_from: None, ..command(spec("T", None, "总网格")) };
        given::<District>([root("T").into()]).when(as_of_now).then_nothing();
    }

    #[test]
    fn a_command_without_a_date_holds_from_now_on() {
        let now = EstablishGrid { effective_from: None, ..below("R1", "T", "居民区网格") };
        let expected = GridEstablished { effective_from: given::NOW, ..residential("R1", "T") };
        given::<District>([root("T").into()]).when(now).then([expected]);
    }

    #[test]
    fn a_code_is_used_once_at_a_time() {
        let other = EstablishGrid {
            grid: GridSpec { name: "别的".into(), ..spec("R1", Some("T"), "居民区网格") },
            ..below("R1", "T", "居民区网格")
        };
        given::<District>([root("T").into(), residential("R1", "T").into()])
            .when(other)
            .then_refused(Refusal::DuplicateCode(code("R1")));
    }

    #[test]
    fn a_closed_code_may_come_back_but_not_before_it_was_closed() {
        let closed = closed("R1", Some("T"), day("2020-01-01"));
        let history = || given::<District>([root("T").into(), residential("R1", "T").into(), closed.clone().into()]);
        let again = |from| EstablishGrid { effective_from: Some(day(from)), ..below("R1", "T", "居民区网格") };
        assert_eq!(history().when(again("2020-06-01")).events().len(), 1);
        history()
            .when(again("2017-06-01"))
            .then_refused(Refusal::UnknownParent { grid: code("R1"), parent: code("T") });
        let early = EstablishGrid { effective_from: Some(day("2017-06-01")), ..command(spec("T", None, "总网格")) };
        history().when(early).then_refused(Refusal::OutOfOrder { what: "T".into(), last: day("2018-01-01") });
    }

    #[test]
    fn a_parent_must_be_open_and_of_the_same_network() {
        let parent = Refusal::UnknownParent { grid: code("R1"), parent: code("X") };
        given::<District>([root("T").into()]).when(below("R1", "X", "居民区网格")).then_refused(parent);
        let other = GridSpec { network: Network::Administrative, ..spec("R1", Some("T"), "居民区网格") };
        given::<District>([root("T").into()]).when(command(other)).then_refused(Refusal::WrongNetwork(code("R1")));
    }

    #[test]
    fn no_level_is_skipped_or_invented() {
        let skipped =
            Refusal::LevelSkipped {
                grid: code("M1"), level: "微网格".into(), depth: 2, expected: "居民区网格".into()
            };
        given::<District>([root("T").into()]).when(below("M1", "T", "微网格")).then_refused(skipped);
        let unknown = Refusal::UnknownLevel { grid: code("M1"), level: "楼组".into() };
        given::<District>([root("T").into()]).when(below("M1", "T", "楼组")).then_refused(unknown);
        let beyond = Refusal::LevelBeyondPlan { grid: code("M2"), depth: 4 };
        given::<District>([root("T").into(), residential("R1", "T").into(), micro("M1", "R1").into()])
            .when(below("M2", "M1", "微网格"))
            .then_refused(beyond);
    }

    #[test]
    fn the_levels_belong_to_the_root() {
        let missing = EstablishGrid { levels: vec![], ..command(spec("T", None, "总网格")) };
        given::<District>([]).when(missing).then_refused(Refusal::LevelsMissing(code("T")));
        let below_root = EstablishGrid { levels: levels(), ..below("R1", "T", "居民区网格") };
        given::<District>([root("T").into()]).when(below_root).then_refused(Refusal::LevelsBelowRoot(code("R1")));
        let twice = [levels(), levels()].concat();
        let repeated = EstablishGrid { levels: twice, ..command(spec("T", None, "总网格")) };
        given::<District>([])
            .when(repeated)
            .then_refused(Refusal::RepeatedLevel { root: code("T"), level: "总网格".into() });
    }

    #[test]
    fn a_level_bound_to_party_organisations_needs_one() {
        let without = GridSpec { party_org: None, ..spec("R1", Some("T"), "居民区网格") };
        let missing = Refusal::PartyOrgMissing { grid: code("R1"), level: "居民区网格".into() };
        given::<District>([root("T").into()]).when(command(without)).then_refused(missing);
        assert_eq!(spec("R1", Some("T"), "居民区网格").party_org, Some(org("R1-ORG")));
    }

    #[test]
    fn a_grid_needs_a_name() {
        let blank = GridSpec { name: " ".into(), ..spec("R1", Some("T"), "居民区网格") };
        given::<District>([root("T").into()]).when(command(blank)).then_refused(crate::testing::unfit_name("R1"));
    }

    #[test]
    fn a_grid_cannot_hang_under_one_that_is_scheduled_to_close() {
        let closed = closed("R1", Some("T"), day("2030-01-01"));
        let later = Refusal::ContradictsLater { grid: code("M1"), at: day("2030-01-01") };
        given::<District>([root("T").into(), residential("R1", "T").into(), closed.into()])
            .when(below("M1", "R1", "微网格"))
            .then_refused(later);
    }
}

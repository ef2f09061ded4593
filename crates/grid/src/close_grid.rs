//! `close-grid`

use chrono::{DateTime, Utc};
use kernel::facts::Bounds;
use kernel::{Allowed, GridCode, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::bounds::{PARTS_MAX, TEXT_LEN_MAX};
use crate::draft::{Draft, check_order};
use crate::place::check_reason;
use crate::{District, DistrictEvent, GridClosed, GridPart, GridsUnmapped, Network, Refusal};

/// Closes a grid.
///
/// Given by a system administrator when boundaries are redrawn. Its entries in the map to the other network end at the
/// same moment, and posts in it reach nothing from then on. Open cases follow from that moment on: to the successor, or where it is split to the grid
/// that takes over the part in which they are; without a successor to the grid above. Refused while the grid has grids below
/// it (move or close those first), for a root of the party network without a successor, and where a grid that takes over is
/// not active then or belongs to the other network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseGrid {
    pub code: GridCode,
    /// The grid that takes over its open cases; by default the grid above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<GridCode>,
    /// Parts of it that other grids take over, at most 100: cases with a place in one of them go there, all others to the
    /// successor. The first part that contains the place counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = PARTS_MAX))]
    pub parts: Vec<GridPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
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
        let area = Bounds { west: 121.44, south: 31.22, east: 121.45, north: 31.23 };
        Self {
            code: code("JAS-R03-M04"),
            successor: Some(code("JAS-R03-M03")),
            parts: vec![GridPart { area, grid: code("JAS-R03-M02") }],
            reason: Some("并入第三微网格".into()),
            effective_from: None,
        }
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
            let is_same = is_so
                && district
                    .closed
                    .get(&self.code)
                    .and_then(|all| all.last())
                    .is_some_and(|last| self.is(last, district));
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
        let closed = GridClosed {
            code: self.code.clone(),
            successor: self.successor(district, from),
            parts: self.parts.clone(),
            reason: self.reason.clone(),
            effective_from: from,
        };
        check_heirs(&closed, district)?;
        let mut draft = Draft::of(district);
        release(&mut draft, &self.code, from)?;
        draft.record(closed);
        draft.finish(from)
    }

    /// Whether this is what was recorded.
    fn is(&self, closed: &GridClosed, district: &District) -> bool {
        self.successor(district, closed.effective_from) == closed.successor
            && (&self.parts, &self.reason) == (&closed.parts, &closed.reason)
    }

    /// The grid that takes over: the one that is named, or the one above.
    fn successor(&self, district: &District, at: DateTime<Utc>) -> Option<GridCode> {
        let known = || district.grids.get(&self.code)?.latest(at).filter(|node| node.network == Network::Party);
        self.successor.clone().or_else(|| known()?.parent.clone())
    }
}

/// Refuses a closing that leaves open cases without a grid. Nothing is open in the administrative network, and nobody takes over
/// from there.
pub(crate) fn check_heirs(closed: &GridClosed, district: &District) -> Result<(), Refusal> {
    check_reason(&closed.code, closed.reason.as_ref())?;
    check_count("parts", closed.parts.len(), 0, PARTS_MAX)?;
    let (grid, from) = (&closed.code, closed.effective_from);
    let is_party = |code| district.grid(code, from).is_some_and(|node| node.network == Network::Party);
    if !is_party(grid) {
        let named = closed.parts.first().map(|part| &part.grid).or(closed.successor.as_ref());
        return named.map_or(Ok(()), |_| Err(Refusal::NothingToTakeOver(grid.clone())));
    }
    if closed.parts.iter().any(|part| !part.area.is_sound()) {
        return Err(Refusal::BoundsReversed);
    }
    if closed.successor.is_none() {
        return Err(Refusal::SuccessorMissing(grid.clone()));
    }
    match closed.heirs().find(|heir| *heir == grid || !is_party(heir)) {
        Some(heir) => Err(Refusal::CannotTakeOver { grid: grid.clone(), heir: heir.clone() }),
        None => Ok(()),
    }
}

/// Removes a grid from the map.
pub(crate) fn release(draft: &mut Draft, grid: &GridCode, from: DateTime<Utc>) -> Result<(), Refusal> {
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
    use crate::testing::{admin_root, code, day, mapped, micro, residential, root};
    use crate::{GridChanged, GridsMapped, ReparentGrid};
    use kernel::Unfit;

    fn close(grid: &str, from: &str) -> CloseGrid {
        CloseGrid {
            code: code(grid),
            successor: None,
            parts: vec![],
            reason: Some("撤并".into()),
            effective_from: Some(day(from)),
        }
    }

    /// A grid below the root, whose open cases fall to the root.
    fn closed(grid: &str, from: &str) -> GridClosed {
        GridClosed {
            code: code(grid),
            successor: Some(code("T")),
            parts: vec![],
            reason: Some("撤并".into()),
            effective_from: day(from),
        }
    }

    fn tree() -> Vec<DistrictEvent> {
        vec![root("T").into(), residential("R1", "T").into(), residential("R2", "T").into(), admin_root("A").into()]
    }

    fn part(west: f64, grid: &str) -> GridPart {
        GridPart { area: Bounds { west, south: 31.0, east: west + 0.01, north: 31.1 }, grid: code(grid) }
    }

    #[test]
    fn a_reason_is_a_text_with_an_end() {
        let length = Unfit::TextLength { field: "reason", max: 1000 };
        let control = Unfit::TextCharacters { field: "reason", flaw: kernel::text::Flaw::Control('\u{7}') };
        let long = "并".repeat(1001);
        for (reason, unfit) in [("", &length), ("\u{200b}", &length), (long.as_str(), &length), ("a\u{7}", &control)] {
            let refusal: Refusal = kernel::UnfitOf { what: "R1".into(), unfit: unfit.clone() }.into();
            let closing = CloseGrid { reason: Some(reason.into()), ..close("R1", "2020-01-01") };
            given::<District>(tree()).when(closing).then_refused(refusal.clone());
            let reason = Some(reason.to_owned());
            let moving = ReparentGrid { code: code("R1"), parent: code("R2"), reason, effective_from: None };
            given::<District>(tree()).when(moving).then_refused(refusal);
        }
    }

    #[test]
    fn who_takes_over_is_recorded() {
        let merged = CloseGrid { successor: Some(code("R2")), ..close("R1", "2020-01-01") };
        let expected = GridClosed { successor: Some(code("R2")), ..closed("R1", "2020-01-01") };
        given::<District>(tree()).when(merged.clone()).then([expected.clone()]);
        given::<District>(tree().into_iter().chain([expected.into()])).when(merged.clone()).then_nothing();
        let split = CloseGrid { parts: vec![part(121.4, "R2"), part(121.5, "T")], ..merged };
        let expected =
            GridClosed { successor: Some(code("R2")), parts: split.parts.clone(), ..closed("R1", "2020-01-01") };
        given::<District>(tree()).when(split).then([expected]);
        given::<District>(tree()).when(close("R1", "2020-01-01")).then([closed("R1", "2020-01-01")]);
        let administrative = GridClosed { successor: None, ..closed("A", "2020-01-01") };
        given::<District>(tree()).when(close("A", "2020-01-01")).then([administrative]);
    }

    #[test]
    fn open_cases_are_never_left_without_a_grid() {
        given::<District>([root("T").into()])
            .when(close("T", "2020-01-01"))
            .then_refused(Refusal::SuccessorMissing(code("T")));
        let by = |heir: &str| Refusal::CannotTakeOver { grid: code("R1"), heir: code(heir) };
        let gone = GridClosed { successor: Some(code("T")), ..closed("R2", "2019-01-01") };
        for heir in ["R1", "R2", "A", "NONE"] {
            let history = || given::<District>(tree().into_iter().chain([gone.clone().into()]));
            let to = |successor: &str| CloseGrid { successor: Some(code(successor)), ..close("R1", "2020-01-01") };
            history().when(to(heir)).then_refused(by(heir));
            let split = CloseGrid { parts: vec![part(121.4, "T"), part(121.5, heir)], ..to("T") };
            history().when(split).then_refused(by(heir));
        }
        let of_the_other = CloseGrid { successor: Some(code("T")), ..close("A", "2020-01-01") };
        given::<District>(tree()).when(of_the_other).then_refused(Refusal::NothingToTakeOver(code("A")));
        let area = Bounds { west: 2.0, south: 1.0, east: 1.0, north: 2.0 };
        let reversed = CloseGrid { parts: vec![GridPart { area, grid: code("R2") }], ..close("R1", "2020-01-01") };
        given::<District>(tree()).when(reversed).then_refused(Refusal::BoundsReversed);
        let many = CloseGrid { parts: vec![part(121.4, "R2"); PARTS_MAX + 1], ..close("R1", "2020-01-01") };
        given::<District>(tree()).when(many).then_refused(Unfit::EntryCount { field: "parts", min: 0, max: PARTS_MAX });
    }

    #[test]
    fn closing_ends_the_map_too() {
        let history =
            [root("T").into(), residential("R1", "T").into(), admin_root("A").into(), mapped("R1", "A").into()];
        let from = day("2020-01-01");
        given::<District>(history).when(close("R1", "2020-01-01")).then::<DistrictEvent>([
            GridsUnmapped { party: code("R1"), administrative: code("A"), effective_from: from }.into(),
            closed("R1", "2020-01-01").into(),
        ]);
    }

    #[test]
    fn a_closed_grid_stays_closed() {
        let history = || given::<District>(tree().into_iter().chain([closed("R1", "2020-01-01").into()]));
        history().when(close("R1", "2020-01-01")).then_nothing();
        let at_another_moment = close("R1", "2021-01-01");
        let for_another_reason = CloseGrid { reason: Some("换个说法".into()), ..close("R1", "2020-01-01") };
        let to_another_grid = CloseGrid { successor: Some(code("R2")), ..close("R1", "2020-01-01") };
        let in_parts = CloseGrid { parts: vec![part(121.4, "R2")], ..close("R1", "2020-01-01") };
        for other in [at_another_moment, for_another_reason, to_another_grid, in_parts] {
            history().when(other).then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("R1") }));
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
            code: code("R1"),
            name: "新".into(),
            kind: None,
            party_org: None,
            reason: None,
            levels: vec![],
            effective_from: day("2022-01-01"),
        };
        let order = |what: &str| Refusal::OutOfOrder { what: what.into(), last: day("2022-01-01") };
        let with = |event: DistrictEvent| given::<District>(tree().into_iter().chain([event]));
        with(changed.into()).when(close("R1", "2020-01-01")).then_refused(order("R1"));
        let map = GridsMapped { effective_from: day("2022-01-01"), ..mapped("R1", "A") };
        with(map.into()).when(close("R1", "2020-01-01")).then_refused(order("the map of R1 to A"));
    }
}

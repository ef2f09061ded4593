use given::{Given, given};

use super::*;
use crate::testing::{admin_root, closed, day, department, district, mapped, residential, root};
use crate::{DepartmentChanged, DistrictBounded, GridChanged, GridsMapped, GridsUnmapped};

const M: &str = "2099-01-01";

/// T – R1, A serves T, one department.
fn known() -> Vec<DistrictEvent> {
    vec![
        root("T").into(),
        residential("R1", "T").into(),
        admin_root("A").into(),
        department("CGZF", "城管", &["WM-0103"]).into(),
        mapped("T", "A").into(),
    ]
}

/// One change of every kind, scheduled by mistake.
fn scheduled() -> Vec<DistrictEvent> {
    let from = day(M);
    let department = department("CGZF", "新名", &[]);
    let bounds = kernel::facts::Bounds { west: 121.4, south: 31.2, east: 121.5, north: 31.3 };
    vec![
        GridChanged {
            code: code("T"),
            name: "新名".into(),
            kind: None,
            party_org: None,
            reason: None,
            levels: crate::testing::levels(),
            effective_from: from,
        }
        .into(),
        DepartmentChanged { code: department.code, name: department.name, matters: [].into(), effective_from: from }
            .into(),
        GridsUnmapped { party: code("T"), administrative: code("A"), effective_from: from }.into(),
        GridsMapped { effective_from: from, ..mapped("R1", "A") }.into(),
        closed("R1", Some("T"), from).into(),
        DistrictBounded { bounds: Some(bounds), effective_from: from }.into(),
    ]
}

fn mistaken() -> Given<District> {
    given::<District>(known().into_iter().chain(scheduled()))
}

fn all(from: &str) -> WithdrawChanges {
    WithdrawChanges { scheduled_from: day(from), grid: None, department: None }
}

fn of_grid(grid: &str) -> WithdrawChanges {
    WithdrawChanges { grid: Some(code(grid)), ..all(M) }
}

#[test]
fn what_was_scheduled_by_mistake_is_as_if_it_had_never_been() {
    for from in [M, "2098-12-31"] {
        let mut after = mistaken().when(all(from)).state();
        after.withdrawn.clear();
        assert_eq!(after, district(known()), "{from}");
    }
}

#[test]
fn both_stand_in_the_history_and_a_repeat_is_nothing() {
    let events = mistaken().when(all(M)).events();
    let history = || known().into_iter().chain(scheduled()).chain(events.clone());
    assert_eq!(events.len(), 6, "grids and entries of the map, a department, the bounds: {events:?}");
    given::<District>(history()).when(all(M)).then_nothing();
    let nothing = |from| Refusal::NothingScheduled { from: day(from) };
    given::<District>(history()).when(all("2100-01-01")).then_refused(nothing("2100-01-01"));
    given::<District>(history()).when(of_grid("NONE")).then_refused(nothing(M));
    // What was withdrawn can be scheduled again, and an earlier change too.
    let again = crate::CloseGrid {
        code: code("R1"),
        successor: None,
        parts: vec![],
        reason: None,
        effective_from: Some(day("2030-01-01")),
    };
    assert_eq!(given::<District>(history()).when(again).events().len(), 1);
}

#[test]
fn one_grid_is_withdrawn_with_its_entries_in_the_map() {
    let after = mistaken().when(of_grid("R1")).state();
    let at = day("2100-01-01");
    assert!(after.grid(&code("R1"), at).is_some_and(|node| node.valid_until.is_none()));
    assert!(after.mapped(&code("R1"), at).is_empty(), "the entry of the map is");
    assert_eq!(after.grid(&code("T"), at).map(|node| node.name.as_str()), Some("新名"), "another grid changes");
    let department = kernel::DepartmentCode::try_new("CGZF").unwrap();
    assert_eq!(after.department(&department, at).map(|known| known.name.as_str()), Some("新名"));
    let of_it = WithdrawChanges { grid: None, department: Some(department.clone()), scheduled_from: day(M) };
    let after = mistaken().when(of_it).state();
    assert_eq!(after.department(&department, at).map(|known| known.name.as_str()), Some("城管"));
    assert!(after.grid(&code("R1"), at).is_none(), "the grid is closed as scheduled");
}

#[test]
fn a_grid_that_never_was_is_unknown() {
    let late = crate::GridEstablished { effective_from: day(M), ..residential("R2", "T") };
    let after = given::<District>(known().into_iter().chain([late.into()])).when(of_grid("R2")).state();
    assert!(!after.grids.contains_key(&code("R2")));
}

#[test]
fn what_has_begun_is_not_withdrawn() {
    let in_effect = |from: &str| Refusal::InEffect { from: day(from) };
    given::<District>(known()).when(all("2018-01-01")).then_refused(in_effect("2018-01-01"));
    mistaken().at(day(M)).when(all(M)).then_refused(in_effect(M));
    mistaken().at(day("2099-06-01")).when(all(M)).then_refused(in_effect(M));
    given::<District>(known()).when(all(M)).then_refused(Refusal::NothingScheduled { from: day(M) });
}

#[test]
fn nothing_is_left_without_what_it_needs() {
    let below = crate::GridEstablished { effective_from: day(M), ..crate::testing::micro("M1", "R2") };
    let late = crate::GridEstablished { effective_from: day(M), ..residential("R2", "T") };
    let both: [DistrictEvent; 2] = [late.into(), below.into()];
    given::<District>(known().into_iter().chain(both))
        .when(of_grid("R2"))
        .then_refused(Refusal::ContradictsLater { grid: code("M1"), at: day(M) });
}

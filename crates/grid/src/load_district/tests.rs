use given::given;
use kernel::facts::Bounds;
use kernel::{Command as _, MatterCode};

use super::*;
use crate::testing::{
    admin_root, closed, code, day, department, district, level, levels, mapped, micro, org, residential, root, spec,
};
use crate::{ClosingSpec, DepartmentSpec, DistrictCommand, GridPart, GridSpec, LevelPlan, Mapping, Network};

/// T – R1 – M1, an administrative grid A that serves T, and one department.
fn small() -> DistrictDescription {
    let admin = GridSpec { network: Network::Administrative, ..spec("A", None, "责任网格") };
    DistrictDescription {
        effective_from: day("2018-01-01"),
        levels: vec![
            LevelPlan { root: code("T"), levels: levels() },
            LevelPlan { root: code("A"), levels: vec![level("责任网格", false)] },
        ],
        grids: vec![
            spec("M1", Some("R1"), "微网格"),
            spec("R1", Some("T"), "居民区网格"),
            spec("T", None, "总网格"),
            admin,
        ],
        closings: vec![],
        departments: vec![law(&["WM-0103"])],
        mappings: vec![Mapping { party: code("T"), administrative: code("A") }],
        bounds: None,
        allow_closing: 0,
    }
}

fn law(matters: &[&str]) -> DepartmentSpec {
    let matters = matters.iter().map(|text| MatterCode::try_new(*text).unwrap()).collect();
    DepartmentSpec { code: department("CGZF", "城管", &[]).code, name: "城管".into(), matters }
}

fn loaded() -> Vec<DistrictEvent> {
    vec![
        admin_root("A").into(),
        root("T").into(),
        residential("R1", "T").into(),
        micro("M1", "R1").into(),
        department("CGZF", "城管", &["WM-0103"]).into(),
        mapped("T", "A").into(),
    ]
}

/// The small district from 2020 on, changed by `change`; anything may be closed.
fn from_2020(change: impl FnOnce(&mut DistrictDescription)) -> LoadDistrict {
    let mut description = DistrictDescription { effective_from: day("2020-01-01"), allow_closing: u32::MAX, ..small() };
    change(&mut description);
    LoadDistrict(description)
}

fn refused(change: impl FnOnce(&mut DistrictDescription), refusal: Refusal) {
    let mut description = small();
    change(&mut description);
    given::<District>([]).when(LoadDistrict(description)).then_refused(refusal);
}

#[test]
fn a_description_becomes_events_once() {
    given::<District>([]).when(LoadDistrict(small())).then(loaded());
    given::<District>(loaded()).when(LoadDistrict(small())).then_nothing();
}

#[test]
fn the_same_file_changes_nothing_after_the_district_moved_on() {
    let closed = closed("M1", Some("T"), day("2022-01-01"));
    let history = || loaded().into_iter().chain([closed.clone().into()]);
    given::<District>(history()).when(LoadDistrict(small())).then_nothing();
    given::<District>(history())
        .when(from_2020(|description| description.grids[0].name = "新名".into()))
        .then_refused(Refusal::OutOfOrder { what: "M1".into(), last: day("2022-01-01") });
}

#[test]
fn only_the_difference_becomes_events() {
    let changed = from_2020(|description| {
        description.grids[1].party_org = Some(org("NEW"));
        description.departments = vec![law(&["WM-0101"])];
        description.mappings.clear();
    });
    let from = day("2020-01-01");
    given::<District>(loaded()).when(changed).then::<DistrictEvent>([
        GridChanged {
            code: code("R1"),
            name: "R1".into(),
            kind: None,
            party_org: Some(org("NEW")),
            reason: None,
            levels: vec![],
            effective_from: from,
        }
        .into(),
        crate::DepartmentChanged {
            code: law(&[]).code,
            name: "城管".into(),
            matters: law(&["WM-0101"]).matters,
            effective_from: from,
        }
        .into(),
        crate::GridsUnmapped { party: code("T"), administrative: code("A"), effective_from: from }.into(),
    ]);
}

#[test]
fn what_is_not_described_is_closed_the_deepest_first() {
    let emptied = from_2020(|description| {
        description.grids.retain(|spec| spec.code == code("T") || spec.code == code("A"));
        description.departments.clear();
    });
    let from = day("2020-01-01");
    given::<District>(loaded()).when(emptied).then::<DistrictEvent>([
        closed("M1", Some("T"), from).into(),
        closed("R1", Some("T"), from).into(),
        DepartmentClosed { code: law(&[]).code, effective_from: from }.into(),
    ]);
}

fn without_m1(closings: Vec<ClosingSpec>) -> LoadDistrict {
    from_2020(|description| {
        description.grids.retain(|spec| spec.code != code("M1"));
        description.grids.push(spec("M2", Some("R1"), "微网格"));
        description.grids.push(spec("M3", Some("R1"), "微网格"));
        description.closings = closings;
    })
}

#[test]
fn a_row_says_who_takes_over_and_the_same_file_again_changes_nothing() {
    let area = Bounds { west: 121.4, south: 31.2, east: 121.5, north: 31.3 };
    let parts = vec![GridPart { area, grid: code("M3") }];
    let reason = Some("拆分".to_owned());
    let row =
        ClosingSpec { grid: code("M1"), successor: Some(code("M2")), parts: parts.clone(), reason: reason.clone() };
    let split = || without_m1(vec![row.clone()]);
    let events = given::<District>(loaded()).when(split()).events();
    let expected = crate::GridClosed { parts, reason, ..closed("M1", Some("M2"), day("2020-01-01")) };
    assert_eq!(events.last(), Some(&expected.into()));
    given::<District>(loaded().into_iter().chain(events)).when(split()).then_nothing();
    let events = given::<District>(loaded()).when(without_m1(vec![])).events();
    assert_eq!(
        events.last(),
        Some(&closed("M1", Some("R1"), day("2020-01-01")).into()),
        "the grid above, without a row"
    );
}

#[test]
fn a_row_about_a_grid_that_is_not_closed_is_refused() {
    let row = |grid: &str, successor: &str| ClosingSpec {
        grid: code(grid),
        successor: Some(code(successor)),
        parts: vec![],
        reason: None,
    };
    let load = |rows| given::<District>(loaded()).when(without_m1(rows));
    load(vec![row("R1", "T")]).then_refused(Refusal::Duplicate("grid R1, which is to be closed,".into()));
    let twice = vec![row("M1", "M2"), row("M1", "M3")];
    load(twice).then_refused(Refusal::Duplicate("grid M1, which is to be closed,".into()));
    load(vec![row("X1", "M2")]).then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("X1") }));
    load(vec![row("M1", "A")]).then_refused(Refusal::CannotTakeOver { grid: code("M1"), heir: code("A") });
    let replaced = from_2020(|description| {
        description.grids.retain(|spec| spec.code == code("A"));
        description.grids.push(spec("U", None, "总网格"));
        description.levels[0].root = code("U");
        description.mappings.clear();
    });
    let missing = Refusal::SuccessorMissing(code("M1"));
    given::<District>(loaded()).when(replaced).then_refused(missing);
}

#[test]
fn a_level_is_put_in_between_by_a_new_description() {
    let four = ["总网格", "街区中网格", "居民区网格", "微网格"].map(|name| level(name, false));
    let redrawn = from_2020(|description| {
        description.levels[0].levels = four.into();
        description.grids.push(spec("K1", Some("T"), "街区中网格"));
        description.grids[1].parent = Some(code("K1"));
    });
    let after = given::<District>(loaded()).when(redrawn).state();
    let path = |at| after.path(&code("M1"), day(at)).len();
    assert_eq!((path("2019-12-31"), path("2020-01-01")), (3, 4));
    assert_eq!(after.grid(&code("M1"), day("2020-01-01")).unwrap().level, 4);
}

#[test]
fn a_code_is_described_once() {
    refused(|it| it.grids.push(spec("T", None, "总网格")), Refusal::Duplicate("grid T".into()));
    refused(|it| it.levels.push(it.levels[0].clone()), Refusal::Duplicate("tree T".into()));
    refused(|it| it.departments.push(law(&[])), Refusal::Duplicate("department CGZF".into()));
}

#[test]
fn the_trees_of_a_description_hold() {
    let unknown = Refusal::UnknownParent { grid: code("R1"), parent: code("X") };
    refused(|it| it.grids[1].parent = Some(code("X")), unknown);
    refused(|it| it.grids[1].parent = Some(code("M1")), Refusal::Cycle(code("M1")));
    refused(|it| it.levels.truncate(1), Refusal::LevelsMissing(code("A")));
    refused(|it| it.levels[0].root = code("R1"), Refusal::LevelsBelowRoot(code("R1")));
    refused(|it| it.levels[0].root = code("X"), Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("X") }));
    let party_org = Refusal::PartyOrgMissing { grid: code("R1"), level: "居民区网格".into() };
    refused(|it| it.grids[1].party_org = None, party_org);
}

#[test]
fn a_grid_never_changes_its_network() {
    let crossed = from_2020(|it| {
        it.grids[3].network = Network::Party;
        it.mappings.clear();
    });
    given::<District>(loaded()).when(crossed).then_refused(Refusal::WrongNetwork(code("A")));
}

#[test]
fn the_body_is_the_description() {
    let json = serde_json::to_value(small()).unwrap();
    let command = DistrictCommand::parse("load-district", &json).unwrap();
    assert_eq!(command, LoadDistrict(small()).into());
    let typo = serde_json::json!({"effective_from": "2018-01-01T00:00:00Z", "gridz": []});
    let error = DistrictCommand::parse("load-district", &typo).unwrap_err().to_string();
    assert!(
        error.starts_with("the body of load-district does not fit: gridz does not fit: unknown field `gridz`"),
        "{error}"
    );
}

#[test]
fn maps_speak_of_what_is_described() {
    let without_admin = from_2020(|it| it.grids.retain(|spec| spec.code != code("A")));
    let without_admin = LoadDistrict(DistrictDescription {
        levels: vec![LevelPlan { root: code("T"), levels: levels() }],
        ..without_admin.0
    });
    given::<District>(loaded())
        .when(without_admin)
        .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("A") }));
}

#[test]
fn the_bounds_are_drawn_changed_and_lifted() {
    let drawn = Bounds { west: 121.4, south: 31.2, east: 121.5, north: 31.35 };
    let loading = |bounds: Option<Bounds>, from: &str| {
        LoadDistrict(DistrictDescription { bounds, effective_from: day(from), allow_closing: 1, ..small() })
    };
    let bounded = |bounds: Option<Bounds>, from: &str| DistrictBounded { bounds, effective_from: day(from) };
    let known = || [loaded(), vec![bounded(Some(drawn), "2018-01-01").into()]].concat();
    given::<District>(loaded()).when(loading(Some(drawn), "2018-01-01")).then([bounded(Some(drawn), "2018-01-01")]);
    given::<District>(known()).when(loading(Some(drawn), "2020-01-01")).then_nothing();
    let wider = Bounds { north: 31.4, ..drawn };
    given::<District>(known()).when(loading(Some(wider), "2020-01-01")).then([bounded(Some(wider), "2020-01-01")]);
    given::<District>(known()).when(loading(None, "2020-01-01")).then([bounded(None, "2020-01-01")]);
    let lifted = given::<District>(known()).when(loading(None, "2020-01-01")).state();
    assert_eq!((lifted.bounds(day("2019-12-31")), lifted.bounds(day("2020-01-01"))), (Some(drawn), None));
    for unsound in [
        Bounds { west: 121.5, east: 121.4, ..drawn },
        Bounds { south: 31.35, ..drawn },
        Bounds { north: 121.4, ..drawn },
        Bounds { west: -181.0, ..drawn },
        Bounds { east: 180.1, ..drawn },
        Bounds { south: -90.1, ..drawn },
    ] {
        given::<District>(loaded()).when(loading(Some(unsound), "2020-01-01")).then_refused(Refusal::BoundsReversed);
    }
}

#[test]
fn more_than_allowed_is_not_closed_and_a_successor_closes_nothing() {
    let forgotten = |allow_closing| {
        from_2020(|it| {
            it.grids.retain(|spec| spec.code == code("T") || spec.code == code("A"));
            it.departments.clear();
            it.mappings.clear();
            it.allow_closing = allow_closing;
        })
    };
    let LoadDistrict(description) = forgotten(4);
    let events = given::<District>(loaded()).when(LoadDistrict(description)).events();
    let ending: Vec<_> = district(loaded())
        .changed_by(&events)
        .into_iter()
        .map(|row| (row.turn, row.what, row.code, row.name))
        .collect();
    let ends = |what, code: &str, name: &str| (kernel::Turn::Ends, what, code.to_owned(), name.to_owned());
    let expected =
        [ends("department", "CGZF", "城管"), ends("grid", "M1", "M1"), ends("grid", "R1", "R1"), ends("map", "T", "A")];
    assert_eq!(ending, expected);
    for allowed in [0, 3] {
        let excess = kernel::Excess::of(&district(loaded()).changed_by(&events), allowed).unwrap();
        given::<District>(loaded()).when(forgotten(allowed)).then_refused(Refusal::ClosesTooMuch(excess));
    }
    let replaced = from_2020(|it| {
        it.grids[0].name = "新名".into();
        it.grids.push(GridSpec { network: Network::Administrative, ..spec("B", None, "责任网格") });
        it.levels.push(LevelPlan { root: code("B"), levels: vec![level("责任网格", false)] });
        it.mappings[0].administrative = code("B");
        it.allow_closing = 0;
    });
    let events = given::<District>(loaded()).when(replaced).events();
    let changed: Vec<_> = district(loaded()).changed_by(&events).into_iter().map(|row| (row.turn, row.name)).collect();
    let row = |turn, name: &str| (turn, name.to_owned());
    let expected =
        [row(kernel::Turn::Begins, "B"), row(kernel::Turn::Changes, "新名"), row(kernel::Turn::Changes, "A → B")];
    assert_eq!(changed, expected);
}

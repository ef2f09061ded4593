use given::given;
use kernel::facts::Bounds;
use kernel::{Command as _, MatterCode, Role};

use super::*;
use crate::testing::{
    admin_root, code, day, department, district, level, levels, mapped, micro, org, post, residential, root, spec,
};
use crate::{DepartmentSpec, DistrictCommand, GridSpec, LevelPlan, Mapping, Network};

/// T – R1 – M1, an administrative grid A that serves T, one department and one post.
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
        departments: vec![law(&["WM-0103"])],
        mappings: vec![Mapping { party: code("T"), administrative: code("A") }],
        bounds: None,
        posts: vec![leader("staff-1")],
    }
}

fn law(matters: &[&str]) -> DepartmentSpec {
    let matters = matters.iter().map(|text| MatterCode::try_new(*text).unwrap()).collect();
    DepartmentSpec { code: department("CGZF", "城管", &[]).code, name: "城管".into(), matters }
}

fn leader(holder: &str) -> PostSpec {
    PostSpec {
        grid: code("M1"),
        role: Role::GridLeader,
        holder: holder.into(),
        department: None,
        from: None,
        until: None,
    }
}

fn loaded() -> Vec<DistrictEvent> {
    vec![
        admin_root("A").into(),
        root("T").into(),
        residential("R1", "T").into(),
        micro("M1", "R1").into(),
        department("CGZF", "城管", &["WM-0103"]).into(),
        mapped("T", "A").into(),
        post("M1", Role::GridLeader, "staff-1").into(),
    ]
}

/// The small district from 2020 on, changed by `change`.
fn from_2020(change: impl FnOnce(&mut DistrictDescription)) -> LoadDistrict {
    let mut description = DistrictDescription { effective_from: day("2020-01-01"), ..small() };
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
    let ended = PostEnded {
        grid: code("M1"),
        role: Role::GridLeader,
        holder: "staff-1".into(),
        effective_from: day("2021-01-01"),
    };
    let closed = GridClosed { code: code("M1"), reason: None, effective_from: day("2022-01-01") };
    let history = || loaded().into_iter().chain([ended.clone().into(), closed.clone().into()]);
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
        description.posts = vec![leader("staff-2")];
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
        PostEnded { grid: code("M1"), role: Role::GridLeader, holder: "staff-1".into(), effective_from: from }.into(),
        crate::PostAppointed { effective_from: from, ..post("M1", Role::GridLeader, "staff-2") }.into(),
    ]);
}

#[test]
fn what_is_not_described_is_closed_the_deepest_first() {
    let emptied = from_2020(|description| {
        description.grids.retain(|spec| spec.code == code("T") || spec.code == code("A"));
        description.departments.clear();
        description.posts.clear();
    });
    let from = day("2020-01-01");
    given::<District>(loaded()).when(emptied).then::<DistrictEvent>([
        PostEnded { grid: code("M1"), role: Role::GridLeader, holder: "staff-1".into(), effective_from: from }.into(),
        GridClosed { code: code("M1"), reason: None, effective_from: from }.into(),
        GridClosed { code: code("R1"), reason: None, effective_from: from }.into(),
        DepartmentClosed { code: law(&[]).code, effective_from: from }.into(),
    ]);
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
fn a_planned_post_is_kept_by_the_next_description() {
    let planned = PostSpec { from: Some(day("2030-01-01")), ..leader("staff-9") };
    let first = PostSpec { until: Some(day("2030-01-01")), ..leader("staff-1") };
    let description = DistrictDescription { posts: vec![first, planned], ..small() };
    let events = given::<District>([]).when(LoadDistrict(description.clone())).events();
    assert_eq!(district(events.clone()).posts(&code("M1"), day("2030-06-01")).count(), 1);
    given::<District>(events).when(LoadDistrict(description)).then_nothing();
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
    let json = serde_json::to_vec(&small()).unwrap();
    let command = DistrictCommand::parse("load-district", &json).unwrap();
    assert_eq!(command, LoadDistrict(small()).into());
    let typo = br#"{"effective_from":"2018-01-01T00:00:00Z","gridz":[]}"#;
    let error = DistrictCommand::parse("load-district", typo).unwrap_err().to_string();
    assert!(error.starts_with("the body of load-district does not fit: unknown field `gridz`"), "{error}");
}

#[test]
fn maps_and_posts_speak_of_what_is_described() {
    let without_micro = from_2020(|it| drop(it.grids.remove(0)));
    given::<District>(loaded())
        .when(without_micro)
        .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("M1") }));
    let without_admin = from_2020(|it| it.grids.retain(|spec| spec.code != code("A")));
    let without_admin = LoadDistrict(DistrictDescription {
        levels: vec![LevelPlan { root: code("T"), levels: levels() }],
        ..without_admin.0
    });
    given::<District>(loaded())
        .when(without_admin)
        .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("A") }));
    let without_law = from_2020(|it| {
        it.posts[0].department = Some(law(&[]).code);
        it.departments.clear();
    });
    given::<District>(loaded())
        .when(without_law)
        .then_refused(Refusal::Unfit(kernel::Unfit::UnknownDepartment { department: law(&[]).code }));
}

#[test]
fn a_grid_with_a_planned_post_is_not_left_out() {
    let planned = crate::PostAppointed { effective_from: day("2030-01-01"), ..post("R1", Role::GridMember, "staff-9") };
    let emptied = from_2020(|it| {
        it.grids.retain(|spec| spec.code == code("T") || spec.code == code("A"));
        it.posts.clear();
    });
    given::<District>(loaded().into_iter().chain([planned.into()]))
        .when(emptied)
        .then_refused(Refusal::OutOfOrder { what: "a post in R1".into(), last: day("2030-01-01") });
}

#[test]
fn the_bounds_are_drawn_changed_and_lifted() {
    let drawn = Bounds { west: 121.4, south: 31.2, east: 121.5, north: 31.35 };
    let loading = |bounds: Option<Bounds>, from: &str| {
        LoadDistrict(DistrictDescription { bounds, effective_from: day(from), ..small() })
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

//! The sample district of `deploy/sample` is loaded without a refusal and is what the article describes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::Path;

use chrono::{DateTime, Utc};
use dualgrid_grid::{
    District, DistrictCommand, DistrictDescription, GridKind, GridNode, LoadDistrict, MapGrids, Network,
};
use kernel::{Actor, Aggregate as _, Context, Decision, DepartmentCode, Facts, GridCode, MatterCode, Role, Scope};

/// The files of the sample joined: arrays of the same name are put together, any other key occurs once.
fn merged(file: &str) -> toml::Table {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample");
    let read = |name: &str| -> toml::Table {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let mut all = read(file);
    for name in all.remove("include").unwrap().as_array().unwrap().clone() {
        for (key, value) in read(name.as_str().unwrap()) {
            match (all.get_mut(&key), value) {
                (Some(toml::Value::Array(known)), toml::Value::Array(more)) => known.extend(more),
                (None, value) => drop(all.insert(key, value)),
                (Some(_), _) => panic!("{key} occurs twice"),
            }
        }
    }
    all
}

fn description() -> DistrictDescription {
    described_in("district.toml")
}

fn described_in(file: &str) -> DistrictDescription {
    let mut table = merged(file);
    let keys = ["effective_from", "levels", "grids", "departments", "mappings"];
    table.retain(|key, _| keys.contains(&key));
    table.try_into().unwrap()
}

fn at() -> DateTime<Utc> {
    "2026-03-02T02:00:00Z".parse().unwrap()
}

fn decide(district: &District, command: impl Into<DistrictCommand>) -> Decision<District> {
    let by = Actor {
        id: "administrator".into(),
        role: Role::SystemAdministrator,
        scope: Scope::Everywhere,
        seconded_by: None,
    };
    let (id, today) = (dualgrid_grid::district_id(), at().date_naive());
    district.decide(&command.into(), &Context { id, at: at(), today, by, facts: Facts::default() })
}

fn loaded() -> District {
    let events = decide(&District::default(), LoadDistrict(description())).unwrap();
    events.into_iter().fold(District::default(), District::evolve)
}

fn code(text: &str) -> GridCode {
    GridCode::try_new(text).unwrap()
}

fn count(district: &District, root: &str, which: impl Fn(&&GridNode) -> bool) -> usize {
    let root = code(root);
    district.grids(at()).filter(|node| district.is_within(&node.code, &root, at())).filter(which).count()
}

#[test]
fn the_sample_is_loaded_once() {
    assert_eq!(decide(&loaded(), LoadDistrict(description())), Ok(vec![]));
}

#[test]
fn jingansi_has_one_root_eleven_residential_grids_and_thirty_seven_micro_grids() {
    let district = loaded();
    let of_level = |level| count(&district, "JAS", |node| node.level == level);
    assert_eq!((of_level(1), of_level(2), of_level(3), of_level(4)), (1, 11, 37, 0));
    let micro = |kind| count(&district, "JAS", |node| node.level == 3 && node.kind == Some(kind));
    assert_eq!((micro(GridKind::Residential), micro(GridKind::Business)), (32, 5));
    assert!(
        district.grids(at()).filter(|node| node.level_name == "微网格").all(|node| district.is_leaf(&node.code, at()))
    );
}

#[test]
fn beizhan_has_four_business_micro_grids() {
    let district = loaded();
    assert_eq!(count(&district, "BZ", |node| node.level == 3 && node.kind == Some(GridKind::Business)), 4);
    assert!(district.grid(&code("BZ-R01-B01"), at()).unwrap().name.contains("静安大悦城"));
}

#[test]
fn pengpu_has_four_levels_and_four_blocks() {
    let district = loaded();
    assert_eq!(district.levels(&code("PP-K1-R01-M01"), at()).len(), 4);
    assert_eq!(district.path(&code("PP-K1-R01-M01"), at()).len(), 4);
    assert_eq!(district.children(&code("PP"), at()).count(), 4);
    assert_eq!(district.grid(&code("PP-K1-R01"), at()).unwrap().level_name, "居民区（园区）小网格");
}

#[test]
fn every_micro_grid_has_an_administrative_side_and_an_owning_party_organisation() {
    let district = loaded();
    let party = |node: &&GridNode| node.network == Network::Party && district.is_leaf(&node.code, at());
    for node in district.grids(at()).filter(party) {
        assert!(!district.administrative_grids(&node.code, at()).is_empty(), "{}", node.code);
        assert!(district.owning_party_org(&node.code, at()).is_some(), "{}", node.code);
    }
    let of_fuyuanfang = district.administrative_grids(&code("ZJX-R01-M02"), at());
    assert_eq!(of_fuyuanfang, [code("ZJX-A-U01")]);
    assert_eq!(district.administrative_grids(&code("JAS-R03-M01"), at()).len(), 2);
    assert_eq!(district.owning_party_org(&code("ZJX-R01-M02"), at()).unwrap().name, "复元坊居民区党总支");
}

#[test]
fn health_certificates_belong_to_two_departments() {
    let matter = MatterCode::try_new("FW-0301").unwrap();
    let district = loaded();
    let owners: Vec<_> = district.owners(&matter, at()).map(|department| department.code.to_string()).collect();
    assert_eq!(owners, ["SCJG", "WSJK"]);
    let health = district.department(&DepartmentCode::try_new("WSJK").unwrap(), at()).unwrap();
    assert!(health.owns(&matter, at()));
    assert!(!health.owns(&matter, "2017-06-01T00:00:00Z".parse().unwrap()));
    assert_eq!(district.departments(at()).count(), 13);
}

#[test]
fn a_single_command_continues_the_history_of_the_file() {
    let district = loaded();
    let map = MapGrids { party: code("ZJX-R01"), administrative: [code("ZJX-A-U02")].into(), effective_from: None };
    let events = decide(&district, map).unwrap();
    let after = events.into_iter().fold(district, District::evolve);
    assert_eq!(after.administrative_grids(&code("ZJX-R01-M01"), at()), [code("ZJX-A-U02")]);
    let again = decide(&after, LoadDistrict(description()));
    assert_eq!(again, Ok(vec![]), "the file speaks of 2018, the change is of 2026");
}

#[test]
fn the_streets_of_a_district_of_five_levels_have_the_grid_centres() {
    let district = given::given::<District>([]).when(LoadDistrict(described_in("five-levels.toml"))).state();
    let facts = |grid: &str| district.grid_facts(&code(grid), at()).unwrap();
    let lowest = facts("JA-S1-R01-M01-L02");
    assert_eq!((lowest.path.len(), lowest.lowest, lowest.centre), (5, true, code("JA-S1")));
    assert_eq!(lowest.administrative, [code("JA-A-S1")]);
    assert_eq!(lowest.party_org.unwrap().as_str(), "JA-S1-R01-ZZ");
    assert_eq!(facts("JA-S2-R01-M01-L01").centre, code("JA-S2"));
    assert_eq!(facts("JA").centre, code("JA"), "a grid above the centres is its own");
}

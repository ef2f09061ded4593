//! Trees of up to eight levels, and where the grid centre is: tests over all commands that make or move a grid.

use given::given;
use kernel::GridCode;

use crate::testing::{admin_root, code, day, grid_event, level, root, spec};
use crate::{
    District, DistrictDescription, DistrictEvent, EstablishGrid, GridEstablished, GridSpec, Level, LevelPlan,
    LoadDistrict, Refusal, ReparentGrid,
};

/// 区 → 街道 (with the grid centre) → 居民区 → 微网格 → 楼组.
fn five_levels() -> Vec<Level> {
    let mut levels = ["区", "街道", "居民区", "微网格", "楼组"].map(|name| level(name, false));
    levels[1].centre = true;
    levels.into()
}

fn numbered(count: usize) -> Vec<Level> {
    (1..=count).map(|depth| level(&format!("第{depth}级"), false)).collect()
}

/// A chain of grids G1 – G2 – …, one a level, as a file describes it.
fn described(levels: Vec<Level>) -> DistrictDescription {
    let grid = |depth: usize| {
        let parent = (depth > 1).then(|| format!("G{}", depth - 1));
        spec(&format!("G{depth}"), parent.as_deref(), &levels[depth - 1].name)
    };
    DistrictDescription {
        allow_closing: 0,
        effective_from: day("2018-01-01"),
        grids: (1..=levels.len()).map(grid).collect(),
        levels: vec![LevelPlan { root: code("G1"), levels }],
        closings: vec![],
        departments: vec![],
        mappings: vec![],
        bounds: None,
    }
}

fn district(levels: Vec<Level>) -> District {
    given::<District>([]).when(LoadDistrict(described(levels))).state()
}

fn codes(texts: &[&str]) -> Vec<GridCode> {
    texts.iter().map(|text| code(text)).collect()
}

fn centre_of(district: &District, grid: &str) -> GridCode {
    district.grid_facts(&code(grid), day("2026-01-01")).unwrap().centre
}

fn too_deep(grid: &str) -> Refusal {
    Refusal::TooDeep { grid: code(grid), depth: 9 }
}

#[test]
fn a_district_of_five_levels_has_its_centre_at_the_street() {
    let district = district(five_levels());
    let facts = district.grid_facts(&code("G5"), day("2026-01-01")).unwrap();
    assert_eq!(facts.path, codes(&["G5", "G4", "G3", "G2", "G1"]));
    assert_eq!(facts.centre, code("G2"));
    assert!(facts.lowest);
    assert_eq!(centre_of(&district, "G2"), code("G2"));
    assert_eq!(centre_of(&district, "G1"), code("G1"), "a grid above the centres is its own");
}

#[test]
fn without_a_word_about_it_the_root_has_the_centre() {
    let district = district(numbered(3));
    assert_eq!(centre_of(&district, "G3"), code("G1"));
}

#[test]
fn a_tree_has_one_level_with_the_centre() {
    let mut levels = five_levels();
    levels[3].centre = true;
    let several = Refusal::SeveralCentres { root: code("G1"), level: "微网格".into() };
    given::<District>([]).when(LoadDistrict(described(levels.clone()))).then_refused(several.clone());
    let root = EstablishGrid { grid: spec("G1", None, "区"), levels, effective_from: None };
    given::<District>([]).when(root).then_refused(several);
}

#[test]
fn the_centre_moves_by_a_new_description_and_the_past_keeps_its_own() {
    let mut moved = DistrictDescription { effective_from: day("2020-01-01"), ..described(five_levels()) };
    moved.levels[0].levels[1].centre = false;
    moved.levels[0].levels[2].centre = true;
    let events = given::<District>([]).when(LoadDistrict(described(five_levels()))).events();
    let after = given::<District>(events).when(LoadDistrict(moved)).state();
    let centre = |at| after.grid_facts(&code("G5"), day(at)).unwrap().centre;
    assert_eq!((centre("2019-12-31"), centre("2020-01-01")), (code("G2"), code("G3")));
}

#[test]
fn a_tree_has_up_to_eight_levels() {
    let district = district(numbered(8));
    assert_eq!(district.path(&code("G8"), day("2026-01-01")).len(), 8);
    given::<District>([]).when(LoadDistrict(described(numbered(9)))).then_refused(too_deep("G1"));
    let root =
        |count| EstablishGrid { grid: spec("G1", None, "第1级"), levels: numbered(count), effective_from: None };
    assert_eq!(given::<District>([]).when(root(8)).events().len(), 1);
    given::<District>([]).when(root(9)).then_refused(too_deep("G1"));
}

#[test]
fn no_description_places_a_grid_below_the_eighth_level() {
    let mut deep = described(numbered(8));
    deep.grids.push(GridSpec { parent: Some(code("G8")), ..spec("G9", None, "第8级") });
    given::<District>([]).when(LoadDistrict(deep)).then_refused(too_deep("G9"));
}

#[test]
fn no_grid_is_established_below_the_eighth_level() {
    let events = given::<District>([]).when(LoadDistrict(described(numbered(8)))).events();
    let ninth = EstablishGrid { grid: spec("G9", Some("G8"), "第8级"), levels: vec![], effective_from: None };
    given::<District>(events).when(ninth).then_refused(too_deep("G9"));
}

#[test]
fn no_grid_is_moved_below_the_eighth_level_and_none_that_moves_along() {
    let events = || given::<District>([]).when(LoadDistrict(described(numbered(8)))).events();
    let other = |text: &str, parent: Option<&str>, depth: u8| {
        let levels = if parent.is_none() { numbered(8) } else { vec![] };
        GridEstablished { levels, ..grid_event(text, parent, depth, &format!("第{depth}级")) }.into()
    };
    let history = || -> Vec<DistrictEvent> {
        let two = [other("H1", None, 1), other("H2", Some("H1"), 2), other("H3", Some("H2"), 3)];
        events().into_iter().chain(two).collect()
    };
    let reparent = |grid: &str, parent: &str| ReparentGrid {
        code: code(grid),
        parent: code(parent),
        reason: None,
        effective_from: Some(day("2020-01-01")),
    };
    given::<District>(history()).when(reparent("H3", "G8")).then_refused(too_deep("H3"));
    given::<District>(history()).when(reparent("H2", "G7")).then_refused(too_deep("H3"));
    assert_eq!(given::<District>(history()).when(reparent("H2", "G6")).events().len(), 2);
}

#[test]
fn the_levels_of_one_tree_say_nothing_about_another() {
    let mut levels = five_levels();
    levels.truncate(2);
    let town = GridEstablished { levels, ..grid_event("P", None, 1, "区") };
    let street = grid_event("P-S", Some("P"), 2, "街道");
    let history: [DistrictEvent; 4] = [root("T").into(), admin_root("A").into(), town.into(), street.into()];
    let district = given::<District>(history).state();
    assert_eq!(centre_of(&district, "P-S"), code("P-S"));
    assert_eq!(centre_of(&district, "A"), code("A"));
    assert_eq!(centre_of(&district, "T"), code("T"));
}

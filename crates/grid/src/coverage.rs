//! Nothing of the district is forgotten.

use kernel::{Aggregate as _, Event as _, Family, Refusal as _};

use crate::{District, DistrictEvent};

/// Lists that end with the body, or with the depth of a tree; the texts in them have bounds.
const LISTS: [&str; 11] = [
    "load-district/closings",
    "load-district/departments",
    "load-district/departments/matters",
    "load-district/grids",
    "load-district/levels",
    "load-district/levels/levels",
    "load-district/mappings",
    "load-district/posts",
    "establish-grid/levels",
    "register-department/matters",
    "map-grids/administrative",
];

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

#[test]
fn every_verb_event_and_refusal_is_covered() {
    let read = |name| {
        let text = std::fs::read_to_string(format!("{GOLDEN}/{name}.json")).unwrap();
        DistrictEvent::read(name, &text).unwrap()
    };
    given::covered::<District>(GOLDEN, DistrictEvent::EVENTS.iter().map(|spec| read(spec.name)).collect(), &[]);
}

#[test]
fn every_text_of_a_command_has_a_published_bound() {
    assert_eq!(given::unbounded::<crate::DistrictCommand>(), LISTS);
}

/// There is one, even before its first event: no command is refused for want of it.
#[test]
fn the_district_always_exists() {
    assert!(District::default().place().is_some());
    let missing = District::missing();
    assert_eq!((missing.code(), missing.family()), ("no-district", Family::Missing));
    given::refused::<District>(&missing);
}

//! Nothing of the district is forgotten.

use kernel::{Aggregate as _, Event as _, Family, Refusal as _};

use crate::{District, DistrictEvent};

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
fn every_text_and_list_of_a_command_has_a_published_bound() {
    assert_eq!(given::unbounded(<crate::DistrictCommand as kernel::Command>::VERBS), Vec::<String>::new());
}

/// There is one, even before its first event: no command is refused for want of it.
#[test]
fn the_district_always_exists() {
    assert!(District::default().place().is_some());
    let missing = District::missing();
    assert_eq!((missing.code(), missing.family()), ("no-district", Family::Missing));
    given::refused::<District>(&missing);
}

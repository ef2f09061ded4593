//! Nothing of the district is forgotten.

use kernel::Event as _;

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

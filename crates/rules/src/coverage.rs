//! Nothing of the rules is forgotten.

use kernel::{Aggregate as _, Event as _, Family, Refusal as _};

use crate::{Rulebook, RulesEvent};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

#[test]
fn every_verb_event_and_refusal_is_covered() {
    let read = |name| {
        let text = std::fs::read_to_string(format!("{GOLDEN}/{name}.json")).unwrap();
        RulesEvent::read(name, &text).unwrap()
    };
    given::covered::<Rulebook>(GOLDEN, RulesEvent::EVENTS.iter().map(|spec| read(spec.name)).collect(), &[]);
}

/// There is one, even before its first event: no command is refused for want of it.
#[test]
fn the_rules_always_exist() {
    assert!(Rulebook::default().place().is_some());
    let missing = Rulebook::missing();
    assert_eq!((missing.code(), missing.family()), ("no-rules", Family::Missing));
    given::refused::<Rulebook>(&missing);
}

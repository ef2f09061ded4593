//! Nothing of the rules is forgotten.

use kernel::Aggregate as _;

use crate::testing::{code, day, published};
use crate::{CalendarWithdrawn, ConsentRuleWithdrawn, MatterWithdrawn, Rulebook, RulesWithdrawn};

#[test]
fn every_text_and_list_of_a_command_has_a_published_bound() {
    assert_eq!(given::unbounded(<crate::RulesCommand as kernel::Command>::VERBS), Vec::<String>::new());
}

#[test]
fn every_verb_event_and_refusal_is_covered() {
    let withdrawn = MatterWithdrawn { rules_version: 2, code: code(), effective_from: day("2020-01-01") };
    let never = [
        RulesWithdrawn { rules_version: 3, scheduled_from: day("2099-01-01") }.into(),
        CalendarWithdrawn { rules_version: 3, id: crate::testing::calendar_2027().id }.into(),
        ConsentRuleWithdrawn { rules_version: 3, id: "RESIDENT_2_3".into() }.into(),
    ];
    let samples = published().into_iter().chain([withdrawn.into()]).chain(never).collect();
    given::covered::<Rulebook>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"), samples, &[]);
}

#[test]
fn a_rulebook_always_exists() {
    assert!(Rulebook::default().place().is_some());
    given::refused::<Rulebook>(&Rulebook::missing());
}

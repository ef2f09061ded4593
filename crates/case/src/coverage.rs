//! Nothing of a case is forgotten.

use std::collections::BTreeSet;

use kernel::{Event, View};
use serde_json::Value;

use crate::testing::{every_event, keys};
use crate::{
    Case, CaseEvent, CaseSummaryView, DepartmentOrderView, IssueView, OpenObligationView, ReporterReadingView,
};

#[test]
fn every_text_and_list_of_a_command_has_a_published_bound() {
    assert_eq!(given::unbounded(<crate::CaseCommand as kernel::Command>::VERBS), Vec::<String>::new());
}

#[test]
fn every_verb_event_and_refusal_is_covered() {
    given::covered::<Case>(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"), every_event(), &[]);
}

#[test]
fn every_sample_holds_every_field() {
    let samples = every_event();
    for spec in CaseEvent::EVENTS {
        let sample = samples.iter().find(|event| event.name() == spec.name).unwrap();
        let written: Value = serde_json::from_str(sample.data().unwrap().get()).unwrap();
        let schema = (spec.schema)();
        let fields = schema.get("properties").and_then(Value::as_object).expect("an event is an object");
        let absent: BTreeSet<_> =
            fields.keys().filter(|field| written.get(*field).is_none_or(Value::is_null)).collect();
        // A hearing has no score, a review no consent; one sample cannot hold both.
        let expected =
            if spec.name.ends_with("meeting_held.v1") { BTreeSet::from(["score".to_owned()]) } else { BTreeSet::new() };
        assert_eq!(absent, expected.iter().collect(), "{}", spec.name);
    }
}

/// The names of the events that touch no row of a view, though they are of its kind.
fn untouching<V: View>() -> Vec<&'static str> {
    let touches = |event: &CaseEvent| !keys::<V>(event).is_empty();
    let mut names: Vec<_> = every_event().iter().filter(|event| !touches(event)).map(Event::name).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_event_touches_a_row_or_is_stated_to_touch_none() {
    assert_eq!(untouching::<CaseSummaryView>(), CaseSummaryView::NONE);
    assert_eq!(untouching::<DepartmentOrderView>(), DepartmentOrderView::NONE);
    assert_eq!(untouching::<IssueView>(), IssueView::NONE);
    assert_eq!(untouching::<OpenObligationView>(), OpenObligationView::NONE);
    assert_eq!(untouching::<ReporterReadingView>(), ReporterReadingView::NONE);
}

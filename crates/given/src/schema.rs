//! What is recorded fits its own schema: the one that is published.

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::{Draft, Validator};
use kernel::Event;
use serde_json::Value;

thread_local! {
    /// By stored name: a schema is read once a thread.
    static VALIDATORS: RefCell<HashMap<&'static str, Validator>> = RefCell::default();
}

/// Checks an event against the schema of its stored name, formats included.
#[track_caller]
pub fn fits<E: Event>(event: &E) {
    let data: Value = serde_json::from_str(event.data().unwrap().get()).unwrap();
    let faults = VALIDATORS.with_borrow_mut(|known| {
        let spec = event.spec();
        let validator = known.entry(spec.name).or_insert_with(|| {
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            options.build(&(spec.schema)().to_value()).unwrap()
        });
        let fault = |error: jsonschema::ValidationError<'_>| format!("{} {error}", error.instance_path());
        validator.iter_errors(&data).map(fault).collect::<Vec<_>>()
    });
    assert!(faults.is_empty(), "{} does not fit its schema: {faults:?}\n{data:#}", event.name());
}

//! The catalogue as one document.

use chrono::{DateTime, Utc};
use kernel::access::EVERYBODY;
use kernel::aggregate::DocumentSpec;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Matter, Rulebook};

/// The document of the catalogue, for `GET /matters?at=`.
pub(crate) const MATTERS: DocumentSpec<Rulebook> = DocumentSpec {
    path: "matters",
    action: "read-matters",
    about: "The matters of the catalogue that are in force at a moment, with their limits",
    read: EVERYBODY,
    show: |rules, at| serde_json::to_value(rules.matters_document(at)),
    schema: || schemars::schema_for!(MattersDocument),
};

/// The catalogue of matters as it is at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MattersDocument {
    /// The moment that the document shows.
    pub at: DateTime<Utc>,
    /// Version of the rules at the time of the request, whatever `at` is: it counts publications.
    pub rules_version: u32,
    /// The matters in force, ordered by code.
    pub matters: Vec<Matter>,
}

impl Rulebook {
    /// The catalogue as it is at that moment.
    pub fn matters_document(&self, at: DateTime<Utc>) -> MattersDocument {
        MattersDocument { at, rules_version: self.version(), matters: self.matters(at).cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Aggregate as _;

    use super::*;
    use crate::testing::{day, published, rulebook};

    #[test]
    fn the_document_shows_what_is_in_force_at_its_moment() {
        let rules = rulebook(published());
        let shown = rules.matters_document(day("2026-03-02"));
        assert_eq!((shown.rules_version, shown.matters.len()), (1, 1));
        assert_eq!(shown.matters[0].code.as_str(), "WM-0101");
        assert_eq!(rules.matters_document(day("2017-01-01")).matters, []);
    }

    #[test]
    fn it_is_shown_as_json_by_its_schema() {
        let [spec] = Rulebook::DOCUMENTS else { panic!("one document") };
        let shown = (spec.show)(&rulebook(published()), day("2026-03-02")).unwrap();
        assert_eq!(shown["matters"][0]["disposal"]["limit"]["unit"], "work_hour");
        let schema = (spec.schema)();
        let fields = schema.get("properties").and_then(serde_json::Value::as_object).unwrap();
        assert!(shown.as_object().unwrap().keys().eq(fields.keys()));
    }
}

//! The documents of the views, as they are answered, and the pages of them.

use app::view::{CaseSummary, DepartmentOrder, OpenObligation};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::components::Components;

/// The component of where a case stands.
pub(super) const CASE: &str = "view.CaseSummary";
/// The component of a page of a board.
pub(super) const BOARD: &str = "CasePage";
/// The component of a page of orders.
pub(super) const ORDERS: &str = "OrderPage";
/// The component of a page of obligations.
pub(super) const OBLIGATIONS: &str = "ObligationPage";
/// The component of a page of a history.
pub(super) const HISTORY: &str = "HistoryPage";

/// Takes the rows of every view.
pub(super) fn take(components: &mut Components) {
    row::<CaseSummary>(components);
    row::<DepartmentOrder>(components);
    row::<OpenObligation>(components);
}

fn row<R: JsonSchema>(components: &mut Components) {
    // As it is written, not as it is read: a field that is never left out is there.
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<R>();
    components.take("view", &R::schema_name(), schema);
}

/// What is named in [`super::queries`] beside the rows themselves.
pub(super) fn pages() -> [(&'static str, Value); 5] {
    [
        (BOARD, page(CASE)),
        (ORDERS, page("view.DepartmentOrder")),
        (OBLIGATIONS, page("view.OpenObligation")),
        (HISTORY, page("HistoryEntry")),
        ("HistoryEntry", history_entry()),
    ]
}

fn page(of: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": { "type": "array", "items": { "$ref": format!("#/components/schemas/{of}") } },
            "next": { "type": "string", "description": "The next `beyond`; absent on the last page" }
        }
    })
}

fn history_entry() -> Value {
    json!({
        "type": "object",
        "description": "One event of a case, with where it stands in the log",
        "required": ["position", "version", "event"],
        "properties": {
            "position": { "type": "integer", "minimum": 1, "description": "Place in the log" },
            "version": { "type": "integer", "minimum": 1, "description": "Number in the case's stream" },
            "event": { "$ref": "#/components/schemas/Event" }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use app::view::HistoryEntry;
    use kernel::{Position, Version};
    use serde::Serialize;
    use serde_json::value::RawValue;

    use super::super::document;
    use super::*;

    /// A schema written by hand describes exactly the fields of the whole value.
    fn describes(schema: &Value, value: &impl Serialize) {
        let value = serde_json::to_value(value).unwrap();
        let fields: BTreeSet<&String> = value.as_object().unwrap().keys().collect();
        let described: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(fields, described);
    }

    #[test]
    fn schemas_by_hand_keep_up_with_the_types() {
        describes(&page(CASE), &app::query::Page { items: vec![], next: Some("1".into()) });
        let event = RawValue::from_string("{}".into()).unwrap();
        describes(&history_entry(), &HistoryEntry { position: Position(1), version: Version(1), event });
    }

    #[test]
    fn every_query_of_cases_says_what_it_answers() {
        let document = document();
        let answered = |path: &str| {
            let content = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
            let name = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let schema = &document["components"]["schemas"][name];
            let items = schema["properties"]["items"]["items"]["$ref"].as_str();
            items.map_or(name, |items| items.rsplit('/').next().unwrap()).to_owned()
        };
        assert_eq!(answered("/cases/{case}"), CASE);
        assert_eq!(answered("/cases/{case}/history"), "HistoryEntry");
        assert_eq!(answered("/grids/{grid}/board"), CASE);
        assert_eq!(answered("/departments/{department}/orders"), "view.DepartmentOrder");
        assert_eq!(answered("/obligations"), "view.OpenObligation");
    }

    #[test]
    fn a_row_is_described_as_it_is_written() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        let required = |name: &str| -> BTreeSet<&str> {
            schemas[name]["required"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect()
        };
        let order = required("view.DepartmentOrder");
        assert!(order.contains("accepted_late"), "it has a default when it is read, and is always written");
        assert!(!order.contains("progress"), "it is left out where there is none");
        let orders = &schemas[CASE]["properties"]["orders"];
        assert!(orders.to_string().contains("#/components/schemas/view.SummaryOrder"), "{orders}");
        assert_eq!(
            schemas["view.SummaryOrder"]["properties"]["department"]["$ref"],
            "#/components/schemas/view.DepartmentCode"
        );
    }
}

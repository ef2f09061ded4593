//! Every text of the reference data is held to one rule with one code, by each way in: alone, or as part of an import.

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "the desk is for other tests too")]
mod desk;

use app::registry;
use desk::{Desk, actor, id, sample_body};
use kernel::Role;
use serde_json::{Value, json};

/// What is no text, and the code with which it is refused everywhere.
const UNFIT: [(&str, &str); 6] = [
    ("", "text-length"),
    (" \u{3000}", "text-length"),
    ("\u{200b}", "text-length"),
    ("\u{3164}\u{feff}", "text-length"),
    ("a\u{7}", "text-characters"),
    ("a\u{202e}b", "text-characters"),
];

/// The places of all texts in a body that are free: of a length, and without a form or a choice. Of each list one entry.
fn texts(root: &Value, schema: &Value, body: &Value, place: &str, found: &mut Vec<(String, usize)>) {
    let resolved = schema["$ref"].as_str().and_then(|name| root.pointer(name.trim_start_matches('#')));
    let some = schema["anyOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"));
    if let Some(next) = some.or(resolved) {
        // What stands beside a reference counts too.
        let max = schema["maxLength"].as_u64();
        let before = found.len();
        texts(root, next, body, place, found);
        if let (Some(max), true, true) = (max, found.len() == before, body.is_string()) {
            found.push((place.to_owned(), usize::try_from(max).expect("a body")));
        }
        return;
    }
    match body {
        Value::Object(members) => {
            for (name, member) in members {
                texts(root, &schema["properties"][name], member, &format!("{place}/{name}"), found);
            }
        }
        Value::Array(entries) => {
            // The entry with most members shows most texts.
            let most = (0..entries.len()).max_by_key(|at| entries[*at].as_object().map_or(0, serde_json::Map::len));
            if let Some(at) = most {
                texts(root, &schema["items"], &entries[at], &format!("{place}/{at}"), found);
            }
        }
        Value::String(_) if schema["pattern"].is_null() && schema["format"].is_null() => {
            if let Some(max) = schema["maxLength"].as_u64() {
                found.push((place.to_owned(), usize::try_from(max).expect("a body")));
            }
        }
        _ => {}
    }
}

/// A body with every text that its verb takes.
fn full(name: &str) -> Value {
    let mut body = sample_body(name, "district.toml");
    if name == "load-district" {
        body["grids"][0]["reason"] = "边界".into();
        body["levels"][0]["levels"][0]["duty"] = "加强党的建设".into();
    }
    body
}

#[tokio::test]
async fn one_fault_of_a_text_has_one_code_at_every_door_of_reference_data() {
    let desk = Desk::empty(None).await;
    let by = actor("operator", Role::SystemAdministrator, None);
    let bodies = [("publish-rules", "rules"), ("load-district", "district")].map(|(name, part)| {
        let schema = (registry::verb(name).unwrap().1.schema)().to_value();
        let mut found = Vec::new();
        texts(&schema, &schema, &full(name), "", &mut found);
        (name, part, found)
    });
    let named = |body: &[(String, usize)]| body.iter().map(|(place, _)| place.clone()).collect::<Vec<_>>().join(" ");
    for wanted in
        ["/matters/", "/windows/reopen/source", "/calendars/", "/consent_rules/", "/filing_criteria/", "/review/source"]
    {
        assert!(named(&bodies[0].2).contains(wanted), "{wanted} is not in {}", named(&bodies[0].2));
    }
    for wanted in ["/reason", "/duty", "/departments/", "/party_org/name", "/levels/"] {
        assert!(named(&bodies[1].2).contains(wanted), "{wanted} is not in {}", named(&bodies[1].2));
    }
    let mut import = json!({"rules": full("publish-rules"), "district": full("load-district")});
    for (name, part, places) in &bodies {
        let mut body = full(name);
        // A holder is an id and no text.
        for (place, max) in places.iter().filter(|(place, _)| !place.ends_with("/holder")) {
            let long = "字".repeat(max + 1);
            for (text, code) in UNFIT.into_iter().chain([(long.as_str(), "text-length")]) {
                let good = body.pointer_mut(place).unwrap().take();
                *body.pointer_mut(place).unwrap() = text.into();
                import[*part] = body.clone();
                for (name, body) in [(*name, &body), ("import-reference", &import)] {
                    let refused = desk.submit(&by, None, name, id(), body).await;
                    let said = refused.map(|_| ()).map_err(|error| error.problem());
                    let is_it = said.as_ref().is_err_and(|problem| (problem.status, &*problem.code) == (422, code));
                    assert!(is_it, "{name} {place} {}: {said:?}", text.escape_unicode());
                }
                *body.pointer_mut(place).unwrap() = good;
            }
        }
        import[*part] = body;
    }
    assert_eq!(desk.app.ports().log.head().await.unwrap().0, 0, "nothing was recorded");
    desk.submit(&by, None, "import-reference", id(), &import).await.unwrap();
}

#[test]
fn a_number_that_tells_who_somebody_is_is_noticed_in_every_free_text_of_every_verb() {
    let mut looked = 0;
    for (kind, verb) in registry::kinds().iter().flat_map(|kind| kind.verbs().iter().map(move |verb| (kind, verb))) {
        let (schema, example) = ((verb.schema)().to_value(), (verb.example)());
        let mut found = Vec::new();
        texts(&schema, &schema, &example, "", &mut found);
        for (place, _) in found.into_iter().filter(|(_, max)| *max >= 30) {
            let mut body = example.clone();
            *body.pointer_mut(&place).unwrap() = "联系王阿姨13800001111".into();
            // A place that is read as a code takes no such text.
            let Ok(asked) = kind.parse(verb.name, &body) else { continue };
            let canonical = asked.canonical();
            if !canonical.personal.is_empty() {
                // It is sealed.
                continue;
            }
            let noticed = canonical.numbers;
            assert!(noticed.iter().any(|one| one.field == place), "{}{place}: {noticed:?}", verb.name);
            looked += 1;
        }
    }
    assert!(looked > 30, "only {looked} texts were looked at");
}

#[tokio::test]
async fn who_writes_such_a_number_is_warned_and_it_is_recorded() {
    let desk = Desk::open().await;
    let mut body = desk::discovery();
    (body["title"], body["location"]["text"]) = (json!("车棚，打021-63217788"), json!("西藏北路198号"));
    body["description"] = json!("身份证11010519491231002X的业主，电话138 0000 1111");
    let command = id();
    for is_repeat in [false, true] {
        let answer = desk.submit(&desk::member(), None, "discover-issue", command, &body).await.unwrap();
        let warned = serde_json::to_value(&answer).unwrap();
        let expected = json!([
            {"field": "/description", "has": "telephone"},
            {"field": "/description", "has": "identity"},
            {"field": "/title", "has": "telephone"},
        ]);
        assert_eq!((answer.replayed, &warned["warnings"]), (is_repeat, &expected), "the reporter's own are sealed");
    }
    let clean = desk.submit(&desk::member(), None, "discover-issue", id(), &desk::discovery()).await.unwrap();
    assert_eq!(serde_json::to_value(&clean).unwrap().get("warnings"), None);
}

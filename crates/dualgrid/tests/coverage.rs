//! Nothing of a kind or a view is forgotten: everything that the registry lists is looked for wherever it must be.
//!
//! Each check is a function over data ([`checks`]). Beside the real data it is given data in which something was left out, and
//! must find that.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/checks.rs"]
mod checks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use app::registry;
use bus::rules::{self, rules};
use checks::{Event, Verb, View};
use chrono::DateTime;
use kernel::envelope::{Header, Provenance, encode};
use kernel::{
    Actor, Audience, AudienceKind, CommandId, CorrelationId, EventId, Position, Reach, Read, Recorded, Role, Scope,
    StreamId, Version, reach_of,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

const NOTHING: Vec<String> = Vec::new();

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(name: &str) -> String {
    let path = workspace().join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn verbs() -> Vec<Verb> {
    let mut verbs = Vec::new();
    for kind in registry::kinds() {
        verbs.extend(kind.verbs().iter().map(|verb| Verb {
            name: verb.name,
            kind: kind.category(),
            plural: kind.plural(),
            example: (verb.example)(),
            is_without_id: verb.begins || kind.is_single(),
            is_part: verb.is_part,
            is_of_departments: !verb.begins
                && !verb.is_part
                && reach_of(verb.by, rules::ROLE) == Some(Reach::Department),
        }));
    }
    verbs
}

fn views() -> Vec<View> {
    let of = |view: &&'static dyn app::shown::Shown| View {
        name: view.name(),
        path: view.path(),
        none: view.none().to_vec(),
        filters: view.filters().iter().flat_map(|set| set.iter().copied()).collect(),
    };
    registry::views().iter().map(|view| of(&&**view)).collect()
}

/// The golden files of all crates: file name and path.
fn golden() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut pending = vec![workspace().join("crates")];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_golden = path.parent().is_some_and(|folder| folder.ends_with("golden"));
            if path.is_dir() {
                pending.push(path);
            } else if is_golden && path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                let twice = found.insert(name, path);
                assert_eq!(twice, None, "two golden files of one name");
            }
        }
    }
    found
}

/// An event as the log would hold it, with the data of its golden file.
fn recorded(category: &str, name: &str, data: &str) -> Recorded {
    let (stream, version) = (StreamId::new(category, Uuid::from_u128(1)), Version(1));
    let (id, time) = (EventId::named(name), DateTime::UNIX_EPOCH);
    let command = CommandId::named(name);
    let provenance = Provenance {
        installation: "test".into(),
        actor: Actor { id: "staff-1".into(), role: Role::Auditor, scope: Scope::Everywhere, seconded_by: None },
        command,
        correlation: CorrelationId::new(command.uuid()),
        causation: None,
        traceparent: None,
    };
    let header = Header { id, kind: name, stream: &stream, version, time, audience: Audience::Internal };
    let data = RawValue::from_string(data.to_owned()).unwrap();
    let bytes = encode(&header, &provenance, &data).unwrap().into();
    Recorded { position: Position(1), stream, version, id, kind: name.to_owned(), time, bytes }
}

/// Every event that has a golden file, with what it does to every view that folds its kind.
fn events() -> Vec<Event> {
    let golden = golden();
    let mut events = Vec::new();
    for kind in registry::kinds() {
        for spec in kind.events() {
            let Some(path) = golden.get(&format!("{}.json", spec.name)) else { continue };
            let mut touched: BTreeMap<&'static str, usize> = BTreeMap::new();
            let mut names_department = false;
            for data in of_each_process(&std::fs::read_to_string(path).unwrap()) {
                let recorded = recorded(kind.category(), spec.name, &data);
                let decoded = registry::decode(&recorded).unwrap_or_else(|error| panic!("{}: {error}", spec.name));
                let read = Read::new(&recorded, &*decoded);
                for view in registry::views().iter().filter(|view| view.from().contains(&kind.category())) {
                    *touched.entry(view.name()).or_default() += view.keys(&read).len();
                }
                names_department |= kind.department(&decoded).is_some();
            }
            let is_of_order = spec.audience == AudienceKind::Order;
            events.push(Event { name: spec.name, is_of_order, names_department, touched });
        }
    }
    events
}

/// The data of an event; one about a process as it would be about each of them, since it touches the rows of that one alone.
fn of_each_process(data: &str) -> Vec<String> {
    let event: Value = serde_json::from_str(data).unwrap();
    if event.get("process").is_none() {
        return vec![data.to_owned()];
    }
    let of = |running: &registry::Running| {
        let mut event = event.clone();
        (event["process"], event["version"]) = (running.name.into(), running.version.into());
        event.to_string()
    };
    registry::processes().iter().map(of).collect()
}

fn stored_names() -> Vec<&'static str> {
    registry::kinds().iter().flat_map(|kind| kind.events()).map(|event| event.name).collect()
}

/// `order_accepted` of `cn.dualgrid.case.order_accepted.v1`.
fn short(stored: &'static str) -> &'static str {
    stored.rsplit('.').nth(1).unwrap()
}

#[test]
fn no_two_verbs_events_kinds_or_views_share_a_name() {
    assert_eq!(checks::repeated(verbs().iter().map(|verb| verb.name)), NOTHING);
    assert_eq!(checks::repeated(stored_names()), NOTHING);
    assert_eq!(checks::repeated(registry::kinds().iter().map(|kind| kind.category())), NOTHING);
    assert_eq!(checks::repeated(registry::kinds().iter().map(|kind| kind.plural())), NOTHING);
    assert_eq!(checks::repeated(registry::views().iter().map(|view| view.name())), NOTHING);
    assert_eq!(checks::repeated(registry::views().iter().map(|view| view.path())), NOTHING);
    assert_eq!(checks::repeated(["make-pledge", "void-issue", "make-pledge"]), ["make-pledge is there twice"]);
}

#[test]
fn every_verb_has_its_row_in_the_table_of_authorisation() {
    let page = document("authorisation.md");
    assert_eq!(checks::without_row(&verbs(), &page), NOTHING);
    let verb = verbs()[0].name;
    let left_out = page.lines().filter(|line| !line.contains(verb)).collect::<Vec<_>>().join("\n");
    let missing = [format!("{verb} has no row that gives it to somebody")];
    assert_eq!(checks::without_row(&verbs(), &left_out), missing);
    let given_to_nobody = format!("{left_out}| `{verb}` |  |  |\n");
    assert_eq!(checks::without_row(&verbs(), &given_to_nobody), missing);
}

#[test]
fn every_verb_has_its_route_and_its_example_in_openapi() {
    let openapi = http_api::openapi::document();
    assert_eq!(checks::without_route(&verbs(), &openapi), NOTHING);
    let begins = verbs().into_iter().find(|verb| verb.is_without_id && !verb.is_part).unwrap();
    let path = format!("/{}/{}", begins.plural, begins.name);
    let mut doctored = openapi.clone();
    doctored["paths"][&path]["post"]["requestBody"]["content"]["application/json"]["example"] = json!({});
    assert_eq!(checks::without_route(&verbs(), &doctored), [format!("{} has no example in OpenAPI", begins.name)]);
    doctored["paths"].as_object_mut().unwrap().remove(&path);
    assert_eq!(checks::without_route(&verbs(), &doctored), [format!("{} has no route {path}", begins.name)]);
    let as_part = [Verb { is_part: true, ..begins.clone() }];
    let refused = [format!("{} is a part and has the route {path}", begins.name)];
    assert_eq!(checks::without_route(&as_part, &openapi), refused);
}

#[test]
fn every_text_and_list_of_every_verb_has_a_published_bound() {
    let unbounded = |kind: &dyn app::kind::Kind| given::unbounded(kind.verbs());
    assert_eq!(registry::kinds().iter().flat_map(|kind| unbounded(&**kind)).collect::<Vec<_>>(), NOTHING);
    let known = registry::verb("void-issue").unwrap().1;
    let schema = || schemars_of(json!({"type": "object", "properties": {"reason": {"type": "string"}}}));
    let forgotten = kernel::VerbSpec { name: "forget-bound", schema, ..*known };
    assert_eq!(given::unbounded(&[forgotten]), ["forget-bound/reason"]);
}

fn schemars_of(schema: Value) -> kernel::schemars::Schema {
    schema.try_into().unwrap()
}

#[test]
fn every_kind_of_which_there_are_many_begins_somewhere_and_is_shown() {
    // What begins without being asked: a run of a process and what was lost are named by the system.
    let of_system = ["process", "log"];
    let many = registry::kinds().iter().filter(|kind| !kind.is_single() && !of_system.contains(&kind.category()));
    let of = |kind: &&'static dyn app::kind::Kind| {
        let is_shown = registry::views().iter().any(|view| view.from().contains(&kind.category()));
        (kind.category(), kind.verbs().iter().any(|verb| verb.begins), is_shown)
    };
    let kinds: Vec<_> = many.map(|kind| of(&&**kind)).collect();
    assert!(kinds.len() >= 2, "{kinds:?}");
    assert_eq!(checks::without_beginning_or_view(&kinds), NOTHING);
    let forgotten = [("errand", false, false)];
    let told =
        ["no verb begins one of errand: say BEGINS on one", "no view shows errand: its line is missing in VIEWS"];
    assert_eq!(checks::without_beginning_or_view(&forgotten), told);
}

#[test]
fn every_view_has_its_routes_and_its_filters_in_openapi() {
    let openapi = http_api::openapi::document();
    assert_eq!(checks::without_query(&views(), &openapi), NOTHING);
    let view = views().into_iter().find(|view| view.filters.contains("grid")).unwrap();
    let list = format!("/{}", view.path);
    let mut doctored = openapi.clone();
    let parameters = doctored["paths"][&list]["get"]["parameters"].as_array_mut().unwrap();
    parameters.retain(|parameter| parameter["name"] != "grid");
    assert_eq!(checks::without_query(&views(), &doctored), [format!("{} does not offer the filter grid", view.name)]);
    doctored["paths"][&list]["get"] = Value::Null;
    let found = checks::without_query(&views(), &doctored);
    assert!(found.contains(&format!("{} has no routes", view.name)), "{found:?}");
}

#[test]
fn every_verb_of_departments_has_its_rule_on_nats() {
    let of_bus: Vec<(&str, &str)> = rules().iter().map(|rule| (rule.verb, rule.kind)).collect();
    assert_eq!(checks::without_rule(&verbs(), &of_bus), NOTHING);
    let (verb, kind) = of_bus[0];
    assert_eq!(checks::without_rule(&verbs(), &of_bus[1..]), [format!("{verb} of {kind} has no rule on NATS")]);
    let too_many = [of_bus.clone(), vec![("void-issue", "case")]].concat();
    assert_eq!(checks::without_rule(&verbs(), &too_many), ["no department may send void-issue"]);
}

#[test]
fn every_kind_verb_and_event_has_a_row_in_the_glossary() {
    let glossary = document("glossary.md");
    let kinds = registry::kinds().iter().map(|kind| kind.category());
    let verbs = verbs().into_iter().map(|verb| verb.name);
    let events = stored_names().into_iter().map(short);
    let names: Vec<&str> = kinds.chain(verbs).chain(events).collect();
    assert_eq!(checks::without_glossary_row(names.iter().copied(), &glossary), NOTHING);
    let (name, code) = (names[names.len() - 1], format!("`{}`", names[names.len() - 1]));
    let left_out = glossary.replace(&code, "");
    let missing = [format!("{name} has no row in the glossary")];
    assert_eq!(checks::without_glossary_row(names.iter().copied(), &left_out), missing);
    let in_prose = format!("{left_out}\nAn event is called {code}.\n");
    assert_eq!(checks::without_glossary_row(names.iter().copied(), &in_prose), missing);
}

#[test]
fn every_event_has_its_schema_and_every_schema_its_event() {
    let files: BTreeSet<String> = std::fs::read_dir(workspace().join("docs/schemas"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(checks::without_file(stored_names(), &files), NOTHING);
    assert_eq!(checks::without_name(&files, stored_names()), NOTHING);
    let mut fewer = files.clone();
    let name = stored_names()[0];
    fewer.remove(&format!("{name}.json"));
    assert_eq!(checks::without_file(stored_names(), &fewer), [format!("{name} has no file")]);
    assert_eq!(
        checks::without_name(&files, stored_names().into_iter().skip(1)),
        [format!("{name}.json is for nothing")]
    );
}

#[test]
fn every_verb_and_every_event_has_its_golden_file() {
    let files: BTreeSet<String> = golden().into_keys().collect();
    let verbs: Vec<&str> = verbs().into_iter().map(|verb| verb.name).collect();
    assert_eq!(checks::without_file(stored_names(), &files), NOTHING);
    assert_eq!(checks::without_file(verbs.iter().copied(), &files), NOTHING);
    let mut fewer = files.clone();
    fewer.remove(&format!("{}.json", verbs[0]));
    assert_eq!(checks::without_file(verbs.iter().copied(), &fewer), [format!("{} has no file", verbs[0])]);
}

#[test]
fn an_event_about_an_order_names_its_department() {
    assert_eq!(checks::without_audience(&events()), NOTHING);
    let of_order = events().into_iter().find(|event| event.is_of_order).unwrap();
    let name = of_order.name;
    let unnamed = Event { names_department: false, ..of_order };
    let wrong = [format!("{name} is about an order if and only if it names a department")];
    assert_eq!(checks::without_audience(&[unnamed]), wrong);
}

#[test]
fn every_event_touches_a_row_of_every_view_of_its_kind_or_is_stated_to_touch_none() {
    let (views, events) = (views(), events());
    assert_eq!(checks::without_effect(&views, &events), NOTHING);
    let (view, event) = views
        .iter()
        .find_map(|view| Some((view, events.iter().find(|event| event.touched.get(view.name) > Some(&0))?)))
        .unwrap();
    let mut untouched = events.clone();
    for other in untouched.iter_mut().filter(|other| other.name == event.name) {
        other.touched.insert(view.name, 0);
    }
    let forgotten = [format!("{} neither touches {} nor is `none`", event.name, view.name)];
    assert_eq!(checks::without_effect(&views, &untouched), forgotten);
    let mut stated = views.clone();
    for other in stated.iter_mut().filter(|other| other.name == view.name) {
        other.none.push(event.name);
    }
    let both = [format!("{} touches {} and is stated as `none`", event.name, view.name)];
    assert_eq!(checks::without_effect(&stated, &events), both);
    let mut unknown = views.clone();
    unknown[0].none.push("cn.dualgrid.case.teleported.v1");
    let stale = [format!("cn.dualgrid.case.teleported.v1 is `none` of {} and not an event of it", views[0].name)];
    assert_eq!(checks::without_effect(&unknown, &events), stale);
}

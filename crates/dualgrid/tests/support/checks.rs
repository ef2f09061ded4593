//! What every kind and every view must have, as functions over data: each gives what is missing, in words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A verb, as far as it is checked.
#[derive(Clone, Debug)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// The category of its kind.
    pub(crate) kind: &'static str,
    /// The first segment of its route.
    pub(crate) plural: &'static str,
    pub(crate) example: Value,
    /// Its route names no id.
    pub(crate) is_without_id: bool,
    /// It happens only as a part of another command.
    pub(crate) is_part: bool,
    /// A department may send it.
    pub(crate) is_of_departments: bool,
}

/// An event, as it was decoded from its golden file.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The stored name.
    pub(crate) name: &'static str,
    /// It is for the department whose order it is about.
    pub(crate) is_of_order: bool,
    /// It names that department.
    pub(crate) names_department: bool,
    /// How many rows of each view it touches, of the views that fold its kind.
    pub(crate) touched: BTreeMap<&'static str, usize>,
}

/// A view, as far as it is checked.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) name: &'static str,
    /// The first segment of its routes.
    pub(crate) path: &'static str,
    /// The stored names of the events that touch no row, as it states them.
    pub(crate) none: Vec<&'static str>,
    pub(crate) filters: BTreeSet<&'static str>,
}

/// Names that stand more than once.
pub(crate) fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !seen.insert(*name)).map(|name| format!("{name} is there twice")).collect()
}

/// Verbs without a row in the page of authorisation that gives them to somebody.
pub(crate) fn without_row(verbs: &[Verb], page: &str) -> Vec<String> {
    let has_row = |verb: &&Verb| {
        let begin = format!("| `{}` |", verb.name);
        page.lines().filter_map(|line| line.strip_prefix(&begin)).any(|cells| cells.contains(char::is_alphabetic))
    };
    let missing = verbs.iter().filter(|verb| !has_row(verb));
    missing.map(|verb| format!("{} has no row that gives it to somebody", verb.name)).collect()
}

/// Verbs without their route in OpenAPI, or without their example there; parts that have a route.
pub(crate) fn without_route(verbs: &[Verb], openapi: &Value) -> Vec<String> {
    let check = |verb: &Verb| {
        let of_one = if verb.is_without_id { String::new() } else { format!("/{{{}}}", verb.kind) };
        let path = format!("/{}{of_one}/{}", verb.plural, verb.name);
        let post = &openapi["paths"][&path]["post"];
        let example = &post["requestBody"]["content"]["application/json"]["example"];
        match (verb.is_part, post.is_null()) {
            (true, false) => Some(format!("{} is a part and has the route {path}", verb.name)),
            (false, true) => Some(format!("{} has no route {path}", verb.name)),
            (false, false) if *example != verb.example => Some(format!("{} has no example in OpenAPI", verb.name)),
            (true, true) | (false, false) => None,
        }
    };
    verbs.iter().filter_map(check).collect()
}

/// Verbs that a department may send and that have no rule on NATS, and rules for anything else.
pub(crate) fn without_rule(verbs: &[Verb], rules: &[(&str, &str)]) -> Vec<String> {
    let wanted: BTreeSet<(&str, &str)> =
        verbs.iter().filter(|verb| verb.is_of_departments).map(|verb| (verb.name, verb.kind)).collect();
    let found: BTreeSet<(&str, &str)> = rules.iter().copied().collect();
    let missing = wanted.difference(&found).map(|(verb, kind)| format!("{verb} of {kind} has no rule on NATS"));
    missing.chain(found.difference(&wanted).map(|(verb, _)| format!("no department may send {verb}"))).collect()
}

/// Names without a row in the glossary: a line of a table with the name in backticks.
pub(crate) fn without_glossary_row<'a>(names: impl IntoIterator<Item = &'a str>, glossary: &str) -> Vec<String> {
    let rows: Vec<&str> = glossary.lines().filter(|line| line.starts_with('|')).collect();
    let has_row = |name: &&str| {
        let code = format!("`{name}`");
        rows.iter().any(|row| row.contains(&code))
    };
    let missing = names.into_iter().filter(|name| !has_row(name));
    missing.map(|name| format!("{name} has no row in the glossary")).collect()
}

/// Names without a file, for example a golden file.
pub(crate) fn without_file<'a>(names: impl IntoIterator<Item = &'a str>, files: &BTreeSet<String>) -> Vec<String> {
    let missing = names.into_iter().filter(|name| !files.contains(&format!("{name}.json")));
    missing.map(|name| format!("{name} has no file")).collect()
}

/// Files without a name: what they were for is gone.
pub(crate) fn without_name<'a>(files: &BTreeSet<String>, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names: BTreeSet<String> = names.into_iter().map(|name| format!("{name}.json")).collect();
    files.difference(&names).map(|file| format!("{file} is for nothing")).collect()
}

/// Events about an order that name no department, and others that name one.
pub(crate) fn without_audience(events: &[Event]) -> Vec<String> {
    let wrong = events.iter().filter(|event| event.is_of_order != event.names_department);
    wrong.map(|event| format!("{} is about an order if and only if it names a department", event.name)).collect()
}

/// Events that neither touch a row of a view nor are stated as touching none, or both; and stated names that are no event of
/// the view.
pub(crate) fn without_effect(views: &[View], events: &[Event]) -> Vec<String> {
    let mut found = Vec::new();
    for view in views {
        let folded: Vec<&Event> = events.iter().filter(|event| event.touched.contains_key(view.name)).collect();
        for event in &folded {
            match (event.touched[view.name] > 0, view.none.contains(&event.name)) {
                (true, true) => found.push(format!("{} touches {} and is stated as `none`", event.name, view.name)),
                (false, false) => found.push(format!("{} neither touches {} nor is `none`", event.name, view.name)),
                (true, false) | (false, true) => {}
            }
        }
        let unknown = view.none.iter().filter(|name| !folded.iter().any(|event| event.name == **name));
        found.extend(unknown.map(|name| format!("{name} is `none` of {} and not an event of it", view.name)));
    }
    found
}

/// Views without their two routes in OpenAPI, or with a filter that is not offered there.
pub(crate) fn without_query(views: &[View], openapi: &Value) -> Vec<String> {
    let paths = openapi["paths"].as_object().expect("a document has paths");
    let mut found = Vec::new();
    for view in views {
        let list = &openapi["paths"][format!("/{}", view.path)]["get"];
        let row = format!("/{}/{{", view.path);
        let is_row = |path: &String| path.starts_with(&row) && path.ends_with('}') && path.matches('/').count() == 2;
        if list.is_null() || !paths.iter().any(|(path, item)| is_row(path) && !item["get"].is_null()) {
            found.push(format!("{} has no routes", view.name));
        }
        let parameters: Vec<_> = list["parameters"].as_array().into_iter().flatten().collect();
        let offered = |filter: &str| parameters.iter().any(|parameter| parameter["name"] == filter);
        let missing = view.filters.iter().filter(|filter| !offered(filter));
        found.extend(missing.map(|filter| format!("{} does not offer the filter {filter}", view.name)));
    }
    found
}

/// Kinds of which there may be many and that no verb begins, and kinds of the community that no view shows. Each is its category,
/// whether a verb begins one, and whether a view folds its events.
pub(crate) fn without_beginning_or_view(kinds: &[(&str, bool, bool)]) -> Vec<String> {
    let missing = |(kind, begins, is_shown): &(&str, bool, bool)| {
        let never = (!begins).then(|| format!("no verb begins one of {kind}: say BEGINS on one"));
        let unseen = (!is_shown).then(|| format!("no view shows {kind}: its line is missing in VIEWS"));
        never.into_iter().chain(unseen).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(missing).collect()
}

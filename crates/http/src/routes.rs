//! Every route, in one table made from the registry: the router, the OpenAPI document and the coverage test walk it.

use std::fmt;

use app::authorise::{READ_CAPTURE, READ_EVENTS, READ_EVIDENCE, READ_OUTCOME, UPLOAD_EVIDENCE};
use app::kind::{Document, Kind};
use app::registry;
use app::shown::Shown;
use kernel::VerbSpec;
use kernel::aggregate::{PersonalSpec, SimilarSpec};

/// What answers. Router and OpenAPI match on it, so that neither can forget one.
#[derive(Clone, Copy)]
pub(crate) enum Endpoint {
    Command(&'static dyn Kind, &'static VerbSpec),
    History(&'static dyn Kind),
    Person(&'static dyn Kind, PersonalSpec),
    Similar(&'static dyn Kind, SimilarSpec),
    Document(&'static dyn Kind, Document),
    Rows(&'static dyn Shown),
    Row(&'static dyn Shown),
    Outcome,
    Events,
    Event,
    PutEvidence,
    GetEvidence,
    Captures,
    NamedFiles(&'static dyn Kind),
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
    Docs,
    DocsFile,
}

impl Endpoint {
    /// The action in the table of [`app::authorise`]; `None` for what shows no data and needs no token.
    pub(crate) fn action(self) -> Option<&'static str> {
        Some(match self {
            Self::Command(_, verb) => verb.name,
            Self::History(kind) | Self::NamedFiles(kind) => kind.read_action(),
            Self::Person(_, personal) => personal.action,
            Self::Similar(_, similar) => similar.action,
            Self::Document(_, document) => document.action,
            Self::Rows(view) | Self::Row(view) => view.action(),
            Self::Outcome => READ_OUTCOME.action,
            Self::Events | Self::Event => READ_EVENTS.action,
            Self::PutEvidence => UPLOAD_EVIDENCE.action,
            Self::GetEvidence => READ_EVIDENCE.action,
            Self::Captures => READ_CAPTURE.action,
            Self::Healthz | Self::Readyz | Self::Metrics | Self::OpenApi | Self::Docs | Self::DocsFile => return None,
        })
    }

    /// Whether reading it is told in the log: it shows a person, or a file in which one may be seen.
    pub(crate) const fn is_sensitive(self) -> bool {
        matches!(self, Self::Person(..) | Self::GetEvidence | Self::Captures)
    }

    /// Whether only the operations listener answers it.
    pub(crate) const fn is_for_operators(self) -> bool {
        matches!(self, Self::Metrics | Self::Docs | Self::DocsFile)
    }

    /// Whether it reads parameters of a query. On every other route one is refused.
    pub(crate) const fn takes_query(self) -> bool {
        match self {
            Self::Rows(_) | Self::Row(_) | Self::History(_) | Self::Document(..) | Self::Events | Self::Person(..) => {
                true
            }
            Self::Command(..)
            | Self::Similar(..)
            | Self::Outcome
            | Self::Event
            | Self::PutEvidence
            | Self::GetEvidence
            | Self::Captures
            | Self::NamedFiles(_)
            | Self::Healthz
            | Self::Readyz
            | Self::Metrics
            | Self::OpenApi
            | Self::Docs
            | Self::DocsFile => false,
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action().unwrap_or("open"))
    }
}

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// One route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The template; its parameters are in braces.
    pub(crate) path: String,
    pub(crate) endpoint: Endpoint,
}

/// The routes that belong to no kind and no view.
const OTHERS: &[(Method, &str, Endpoint)] = &[
    (Method::Get, "/commands/{command}", Endpoint::Outcome),
    (Method::Get, "/events", Endpoint::Events),
    (Method::Get, "/events/{position}", Endpoint::Event),
    (Method::Post, "/evidence", Endpoint::PutEvidence),
    (Method::Get, "/evidence/{sha256}", Endpoint::GetEvidence),
    (Method::Get, "/evidence/{sha256}/capture", Endpoint::Captures),
    (Method::Get, "/healthz", Endpoint::Healthz),
    (Method::Get, "/readyz", Endpoint::Readyz),
    (Method::Get, "/metrics", Endpoint::Metrics),
    (Method::Get, "/openapi.json", Endpoint::OpenApi),
    (Method::Get, "/docs", Endpoint::Docs),
    (Method::Get, "/docs/{file}", Endpoint::DocsFile),
];

/// Every route: those of every kind, those of every view, then the others.
pub(crate) fn table() -> Vec<Route> {
    let get = |path: String, endpoint| Route { method: Method::Get, path, endpoint };
    let mut routes = Vec::new();
    for kind in registry::kinds() {
        routes.extend(of_kind(&**kind));
    }
    for view in registry::views() {
        routes.push(get(format!("/{}", view.path()), Endpoint::Rows(&**view)));
        routes.push(get(format!("/{}/{{{}}}", view.path(), key_of(&**view)), Endpoint::Row(&**view)));
    }
    routes.extend(OTHERS.iter().map(|(method, path, endpoint)| Route {
        method: *method,
        path: (*path).to_owned(),
        endpoint: *endpoint,
    }));
    routes
}

fn of_kind(kind: &'static dyn Kind) -> Vec<Route> {
    let one = one_of(kind);
    let all = format!("/{}", kind.plural());
    let mut routes = Vec::new();
    for verb in kind.verbs().iter().filter(|verb| !verb.is_part) {
        let below = if verb.begins { &all } else { &one };
        let path = format!("{below}/{}", verb.name);
        routes.push(Route { method: Method::Post, path, endpoint: Endpoint::Command(kind, verb) });
    }
    let mut get = |path, endpoint| routes.push(Route { method: Method::Get, path, endpoint });
    get(format!("{one}/history"), Endpoint::History(kind));
    if registry::names_files(kind.category()) {
        get(format!("{one}/evidence"), Endpoint::NamedFiles(kind));
    }
    if let Some(personal) = kind.personal() {
        get(format!("{one}/{}", personal.path), Endpoint::Person(kind, personal));
    }
    if let Some(similar) = kind.similar() {
        get(format!("{one}/{}", similar.path), Endpoint::Similar(kind, similar));
    }
    for document in kind.documents() {
        get(format!("/{}", document.path), Endpoint::Document(kind, document));
    }
    routes
}

/// The path of one aggregate of a kind: there is only one, or its id is a parameter.
fn one_of(kind: &dyn Kind) -> String {
    let all = format!("/{}", kind.plural());
    if kind.is_single() { all } else { format!("{all}/{{{}}}", kind.category()) }
}

/// The name of the parameter that is the key of a row.
pub(crate) fn key_of(view: &dyn Shown) -> &'static str {
    view.from().first().copied().filter(|_| view.is_of_one()).unwrap_or("key")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_has_exactly_one_route_and_a_part_of_another_has_none() {
        let table = table();
        for (kind, verb) in registry::kinds().iter().flat_map(|kind| kind.verbs().iter().map(move |verb| (kind, verb)))
        {
            let of_it =
                |route: &&Route| matches!(route.endpoint, Endpoint::Command(_, other) if other.name == verb.name);
            let found: Vec<&Route> = table.iter().filter(of_it).collect();
            assert_eq!(found.len(), usize::from(!verb.is_part), "{}", verb.name);
            let begins_with = format!("/{}/", kind.plural());
            assert!(found.iter().all(|route| route.path.starts_with(&begins_with)), "{}", verb.name);
        }
    }

    #[test]
    fn no_two_routes_are_the_same() {
        let routes: BTreeSet<String> =
            table().iter().map(|route| format!("{:?} {}", route.method, route.path)).collect();
        assert_eq!(routes.len(), table().len());
    }

    #[test]
    fn every_route_has_its_row_in_the_table_of_permissions_and_every_row_its_route() {
        let routed: BTreeSet<&str> = table().iter().filter_map(|route| route.endpoint.action()).collect();
        let parts = registry::kinds().iter().flat_map(|kind| kind.verbs()).filter(|verb| verb.is_part);
        let parts: BTreeSet<&str> = parts.map(|verb| verb.name).collect();
        let rows = app::authorise::table().iter().map(|row| row.action);
        let rows: BTreeSet<&str> = rows.filter(|action| !parts.contains(action) || routed.contains(action)).collect();
        assert_eq!(routed, rows);
    }

    #[test]
    fn only_what_shows_no_data_is_open() {
        let open: Vec<String> =
            table().into_iter().filter(|route| route.endpoint.action().is_none()).map(|route| route.path).collect();
        assert_eq!(open, ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/{file}"]);
    }
}

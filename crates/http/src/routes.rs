//! Every route, in one table: the router, the OpenAPI document and the coverage test are made from it.

use case::CaseCommand;
use grid::DistrictCommand;
use kernel::Command as _;
use rules::RulesCommand;

/// The command that begins a case, so that its path names none.
pub(crate) const FIRST_COMMAND: &str = "discover-issue";

/// Whose command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Of a case that begins with it.
    NewCase,
    /// Of a case.
    Case,
    /// Of the district.
    District,
    /// Of the rules.
    Rules,
}

/// What answers. Router and OpenAPI match on it, so that neither can forget one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Command(Family, &'static str),
    Case,
    History,
    Reporter,
    Board,
    Orders,
    Obligations,
    Outcome,
    Events,
    Event,
    District,
    Matters,
    PutEvidence,
    GetEvidence,
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
    Docs,
    DocsFile,
}

impl Endpoint {
    /// The action in the table of [`app::authorise`]; `None` for what shows no data and needs no token.
    pub(crate) const fn action(self) -> Option<&'static str> {
        Some(match self {
            Self::Command(_, name) => name,
            Self::Case => "read-case",
            Self::History => "read-history",
            Self::Reporter => "read-reporter",
            Self::Board => "read-board",
            Self::Orders => "read-orders",
            Self::Obligations => "read-obligations",
            Self::Outcome => "read-outcome",
            Self::Events | Self::Event => "read-events",
            Self::District => "read-district",
            Self::Matters => "read-matters",
            Self::PutEvidence => "upload-evidence",
            Self::GetEvidence => "read-evidence",
            Self::Healthz | Self::Readyz | Self::Metrics | Self::OpenApi | Self::Docs | Self::DocsFile => return None,
        })
    }
}

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The template; its parameters are in braces.
    pub(crate) path: String,
    pub(crate) endpoint: Endpoint,
}

/// The routes that are no commands.
const OTHERS: &[(Method, &str, Endpoint)] = &[
    (Method::Get, "/cases/{case}", Endpoint::Case),
    (Method::Get, "/cases/{case}/history", Endpoint::History),
    (Method::Get, "/cases/{case}/reporter", Endpoint::Reporter),
    (Method::Get, "/grids/{grid}/board", Endpoint::Board),
    (Method::Get, "/departments/{department}/orders", Endpoint::Orders),
    (Method::Get, "/obligations", Endpoint::Obligations),
    (Method::Get, "/commands/{command}", Endpoint::Outcome),
    (Method::Get, "/events", Endpoint::Events),
    (Method::Get, "/events/{position}", Endpoint::Event),
    (Method::Get, "/district", Endpoint::District),
    (Method::Get, "/matters", Endpoint::Matters),
    (Method::Post, "/evidence", Endpoint::PutEvidence),
    (Method::Get, "/evidence/{sha256}", Endpoint::GetEvidence),
    (Method::Get, "/healthz", Endpoint::Healthz),
    (Method::Get, "/readyz", Endpoint::Readyz),
    (Method::Get, "/metrics", Endpoint::Metrics),
    (Method::Get, "/openapi.json", Endpoint::OpenApi),
    (Method::Get, "/docs", Endpoint::Docs),
    (Method::Get, "/docs/{file}", Endpoint::DocsFile),
];

/// Every route: one a command, then the others.
pub(crate) fn table() -> Vec<Route> {
    let command = |family, prefix: &'static str| {
        move |name: &&'static str| Route {
            method: Method::Post,
            path: format!("{prefix}/{name}"),
            endpoint: Endpoint::Command(family, name),
        }
    };
    let of_a_case = CaseCommand::NAMES.iter().filter(|name| **name != FIRST_COMMAND);
    let others = OTHERS.iter().map(|(method, path, endpoint)| Route {
        method: *method,
        path: (*path).to_owned(),
        endpoint: *endpoint,
    });
    std::iter::once(&FIRST_COMMAND)
        .map(command(Family::NewCase, "/cases"))
        .chain(of_a_case.map(command(Family::Case, "/cases/{case}")))
        .chain(DistrictCommand::NAMES.iter().map(command(Family::District, "/district")))
        .chain(RulesCommand::NAMES.iter().map(command(Family::Rules, "/rules")))
        .chain(others)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_has_exactly_one_route() {
        let known = [CaseCommand::NAMES, DistrictCommand::NAMES, RulesCommand::NAMES].concat();
        for name in known {
            let of_it = |route: &&Route| matches!(route.endpoint, Endpoint::Command(_, other) if other == name);
            assert_eq!(table().iter().filter(of_it).count(), 1, "{name}");
        }
    }

    #[test]
    fn every_route_has_its_row_in_the_table_of_permissions_and_every_row_its_route() {
        let routed: BTreeSet<&str> = table().iter().filter_map(|route| route.endpoint.action()).collect();
        let rows: BTreeSet<&str> = app::authorise::TABLE.iter().map(|row| row.action).collect();
        assert_eq!(routed, rows);
    }

    #[test]
    fn only_what_shows_no_data_is_open() {
        let open: Vec<String> =
            table().into_iter().filter(|route| route.endpoint.action().is_none()).map(|route| route.path).collect();
        assert_eq!(open, ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/{file}"]);
    }
}

//! One home for each foreign crate: who may use it, so that a replacement stays a change in one place.

use super::Offence;
use super::workspace::{Dependency, Package, Workspace};

/// Used everywhere: values, errors, traces and futures.
const UBIQUITOUS: &[&str] = &[
    "async-trait",
    "bytes",
    "chrono",
    "futures",
    "metrics",
    "schemars",
    "serde",
    "serde_json",
    "thiserror",
    "tokio",
    "tracing",
    "uuid",
];

/// Allowed in the tests of every crate; a use outside tests needs a home.
const IN_TESTS: &[&str] = &["anyhow", "proptest", "tempfile", "toml"];

/// Foreign crate, and the crates of ours that may use it.
const HOMES: &[(&str, &[&str])] = &[
    ("aes-gcm", &["kernel"]),
    ("anyhow", &["dualgrid", "testkit", "tests", "xtask"]),
    ("async-nats", &["bus", "testkit", "tests"]),
    ("axum", &["http"]),
    ("base64", &["dualgrid", "http", "kernel"]),
    ("clap", &["dualgrid", "tests", "xtask"]),
    ("comfy-table", &["dualgrid", "tests", "xtask"]),
    ("compact_str", &["kernel"]),
    ("ed25519-dalek", &["dualgrid"]),
    ("esrs", &["app"]),
    ("figment", &["dualgrid"]),
    ("getrandom", &["kernel", "testkit"]),
    ("governor", &["app"]),
    ("hmac", &["kernel"]),
    ("hyper", &["http"]),
    ("hyper-util", &["http"]),
    ("indicatif", &["dualgrid", "testkit", "tests"]),
    ("infer", &["log"]),
    ("jsonschema", &["given", "testkit"]),
    ("jsonwebtoken", &["http"]),
    ("memchr", &["kernel"]),
    ("metrics-exporter-prometheus", &["http"]),
    ("mimalloc", &["dualgrid"]),
    ("nkeys", &["accounts"]),
    ("object_store", &["log"]),
    ("opentelemetry", &["dualgrid"]),
    ("opentelemetry-otlp", &["dualgrid"]),
    ("opentelemetry_sdk", &["dualgrid"]),
    ("proc-macro2", &["xtask"]),
    ("quick_cache", &["app", "http", "log"]),
    ("reqwest", &["testkit"]),
    ("rcgen", &["testkit"]),
    ("rustix", &["dualgrid", "log"]),
    ("rustls", &["bus"]),
    ("serde_path_to_error", &["kernel"]),
    ("sha2", &["kernel", "testkit"]),
    ("sqlx", &["log"]),
    ("tempfile", &["given", "log", "testkit", "xtask"]),
    ("toml", &["dualgrid", "testkit"]),
    ("tower", &["http"]),
    ("tower-http", &["http"]),
    ("tracing-opentelemetry", &["dualgrid"]),
    ("tracing-subscriber", &["dualgrid"]),
    ("utoipa", &["http"]),
    ("utoipa-swagger-ui", &["http"]),
];

/// Crates that decide and never wait: no runtime.
const PURE: &[&str] = &["kernel", "case", "grid", "rules", "people", "deliberation", "community", "proof", "process"];

/// Where this table is.
const TABLE: &str = "crates/xtask/src/tidy/homes.rs";

pub(super) fn check(workspace: &Workspace) -> Vec<Offence> {
    let mut offences = stale(workspace);
    for package in &workspace.packages {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.is_own) {
            if let Some(what) = offence_of(package, dependency) {
                offences.push(Offence::new(&package.manifest, dependency.line, what));
            }
        }
    }
    offences
}

fn offence_of(package: &Package, dependency: &Dependency) -> Option<String> {
    let (own, foreign) = (package.name.as_str(), dependency.name.as_str());
    if foreign == "tokio" && PURE.contains(&own) && !dependency.is_dev {
        return Some(format!("`{own}` decides and never waits: no tokio here, do the I/O in `log`, `bus` or `http`"));
    }
    if UBIQUITOUS.contains(&foreign) || (dependency.is_dev && IN_TESTS.contains(&foreign)) {
        return None;
    }
    match HOMES.iter().find(|(known, _)| *known == foreign) {
        Some((_, homes)) if homes.contains(&own) => None,
        Some((_, homes)) => {
            Some(format!("`{foreign}` is at home in {}: use it there, behind something of ours", homes.join(", ")))
        }
        None => Some(format!("`{foreign}` has no home: give it a row in {TABLE}, or do without it")),
    }
}

/// Rows that nobody needs any more.
fn stale(workspace: &Workspace) -> Vec<Offence> {
    let uses = |own: Option<&str>, foreign: &str| {
        let packages = workspace.packages.iter().filter(|package| own.is_none_or(|own| package.name == own));
        packages.flat_map(|package| &package.dependencies).any(|dependency| dependency.name == foreign)
    };
    let mut unused: Vec<String> = UBIQUITOUS
        .iter()
        .chain(IN_TESTS)
        .filter(|foreign| !uses(None, foreign))
        .map(|foreign| format!("`{foreign}`"))
        .collect();
    for (foreign, homes) in HOMES {
        let idle = homes.iter().filter(|own| !uses(Some(own), foreign));
        unused.extend(idle.map(|own| format!("`{foreign}` in {own}")));
    }
    let what = |row: String| Offence::new(TABLE, 1, format!("nobody uses {row} any more: take it out of the table"));
    unused.into_iter().map(what).collect()
}

#[cfg(test)]
mod tests {
    use super::super::workspace::sample;
    use super::*;

    fn offences(arrows: &[(&str, &str, bool)]) -> Vec<String> {
        let found = check(&sample(arrows)).into_iter();
        found.filter(|offence| offence.path != std::path::Path::new(TABLE)).map(|offence| offence.what).collect()
    }

    #[test]
    fn a_crate_at_home_is_in_order() {
        assert!(offences(&[("log", "sqlx", false), ("case", "proptest", true), ("app", "tokio", false)]).is_empty());
    }

    #[test]
    fn a_crate_away_from_home_is_an_offence() {
        assert!(offences(&[("http", "sqlx", false)])[0].starts_with("`sqlx` is at home in log"));
        assert!(offences(&[("app", "tempfile", false)])[0].starts_with("`tempfile` is at home in"));
    }

    #[test]
    fn a_crate_without_a_row_is_an_offence() {
        assert!(offences(&[("app", "left-pad", false)])[0].starts_with("`left-pad` has no home"));
    }

    #[test]
    fn a_runtime_in_a_pure_crate_is_an_offence_outside_its_tests() {
        assert_eq!(offences(&[("case", "tokio", false)]).len(), 1);
        assert!(offences(&[("case", "tokio", true)]).is_empty());
    }

    #[test]
    fn a_row_that_nobody_needs_is_an_offence() {
        let found = stale(&sample(&[("log", "sqlx", false)]));
        assert!(found.iter().any(|offence| offence.what.contains("`axum` in http")));
        assert!(!found.iter().any(|offence| offence.what.contains("sqlx")));
    }
}

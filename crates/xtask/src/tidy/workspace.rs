//! The crates of this workspace and what they depend on, as cargo sees them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::Source;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) packages: Vec<Package>,
}

/// One crate of ours.
#[derive(Debug)]
pub(super) struct Package {
    /// As architecture.md says it: `kernel`, not `dualgrid-kernel`.
    pub(super) name: String,
    /// Its manifest, relative to the root.
    pub(super) manifest: PathBuf,
    pub(super) dependencies: Vec<Dependency>,
}

/// One line of a manifest.
#[derive(Debug)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// Where the manifest says so.
    pub(super) line: usize,
    /// One of our own crates.
    pub(super) is_own: bool,
    /// For tests only.
    pub(super) is_dev: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<RawPackage>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<RawDependency>,
}

#[derive(Deserialize)]
struct RawDependency {
    name: String,
    rename: Option<String>,
    kind: Option<String>,
}

impl Workspace {
    /// Reads what `cargo metadata --no-deps` printed.
    pub(super) fn read(metadata: &str, sources: &[Source]) -> anyhow::Result<Self> {
        let metadata: Metadata = serde_json::from_str(metadata).context("cargo metadata printed something else")?;
        let own: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
        let packages = metadata.packages.iter().map(|package| {
            let manifest =
                package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap_or(&package.manifest_path);
            let text = text_of(sources, manifest);
            let dependency = |raw: &RawDependency| Dependency {
                name: short(&raw.name),
                line: line_of(text, raw.rename.as_deref().unwrap_or(&raw.name)),
                is_own: own.contains(raw.name.as_str()),
                is_dev: raw.kind.as_deref() == Some("dev"),
            };
            Package {
                name: short(&package.name),
                manifest: manifest.to_owned(),
                dependencies: package.dependencies.iter().map(dependency).collect(),
            }
        });
        Ok(Self { packages: packages.collect() })
    }
}

fn short(name: &str) -> String {
    name.strip_prefix("dualgrid-").unwrap_or(name).to_owned()
}

fn text_of<'a>(sources: &'a [Source], path: &Path) -> &'a str {
    sources.iter().find(|source| source.path == path).map_or("", |source| &source.text)
}

/// The line on which a manifest names a dependency; the first one if it hides it well.
fn line_of(manifest: &str, key: &str) -> usize {
    let names = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(names).map_or(1, |index| index + 1)
}

/// A workspace for the tests of the checks: crate, dependency, whether for tests only. Crates are our own if named first.
#[cfg(test)]
pub(super) fn sample(arrows: &[(&str, &str, bool)]) -> Workspace {
    let mut packages: Vec<Package> = Vec::new();
    for (from, to, is_dev) in arrows {
        let is_own = arrows.iter().any(|(name, _, _)| name == to);
        let dependency = Dependency { name: (*to).into(), line: 1, is_own, is_dev: *is_dev };
        match packages.iter_mut().find(|package| package.name == *from) {
            Some(package) => package.dependencies.push(dependency),
            None => packages.push(Package {
                name: (*from).into(),
                manifest: format!("crates/{from}/Cargo.toml").into(),
                dependencies: vec![dependency],
            }),
        }
    }
    Workspace { packages }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "workspace_root": "/w",
        "packages": [
            {"name": "dualgrid-http", "manifest_path": "/w/crates/http/Cargo.toml", "dependencies": [
                {"name": "dualgrid-kernel", "rename": "kernel", "kind": null},
                {"name": "axum", "rename": null, "kind": "dev"}
            ]},
            {"name": "dualgrid-kernel", "manifest_path": "/w/crates/kernel/Cargo.toml", "dependencies": []}
        ]
    }"#;

    #[test]
    fn crates_have_short_names_and_dependencies_have_lines() {
        let manifest = "[dependencies]\nkernel.workspace = true\naxum = \"0.8\"\n".to_owned();
        let source = Source { path: "crates/http/Cargo.toml".into(), text: manifest };
        let workspace = Workspace::read(METADATA, &[source]).unwrap();
        let http = &workspace.packages[0];
        assert_eq!((http.name.as_str(), http.manifest.as_path()), ("http", Path::new("crates/http/Cargo.toml")));
        let kernel = &http.dependencies[0];
        assert_eq!((kernel.name.as_str(), kernel.line, kernel.is_own, kernel.is_dev), ("kernel", 2, true, false));
        let axum = &http.dependencies[1];
        assert_eq!((axum.name.as_str(), axum.line, axum.is_own, axum.is_dev), ("axum", 3, false, true));
    }
}

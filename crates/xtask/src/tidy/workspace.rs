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
    /// The root files of its tests, measurements and examples, relative to the root.
    pub(super) tests: Vec<PathBuf>,
}

impl Package {
    /// Its folder, relative to the root.
    pub(super) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new(""))
    }

    /// Whether a file of it belongs to its tests.
    pub(super) fn is_test(&self, file: &Path) -> bool {
        let is_beside = file.strip_prefix(self.folder()).is_ok_and(|inside| inside.starts_with("tests"));
        is_beside || self.tests.iter().any(|root| root == file)
    }
}

/// One line of a manifest.
#[derive(Debug)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// What the manifest and the sources call it.
    pub(super) key: String,
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
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<RawDependency>,
    targets: Vec<RawTarget>,
}

#[derive(Deserialize)]
struct RawTarget {
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct RawDependency {
    name: String,
    rename: Option<String>,
    kind: Option<String>,
}

impl Workspace {
    /// Reads what `cargo metadata --no-deps` printed.
    pub(super) fn read(metadata: &str, root: &Path, sources: &[Source]) -> anyhow::Result<Self> {
        let metadata: Metadata = serde_json::from_str(metadata).context("cargo metadata printed something else")?;
        let own: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
        let relative = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
        let packages = metadata.packages.iter().map(|package| {
            let manifest = relative(&package.manifest_path);
            let text = text_of(sources, &manifest);
            let dependency = |raw: &RawDependency| {
                let key = raw.rename.as_ref().unwrap_or(&raw.name);
                Dependency {
                    name: short(&raw.name),
                    key: key.clone(),
                    line: line_of(text, key),
                    is_own: own.contains(raw.name.as_str()),
                    is_dev: raw.kind.as_deref() == Some("dev"),
                }
            };
            let tests = package.targets.iter().filter(|target| target.is_test());
            Package {
                name: short(&package.name),
                manifest,
                dependencies: package.dependencies.iter().map(dependency).collect(),
                tests: tests.map(|target| relative(&target.src_path)).collect(),
            }
        });
        Ok(Self { packages: packages.collect() })
    }
}

impl RawTarget {
    fn is_test(&self) -> bool {
        self.kind.iter().any(|kind| matches!(kind.as_str(), "test" | "bench" | "example"))
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
        let dependency = Dependency { name: (*to).into(), key: (*to).into(), line: 1, is_own, is_dev: *is_dev };
        match packages.iter_mut().find(|package| package.name == *from) {
            Some(package) => package.dependencies.push(dependency),
            None => packages.push(Package {
                name: (*from).into(),
                manifest: format!("crates/{from}/Cargo.toml").into(),
                dependencies: vec![dependency],
                tests: Vec::new(),
            }),
        }
    }
    Workspace { packages }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [
            {"name": "dualgrid-http", "manifest_path": "/w/crates/http/Cargo.toml", "dependencies": [
                {"name": "dualgrid-kernel", "rename": "kernel", "kind": null},
                {"name": "axum", "rename": null, "kind": "dev"}
            ], "targets": [
                {"kind": ["lib"], "src_path": "/w/crates/http/src/lib.rs"},
                {"kind": ["test"], "src_path": "/w/crates/http/story.rs"}
            ]},
            {"name": "dualgrid-kernel", "manifest_path": "/w/crates/kernel/Cargo.toml", "dependencies": [], "targets": []}
        ]
    }"#;

    #[test]
    fn crates_have_short_names_and_dependencies_have_lines() {
        let manifest = "[dependencies]\nkernel.workspace = true\naxum = \"0.8\"\n".to_owned();
        let source = Source { path: "crates/http/Cargo.toml".into(), text: manifest };
        let workspace = Workspace::read(METADATA, Path::new("/w"), &[source]).unwrap();
        let http = &workspace.packages[0];
        assert_eq!((http.name.as_str(), http.manifest.as_path()), ("http", Path::new("crates/http/Cargo.toml")));
        let kernel = &http.dependencies[0];
        assert_eq!(kernel.key, "kernel");
        assert_eq!((kernel.name.as_str(), kernel.line, kernel.is_own, kernel.is_dev), ("kernel", 2, true, false));
        let axum = &http.dependencies[1];
        assert_eq!((axum.name.as_str(), axum.line, axum.is_own, axum.is_dev), ("axum", 3, false, true));
    }

    #[test]
    fn the_files_of_tests_are_those_in_their_folder_and_the_roots_that_cargo_knows() {
        let workspace = Workspace::read(METADATA, Path::new("/w"), &[]).unwrap();
        let is_test = |path: &str| workspace.packages[0].is_test(Path::new(path));
        assert!(is_test("crates/http/tests/support/a.rs") && is_test("crates/http/story.rs"));
        assert!(!is_test("crates/http/src/lib.rs") && !is_test("crates/http/src/tests.rs"));
    }
}

//! What is in the program: a CycloneDX document of every crate that is compiled into `dualgrid`, from `cargo metadata` and Cargo.lock.
//!
//! The same sources give the same bytes: there is no moment and no random number in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::sample::workspace_dir;

use crate::cargo::cargo;

/// The program.
const PROGRAM: &str = "dualgrid";
/// For which machine it is built.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Options of `sbom`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to write it; to the output without it
    #[arg(long)]
    output: Option<PathBuf>,
    /// Features of the program, for example `s3,otel`
    #[arg(long, default_value = "")]
    features: String,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    /// `None` for what is compiled into the program; `build` and `dev` for what is not.
    kind: Option<String>,
}

/// Writes the document.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut command = cargo(["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]);
    command.args(["--manifest-path", "crates/dualgrid/Cargo.toml", "--features", &options.features]);
    let output = command.output().await.context("cargo does not start")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata printed something else")?;
    let lock = std::fs::read_to_string(workspace_dir().join("Cargo.lock")).context("could not read Cargo.lock")?;
    let document = document(&metadata, &checksums(&lock))?;
    let text = serde_json::to_string_pretty(&document)?;
    let Some(file) = options.output else {
        println!("{text}");
        return Ok(());
    };
    std::fs::write(&file, text + "\n").with_context(|| format!("could not write {}", file.display()))?;
    let count = document["components"].as_array().map_or(0, Vec::len);
    eprintln!("{count} components in {}", file.display());
    Ok(())
}

fn document(metadata: &Metadata, checksums: &BTreeMap<(String, String), String>) -> anyhow::Result<Value> {
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|package| (&*package.id, package)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (&*node.id, node)).collect();
    let program = metadata.packages.iter().find(|package| package.name == PROGRAM && package.source.is_none());
    let program = program.context("this workspace has no program")?;
    let (mut inside, mut waiting) = (BTreeMap::new(), vec![program.id.as_str()]);
    while let Some(id) = waiting.pop() {
        if inside.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("{id} is not resolved"))?;
        let is_inside = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let needs: BTreeSet<&str> = node.deps.iter().filter(is_inside).map(|dependency| &*dependency.pkg).collect();
        waiting.extend(&needs);
        inside.insert(id, needs);
    }
    let mut components = Vec::new();
    for id in inside.keys().filter(|id| **id != program.id) {
        let package = packages.get(id).with_context(|| format!("{id} is no package"))?;
        components.push(component(package, "library", checksums));
    }
    ensure!(!components.is_empty(), "a program without a crate");
    let name = |id: &str| packages.get(id).map_or_else(|| id.to_owned(), |package| reference(package));
    let dependencies: Vec<Value> = inside
        .iter()
        .map(|(id, needs)| json!({ "ref": name(id), "dependsOn": needs.iter().map(|id| name(id)).collect::<Vec<_>>() }))
        .collect();
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component(program, "application", checksums) },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(package: &Package, kind: &str, checksums: &BTreeMap<(String, String), String>) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "purl": reference(package),
    });
    if let Some(license) = &package.license {
        // Some crates still write the form of before SPDX expressions.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(checksum) = checksums.get(&(package.name.clone(), package.version.clone())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// A package URL. One of ours is no crate of a registry.
fn reference(package: &Package) -> String {
    let kind = if package.source.is_some() { "cargo" } else { "generic" };
    format!("pkg:{kind}/{}@{}", package.name, package.version)
}

/// The SHA-256 of each crate, by name and version, as Cargo.lock has it.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| -> Option<String> {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let read = |block: &str| Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?));
    lock.split("[[package]]").filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metadata {
        let package = |name: &str, source: Option<&str>| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": source });
        let needs = |name: &str, kind: Option<&str>| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let read = json!({
            "packages": [
                package("dualgrid", None), package("dualgrid-app", None), package("serde", Some("registry")),
                package("proptest", Some("registry")), package("cc", Some("registry")),
            ],
            "resolve": { "nodes": [
                { "id": "dualgrid", "deps": [needs("dualgrid-app", None), needs("proptest", Some("dev"))] },
                { "id": "dualgrid-app", "deps": [needs("serde", None), needs("cc", Some("build"))] },
                { "id": "serde", "deps": [] }, { "id": "proptest", "deps": [] }, { "id": "cc", "deps": [] },
            ] },
        });
        serde_json::from_value(read).unwrap()
    }

    #[test]
    fn what_is_compiled_into_the_program_is_listed_and_nothing_else() {
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\nchecksum = \"abc\"\n\n[[package]]\nname = \"dualgrid\"\nversion = \"1.0.0\"\n";
        let document = document(&sample(), &checksums(lock)).unwrap();
        let names: Vec<&str> =
            document["components"].as_array().unwrap().iter().map(|one| one["purl"].as_str().unwrap()).collect();
        assert_eq!(names, ["pkg:generic/dualgrid-app@1.0.0", "pkg:cargo/serde@1.0.0"]);
        let serde = &document["components"][1];
        assert_eq!(serde["hashes"], json!([{ "alg": "SHA-256", "content": "abc" }]));
        assert_eq!(serde["licenses"], json!([{ "expression": "MIT OR Apache-2.0" }]));
        assert_eq!(document["metadata"]["component"]["purl"], "pkg:generic/dualgrid@1.0.0");
        let needs = json!({ "ref": "pkg:generic/dualgrid-app@1.0.0", "dependsOn": ["pkg:cargo/serde@1.0.0"] });
        assert!(document["dependencies"].as_array().unwrap().contains(&needs));
    }

    #[test]
    fn a_workspace_without_the_program_is_said_so() {
        let mut metadata = sample();
        metadata.packages.remove(0);
        assert_eq!(document(&metadata, &BTreeMap::new()).unwrap_err().to_string(), "this workspace has no program");
    }
}

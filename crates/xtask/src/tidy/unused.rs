//! Every dependency is named in the sources of its crate, and one that only tests name is a dependency of the tests.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::Offence;
use super::tokens::{self, Rust};
use super::workspace::{Dependency, Package, Workspace};

/// Macros of ours, and what they make their callers name: a derive names its crate where it is expanded.
const EXPANSIONS: &[(&str, &str)] = &[("refusals", "thiserror")];

/// The crates that the sources of a package name.
struct Named {
    in_code: BTreeSet<String>,
    in_tests: BTreeSet<String>,
}

pub(super) fn check(workspaces: &[&Workspace], files: &[Rust<'_>]) -> Vec<Offence> {
    let packages: Vec<&Package> = workspaces.iter().flat_map(|workspace| &workspace.packages).collect();
    let mut offences = Vec::new();
    for package in &packages {
        let named = Named::by(package, &packages, files);
        for dependency in &package.dependencies {
            let offence = named.offence_of(package, dependency);
            offences.extend(offence.map(|what| Offence::new(&package.manifest, dependency.line, what)));
        }
    }
    offences
}

impl Named {
    fn by(package: &Package, packages: &[&Package], files: &[Rust<'_>]) -> Self {
        let folder = package.folder();
        // A package in the folder of another has its own files.
        let inner = |path: &Path| {
            let mut others = packages.iter().map(|other| other.folder());
            others.any(|other| other != folder && other.starts_with(folder) && path.starts_with(other))
        };
        let mut named = Self { in_code: BTreeSet::new(), in_tests: BTreeSet::new() };
        for file in files.iter().filter(|file| file.source.path.starts_with(folder) && !inner(&file.source.path)) {
            named.in_tests.extend(names(&file.all));
            if !package.is_test(&file.source.path) {
                named.in_code.extend(names(&file.code));
            }
        }
        named
    }

    fn offence_of(&self, package: &Package, dependency: &Dependency) -> Option<String> {
        let key = dependency.key.replace('-', "_");
        let (own, key_of) = (&package.name, &dependency.key);
        if !self.in_tests.contains(&key) {
            return Some(format!("`{own}` never names `{key_of}`: take the dependency out"));
        }
        (!dependency.is_dev && !self.in_code.contains(&key))
            .then(|| format!("only the tests of `{own}` name `{key_of}`: move it to dev-dependencies"))
    }
}

/// The words that paths begin with: in code, in attributes, in macros and in `use`.
fn names(stream: &TokenStream) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    tokens::each_level(stream, &mut |tokens| {
        for (index, token) in tokens.iter().enumerate() {
            let Some(word) = tokens::ident(token) else { continue };
            let is_call = tokens.get(index + 1).is_some_and(|sign| tokens::is_punct(sign, '!'));
            let expansion = EXPANSIONS.iter().find(|(name, _)| is_call && word == name);
            names.extend(expansion.map(|(_, named)| (*named).to_owned()));
            if (tokens::is_path_separator(tokens, index + 1) && begins_path(tokens, index)) || is_use(tokens, index) {
                names.insert(word.to_string());
            }
        }
    });
    names
}

/// Whether a path begins there: also `::name`, which only ever means a crate.
fn begins_path(tokens: &[TokenTree], index: usize) -> bool {
    let is_continued = index >= 2 && tokens::is_path_separator(tokens, index - 2);
    let has_start =
        index >= 3 && (tokens::ident(&tokens[index - 3]).is_some() || tokens::is_punct(&tokens[index - 3], '>'));
    !(is_continued && has_start)
}

/// `use name;`, `use name as other;`
fn is_use(tokens: &[TokenTree], index: usize) -> bool {
    index > 0 && (tokens::is_ident(&tokens[index - 1], "use") || tokens::is_ident(&tokens[index - 1], "crate"))
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::super::workspace::sample;
    use super::*;

    fn offences(arrows: &[(&str, &str, bool)], files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: path.into(), text: (*text).into() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        let found = check(&[&sample(arrows)], &tokens::read(&sources).0);
        found.into_iter().map(|offence| offence.what).collect()
    }

    #[test]
    fn a_dependency_that_nobody_names_is_an_offence() {
        let code = "//! serde_json::Value\nfn f(bytes: u8) { let x = bytes.uuid; crate::tokio::f(); \"chrono::Utc\"; }";
        for unused in ["serde_json", "bytes", "uuid", "tokio", "chrono"] {
            let found = offences(&[("log", unused, false)], &[("crates/log/src/lib.rs", code)]);
            assert_eq!(found, [format!("`log` never names `{unused}`: take the dependency out")]);
        }
    }

    #[test]
    fn a_path_a_use_an_attribute_and_a_macro_name_a_crate() {
        let code = "use serde as s;\n#[async_trait::async_trait]\nimpl A { fn f() -> tokio::B { info!(\"\", ::uuid::C) } }\n\
            kernel::refusals! { pub enum Refusal {} }";
        for used in ["serde", "async-trait", "tokio", "uuid", "thiserror"] {
            assert!(offences(&[("log", used, false)], &[("crates/log/src/a.rs", code)]).is_empty(), "{used}");
        }
    }

    #[test]
    fn what_only_tests_name_is_a_dependency_of_the_tests() {
        let code = "#[cfg(test)]\nmod tests { use serde::A; }";
        let files = [("crates/log/src/a.rs", code), ("crates/log/tests/b.rs", "use toml::C;")];
        let found = offences(&[("log", "serde", false), ("log", "toml", false)], &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], "only the tests of `log` name `serde`: move it to dev-dependencies");
        assert!(offences(&[("log", "serde", true), ("log", "toml", true)], &files).is_empty());
    }
}

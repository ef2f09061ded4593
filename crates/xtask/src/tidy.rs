//! `cargo xtask tidy`: what the compiler does not check.

mod access;
mod arrows;
mod circles;
mod comments;
mod covered;
mod folders;
mod homes;
mod modules;
mod refusals;
mod roots;
mod sizes;
mod texts;
mod tokens;
mod unused;
mod workspace;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::bench;
use crate::cargo::{cargo, output};
use workspace::Workspace;

/// Something to put right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Offence {
    path: PathBuf,
    line: usize,
    /// What is wrong, and what to do.
    what: String,
}

impl Offence {
    fn new(path: impl Into<PathBuf>, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}

/// A file that git tracks or would track. Its path is relative to the root.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }
}

/// Runs every check and prints one line an offence.
pub(crate) async fn run() -> anyhow::Result<()> {
    let root = testkit::sample::workspace_dir();
    let sources = sources(&root).await?;
    let product = workspace("Cargo.toml", &root, &sources).await?;
    let measurements = workspace(bench::MANIFEST, &root, &sources).await?;
    let mut offences = check(&product, &measurements, &sources);
    offences.sort();
    for offence in &offences {
        println!("{offence}");
    }
    ensure!(offences.is_empty(), "tidy found {} offences", offences.len());
    eprintln!("tidy: {} files and {} crates are in order", sources.len(), product.packages.len());
    Ok(())
}

/// The measurements are a workspace of their own, and may use what they like.
fn check(product: &Workspace, measurements: &Workspace, sources: &[Source]) -> Vec<Offence> {
    let (files, mut offences) = tokens::read(sources);
    let crates = modules::crates(&files);
    offences.extend(circles::check(&crates));
    offences.extend(folders::check(&crates));
    offences.extend(covered::check(&files));
    offences.extend(arrows::check(product));
    offences.extend(homes::check(product));
    offences.extend(unused::check(&[product, measurements], &files));
    for file in &files {
        offences.extend(access::check(file));
        offences.extend(comments::check(file));
        offences.extend(refusals::check(file));
        offences.extend(sizes::check(file.source));
        offences.extend(roots::check(file.source));
    }
    offences.extend(sources.iter().flat_map(texts::check));
    offences
}

/// What cargo says of a workspace.
async fn workspace(manifest: &str, root: &Path, sources: &[Source]) -> anyhow::Result<Workspace> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--manifest-path", manifest];
    Workspace::read(&output(cargo(arguments)).await?, root, sources)
}

/// All text files, by git: what is ignored is nobody's business.
async fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let mut sources = Vec::new();
    for name in output(list).await?.split_terminator('\0') {
        let path = root.join(name);
        // A file that was deleted but not yet committed, a link, or a picture.
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("could not read {name}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path: PathBuf::from(name), text });
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offence_reads_as_editors_want_it() {
        assert_eq!(Offence::new("crates/a/src/lib.rs", 3, "too long").to_string(), "crates/a/src/lib.rs:3: too long");
    }
}

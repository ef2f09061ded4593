//! Generated files, compared with those on the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// What there should be. Paths are relative to the root of the workspace.
#[derive(Debug, Default)]
pub(super) struct Generated {
    files: BTreeMap<PathBuf, String>,
    /// Folders that hold nothing but generated files: others in them are left over.
    folders: Vec<PathBuf>,
}

impl Generated {
    /// Adds a file.
    pub(super) fn file(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) {
        let mut text = text.into();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.files.insert(path.into(), text);
    }

    /// Adds everything in the folder `from` as the folder `path`.
    pub(super) fn folder(&mut self, path: impl Into<PathBuf>, from: &Path) -> anyhow::Result<()> {
        let path = path.into();
        for name in names_in(from)? {
            let text = std::fs::read_to_string(from.join(&name))
                .with_context(|| format!("could not read the generated {}", name.display()))?;
            self.file(path.join(name), text);
        }
        self.folders.push(path);
        Ok(())
    }

    /// The files that would be written or removed.
    pub(super) fn changes(&self, root: &Path) -> anyhow::Result<Vec<String>> {
        let mut changes = self.left_over(root)?;
        for (path, text) in &self.files {
            if !std::fs::read(root.join(path)).is_ok_and(|there| there == text.as_bytes()) {
                changes.push(path.clone());
            }
        }
        changes.sort();
        Ok(changes.iter().map(|path| path.display().to_string()).collect())
    }

    /// Writes all files and removes what is left over.
    pub(super) fn write(&self, root: &Path) -> anyhow::Result<()> {
        for path in self.left_over(root)? {
            std::fs::remove_file(root.join(&path)).with_context(|| format!("could not remove {}", path.display()))?;
        }
        for (path, text) in &self.files {
            let target = root.join(path);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).with_context(|| format!("could not create {}", parent.display()))?;
            }
            std::fs::write(&target, text).with_context(|| format!("could not write {}", path.display()))?;
        }
        Ok(())
    }

    fn left_over(&self, root: &Path) -> anyhow::Result<Vec<PathBuf>> {
        let mut left_over = Vec::new();
        for folder in self.folders.iter().filter(|folder| root.join(folder).is_dir()) {
            let names = names_in(&root.join(folder))?.into_iter();
            left_over.extend(names.map(|name| folder.join(name)).filter(|path| !self.files.contains_key(path)));
        }
        Ok(left_over)
    }
}

/// All files under a folder, by their paths in it.
fn names_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(inner) = pending.pop() {
        let listed = folder.join(&inner);
        let entries = std::fs::read_dir(&listed).with_context(|| format!("could not list {}", listed.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("could not list {}", listed.display()))?;
            let name = inner.join(entry.file_name());
            if entry.path().is_dir() { pending.push(name) } else { names.push(name) }
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_a_changed_and_a_left_over_file_are_changes_until_written() {
        let (root, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(made.path().join("case")).unwrap();
        std::fs::write(made.path().join("case/a.json"), "{}").unwrap();
        let mut generated = Generated::default();
        generated.file("docs/events.md", "# Events");
        generated.folder("docs/schemas", made.path()).unwrap();
        generated.write(root.path()).unwrap();
        assert!(generated.changes(root.path()).unwrap().is_empty());

        std::fs::write(root.path().join("docs/schemas/old.json"), "{}").unwrap();
        std::fs::write(root.path().join("docs/events.md"), "# Other").unwrap();
        std::fs::remove_file(root.path().join("docs/schemas/case/a.json")).unwrap();
        assert_eq!(
            generated.changes(root.path()).unwrap(),
            ["docs/events.md", "docs/schemas/case/a.json", "docs/schemas/old.json"]
        );
        generated.write(root.path()).unwrap();
        assert!(generated.changes(root.path()).unwrap().is_empty());
    }
}

//! The sample district in `deploy/sample`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The root of the workspace.
pub fn workspace_dir() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// The files of the sample, in order of their names.
pub fn district_files() -> anyhow::Result<Vec<PathBuf>> {
    files_in(&workspace_dir().join("deploy/sample"))
}

/// The codes of all departments in the sample, each once, in order.
pub fn department_codes() -> anyhow::Result<Vec<String>> {
    department_codes_in(&district_files()?)
}

/// The codes of all departments in some district files: `code` of every table in an array `departments`, at any depth.
pub fn department_codes_in(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut codes = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        let table: toml::Table = text.parse().with_context(|| format!("{} is no TOML", file.display()))?;
        collect(&toml::Value::Table(table), &mut codes);
    }
    Ok(codes.into_iter().collect())
}

fn files_in(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("could not list {}", dir.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("could not list {}", dir.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn collect(value: &toml::Value, codes: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, inner) in table {
                if key == "departments"
                    && let toml::Value::Array(departments) = inner
                {
                    let of = |department: &toml::Value| Some(department.get("code")?.as_str()?.to_owned());
                    codes.extend(departments.iter().filter_map(of));
                }
                collect(inner, codes);
            }
        }
        toml::Value::Array(items) => items.iter().for_each(|item| collect(item, codes)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_once_and_in_order_and_may_be_absent() {
        let dir = tempfile::tempdir().unwrap();
        assert!(files_in(&dir.path().join("absent")).unwrap().is_empty());
        std::fs::write(dir.path().join("b.toml"), "[[departments]]\ncode = \"SC\"\n[[departments]]\nname = \"?\"\n")
            .unwrap();
        std::fs::write(dir.path().join("a.toml"), "[[streets]]\n[[streets.departments]]\ncode = \"CG\"\n").unwrap();
        std::fs::write(dir.path().join("c.toml"), "[[departments]]\ncode = \"CG\"\n").unwrap();
        std::fs::write(dir.path().join("notes.md"), "no TOML").unwrap();
        assert_eq!(department_codes_in(&files_in(dir.path()).unwrap()).unwrap(), ["CG", "SC"]);
    }
}

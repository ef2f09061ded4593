//! The sample district in `deploy/sample`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// The root of the workspace.
pub fn workspace_dir() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// The district file of the sample; it names the others.
pub fn district_files() -> anyhow::Result<Vec<PathBuf>> {
    let file = workspace_dir().join("deploy/sample/district.toml");
    ensure!(file.is_file(), "{} is missing", file.display());
    Ok(vec![file])
}

/// The file of the persons of the sample.
pub fn person_files() -> anyhow::Result<Vec<PathBuf>> {
    let file = workspace_dir().join("deploy/sample/persons.toml");
    ensure!(file.is_file(), "{} is missing", file.display());
    Ok(vec![file])
}

/// The codes of all departments in the sample, each once, in order.
pub fn department_codes() -> anyhow::Result<Vec<String>> {
    department_codes_in(&district_files()?)
}

/// The codes of all departments in some district files and in those that they include: `code` of every table in an
/// array `departments`, at any depth.
pub fn department_codes_in(files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut codes = BTreeSet::new();
    for file in files {
        let district = read(file)?;
        for included in includes(&district) {
            collect(&read(&file.with_file_name(included))?, &mut codes);
        }
        collect(&district, &mut codes);
    }
    Ok(codes.into_iter().collect())
}

/// Writes a description of a district or of persons as the file that `dualgrid import` reads.
pub fn write_description(file: &Path, description: &serde_json::Value) -> anyhow::Result<()> {
    let text = toml::to_string(description).context("the description is no TOML")?;
    std::fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
}

fn read(file: &Path) -> anyhow::Result<toml::Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is no TOML", file.display()))?;
    Ok(toml::Value::Table(table))
}

/// The files that a district file includes, named from its own folder.
fn includes(district: &toml::Value) -> Vec<&str> {
    let names = district.get("include").and_then(toml::Value::as_array);
    names.into_iter().flatten().filter_map(toml::Value::as_str).collect()
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
    fn codes_come_once_and_in_order_and_from_included_files_too() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("district.toml", "include = [\"b.toml\", \"a.toml\"]\n");
        write("b.toml", "[[departments]]\ncode = \"SC\"\n[[departments]]\nname = \"?\"\n");
        write("a.toml", "[[streets]]\n[[streets.departments]]\ncode = \"CG\"\n[[departments]]\ncode = \"SC\"\n");
        write("c.toml", "[[departments]]\ncode = \"NOT-INCLUDED\"\n");
        assert_eq!(department_codes_in(&[dir.path().join("district.toml")]).unwrap(), ["CG", "SC"]);
    }

    #[test]
    fn the_sample_has_thirteen_departments() {
        assert_eq!(department_codes().unwrap().len(), 13);
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = department_codes_in(&["/nowhere/district.toml".into()]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/district.toml"), "{error:#}");
    }
}

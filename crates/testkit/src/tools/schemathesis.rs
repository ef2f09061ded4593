//! Schemathesis, which makes requests from an OpenAPI document: in a Python environment of its own, every package pinned by hash.

use std::path::PathBuf;

use super::python;

/// Every package with its hashes.
const REQUIREMENTS: &str = include_str!("schemathesis.txt");

/// The program `st`, installed if it is missing.
pub async fn schemathesis() -> anyhow::Result<PathBuf> {
    Ok(python::programs("schemathesis", REQUIREMENTS).await?.join("st"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_its_version_and_its_hashes() {
        let packages = REQUIREMENTS.split("\n\n").flat_map(|text| text.lines()).filter(|line| line.contains("=="));
        let (mut count, mut before) = (0, "");
        for line in packages.filter(|line| !line.starts_with('#')) {
            assert!(line.trim_end().ends_with('\\'), "{line} has no hash");
            let name = line.split("==").next().unwrap_or_default();
            assert!(before < name, "{line} comes twice or out of order");
            (count, before) = (count + 1, name);
        }
        assert!(count > 20, "{count}");
    }
}

//! The programs of departments and integrators: their public nkeys, and what integrators were granted.
//!
//! They are listed in the file `nats.programs_file`. A department is let in while it is active in the district; whoever is
//! taken out of the file, or whose department is closed, is let in no more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use accounts::{Grant, Member, PublicKey};
use anyhow::{Context as _, ensure};
use app::App;
use async_trait::async_trait;
use bus::departments::{Directory, Integrator};
use bus::server::{Register, ServerError};
use kernel::DepartmentCode;
use serde::Deserialize;

/// The file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Programs {
    #[serde(default)]
    department: Vec<Department>,
    #[serde(default)]
    integrator: Vec<Listed>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Department {
    code: String,
    /// Public nkeys.
    keys: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    /// Public nkeys.
    keys: Vec<String>,
    /// `order.<CODE>`, `order.*`, `street.<CODE>`, `street.*` or `district`.
    audiences: Vec<String>,
}

/// Who may use NATS: the file, and the departments of the district.
pub(crate) struct Registered {
    app: Arc<App>,
    file: Option<PathBuf>,
}

impl Registered {
    /// The programs of that file; none without one.
    pub(crate) fn new(app: Arc<App>, file: Option<PathBuf>) -> Self {
        Self { app, file }
    }

    /// Everybody who is let in, with their keys.
    pub(crate) async fn all(&self) -> anyhow::Result<Vec<Grant>> {
        let programs = self.read()?;
        let active = self.app.departments().await?;
        let mut grants = Vec::new();
        for department in &programs.department {
            let member = Member::department(&department.code)?;
            if active.iter().any(|code| code.as_str() == department.code) {
                grants.push(Grant { keys: keys(&department.keys, &member)?, member });
            } else {
                tracing::debug!(department = department.code, "not in the district now: it is not let in to NATS");
            }
        }
        for integrator in &programs.integrator {
            let member = Member::integrator(&integrator.name)?;
            grants.push(Grant { keys: keys(&integrator.keys, &member)?, member });
        }
        Ok(grants)
    }

    fn read(&self) -> anyhow::Result<Programs> {
        let Some(file) = &self.file else { return Ok(Programs::default()) };
        let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        read(&text).with_context(|| format!("the programs in {} cannot be used", file.display()))
    }
}

/// Reads the file, and refuses it whole where a part of it cannot be used.
fn read(text: &str) -> anyhow::Result<Programs> {
    let programs: Programs = toml::from_str(text)?;
    let mut members: Vec<Member> = Vec::new();
    for department in &programs.department {
        let member = Member::department(&department.code)?;
        keys(&department.keys, &member)?;
        members.push(member);
    }
    for integrator in &programs.integrator {
        let member = Member::integrator(&integrator.name)?;
        keys(&integrator.keys, &member)?;
        Integrator::try_new(&integrator.name, &integrator.audiences)?;
        members.push(member);
    }
    for (place, member) in members.iter().enumerate() {
        ensure!(
            !members[..place].contains(member),
            "{} is listed twice: list all its keys in one place",
            member.name()
        );
    }
    Ok(programs)
}

fn keys(listed: &[String], member: &Member) -> anyhow::Result<Vec<PublicKey>> {
    let keys = listed.iter().map(|key| PublicKey::try_new(key).with_context(|| format!("the key `{key}`")));
    keys.collect::<anyhow::Result<_>>().with_context(|| format!("a key of {} cannot be used", member.name()))
}

#[async_trait]
impl Register for Registered {
    async fn grants(&self) -> Result<Vec<Grant>, ServerError> {
        self.all().await.map_err(|error| ServerError::Grants(format!("{error:#}")))
    }
}

#[async_trait]
impl Directory for Registered {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        self.app.departments().await
    }

    fn integrators(&self) -> Vec<Integrator> {
        // A file that cannot be used is told by whoever keeps the configuration; consumers that are there stay.
        let programs = self.read().unwrap_or_default();
        let listed = programs.integrator.iter();
        listed.filter_map(|one| Integrator::try_new(&one.name, &one.audiences).ok()).collect()
    }
}

/// Whether the file of programs can be used, for `dualgrid doctor`.
pub(crate) fn check(file: &Path) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    let programs = read(&text)?;
    Ok(programs.department.len() + programs.integrator.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> String {
        accounts::Seed::of_random([number; 32]).public().to_string()
    }

    fn refused(text: &str) -> String {
        format!("{:#}", read(text).unwrap_err())
    }

    #[test]
    fn departments_and_integrators_are_listed_with_their_keys() {
        let text = format!(
            "[[department]]\ncode = \"CGZF\"\nkeys = [\"{}\", \"{}\"]\n\n[[integrator]]\nname = \"city\"\nkeys = [\"{}\"]\n\
             audiences = [\"district\", \"order.*\"]\n",
            key(1),
            key(2),
            key(3)
        );
        let programs = read(&text).unwrap();
        assert_eq!((programs.department[0].keys.len(), programs.integrator[0].audiences.len()), (2, 2));
        assert!(read("").unwrap().department.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_refused_whole_with_what_to_do() {
        let department = |code: &str, key: &str| format!("[[department]]\ncode = \"{code}\"\nkeys = [\"{key}\"]\n");
        assert!(refused(&department("cg.zf", &key(1))).contains("cannot be the code of a department"));
        assert!(
            refused(&department("CGZF", "UABC"))
                .contains("a key of CGZF cannot be used: the key `UABC`: it is not the public nkey")
        );
        let twice = format!("{}{}", department("CGZF", &key(1)), department("CGZF", &key(2)));
        assert!(refused(&twice).contains("CGZF is listed twice"));
        let integrator = |audience: &str| {
            format!("[[integrator]]\nname = \"city\"\nkeys = [\"{}\"]\naudiences = [{audience}]\n", key(1))
        };
        for audience in ["\"internal\"", "\">\"", "\"order\"", "\"order.*.x\"", "\"district.x\"", ""] {
            assert!(refused(&integrator(audience)).contains("audience"), "{audience}");
        }
        assert!(refused("[[integrators]]\n").contains("unknown field"));
    }
}

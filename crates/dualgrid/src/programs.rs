//! The programs of departments and integrators: their public nkeys, and what integrators were granted.
//!
//! They are in the register, which the log holds; beside it the file `nats.programs_file` may list more. What the register says of a
//! program holds, whatever the file says of it: a closed program, or a key that was taken out, is not let in by the file. A department
//! is let in while it is active in the district. Where the file cannot be used, whoever it let in stays let in, and what the register
//! says, and the closing of a department, goes through all the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use accounts::{Grant, InvalidName, Member, PublicKey};
use anyhow::{Context as _, ensure};
use app::App;
use async_trait::async_trait;
use bus::departments::{Directory, Integrator};
use bus::server::{Granted, Register, ServerError};
use kernel::DepartmentCode;
use people::programs::Program;
use people::{IntegratorName, ProgramId};
use serde::Deserialize;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    department: Vec<Department>,
    #[serde(default)]
    integrator: Vec<InFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Department {
    code: String,
    /// Public nkeys.
    keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InFile {
    name: String,
    /// Public nkeys.
    keys: Vec<String>,
    /// `order.<CODE>`, `order.*`, `street.<CODE>`, `street.*` or `district`.
    audiences: Vec<String>,
}

/// A program, as the register or the file has it.
#[derive(Clone, Debug)]
struct Listed {
    id: ProgramId,
    keys: Vec<PublicKey>,
    /// None of a department: it receives its own orders.
    audiences: Vec<String>,
}

impl Listed {
    fn member(&self) -> Result<Member, InvalidName> {
        match &self.id {
            ProgramId::Department(code) => Member::department(code.as_str()),
            ProgramId::Integrator(name) => Member::integrator(name.as_str()),
            // It has no keys, so that nothing of it is listed.
            ProgramId::Connector(name) => Err(InvalidName::Integrator(name.as_str().to_owned())),
        }
    }

    /// A program that was let in before. What it receives is not known, and stays as it is.
    fn of_grant(Grant { member, keys }: Grant) -> Option<Self> {
        let id = if member.is_department() {
            ProgramId::Department(DepartmentCode::try_new(member.name()).ok()?)
        } else {
            ProgramId::Integrator(IntegratorName::try_new(member.name()).ok()?)
        };
        Some(Self { id, keys, audiences: Vec::new() })
    }

    /// What it receives, where it is an integrator to which something can be granted.
    fn integrator(&self) -> Option<Integrator> {
        let ProgramId::Integrator(name) = &self.id else { return None };
        Integrator::try_new(name.as_str(), &self.audiences).ok()
    }
}

impl From<&Program> for Listed {
    fn from(program: &Program) -> Self {
        Self {
            id: program.id.clone(),
            keys: program.keys.iter().map(|key| key.public().clone()).collect(),
            audiences: program.audiences.iter().cloned().map(String::from).collect(),
        }
    }
}

/// Who may use NATS: the register, the file, and the departments of the district.
pub(crate) struct Registered {
    app: Arc<App>,
    file: Option<PathBuf>,
}

impl Registered {
    /// The programs of the register and of that file.
    pub(crate) fn new(app: Arc<App>, file: Option<PathBuf>) -> Self {
        Self { app, file }
    }

    /// Everybody who is let in, with their keys.
    pub(crate) async fn all(&self) -> anyhow::Result<Vec<Grant>> {
        self.let_in(self.read()?).await
    }

    /// The same with these programs in the place of those of the file.
    async fn let_in(&self, file: Vec<Listed>) -> anyhow::Result<Vec<Grant>> {
        let active = self.app.departments().await?;
        let mut grants = Vec::new();
        for listed in joined(&self.app.programs().await?, file) {
            if let ProgramId::Department(code) = &listed.id
                && !active.contains(code)
            {
                tracing::debug!(department = %code, "not in the district now: it is not let in to NATS");
                continue;
            }
            grants.push(Grant { member: listed.member()?, keys: listed.keys });
        }
        Ok(grants)
    }

    fn read(&self) -> anyhow::Result<Vec<Listed>> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
        read(&text).with_context(|| format!("the programs in {} cannot be used", file.display()))
    }
}

/// The programs of the register, and of the file those that the register does not know, without keys that it ever knew. Departments
/// come first, by code, then integrators, by name.
fn joined(register: &people::Programs, file: Vec<Listed>) -> Vec<Listed> {
    let known = register.current();
    let mut joined: Vec<Listed> = known.iter().filter(|program| program.closed.is_none()).map(Listed::from).collect();
    for mut listed in file.into_iter().filter(|listed| known.iter().all(|program| program.id != listed.id)) {
        listed.keys.retain(|key| !register.is_used(key));
        joined.push(listed);
    }
    joined.retain(|listed| !listed.keys.is_empty());
    joined.sort_by(|one, other| one.id.cmp(&other.id));
    joined
}

/// Reads the file, and refuses it whole where a part of it cannot be used.
fn read(text: &str) -> anyhow::Result<Vec<Listed>> {
    let File { department, integrator } = toml::from_str(text)?;
    let mut programs: Vec<Listed> = Vec::new();
    for Department { code, keys } in department {
        let keys = public(&keys, &Member::department(&code)?)?;
        programs.push(Listed {
            id: ProgramId::Department(DepartmentCode::try_new(code)?),
            keys,
            audiences: Vec::new(),
        });
    }
    for InFile { name, keys, audiences } in integrator {
        let keys = public(&keys, &Member::integrator(&name)?)?;
        Integrator::try_new(&name, &audiences)?;
        programs.push(Listed { id: ProgramId::Integrator(IntegratorName::try_new(&name)?), keys, audiences });
    }
    for (place, listed) in programs.iter().enumerate() {
        ensure!(
            programs[..place].iter().all(|other| other.id != listed.id),
            "{} is listed twice: list all its keys in one place",
            listed.member()?.name()
        );
    }
    Ok(programs)
}

fn public(listed: &[String], member: &Member) -> anyhow::Result<Vec<PublicKey>> {
    let keys = listed.iter().map(|key| PublicKey::try_new(key).with_context(|| format!("the key `{key}`")));
    keys.collect::<anyhow::Result<_>>().with_context(|| format!("a key of {} cannot be used", member.name()))
}

#[async_trait]
impl Register for Registered {
    async fn grants(&self, in_force: Vec<Grant>) -> Result<Granted, ServerError> {
        let (file, trouble) = match self.read() {
            Ok(file) => (file, None),
            Err(error) => (in_force.into_iter().filter_map(Listed::of_grant).collect(), Some(format!("{error:#}"))),
        };
        let grants = self.let_in(file).await.map_err(|error| ServerError::Grants(format!("{error:#}")))?;
        Ok(Granted { grants, trouble })
    }
}

#[async_trait]
impl Directory for Registered {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        self.app.departments().await
    }

    async fn integrators(&self) -> Vec<Integrator> {
        // A file that cannot be used is told by whoever keeps the configuration; consumers that are there stay.
        let file = self.read().unwrap_or_default();
        let Ok(register) = self.app.programs().await else { return Vec::new() };
        joined(&register, file).iter().filter_map(Listed::integrator).collect()
    }
}

/// Whether the file of programs can be used, for `dualgrid doctor`.
pub(crate) fn check(file: &Path) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(read(&text)?.len())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use people::programs::{ProgramClosed, ProgramKeysChanged, ProgramRegistered, ProgramsEvent};
    use people::{GrantedAudience, Nkey};

    use super::*;

    fn key(number: u8) -> String {
        accounts::Seed::of_random([number; 32]).public().to_string()
    }

    fn refused(text: &str) -> String {
        format!("{:#}", read(text).unwrap_err())
    }

    /// The register after these events.
    fn register(events: impl IntoIterator<Item = ProgramsEvent>) -> people::Programs {
        events.into_iter().fold(people::Programs::default(), kernel::Aggregate::evolve)
    }

    fn nkey(number: u8) -> Nkey {
        Nkey::try_new(&key(number)).unwrap()
    }

    fn registered(program: ProgramId, keys: &[u8]) -> ProgramsEvent {
        let audiences = match &program {
            ProgramId::Department(_) => [].into(),
            ProgramId::Integrator(_) | ProgramId::Connector(_) => {
                [GrantedAudience::try_new("district").unwrap()].into()
            }
        };
        let keys = keys.iter().map(|number| nkey(*number)).collect();
        ProgramRegistered { program, keys, audiences, sources: [].into(), since: DateTime::UNIX_EPOCH }.into()
    }

    /// Each program that is let in, with its keys.
    fn let_in(register: &people::Programs, file: &str) -> Vec<(String, Vec<String>)> {
        let named = |listed: Listed| {
            let keys = listed.keys.iter().map(ToString::to_string).collect();
            (listed.member().unwrap().name().to_owned(), keys)
        };
        joined(register, read(file).unwrap()).into_iter().map(named).collect()
    }

    #[test]
    fn what_the_register_says_of_a_program_holds_whatever_the_file_says() {
        let department = || ProgramId::Department(DepartmentCode::try_new("CGZF").unwrap());
        let city = || ProgramId::Integrator(IntegratorName::try_new("city").unwrap());
        let file = format!(
            "[[department]]\ncode = \"CGZF\"\nkeys = [\"{}\"]\n[[department]]\ncode = \"SCJG\"\nkeys = [\"{}\", \"{}\"]\n\
             [[integrator]]\nname = \"city\"\nkeys = [\"{}\"]\naudiences = [\"order.*\"]\n",
            key(1),
            key(2),
            key(3),
            key(4)
        );
        let with =
            |name: &str, keys: &[u8]| (name.to_owned(), keys.iter().map(|number| key(*number)).collect::<Vec<_>>());
        let nothing = register([]);
        assert_eq!(let_in(&nothing, &file), [with("CGZF", &[1]), with("SCJG", &[2, 3]), with("city", &[4])]);
        // Its own keys and not those of the file; nor a key of the file that is another's.
        let open = [registered(department(), &[3]), registered(city(), &[5])];
        let expected = [with("CGZF", &[3]), with("SCJG", &[2]), with("city", &[5])];
        assert_eq!(let_in(&register(open.clone()), &file), expected);
        let audiences = joined(&register(open.clone()), read(&file).unwrap()).pop().unwrap().audiences;
        assert_eq!(audiences, ["district"]);
        // A key that was taken out, and a program that was closed, do not come back by the file.
        let (keys, since) = ([nkey(6)].into(), DateTime::UNIX_EPOCH);
        let changed = ProgramKeysChanged { program: department(), keys, since };
        let closed = ProgramClosed { program: city(), reason: "合同到期".into(), since };
        let after = register(open.into_iter().chain([changed.into(), closed.into()]));
        assert_eq!(let_in(&after, &file), [with("CGZF", &[6]), with("SCJG", &[2])]);
    }

    #[test]
    fn whoever_was_let_in_by_the_file_stays_so_unless_the_register_says_otherwise() {
        let department = |code: &str| ProgramId::Department(DepartmentCode::try_new(code).unwrap());
        let of = |member: Member, keys: &[u8]| Grant {
            member,
            keys: keys.iter().map(|number| accounts::Seed::of_random([*number; 32]).public()).collect(),
        };
        let in_force = || {
            let grants = [
                of(Member::department("CGZF").unwrap(), &[1]),
                of(Member::department("SCJG").unwrap(), &[2, 3]),
                of(Member::integrator("city").unwrap(), &[4]),
            ];
            grants.into_iter().filter_map(Listed::of_grant).collect()
        };
        let names = |register: &people::Programs| {
            let named = |listed: &Listed| (listed.member().unwrap().name().to_owned(), listed.keys.len());
            joined(register, in_force()).iter().map(named).collect::<Vec<_>>()
        };
        let with = |name: &str, keys: usize| (name.to_owned(), keys);
        assert_eq!(names(&register([])), [with("CGZF", 1), with("SCJG", 2), with("city", 1)]);
        let since = DateTime::UNIX_EPOCH;
        let closed = ProgramClosed { program: department("CGZF"), reason: "合同到期".into(), since };
        let changed = ProgramKeysChanged { program: department("SCJG"), keys: [nkey(3)].into(), since };
        let events = [registered(department("CGZF"), &[1]), registered(department("SCJG"), &[2, 3])];
        let after = register(events.into_iter().chain([closed.into(), changed.into()]));
        assert_eq!(names(&after), [with("SCJG", 1), with("city", 1)]);
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
        assert_eq!((programs[0].keys.len(), programs[1].audiences.len()), (2, 2));
        assert!(read("").unwrap().is_empty());
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

//! `dualgrid import district FILE`: a description in TOML becomes commands, and those become events.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use app::App;
use app::intake::{Answer, Request, Target};
use comfy_table::Table as Printed;
use grid::DistrictDescription;
use kernel::{Actor, CommandId, Role, Scope};
use rules::RulesDescription;
use serde::Serialize;
use toml::{Table, Value};

use crate::config::Config;
use crate::system;

/// Loads the file and what it includes, and shows what was recorded.
pub(crate) async fn district(config: &Config, file: &Path) -> anyhow::Result<()> {
    let description = read(file)?;
    let app = system::open(config).await?;
    let rules: RulesDescription = part(&description, RulesDescription::KEYS)?;
    let district: DistrictDescription = part(&description, DistrictDescription::KEYS)?;
    check_matters(&district, &rules)?;
    let mut printed = Printed::new();
    printed.set_header(["stream", "events", "version"]);
    for (target, name, body) in
        [(Target::Rules, "publish-rules", json(&rules)?), (Target::District, "load-district", json(&district)?)]
    {
        let answer = submit(&app, target, name, body).await.with_context(|| format!("{name} was refused"))?;
        printed.add_row([answer.stream.category().to_owned(), answer.events.to_string(), answer.version.to_string()]);
    }
    println!("{printed}");
    Ok(())
}

fn json(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    serde_json::to_vec(value).context("the description cannot be written as JSON")
}

async fn submit(app: &App, target: Target, name: &str, body: Vec<u8>) -> Result<Answer, app::Error> {
    let actor = Actor { id: "operator".into(), role: Role::Administrator, scope: Scope::Everywhere };
    let now = app.clock().now();
    let command = CommandId::new(app.ports().entropy.uuid(now));
    let request =
        Request { actor, command, correlation: None, traceparent: None, target, name: name.into(), body: body.into() };
    app.submit(request).await
}

/// Neither crate sees the other's data, so it is here that a matter without a name in the catalogue is found.
fn check_matters(district: &DistrictDescription, rules: &RulesDescription) -> anyhow::Result<()> {
    let known: BTreeSet<_> = rules.matters.iter().map(|matter| &matter.code).collect();
    for department in &district.departments {
        let unknown: Vec<_> = department.matters.iter().filter(|matter| !known.contains(matter)).collect();
        let code = &department.code;
        ensure!(unknown.is_empty(), "department {code} owns matters that are not in the catalogue: {unknown:?}");
    }
    Ok(())
}

fn part<T: serde::de::DeserializeOwned>(description: &Table, keys: &[&str]) -> anyhow::Result<T> {
    let chosen: Table = description
        .iter()
        .filter(|(key, _)| keys.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    chosen.try_into().context("the description does not fit")
}

/// The file with everything it includes: arrays of the same name are joined, any other key may stand once.
fn read(file: &Path) -> anyhow::Result<Table> {
    let mut table = parse(file)?;
    let included = match table.remove("include") {
        None => Vec::new(),
        Some(value) => value.try_into::<Vec<PathBuf>>().context("`include` is a list of file names")?,
    };
    let dir = file.parent().unwrap_or(Path::new(""));
    for name in included {
        let path = dir.join(&name);
        for (key, value) in parse(&path)? {
            match (table.get_mut(&key), value) {
                (None, value) => {
                    table.insert(key, value);
                }
                (Some(Value::Array(joined)), Value::Array(more)) => joined.extend(more),
                _ => bail!("{} sets {key}, which another file sets already", path.display()),
            }
        }
    }
    let known = [DistrictDescription::KEYS, RulesDescription::KEYS].concat();
    if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
        bail!("{} has a key {unknown:?}; known are {}", file.display(), known.join(", "));
    }
    Ok(table)
}

fn parse(path: &Path) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    text.parse().with_context(|| format!("{} is not TOML", path.display()))
}

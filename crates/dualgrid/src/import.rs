//! `dualgrid import district FILE`: a description in TOML becomes commands, and those become events.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use app::intake::{Answer, Request};
use app::{App, registry};
use comfy_table::Table as Printed;
use kernel::{Actor, CommandId, Role, Scope};
use toml::{Table, Value};

use crate::config::Config;
use crate::system;

/// The commands that a description becomes, in this order. The keys of each are the fields of its body.
const VERBS: [&str; 2] = ["publish-rules", "load-district"];

/// Loads the file and what it includes, and prints what was recorded.
pub(crate) async fn district(config: &Config, file: &Path) -> anyhow::Result<()> {
    let commands = commands(&read(file)?).with_context(|| format!("{} cannot be loaded", file.display()))?;
    let app = system::open(config).await?;
    let mut printed = Printed::new();
    printed.set_header(["stream", "events", "version"]);
    for (name, body) in commands {
        let answer = submit(&app, name, body).await.with_context(|| format!("{name} was refused"))?;
        printed.add_row([answer.stream.category().to_owned(), answer.events.to_string(), answer.version.to_string()]);
    }
    println!("{printed}");
    Ok(())
}

/// The commands with their bodies. All are read before the first is given, so that a mistake in one leaves nothing half
/// loaded.
fn commands(description: &Table) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut known = BTreeSet::new();
    let mut commands = Vec::new();
    for name in VERBS {
        let (kind, verb) = registry::verb(name).with_context(|| format!("no command is called {name}"))?;
        let schema = (verb.schema)();
        let keys: BTreeSet<&str> = properties(schema.as_value()).collect();
        let mut body = description.clone();
        body.retain(|key, _| keys.contains(key));
        let body = serde_json::to_vec(&body).context("the description cannot be written as JSON")?;
        kind.parse(name, &body)?;
        known.extend(keys.into_iter().map(str::to_owned));
        commands.push((name, body));
    }
    if let Some(unknown) = description.keys().find(|key| !known.contains(key.as_str())) {
        let known: Vec<_> = known.into_iter().collect();
        bail!("there is no key `{unknown}`; known are {}", known.join(", "));
    }
    check_matters(description)?;
    Ok(commands)
}

/// The names of the fields of a body.
fn properties(schema: &serde_json::Value) -> impl Iterator<Item = &str> {
    // A body that is another type, and nothing beside it, refers to that one.
    let body = schema["$ref"].as_str().and_then(|reference| schema.pointer(reference.trim_start_matches('#')));
    body.unwrap_or(schema)["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

async fn submit(app: &App, name: &str, body: Vec<u8>) -> Result<Answer, app::Error> {
    let actor = Actor { id: "operator".into(), role: Role::Administrator, scope: Scope::Everywhere };
    let now = app.clock().now();
    app.submit(Request {
        actor,
        command: CommandId::new(app.ports().entropy.uuid(now)),
        correlation: None,
        causation: None,
        traceparent: None,
        name: name.into(),
        id: None,
        body: body.into(),
    })
    .await
}

/// Neither command sees the other's body, so a department with a matter that the catalogue does not name is found here.
fn check_matters(description: &Table) -> anyhow::Result<()> {
    let list = |of: &str| description.get(of).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let known: BTreeSet<&str> = list("matters").iter().filter_map(|matter| matter.get("code")?.as_str()).collect();
    for department in list("departments") {
        let matters = department.get("matters").and_then(Value::as_array).into_iter().flatten();
        let unknown: Vec<&str> = matters.filter_map(Value::as_str).filter(|matter| !known.contains(matter)).collect();
        let code = department.get("code").and_then(Value::as_str).unwrap_or_default();
        let unknown = unknown.join(", ");
        ensure!(unknown.is_empty(), "department {code} has matters that are not in the catalogue: {unknown}");
    }
    Ok(())
}

/// The file with everything it includes. Arrays of the same name are joined; any other key may be set only once.
fn read(file: &Path) -> anyhow::Result<Table> {
    let mut table = parse(file)?;
    let included = match table.remove("include") {
        None => Vec::new(),
        Some(value) => value.try_into::<Vec<PathBuf>>().context("`include` must be a list of file names")?,
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
    Ok(table)
}

fn parse(path: &Path) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    text.parse().with_context(|| format!("{} is not TOML", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(description: &str) -> String {
        commands(&description.parse().unwrap()).unwrap_err().to_string()
    }

    fn sample() -> Table {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample/district.toml")).unwrap()
    }

    #[test]
    fn the_sample_becomes_both_commands() {
        let names: Vec<_> = commands(&sample()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, VERBS);
    }

    #[test]
    fn what_is_wrong_with_a_description_is_named() {
        let mut sample = sample();
        sample.insert("colour".into(), "red".into());
        let unknown = refused(&sample.to_string());
        assert!(unknown.starts_with("there is no key `colour`; known are"), "{unknown}");
        sample.remove("colour");
        sample.insert("departments".into(), Value::Integer(7));
        let unfit = refused(&sample.to_string());
        assert!(unfit.contains("load-district"), "{unfit}");
    }

    #[test]
    fn a_department_has_only_matters_of_the_catalogue() {
        let mut sample = sample();
        let departments = sample.get_mut("departments").unwrap().as_array_mut().unwrap();
        let matters = departments[0].get_mut("matters").unwrap().as_array_mut().unwrap();
        matters.push("ZZ-9999".into());
        let unknown = refused(&sample.to_string());
        assert!(unknown.ends_with("has matters that are not in the catalogue: ZZ-9999"), "{unknown}");
    }
}

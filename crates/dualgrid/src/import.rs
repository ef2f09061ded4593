//! `dualgrid import district FILE`: a description in TOML becomes commands, and those become events.

mod description;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use app::intake::{Answer, Request};
use app::{App, registry};
use comfy_table::Table as Printed;
use kernel::{Actor, CommandId, Role, Scope};
use toml::Table;

use self::description::Description;

use crate::config::Config;
use crate::system;

/// The commands that a description becomes, in this order. The keys of each are the fields of its body.
const VERBS: [&str; 2] = ["publish-rules", "load-district"];

/// Loads the file and what it includes, and prints what was recorded.
pub(crate) async fn district(config: &Config, file: &Path) -> anyhow::Result<()> {
    let description = Description::read(file)?;
    let not_loaded = || format!("{} cannot be loaded", file.display());
    description.check().with_context(not_loaded)?;
    let commands = commands(&description.table).with_context(not_loaded)?;
    let app = system::open(config).await?;
    let mut printed = Printed::new();
    let answer = give(&app, commands, &description).await?;
    printed.set_header(["stream", "version"]);
    for moved in &answer.streams {
        printed.add_row([moved.stream.category().to_owned(), moved.version.to_string()]);
    }
    println!("{printed}\n{} events were recorded", answer.events);
    Ok(())
}

/// Records all of it or nothing: rules and district under one command.
async fn give(app: &App, commands: Commands, description: &Description) -> anyhow::Result<Answer> {
    let refused = |error: app::Error| {
        let rows = description.rows_named_in(&error.to_string());
        anyhow!(error).context(format!("nothing was recorded{rows}"))
    };
    let Commands { rules, district } = commands;
    let both = serde_json::json!({"rules": rules, "district": district});
    submit(app, "import-reference", serde_json::to_vec(&both)?).await.map_err(refused)
}

/// The bodies of the two commands.
struct Commands {
    rules: serde_json::Value,
    district: serde_json::Value,
}

/// The commands with their bodies. All are read before the first is given, so that a mistake in one leaves nothing half
/// loaded.
fn commands(description: &Table) -> anyhow::Result<Commands> {
    let mut known = BTreeSet::new();
    let mut bodies = Vec::new();
    for name in VERBS {
        let (kind, verb) = registry::verb(name).with_context(|| format!("no command is called {name}"))?;
        let schema = (verb.schema)();
        let keys: BTreeSet<&str> = properties(schema.as_value()).collect();
        let mut body = description.clone();
        body.retain(|key, _| keys.contains(key));
        let body = serde_json::to_value(&body).context("the description cannot be written as JSON")?;
        kind.parse(name, &serde_json::to_vec(&body)?)?;
        known.extend(keys.into_iter().map(str::to_owned));
        bodies.push(body);
    }
    if let Some(unknown) = description.keys().find(|key| !known.contains(key.as_str())) {
        let known: Vec<_> = known.into_iter().collect();
        bail!("there is no key `{unknown}`; known are {}", known.join(", "));
    }
    let [rules, district] = <[_; 2]>::try_from(bodies).map_err(|_| anyhow!("there is a body for each command"))?;
    Ok(Commands { rules, district })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(description: &str) -> String {
        commands(&description.parse().unwrap()).err().unwrap().to_string()
    }

    fn sample() -> Table {
        Description::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample/district.toml"))
            .unwrap()
            .table
    }

    #[test]
    fn the_sample_becomes_both_commands() {
        let Commands { rules, district } = commands(&sample()).unwrap();
        assert!(rules["calendars"].is_array() && rules["grids"].is_null());
        assert!(district["grids"].is_array() && district["calendars"].is_null());
    }

    #[test]
    fn what_is_wrong_with_a_description_is_named() {
        let mut sample = sample();
        sample.insert("colour".into(), "red".into());
        let unknown = refused(&sample.to_string());
        assert!(unknown.starts_with("there is no key `colour`; known are"), "{unknown}");
        sample.remove("colour");
        sample.insert("departments".into(), toml::Value::Integer(7));
        let unfit = refused(&sample.to_string());
        assert!(unfit.contains("load-district"), "{unfit}");
    }
}

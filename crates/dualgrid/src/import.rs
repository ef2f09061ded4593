//! `dualgrid import district FILE`: a description in TOML becomes commands, and those become events.

mod astray;
mod description;
pub(crate) mod persons;
mod places;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use app::intake::{Answer, Request};
use app::{App, registry};
use comfy_table::Table as Printed;
use kernel::{Actor, CommandId, DepartmentCode, Difference, Role, Scope, Turn};

use self::description::Description;

use crate::config::Config;
use crate::follow;
use crate::output::say;
use crate::system::{self, Uses};

/// The commands that a description becomes, in this order. The keys of each are the fields of its body.
const VERBS: [&str; 2] = ["publish-rules", "load-district"];

/// The command that gives both.
const BOTH: &str = "import-reference";

/// The field of a body that no file sets.
const ALLOW_CLOSING: &str = "allow_closing";

/// What to import, and how far it may go.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArguments {
    file: PathBuf,
    /// Show what would begin, change and end, and record nothing. Fails where the import would be refused.
    #[arg(long)]
    dry_run: bool,
    /// How many grids, departments, entries of the map, matters and other rows may be closed, ended or withdrawn because they are
    /// not described any more.
    #[arg(long, value_name = "N", default_value_t = 0)]
    allow_closing: u32,
    /// Do not wait until open cases have followed the grids that were closed or moved.
    #[arg(long)]
    no_wait: bool,
}

/// Loads the file and what it includes, and prints what was recorded.
pub(crate) async fn district(config: &Config, arguments: &ImportArguments) -> anyhow::Result<()> {
    let description = Description::read(&arguments.file)?;
    let body = body(&description, arguments.allow_closing)
        .with_context(|| format!("{} cannot be loaded", arguments.file.display()))?;
    let app = system::open(config, Uses::Log).await?;
    if arguments.dry_run {
        return rehearse(&app, &operator(), BOTH, body, &description).await;
    }
    let closing = app.rehearse(&request(&app, BOTH, &body)?).await.unwrap_or_default();
    let answer = app.submit(request(&app, BOTH, &body)?).await.map_err(|error| described(error, &description))?;
    print(&answer);
    tell_of_orders(&app, &closing).await;
    follow::after_import(&app, &answer, !arguments.no_wait).await
}

/// Prints what the import would change, also where it would close more than it may.
async fn rehearse(
    app: &App,
    by: &Actor,
    name: &str,
    body: serde_json::Value,
    description: &Description,
) -> anyhow::Result<()> {
    let refusal = match app.rehearse(&request_by(app, by, name, &body)?).await {
        Ok(differences) => {
            show(&differences);
            tell_of_orders(app, &differences).await;
            return Ok(());
        }
        Err(refusal) => refusal,
    };
    let mut anything = body;
    anything[ALLOW_CLOSING] = u32::MAX.into();
    if let Ok(differences) = app.rehearse(&request_by(app, by, name, &anything)?).await {
        show(&differences);
        tell_of_orders(app, &differences).await;
    }
    Err(described(refusal, description))
}

fn show(differences: &[Difference]) {
    let mut printed = Printed::new();
    printed.set_header(["change", "kind", "code", "name"]);
    let mut rows: Vec<&Difference> = differences.iter().collect();
    rows.sort();
    for row in rows {
        printed.add_row([row.turn.to_string(), row.what.to_owned(), row.code.clone(), row.name.clone()]);
    }
    let count = |turn| differences.iter().filter(|row| row.turn == turn).count();
    let counted = [Turn::Begins, Turn::Changes, Turn::Ends].map(count);
    say!("{printed}\n{} begin, {} change, {} end; nothing was recorded", counted[0], counted[1], counted[2]);
}

/// What becomes of the orders of every department that ends.
async fn tell_of_orders(app: &App, differences: &[Difference]) {
    let ends = |row: &&Difference| row.turn == Turn::Ends && row.what == "department";
    for row in differences.iter().filter(ends) {
        let Ok(department) = DepartmentCode::try_new(&row.code) else { continue };
        let waiting = match app.open_at(&department).await {
            Ok(0) => continue,
            Ok(1) => "1 case waits".to_owned(),
            Ok(many) => format!("{many} cases wait"),
            Err(_) => "it cannot be told yet how many cases wait".to_owned(),
        };
        say!(
            "{waiting} for department {department}: its open orders are taken back when it closes, and a dispatcher sends those cases on"
        );
    }
}

/// What a command of the operator recorded.
pub(crate) fn print(answer: &Answer) {
    let mut printed = Printed::new();
    printed.set_header(["stream", "version"]);
    for moved in &answer.streams {
        printed.add_row([moved.stream.category().to_owned(), moved.version.to_string()]);
    }
    say!("{printed}\n{} events were recorded", answer.events);
}

/// A refusal with the places in the files of which it speaks.
fn described(error: app::Error, description: &Description) -> anyhow::Error {
    let spots = description.spots_in(&error.to_string());
    anyhow!(error).context(format!("nothing was recorded{spots}"))
}

/// The body of the command that records rules and district together, or nothing.
fn body(description: &Description, allow_closing: u32) -> anyhow::Result<serde_json::Value> {
    description.check()?;
    let [rules, district] = parts(description)?;
    let mut body = serde_json::json!({"rules": rules, "district": district});
    body[ALLOW_CLOSING] = allow_closing.into();
    Ok(body)
}

/// The bodies of the two commands. Both are read before anything is given, so that a mistake in one leaves nothing half loaded.
fn parts(description: &Description) -> anyhow::Result<[serde_json::Value; 2]> {
    let mut known = BTreeSet::new();
    let mut bodies = Vec::new();
    for name in VERBS {
        let (body, keys) = part(description, name)?;
        known.extend(keys);
        bodies.push(body);
    }
    check_keys(description, &known)?;
    <[_; 2]>::try_from(bodies).map_err(|_| anyhow!("there is a body for each command"))
}

/// The body of one command, which is read before anything is given, and the keys of a description that go into it.
fn part(description: &Description, name: &str) -> anyhow::Result<(serde_json::Value, BTreeSet<String>)> {
    let (kind, verb) = registry::verb(name).with_context(|| format!("no command is called {name}"))?;
    let schema = (verb.schema)();
    let keys: BTreeSet<String> =
        properties(schema.as_value()).filter(|key| *key != ALLOW_CLOSING).map(str::to_owned).collect();
    let mut body = description.table.clone();
    body.retain(|key, _| keys.contains(key));
    let body = serde_json::to_value(&body).context("the description cannot be written as JSON")?;
    kind.parse(name, &body).map_err(|error| {
        let spots = description.spots_in(&error.to_string());
        anyhow!(error).context(format!("nothing was recorded{spots}"))
    })?;
    Ok((body, keys))
}

fn check_keys(description: &Description, known: &BTreeSet<String>) -> anyhow::Result<()> {
    let Some(unknown) = description.table.keys().find(|key| !known.contains(key.as_str())) else { return Ok(()) };
    let place = description.place_of(unknown);
    if unknown == ALLOW_CLOSING {
        bail!("{place}: `{unknown}` is said for each import, with --allow-closing N, and never in a file");
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    bail!("{place}: there is no key `{}`; known are {}", unknown.escape_debug(), known.join(", "))
}

/// The names of the fields of a body.
fn properties(schema: &serde_json::Value) -> impl Iterator<Item = &str> {
    // A body that is another type, and nothing beside it, refers to that one.
    let body = schema["$ref"].as_str().and_then(|reference| schema.pointer(reference.trim_start_matches('#')));
    body.unwrap_or(schema)["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

/// Whoever runs the command line, where the command is one of the system administrator.
fn operator() -> Actor {
    Actor { id: "operator".into(), role: Role::SystemAdministrator, scope: Scope::Everywhere, seconded_by: None }
}

/// A command as the operator gives it.
pub(crate) fn request(app: &App, name: &str, body: &serde_json::Value) -> anyhow::Result<Request> {
    request_by(app, &operator(), name, body)
}

/// A command as somebody gives it on the command line.
pub(crate) fn request_by(app: &App, by: &Actor, name: &str, body: &serde_json::Value) -> anyhow::Result<Request> {
    let now = app.clock().now();
    Ok(Request {
        actor: by.clone(),
        command: CommandId::new(app.ports().entropy.uuid(now)),
        correlation: None,
        causation: None,
        traceparent: None,
        name: name.into(),
        id: None,
        body: serde_json::to_vec(body)?.into(),
    })
}

#[cfg(test)]
mod tests;

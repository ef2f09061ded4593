//! `dualgrid import persons FILE --as ID`: a description of everybody becomes one command of a security administrator.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use app::App;
use kernel::Actor;
use people::PersonCode;

use super::description::Description;
use super::{ALLOW_CLOSING, astray, check_keys, described, part, print, rehearse, request_by};
use crate::config::Config;
use crate::output::say;
use crate::system::{self, Uses};

/// The command that a description of persons becomes.
const VERB: &str = "describe-persons";

/// What to import, by whom, and how far it may go.
#[derive(Debug, clap::Args)]
pub(crate) struct PersonsArguments {
    file: PathBuf,
    /// The security administrator who gives it; the command is recorded as theirs.
    #[arg(long = "as", value_name = "ID")]
    by: PersonCode,
    /// Show who and what would begin, change and end, and record nothing. Fails where the import would be refused.
    #[arg(long)]
    dry_run: bool,
    /// How many persons and posts may be ended because they are not described any more.
    #[arg(long, value_name = "N", default_value_t = 0)]
    allow_closing: u32,
}

/// Loads the file and what it includes, and prints what was recorded.
pub(crate) async fn persons(config: &Config, arguments: &PersonsArguments) -> anyhow::Result<()> {
    let description = Description::read(&arguments.file)?;
    let body = body(&description, arguments.allow_closing)
        .with_context(|| format!("{} cannot be loaded", arguments.file.display()))?;
    let app = system::open(config, Uses::Log).await?;
    let by = security_administrator(&app, &arguments.by).await?;
    for warning in astray::warnings(&body, &app.document(&by, "district", None).await?) {
        say!("warning: {warning}");
    }
    if arguments.dry_run {
        return rehearse(&app, &by, VERB, body, &description).await;
    }
    let answer = app.submit(request_by(&app, &by, VERB, &body)?).await;
    print(&answer.map_err(|error| described(error, &description))?);
    Ok(())
}

/// A person who cares for persons now, as they act.
///
/// # Errors
/// Where nobody of that id does.
pub(crate) async fn security_administrator(app: &App, id: &PersonCode) -> anyhow::Result<Actor> {
    let (register, now) = (app.persons_register().await?, app.clock().now());
    let acting =
        register.acting(id.as_str(), None, now, now).map_err(|reason| anyhow::anyhow!("--as {id}: {reason}"))?;
    if !app::authorise::administers_security(acting.role) {
        bail!("--as {id}: this is a {}; name a security administrator", acting.role);
    }
    Ok(acting.into())
}

/// The body of the command. Everything that a file alone can tell is told before it is given.
fn body(description: &Description, allow_closing: u32) -> anyhow::Result<serde_json::Value> {
    description.check()?;
    let (mut body, keys) = part(description, VERB)?;
    check_keys(description, &keys)?;
    body[ALLOW_CLOSING] = allow_closing.into();
    Ok(body)
}

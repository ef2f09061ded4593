//! `dualgrid token issue`.

use anyhow::Context as _;
use http_api::token::{Claims, Issuer};
use kernel::{Actor, Clock as _, Role, Scope, SystemClock};

use crate::cli::ScopeArguments;
use crate::config::Config;
use crate::keys;

/// For whom, as what, for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct IssueArguments {
    /// Staff id or name of the program; no names of persons.
    #[arg(long)]
    subject: String,
    /// The role.
    #[arg(long, value_parser = crate::cli::role)]
    role: Role,
    #[command(flatten)]
    scope: ScopeArguments,
    /// For how many hours it is valid.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=8784))]
    hours: u32,
}

/// Prints a token.
pub(crate) fn issue(config: &Config, arguments: &IssueArguments) -> anyhow::Result<()> {
    let file = config.auth.private_key_file.as_ref();
    let file = file.context("auth.private_key_file is not set: this installation does not issue tokens")?;
    let issuer = Issuer::from_pkcs8_der(&keys::read(file)?).with_context(|| file.display().to_string())?;
    let scope = match (&arguments.scope.grid, &arguments.scope.department) {
        (Some(grid), _) => Scope::Grid(grid.clone()),
        (None, Some(department)) => Scope::Department(department.clone()),
        (None, None) => Scope::Everywhere,
    };
    let actor = Actor { id: arguments.subject.clone(), role: arguments.role, scope };
    let now = SystemClock.now();
    let valid = chrono::TimeDelta::hours(arguments.hours.into());
    println!("{}", issuer.issue(&Claims::new(&config.installation, &actor, now, valid)));
    Ok(())
}

//! `dualgrid token issue`.

use anyhow::{Context as _, ensure};
use http_api::token::{Claims, Issuer, valid_hours_max};
use kernel::{Actor, Clock as _, DepartmentCode, GridCode, Role, Scope, SystemClock};

use crate::config::Config;
use crate::keys;
use crate::output::say;

/// For whom, as what, for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct IssueArguments {
    /// Staff id or name of the program: 1 to 64 of A-Z, a-z, 0-9 and . _ @ : / -; no names of persons.
    #[arg(long)]
    subject: String,
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    scope: ScopeArguments,
    /// How many hours it is valid: at most 24, for the role integrator 8784.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    hours: u32,
}

/// Where the role holds: everywhere if neither is given.
#[derive(Debug, clap::Args)]
struct ScopeArguments {
    /// The role holds in this grid and below.
    #[arg(long, conflicts_with = "department")]
    grid: Option<GridCode>,
    /// The role holds for this department.
    #[arg(long)]
    department: Option<DepartmentCode>,
}

impl ScopeArguments {
    fn scope(&self) -> Scope {
        match (&self.grid, &self.department) {
            (Some(grid), _) => Scope::Grid(grid.clone()),
            (None, Some(department)) => Scope::Department(department.clone()),
            (None, None) => Scope::Everywhere,
        }
    }
}

/// Reads a role by its stored name.
fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|error: kernel::actor::UnknownRole| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("{error}; known are {}", known.join(", "))
    })
}

/// Prints a token.
pub(crate) fn issue(config: &Config, arguments: &IssueArguments) -> anyhow::Result<()> {
    let file = config.auth.private_key_file.as_ref();
    let file = file.context("auth.private_key_file is not set: this installation does not issue tokens")?;
    let public = keys::read_32(&config.auth.public_key_file)?;
    let issuer = Issuer::try_new(&keys::read(file)?, &public).with_context(|| file.display().to_string())?;
    let (role, hours_max) = (arguments.role, valid_hours_max(arguments.role));
    ensure!(arguments.hours <= hours_max, "--hours is at most {hours_max} for the role {}", role.as_str());
    let actor = Actor::try_new(&arguments.subject, arguments.role, arguments.scope.scope())?;
    let now = SystemClock.now();
    let valid = chrono::TimeDelta::hours(arguments.hours.into());
    say!("{}", issuer.issue(&Claims::new(&config.installation, &actor, now, valid)));
    Ok(())
}

//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kernel::{DepartmentCode, GridCode, PersonId, Role};

use crate::config::{Config, Overrides};
use crate::{department, docs, doctor, erase, import, keys, rebuild, serve, telemetry, token};

/// Event-sourced backend for neighbourhood issues under grid governance (网格化党建).
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    /// Configuration file. Every key can also be set by an environment variable: `DUALGRID__HTTP__LISTEN` for
    /// `http.listen`.
    #[arg(long, global = true, env = "DUALGRID_CONFIG", default_value = "dualgrid.toml")]
    config: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the system, or some of its roles.
    Serve(ServeArguments),
    /// Load a description as events: only what changed is recorded.
    #[command(subcommand)]
    Import(Import),
    /// Make tokens for people and programs.
    #[command(subcommand)]
    Token(Token),
    /// Make key files.
    #[command(subcommand)]
    Keys(Keys),
    /// Make something unreadable for ever.
    #[command(subcommand)]
    Erase(Erase),
    /// Build a view anew beside the running one, then switch.
    Rebuild {
        /// The view: `case_summary`, `department_order` or `open_obligation`; `all` for every one.
        view: String,
    },
    /// Sample departments.
    #[command(subcommand)]
    Department(Department),
    /// Check the installation and say what to do.
    Doctor,
    /// Print what is generated from the code.
    #[command(subcommand)]
    Docs(Docs),
}

/// What `serve` can be told beside the configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArguments {
    /// Roles of this process, separated by commas; all of them where absent.
    #[arg(long, value_delimiter = ',')]
    pub(crate) roles: Vec<serve::RoleName>,
    /// Address to listen on, instead of `http.listen`.
    #[arg(long)]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Load grids, departments, posts and rules from a TOML file and the files it includes.
    District {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Print a bearer token.
    Issue(token::IssueArguments),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Write `vault.key`, `token.key` and `token.pub`; existing files are left alone.
    Init {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Erase {
    /// Delete the key of a person: name, phone and address can never be read again.
    Person {
        /// The person's id, as it stands in the events.
        id: PersonId,
    },
}

#[derive(Debug, Subcommand)]
enum Department {
    /// Receive the orders of one department over NATS and answer them.
    Run(department::RunArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Docs {
    /// docs/events.md
    Events,
    /// docs/authorisation.md
    Authorisation,
    /// docs/openapi.json
    Openapi,
    /// One JSON Schema an event.
    Schemas {
        /// The folder they are written to.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// Arguments that name a scope; everywhere where none is given.
#[derive(Debug, clap::Args)]
pub(crate) struct ScopeArguments {
    /// The role holds in this grid and below.
    #[arg(long, conflicts_with = "department")]
    pub(crate) grid: Option<GridCode>,
    /// The role holds for this department.
    #[arg(long)]
    pub(crate) department: Option<DepartmentCode>,
}

/// Reads a role by its stored name.
pub(crate) fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|error: kernel::actor::UnknownRole| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("{error}; known are {}", known.join(", "))
    })
}

/// Does what was asked for.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let path = cli.config;
    let config = || Config::load(&path, Overrides::default());
    match cli.task {
        Task::Serve(arguments) => {
            let config = Config::load(&path, Overrides { listen: arguments.listen.clone() })?;
            let _guard = telemetry::start(&config.log)?;
            #[cfg(feature = "faults")]
            crate::faults::arm()?;
            serve::serve(config, &arguments.roles).await?;
        }
        Task::Import(Import::District { file }) => import::district(&config()?, &file).await?,
        Task::Token(Token::Issue(arguments)) => token::issue(&config()?, &arguments)?,
        Task::Keys(Keys::Init { dir }) => keys::init(&dir)?,
        Task::Erase(Erase::Person { id }) => erase::person(&config()?, id).await?,
        Task::Rebuild { view } => rebuild::rebuild(&config()?, &view).await?,
        Task::Department(Department::Run(arguments)) => department::run(arguments).await?,
        Task::Doctor => return doctor::doctor(&path).await,
        Task::Docs(docs) => docs::print(&docs)?,
    }
    Ok(ExitCode::SUCCESS)
}

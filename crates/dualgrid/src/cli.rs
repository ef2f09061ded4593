//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kernel::PersonId;

use crate::config::{Config, Overrides};
use crate::{
    department, docs, doctor, erase, follow, import, keys, losses, nats, rebuild, serve, telemetry, token, withdraw,
};

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
    /// Load a description: only what changed is recorded.
    #[command(subcommand)]
    Import(Import),
    /// Take back what is scheduled and has not begun.
    #[command(subcommand)]
    Withdraw(withdraw::Withdraw),
    /// Issue tokens for people and programs.
    #[command(subcommand)]
    Token(Token),
    /// Create key files.
    #[command(subcommand)]
    Keys(Keys),
    /// Make something unreadable forever.
    #[command(subcommand)]
    Erase(Erase),
    /// Build a view beside the running one, then switch to it.
    Rebuild {
        /// The view, or `all`. An unknown name is answered with the names of all views.
        view: String,
    },
    /// Sample departments.
    #[command(subcommand)]
    Department(Department),
    /// Keys of programs, and the configuration of nats-server.
    #[command(subcommand)]
    Nats(nats::Nats),
    /// What is left to do after grids were closed, split, merged or moved.
    #[command(subcommand)]
    District(District),
    /// Settle what becomes of events that the log has lost.
    #[command(subcommand)]
    Log(Log),
    /// Check the installation and say what to do.
    Doctor,
    /// Print what is generated from the code.
    #[command(subcommand)]
    Docs(docs::Docs),
}

/// What `serve` takes besides the configuration.
#[derive(Debug, clap::Args)]
struct ServeArguments {
    /// Roles of this process, separated by commas; all roles if absent.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<serve::RoleName>,
    /// Address to listen on, instead of `http.listen`.
    #[arg(long)]
    listen: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Load grids, departments, posts and rules from a TOML file and the files it includes.
    District(import::ImportArguments),
}

#[derive(Debug, Subcommand)]
enum District {
    /// Wait until every open case has followed its grid, and help a running system with it.
    Follow,
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Print a bearer token.
    Issue(token::IssueArguments),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Write `vault.key`, `token.key` and `token.pub`, and `nats-core.nk` and `nats-system.nk`; existing files are left alone.
    Init {
        #[arg(long)]
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Erase {
    /// Delete the key of a person: name, phone and address can never be read again.
    Person {
        /// The person's id, as in the events.
        id: PersonId,
    },
}

#[derive(Debug, Subcommand)]
enum Log {
    /// Say whether the log has lost events, and what can be done.
    Status,
    /// Bring lost events back.
    Recover {
        /// From the stream of NATS, which holds every event that was published.
        #[arg(long, required = true)]
        from_nats: bool,
    },
    /// Give lost events up: the log goes on without them, in a new epoch.
    AcceptLoss {
        /// A new file for a copy of the events that only NATS has.
        #[arg(long)]
        save: PathBuf,
        /// The first event of the log in the stream of NATS, where that is another log, which is gone for good.
        #[arg(long, value_name = "EVENT")]
        replace_log: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Department {
    /// Receive the orders of one department over NATS and answer them.
    Run(department::RunArguments),
}

/// Runs the task.
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
        Task::Import(Import::District(arguments)) => import::district(&config()?, &arguments).await?,
        Task::District(District::Follow) => follow::follow(&config()?).await?,
        Task::Withdraw(arguments) => withdraw::withdraw(&config()?, &arguments).await?,
        Task::Token(Token::Issue(arguments)) => token::issue(&config()?, &arguments)?,
        Task::Keys(Keys::Init { dir }) => keys::init(&dir)?,
        Task::Erase(Erase::Person { id }) => erase::person(&config()?, id).await?,
        Task::Rebuild { view } => rebuild::rebuild(&config()?, &view).await?,
        Task::Department(Department::Run(arguments)) => department::run(arguments).await?,
        Task::Nats(task) => nats::run(config, &task).await?,
        Task::Log(Log::Status) => losses::status(&config()?).await?,
        Task::Log(Log::Recover { .. }) => losses::recover(&config()?).await?,
        Task::Log(Log::AcceptLoss { save, replace_log }) => {
            losses::accept(&config()?, &save, replace_log.as_deref()).await?;
        }
        Task::Doctor => return doctor::doctor(&path).await,
        Task::Docs(docs) => docs::print(&docs)?,
    }
    Ok(ExitCode::SUCCESS)
}

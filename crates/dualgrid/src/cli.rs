//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Overrides};
use crate::{
    department, docs, doctor, erase, follow, import, keys, losses, migrate, nats, persons, rebuild, rewrap, roles,
    serve, telemetry, token, withdraw,
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
    /// Name the first three administrators, once, on an installation without any.
    Init(persons::InitArguments),
    /// Enter, appoint, suspend or end one person.
    Person(persons::PersonArguments),
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
    /// Make the tables on PostgreSQL, as their owner, and give the users of running processes what they need.
    Migrate,
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
    Doctor {
        /// Only what these roles use, separated by commas; everything if absent.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<roles::RoleName>,
    },
    /// Print what is generated from the code.
    #[command(subcommand)]
    Docs(docs::Docs),
}

/// What `serve` takes besides the configuration.
#[derive(Debug, clap::Args)]
struct ServeArguments {
    /// Roles of this process, separated by commas; all roles if absent.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<roles::RoleName>,
    /// Address to listen on, instead of `http.listen`.
    #[arg(long)]
    listen: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Load grids, departments, posts and rules from a TOML file and the files it includes.
    District(import::ImportArguments),
    /// Load persons with their posts from a TOML file and the files it includes.
    Persons(import::persons::PersonsArguments),
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
        /// Each in a folder of its own there (`vault`, `tokens`, `public`, `core`, `system`), so that each machine is given its own and no other.
        #[arg(long)]
        apart: bool,
    },
    /// Make a wrapping key, which will take the place of the current one, and print its public name.
    Wrapping {
        /// A file that does not exist yet.
        file: PathBuf,
    },
    /// Wrap every key of a person under `vault.key_file`, beside running processes, and retire the keys of `vault.other_key_files`.
    Rewrap,
}

#[derive(Debug, Subcommand)]
enum Erase {
    /// Delete the key of a person: name, phone and address can never be read again.
    Person(erase::Person),
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
        Task::Import(Import::Persons(arguments)) => import::persons::persons(&config()?, &arguments).await?,
        Task::Init(arguments) => persons::init(&config()?, &arguments).await?,
        Task::Person(arguments) => persons::person(&config()?, &arguments).await?,
        Task::District(District::Follow) => follow::follow(&config()?).await?,
        Task::Withdraw(arguments) => withdraw::withdraw(&config()?, &arguments).await?,
        Task::Token(Token::Issue(arguments)) => token::issue(&config()?, &arguments).await?,
        Task::Keys(Keys::Init { dir, apart }) => keys::init(&dir, apart)?,
        Task::Keys(Keys::Wrapping { file }) => keys::new_wrapping(&file)?,
        Task::Keys(Keys::Rewrap) => rewrap::rewrap(&config()?).await?,
        Task::Erase(Erase::Person(person)) => erase::person(&config()?, &person).await?,
        Task::Rebuild { view } => rebuild::rebuild(&config()?, &view).await?,
        Task::Migrate => migrate::migrate(&config()?).await?,
        Task::Department(Department::Run(arguments)) => department::run(arguments).await?,
        Task::Nats(task) => nats::run(config, &task).await?,
        Task::Log(Log::Status) => losses::status(&config()?).await?,
        Task::Log(Log::Recover { .. }) => losses::recover(&config()?).await?,
        Task::Log(Log::AcceptLoss { save, replace_log }) => {
            losses::accept(&config()?, &save, replace_log.as_deref()).await?;
        }
        Task::Doctor { roles } => return doctor::doctor(&path, &roles).await,
        Task::Docs(docs) => docs::print(&docs)?,
    }
    Ok(ExitCode::SUCCESS)
}

//! `dualgrid nats`: keys for programs, and the configuration of nats-server.

use std::path::{Path, PathBuf};

use accounts::{Configuration, Server, Tls};
use anyhow::{Context as _, bail};
use bus::Connection;
use clap::Subcommand;

use crate::config::{self, Config};
use crate::output::{say, text};
use crate::programs::Registered;
use crate::system::Uses;
use crate::{keys, system};

/// What can be done about NATS.
#[derive(Debug, Subcommand)]
pub(crate) enum Nats {
    /// Make a key for a program: its secret goes into a new file, its public half is printed for the register.
    Key {
        /// A file that does not exist yet.
        file: PathBuf,
    },
    /// Print the whole configuration of nats-server: an account for each department and each integrator.
    Config {
        /// Write it to `nats_server.config_file` instead.
        #[arg(long)]
        write: bool,
    },
    /// Write the configuration and have nats-server read it again. Nobody who is still let in is disconnected.
    Reload,
}

/// Does it.
pub(crate) async fn run(config: impl FnOnce() -> anyhow::Result<Config>, task: &Nats) -> anyhow::Result<()> {
    match task {
        Nats::Key { file } => keys::nkey(file),
        Nats::Config { write: false } => {
            let configured = configuration(&config()?).await?;
            text(format_args!("{configured}"));
            Ok(())
        }
        Nats::Config { write: true } => write(&config()?).await,
        Nats::Reload => {
            let config = config()?;
            write(&config).await?;
            let servers = bus::server::reload(&system_connection(&config).await?).await?;
            say!("{servers} nats-server(s) read it again");
            Ok(())
        }
    }
}

async fn write(config: &Config) -> anyhow::Result<()> {
    let file = &server_of(config)?.config_file;
    bus::server::write(file, &configuration(config).await?)?;
    say!("wrote {}", file.display());
    Ok(())
}

async fn configuration(config: &Config) -> anyhow::Result<String> {
    let settings = settings(config)?;
    let registered = Registered::new(system::open(config, Uses::Log).await?, config.nats.programs_file.clone());
    Ok(Configuration::try_new(settings, registered.all().await?)?.text())
}

fn server_of(config: &Config) -> anyhow::Result<&config::NatsServer> {
    config
        .nats_server
        .as_ref()
        .context("set nats_server.config_file, system_nkey_file and store_dir (docs/operations.md)")
}

/// What the configuration says beside the members.
pub(crate) fn settings(config: &Config) -> anyhow::Result<Server> {
    let server = server_of(config)?;
    let tls = match (&server.certificate_file, &server.key_file) {
        (Some(certificate_file), Some(key_file)) => Some(Tls {
            certificate: certificate_file.clone(),
            key: key_file.clone(),
            client_authority: server.client_authority_file.clone(),
        }),
        (None, None) if server.client_authority_file.is_none() => None,
        _ => bail!(
            "set nats_server.certificate_file and nats_server.key_file together; client_authority_file needs both"
        ),
    };
    let public = |file: &Path| Ok::<_, anyhow::Error>(keys::nkey_of(file)?.public());
    Ok(Server {
        name: server.name.clone(),
        listen: server.listen.to_string(),
        monitor: server.monitor.map(|address| address.to_string()),
        store_dir: server.store_dir.clone(),
        max_payload: server.max_payload,
        flushes_always: true,
        tls,
        core: vec![public(config.nats.nkey_file()?).context("nats.nkey_file")?],
        system: vec![public(&server.system_nkey_file).context("nats_server.system_nkey_file")?],
    })
}

/// A connection in the system account.
pub(crate) async fn system_connection(config: &Config) -> anyhow::Result<Connection> {
    let name = format!("dualgrid {} accounts", config.installation);
    let options = config.nats.connection_with(&server_of(config)?.system_nkey_file, name)?;
    Ok(Connection::connect(options).await?)
}

//! Keeps the configuration of nats-server as the register wants it, and has it read again while everybody stays connected.
//!
//! nats-server reads its configuration again when it is asked under `$SYS.REQ.SERVER.<id>.RELOAD` in the system account. It
//! closes the connections of keys that are gone and no others.
//!
//! INVARIANT: the file is replaced whole before nats-server is told: whatever it reads is a configuration that was meant.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use accounts::{Configuration, DuplicateKey, Grant, Server, members_in};
use async_nats::Client;
use async_trait::async_trait;
use futures::StreamExt as _;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::chain;
use crate::{Connection, Error};

/// How often nats-server is told. When it reads of an account for the first time (2.15.1), requests of that account find nobody
/// until it has read the same once more.
const ROUNDS: usize = 2;
/// How long the first server may take to say that it is there.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
/// How long further servers of a cluster may take after another.
const NEXT_PATIENCE: Duration = Duration::from_millis(300);

/// Why nats-server does not have the configuration that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Who may use NATS is not known.
    #[error("could not read who may use NATS: {0}")]
    Grants(String),
    /// Two programs have one key.
    #[error(transparent)]
    DuplicateKey(#[from] DuplicateKey),
    /// The file could not be written.
    #[error("could not write the configuration of nats-server to {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// No nats-server answers in the system account.
    #[error("no nats-server answers in its system account: start it with the file that `dualgrid nats config` wrote")]
    Nobody,
    /// A server refused the configuration and goes on with the one that it had.
    #[error("the nats-server {name} does not take the configuration and goes on with the one before: {reason}")]
    Refused { name: String, reason: String },
    /// NATS did not do what was asked.
    #[error(transparent)]
    Nats(#[from] Error),
}

/// Who may use NATS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Departments and integrators with their keys.
    pub grants: Vec<Grant>,
    /// What could not be read, where something could not: the grants are then as they were for that part.
    pub trouble: Option<String>,
}

impl From<Vec<Grant>> for Granted {
    fn from(grants: Vec<Grant>) -> Self {
        Self { grants, trouble: None }
    }
}

/// Knows who may use NATS, and with which keys.
#[async_trait]
pub trait Register: Send + Sync + 'static {
    /// Departments and integrators with their keys, as of now. `in_force` are those that nats-server was given last.
    async fn grants(&self, in_force: Vec<Grant>) -> Result<Granted, ServerError>;
}

/// Keeps the file and tells nats-server.
pub struct ServerKeeper {
    /// In the system account.
    connection: Connection,
    register: Arc<dyn Register>,
    settings: Server,
    file: PathBuf,
    look_every: Duration,
    trouble: watch::Sender<Option<String>>,
}

impl ServerKeeper {
    /// Looks into the register every `look_every`. `connection` is that of a key of the system account.
    pub fn new(
        connection: Connection,
        register: Arc<dyn Register>,
        settings: Server,
        file: PathBuf,
        look_every: Duration,
    ) -> Self {
        Self { connection, register, settings, file, look_every, trouble: watch::Sender::new(None) }
    }

    /// Follows why nats-server does not have the configuration that is wanted, if it does not.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// Keeps the configuration until `shutdown`.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.keep_looking() => {}
        }
    }

    async fn keep_looking(&self) {
        let mut told = None;
        loop {
            let trouble = self.keep(&mut told).await.unwrap_or_else(|error| Some(chain(&error)));
            if let Some(reason) = &trouble
                && self.trouble.borrow().as_ref() != Some(reason)
            {
                tracing::warn!(reason, "nats-server could not be given its configuration");
            }
            self.trouble.send_if_modified(|before| {
                let is_new = *before != trouble;
                *before = trouble;
                is_new
            });
            tokio::time::sleep(self.look_every).await;
        }
    }

    /// Writes what the register wants and tells nats-server, unless that was `told` already. Gives what the register could not read.
    pub async fn keep(&self, told: &mut Option<String>) -> Result<Option<String>, ServerError> {
        let found = std::fs::read_to_string(&self.file).unwrap_or_default();
        let Granted { grants, trouble } = self.register.grants(members_in(&found)).await?;
        let text = Configuration::try_new(self.settings.clone(), grants)?.text();
        let is_written = found == text;
        if is_written && told.as_ref() == Some(&text) {
            return Ok(trouble);
        }
        if !is_written {
            write(&self.file, &text)?;
        }
        let servers = reload(&self.connection).await?;
        tracing::info!(servers, file = %self.file.display(), "nats-server has read its configuration again");
        *told = Some(text);
        Ok(trouble)
    }
}

/// Replaces the file whole. It holds no secret: nats-server, another user, has to read it.
pub fn write(file: &Path, text: &str) -> Result<(), ServerError> {
    let half = file.with_extension("half");
    let written = std::fs::File::create(&half).and_then(|mut opened| {
        opened.set_permissions(Permissions::from_mode(0o644))?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        std::fs::rename(&half, file)
    });
    written.map_err(|source| ServerError::Write { path: file.to_owned(), source })
}

#[derive(Deserialize)]
struct Answer {
    server: Named,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Refusal {
    description: String,
}

/// Has every nats-server that answers read its configuration again, and says how many did. `connection` is that of a key of the
/// system account.
pub async fn reload(connection: &Connection) -> Result<usize, ServerError> {
    let client = connection.client();
    let servers = servers(client).await?;
    for _ in 0..ROUNDS {
        for server in &servers {
            let subject = format!("$SYS.REQ.SERVER.{}.RELOAD", server.id);
            let asked = client.request(subject, "".into()).await;
            let answer = asked.map_err(Error::nats("have nats-server read its configuration again"))?;
            let answer: Answer =
                serde_json::from_slice(&answer.payload).map_err(Error::nats("read the answer of nats-server"))?;
            if let Some(refusal) = answer.error {
                return Err(ServerError::Refused { name: server.name.clone(), reason: refusal.description });
            }
        }
    }
    Ok(servers.len())
}

async fn servers(client: &Client) -> Result<Vec<Named>, ServerError> {
    const ASK: &str = "ask which nats-servers there are";
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(Error::nats(ASK))?;
    let asked = client.publish_with_reply("$SYS.REQ.SERVER.PING", inbox, "".into()).await;
    asked.map_err(Error::nats(ASK))?;
    client.flush().await.map_err(Error::nats(ASK))?;
    let mut servers = Vec::new();
    let mut patience = FIRST_PATIENCE;
    while let Ok(Some(answer)) = timeout(patience, answers.next()).await {
        // Without a listener in the system account nats-server answers with a status and no body.
        if let Ok(answer) = serde_json::from_slice::<Answer>(&answer.payload) {
            servers.push(answer.server);
        }
        patience = NEXT_PATIENCE;
    }
    if servers.is_empty() { Err(ServerError::Nobody) } else { Ok(servers) }
}

//! The connection to NATS: made at start or later, and restored whenever it is lost.

mod version;

pub use version::{TooOld, VERSION_MIN, check_version};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accounts::{InvalidKey, Seed};
use app::peer::{Tls, is_here};
use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use kernel::envelope::EVENT_BYTES_MAX;
use tokio::sync::watch;

use crate::commands::Losses;
use crate::publisher::HEADER_BYTES_MAX;

/// How long one attempt to connect may take.
const ATTEMPT_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent server is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How many commands of one department may have arrived and not been taken from the client; what comes beyond is sent again by its
/// program.
const WAITING_MAX: usize = 1024;
/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// How we authenticate to NATS.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Without credentials.
    #[default]
    Anonymous,
    /// By a file that holds the seed of an nkey.
    NkeyFile(PathBuf),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::NkeyFile(path) => write!(f, "NkeyFile({})", path.display()),
        }
    }
}

/// Where NATS is and who we are there.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// One or more addresses such as `nats://127.0.0.1:4222`, separated by commas.
    pub url: String,
    /// The name of this connection in the lists of nats-server.
    pub name: String,
    pub credentials: Credentials,
    /// Prefix of the subjects for answers: `_INBOX`.
    pub inbox_prefix: String,
    /// Certificates for a nats-server on another machine, which is spoken to in no other way.
    pub tls: Tls,
}

impl ConnectionOptions {
    /// Whether nats-server must show a certificate that is verified.
    fn is_protected(&self) -> bool {
        let is_elsewhere = |server: &str| {
            // What is no address is refused by whoever connects.
            server.trim().parse::<ServerAddr>().is_ok_and(|address| !is_here(address.host()))
        };
        self.tls.is_asked() || self.url.split(',').any(is_elsewhere)
    }
}

/// Why there is no connection. It does not pass by itself.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file with credentials or certificates cannot be read.
    #[error("cannot read the NATS credentials or certificates in {path}")]
    CredentialsFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file with credentials holds something else.
    #[error("the file {path} holds no nkey: {reason}; `dualgrid nats key` makes one")]
    NotAKey { path: PathBuf, reason: InvalidKey },
    /// The address is malformed, or NATS does not let us in.
    #[error("cannot connect to NATS at {url}: {hint}")]
    Refused {
        url: String,
        /// What to do about it.
        hint: &'static str,
        #[source]
        source: async_nats::ConnectError,
    },
    /// The server is older than we need.
    #[error(transparent)]
    TooOld(#[from] TooOld),
}

/// Whether we are connected. If `connects` has changed, messages may have been missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub up: bool,
    /// How many times a connection was made.
    pub connects: u64,
}

/// A connection to NATS. Clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    client: Client,
    link: watch::Receiver<Link>,
}

impl Connection {
    /// Connects. If NATS does not answer, that is no error: the connection is made as soon as it does.
    ///
    /// # Errors
    /// Only what does not pass by itself: a wrong address, refused credentials, a server that is too old.
    pub async fn connect(options: ConnectionOptions) -> Result<Self, ConnectError> {
        Self::connect_as(options, None).await
    }

    /// The same for the commands of one department: how often it is lost is counted, and has its pauses.
    pub(crate) async fn connect_counting(
        options: ConnectionOptions,
        losses: Arc<Losses>,
    ) -> Result<Self, ConnectError> {
        Self::connect_as(options, Some(losses)).await
    }

    async fn connect_as(options: ConnectionOptions, losses: Option<Arc<Losses>>) -> Result<Self, ConnectError> {
        let (changed, link) = watch::channel(Link::default());
        let client_options = client_options(&options, changed, losses).await?;
        let servers: Vec<&str> = options.url.split(',').map(str::trim).collect();
        let client = match client_options.clone().connect(servers.as_slice()).await {
            Ok(client) => client,
            Err(error) => {
                if let Some(hint) = hint(kind_of(&error)) {
                    return Err(ConnectError::Refused { url: options.url, hint, source: error });
                }
                tracing::warn!(nats.url = options.url, %error, "NATS is away; it is tried again until it answers");
                let later = client_options.retry_on_initial_connect().connect(servers.as_slice()).await;
                later.map_err(|source| ConnectError::Refused { url: options.url, hint: "check the address", source })?
            }
        };
        let connection = Self { client, link };
        connection.check_version()?;
        Ok(connection)
    }

    /// The client underneath.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Follows whether we are connected.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// Whether we are connected now.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Refuses the server that we are connected to if it is too old. A server that never answered is not refused.
    pub fn check_version(&self) -> Result<(), TooOld> {
        self.client.try_server_info().map_or(Ok(()), |server| check_version(&server.version))
    }

    /// What is wrong with the largest message that the server takes: smaller than the largest event that is recorded. A server that
    /// never answered is not judged.
    pub fn payload_warning(&self) -> Option<String> {
        let server = self.client.try_server_info()?;
        let needed = EVENT_BYTES_MAX + HEADER_BYTES_MAX;
        (server.max_payload < needed).then(|| {
            format!(
                "`max_payload` of nats-server is {} bytes, and an event may need {needed}: a larger one would stop the publisher; set it \
                 to 1MB (1048576) or more",
                server.max_payload
            )
        })
    }

    /// Waits until we are connected.
    pub async fn connected(&self) {
        let mut link = self.link();
        // The sender lives in the client, which lives as long as we do.
        let _ = link.wait_for(|link| link.up).await;
    }

    /// Waits until the connection is lost; returns at once if it already is.
    pub(crate) async fn lost(&self) {
        let mut link = self.link();
        let connects = link.borrow().connects;
        let _ = link.wait_for(|link| !link.up || link.connects != connects).await;
    }
}

/// The kind of an error. A certificate that is not verified, or a server without one, comes as data that make no sense.
fn kind_of(error: &async_nats::ConnectError) -> ConnectErrorKind {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    let is_unverified = source.is_some_and(|source| source.kind() == std::io::ErrorKind::InvalidData);
    if is_unverified { ConnectErrorKind::Tls } else { error.kind() }
}

/// What to do about an error that does not pass by itself.
fn hint(kind: ConnectErrorKind) -> Option<&'static str> {
    match kind {
        ConnectErrorKind::ServerParse => Some("write the address as nats://HOST:PORT"),
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            Some("NATS does not let this user in; check its nkey against the configuration of nats-server")
        }
        ConnectErrorKind::Tls => Some(
            "its certificate could not be verified, or it offers no TLS: check the authority (`nats.tls.authority_file`), the name in the \
             certificate, its dates, and the certificates of nats-server",
        ),
        _ => None,
    }
}

async fn client_options(
    options: &ConnectionOptions,
    changed: watch::Sender<Link>,
    losses: Option<Arc<Losses>>,
) -> Result<ConnectOptions, ConnectError> {
    let base = match &options.credentials {
        Credentials::Anonymous => ConnectOptions::new(),
        Credentials::NkeyFile(path) => {
            let seed = Seed::try_new(&read(path).await?);
            let seed = seed.map_err(|reason| ConnectError::NotAKey { path: path.clone(), reason })?;
            ConnectOptions::with_nkey(seed.secret())
        }
    };
    let base = if losses.is_some() { base.subscription_capacity(WAITING_MAX) } else { base };
    let base = protected(base, options).await?;
    let pauses = losses.clone();
    let pause =
        move |attempt| pauses.as_ref().map_or(Duration::ZERO, |losses| losses.pause()).max(pause_before(attempt));
    Ok(base
        .name(&options.name)
        .custom_inbox_prefix(&options.inbox_prefix)
        .connection_timeout(ATTEMPT_PATIENCE)
        .request_timeout(Some(ANSWER_PATIENCE))
        .ping_interval(PING_EVERY)
        .max_reconnects(None)
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            note(&changed, &event);
            tell(&event, losses.as_deref());
            std::future::ready(())
        }))
}

/// With the certificates that are needed. In clear only this machine is spoken to, and no server that another one names.
async fn protected(base: ConnectOptions, options: &ConnectionOptions) -> Result<ConnectOptions, ConnectError> {
    if !options.is_protected() {
        return Ok(base.ignore_discovered_servers());
    }
    // Another library in the same program may bring other cryptography; whoever came first has chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Tls { authority, client } = &options.tls;
    for path in authority.iter().chain(client.iter().flat_map(|(certificate, key)| [certificate, key])) {
        read(path).await?;
    }
    let base = base.require_tls(true);
    let base = authority.iter().fold(base, |base, path| base.add_root_certificates(path.clone()));
    let with_own = |base: ConnectOptions, (certificate, key): &(PathBuf, PathBuf)| {
        base.add_client_certificate(certificate.clone(), key.clone())
    };
    Ok(client.iter().fold(base, with_own))
}

async fn read(path: &PathBuf) -> Result<String, ConnectError> {
    let text = tokio::fs::read_to_string(path).await;
    text.map_err(|source| ConnectError::CredentialsFile { path: path.clone(), source })
}

/// 50 ms, twice as much after each failure, never more than two seconds.
fn pause_before(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    Duration::from_millis(50 * 2_u64.pow(doublings)).min(PAUSE_MAX)
}

fn note(changed: &watch::Sender<Link>, event: &Event) {
    match event {
        Event::Connected => changed.send_modify(|link| *link = Link { up: true, connects: link.connects + 1 }),
        Event::Disconnected | Event::Closed => changed.send_modify(|link| link.up = false),
        _ => {}
    }
}

/// Tells of what happened to a connection; of one whose losses are counted, only they do.
fn tell(event: &Event, losses: Option<&Losses>) {
    match (losses, event) {
        (Some(losses), Event::Disconnected | Event::Closed) => losses.note(),
        (Some(_), _) => {}
        (None, Event::Connected) => tracing::info!("connected to NATS"),
        (None, Event::Disconnected | Event::Closed) => tracing::warn!("the connection to NATS was lost"),
        (None, other) => tracing::warn!(event = %other, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_before_an_attempt_doubles_up_to_two_seconds() {
        let pauses: Vec<_> = (1..9).map(|attempt| pause_before(attempt).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(pause_before(usize::MAX), PAUSE_MAX);
    }

    #[test]
    fn a_server_on_another_machine_must_show_a_certificate() {
        let is_protected = |url: &str, tls: Tls| {
            let (name, inbox_prefix) = ("test".to_owned(), "_INBOX".to_owned());
            let credentials = Credentials::Anonymous;
            ConnectionOptions { url: url.to_owned(), name, credentials, inbox_prefix, tls }.is_protected()
        };
        for here in ["nats://127.0.0.1:4222", "localhost:4222", "nats://[::1]:4222, nats://localhost:4223"] {
            assert!(!is_protected(here, Tls::default()), "{here}");
            assert!(is_protected(here, Tls { authority: Some("ca.pem".into()), client: None }), "{here}");
        }
        for elsewhere in ["nats://nats:4222", "10.0.0.7", "nats://127.0.0.1:4222,nats://nats-2:4222", "tls://[fd00::1]"]
        {
            assert!(is_protected(elsewhere, Tls::default()), "{elsewhere}");
        }
    }

    #[test]
    fn credentials_print_no_secret() {
        let credentials = Credentials::NkeyFile("core.nk".into());
        assert_eq!(format!("{credentials:?}"), "NkeyFile(core.nk)");
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_with_a_hint() {
        let options = ConnectionOptions {
            url: "nats://:no:".into(),
            name: "test".into(),
            credentials: Credentials::Anonymous,
            inbox_prefix: "_INBOX".into(),
            tls: Tls::default(),
        };
        let error = Connection::connect(options).await.unwrap_err();
        assert!(error.to_string().contains("nats://HOST:PORT"), "{error}");
    }
}

//! Connections to a PostgreSQL server, which may be restarting.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use app::peer::{Tls, is_here};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool};
use tokio::time::{Instant, sleep, timeout};

use super::greeting::greet;
use super::nodelay::send_at_once;
use crate::durability::{self, Durability};
use crate::error::OpenError;
use crate::failure::is_passing;
use crate::incarnation::Incarnation;

/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);

/// A client that vanished in the middle of a transaction says nothing, and its lock of the head would hold up everybody for as long as
/// the operating system of the server waits for it.
const IDLE_IN_TRANSACTION: (&str, &str) = ("idle_in_transaction_session_timeout", "10s");

/// How long a pooled connection is trusted without a test.
const IDLE_UNTESTED_MAX: Duration = Duration::from_millis(500);

/// Where a database is, and its name in messages, without the password.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    options: PgConnectOptions,
    name: String,
}

impl Place {
    /// Parses a url. READ COMMITTED is set for every session, whatever the default of the database is. A server on another machine, or with
    /// certificates of its own, is spoken to only under its verified certificate.
    pub(crate) fn parse(url: &str, tls: &Tls) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(OpenError::Url)?;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let name = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
        let Some(options) = protected(options, tls) else { return Err(OpenError::Unprotected { database: name }) };
        let options = options.options([("default_transaction_isolation", "read committed")]);
        Ok(Self { options, name })
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// As whom it is opened.
    pub(crate) fn user(&self) -> &str {
        self.options.get_username()
    }

    /// Which database it is, of which server.
    pub(crate) fn database(&self) -> (String, u16, String) {
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        let host = self
            .options
            .get_socket()
            .map_or_else(|| self.options.get_host().to_owned(), |socket| socket.display().to_string());
        (host, self.options.get_port(), database.to_owned())
    }

    /// The same place with a setting for every session.
    pub(crate) fn with(mut self, setting: &str, value: &str) -> Self {
        self.options = self.options.options([(setting, value)]);
        self
    }

    /// The place for sessions that read the log. Everything they look for has an index or a place. The planner may have seen the
    /// tables when they were empty, and would read all of them; nor must it think that such a statement is worth compiling.
    pub(super) fn for_reading(self) -> Self {
        self.with("enable_seqscan", "off").with("jit", "off").with(IDLE_IN_TRANSACTION.0, IDLE_IN_TRANSACTION.1)
    }

    /// The place for sessions that write the log: with one plan, which does not depend on how many rows there were when it was
    /// made, and without the trigger that looks for the version before an event, because their statements do.
    pub(super) fn for_writing(self) -> Self {
        self.for_reading().with("plan_cache_mode", "force_generic_plan").with("dualgrid.appends", "on")
    }

    /// The same place where each session keeps so many statements prepared.
    pub(crate) fn with_statements(mut self, statements: usize) -> Self {
        self.options = self.options.statement_cache_capacity(statements);
        self
    }

    /// A pool, which connects when it is used.
    pub(crate) fn pool(
        &self,
        application: &str,
        connections_max: u32,
        acquire_timeout: Duration,
        incarnation: Option<Incarnation>,
    ) -> PgPool {
        let port = self.options.get_port();
        PgPoolOptions::new()
            .after_connect(move |connection, _| {
                let incarnation = incarnation.clone();
                Box::pin(async move {
                    send_at_once(port);
                    if let Some(incarnation) = incarnation {
                        greet(connection, &incarnation).await?;
                    }
                    Ok(())
                })
            })
            .max_connections(connections_max)
            .acquire_timeout(acquire_timeout)
            // A ping for each read would double its round trips; an idle connection may belong to an older server.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > IDLE_UNTESTED_MAX {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.options.clone().application_name(application))
    }

    /// A connection that listens on a channel. It ends with the listener.
    pub(super) async fn listen(
        &self,
        application: &str,
        channel: &str,
        timeout: Duration,
        incarnation: Incarnation,
    ) -> Result<PgListener, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(timeout)
            .max_lifetime(None)
            .idle_timeout(None)
            .after_connect(move |connection, _| {
                let incarnation = incarnation.clone();
                Box::pin(async move { greet(connection, &incarnation).await.map(drop) })
            })
            .connect_lazy_with(self.options.clone().application_name(application));
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        Ok(listener)
    }

    /// A connection like the writer's. Tries again until `timeout` while the server is away.
    pub(crate) async fn connect(&self, timeout: Duration) -> Result<PgConnection, sqlx::Error> {
        self.connect_as("dualgrid writer", timeout).await
    }

    /// The same under another name.
    pub(super) async fn connect_as(&self, application: &str, timeout: Duration) -> Result<PgConnection, sqlx::Error> {
        let options = self.options.clone().application_name(application);
        let deadline = Instant::now() + timeout;
        loop {
            let attempt = tokio::time::timeout_at(deadline, options.connect()).await;
            match attempt.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                Err(source) if is_passing(&source) && !is_unverified(&source) && Instant::now() + PAUSE < deadline => {
                    sleep(PAUSE).await;
                }
                outcome => {
                    send_at_once(self.options.get_port());
                    return outcome;
                }
            }
        }
    }

    /// The same, with an error that says what to do.
    pub(crate) async fn connect_at_start(&self, timeout: Duration) -> Result<PgConnection, OpenError> {
        self.connect(timeout).await.map_err(|source| self.unreachable(source))
    }

    pub(crate) fn unreachable(&self, source: sqlx::Error) -> OpenError {
        OpenError::Unreachable { database: self.name.clone(), source }
    }
}

/// Whether the server showed a certificate that could not be verified, which does not pass by itself.
fn is_unverified(source: &sqlx::Error) -> bool {
    matches!(source, sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData)
}

/// The same under a verified certificate, where the server is on another machine or certificates are given. `None` where the url, or `PGSSLMODE`,
/// asks for less.
fn protected(options: PgConnectOptions, tls: &Tls) -> Option<PgConnectOptions> {
    let is_here = options.get_socket().is_some() || is_here(options.get_host());
    if is_here && !tls.is_asked() {
        return Some(options);
    }
    if !matches!(options.get_ssl_mode(), PgSslMode::Prefer | PgSslMode::VerifyFull) {
        return None;
    }
    let options = options.ssl_mode(PgSslMode::VerifyFull);
    let options = tls.authority.iter().fold(options, PgConnectOptions::ssl_root_cert);
    let with_own = |options: PgConnectOptions, (certificate, key): &(PathBuf, PathBuf)| {
        options.ssl_client_cert(certificate).ssl_client_key(key)
    };
    Some(tls.client.iter().fold(options, with_own))
}

/// Waits for an answer of the server, but not longer than `patience`. Without an answer the connection counts as lost, and with
/// it the outcome.
pub(super) async fn in_time<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let silence = || std::io::Error::new(ErrorKind::TimedOut, format!("no answer within {} ms", patience.as_millis()));
    timeout(patience, answer).await.unwrap_or_else(|_| Err(sqlx::Error::Io(silence())))
}

/// Reads the settings that decide about durability, as they are for this session.
pub(crate) async fn durability(connection: &mut PgConnection) -> Result<Durability, sqlx::Error> {
    let settings = sqlx::query_as(
        "select
            name,
            setting
        from pg_settings
        where name in ('synchronous_commit', 'fsync', 'full_page_writes')
        order by name",
    )
    .fetch_all(connection)
    .await?;
    Ok(durability::of_postgres(settings))
}

/// Refuses a server that may lose committed transactions.
pub(crate) async fn refuse_unless_durable(place: &Place, connection: &mut PgConnection) -> Result<(), OpenError> {
    let durability = durability(connection).await.map_err(|source| place.unreachable(source))?;
    if durability.is_enough() {
        return Ok(());
    }
    Err(OpenError::NotDurable { database: place.name.clone(), durability })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str, tls: &Tls) -> Result<PgSslMode, OpenError> {
        Place::parse(url, tls).map(|place| place.options.get_ssl_mode())
    }

    #[test]
    fn another_machine_is_spoken_to_under_a_verified_certificate_or_not_at_all() {
        let none = Tls::default();
        for url in ["postgres://u:p@db.example/log", "postgres://u@10.0.0.7:5433/log", "postgres://u@[2001:db8::1]/log"]
        {
            assert!(matches!(mode(url, &none), Ok(PgSslMode::VerifyFull)), "{url}");
            for less in ["disable", "allow", "require", "verify-ca"] {
                let refused = mode(&format!("{url}?sslmode={less}"), &none);
                let is_named =
                    matches!(&refused, Err(OpenError::Unprotected { database }) if !database.contains("u:p"));
                assert!(is_named, "{url} {less}");
            }
        }
        // What leads elsewhere in the end counts.
        let hidden = "postgres://u@127.0.0.1/log?hostaddr=10.0.0.7&sslmode=disable";
        assert!(matches!(mode(hidden, &none), Err(OpenError::Unprotected { .. })));
        let here = ["postgres://u@127.0.0.1/log", "postgres://u@localhost/log", "postgres://u@%2Frun%2Fpostgresql/log"];
        for url in here {
            assert!(matches!(mode(url, &none), Ok(PgSslMode::Prefer)), "{url}");
            let asked = Tls { authority: Some("ca.pem".into()), client: None };
            assert!(matches!(mode(url, &asked), Ok(PgSslMode::VerifyFull)), "{url}");
        }
    }
}

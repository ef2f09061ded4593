//! What can be set when a database is opened.

use std::time::Duration;

use app::peer::Tls;

/// How connections to a database are made and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a call may wait for a connection, or for the lock of a SQLite file, before it fails as passing.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL may take to answer before the connection counts as lost. A server that vanished says nothing, and the
    /// operating system waits a quarter of an hour for it. Well above what a slow disk takes to commit.
    pub answer_timeout: Duration,
    /// Most connections that read the log in order or look up a command. On PostgreSQL streams are read on four others, the
    /// writer has two, and one hears from other processes.
    pub log_readers_max: u32,
    /// Most connections that query views.
    pub view_connections_max: u32,
    /// Most connections on which views follow the log. They are separate from those that query, so that a view that hangs delays
    /// only its own callers.
    pub view_runner_connections_max: u32,
    /// Certificates for PostgreSQL on another machine, which is spoken to in no other way.
    pub tls: Tls,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            acquire_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            log_readers_max: 8,
            view_connections_max: 8,
            view_runner_connections_max: 4,
            tls: Tls::default(),
        }
    }
}

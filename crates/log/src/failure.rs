//! From errors of sqlx to failures of a port.

use app::port::Failure;
use sqlx::error::{DatabaseError, ErrorKind};

/// PostgreSQL classes and codes after which the same call may succeed: connection, resources (a full disk is 53100),
/// operator intervention, system error, serialization, lock timeout, a standby that is about to be promoted.
const PASSING_IN_POSTGRES: [&str; 7] = ["08", "53", "57", "58", "40", "55P03", "25006"];

/// SQLite primary result codes after which the same call may succeed: BUSY, LOCKED, NOMEM, IOERR, FULL, CANTOPEN,
/// PROTOCOL.
const PASSING_IN_SQLITE: [i32; 7] = [5, 6, 7, 10, 13, 14, 15];

/// PostgreSQL's "read-only transaction".
const READ_ONLY: &str = "25006";

/// SQLite's CONSTRAINT_TRIGGER.
const CONSTRAINT_TRIGGER: &str = "1811";

/// PostgreSQL's "undefined table".
const UNDEFINED_TABLE: &str = "42P01";

/// The failure of `operation`, and the chain of its causes in the program's log.
pub(crate) fn failure(operation: &'static str, source: &sqlx::Error) -> Failure {
    let failure = Failure { operation, reason: chain(source), passing: is_passing(source) };
    tracing::warn!(
        operation,
        passing = failure.passing,
        error = failure.reason,
        "the database refused or was unreachable"
    );
    failure
}

/// An error and its causes in one line. Never Debug: PostgreSQL's details show rows.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

/// A failure that no retry repairs.
pub(crate) fn broken(operation: &'static str, reason: impl Into<String>) -> Failure {
    let failure = Failure { operation, reason: reason.into(), passing: false };
    tracing::error!(operation, reason = failure.reason, "the database holds or said something unexpected");
    failure
}

/// Whether the same call may succeed later without help.
pub(crate) fn is_passing(source: &sqlx::Error) -> bool {
    match source {
        sqlx::Error::Database(error) => is_passing_code(error.as_ref()),
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        _ => false,
    }
}

/// Whether it is certain that the statement had no effect. It is not if the connection was lost on the way.
pub(crate) fn is_undone(source: &sqlx::Error) -> bool {
    match source {
        // The server ends sessions with class 57P; the answer to a commit may have been on its way.
        sqlx::Error::Database(error) => {
            !error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        sqlx::Error::Encode(_) | sqlx::Error::TypeNotFound { .. } | sqlx::Error::PoolTimedOut => true,
        _ => false,
    }
}

/// Whether the server takes no changes: it is a standby, and may be promoted under this very session.
pub(crate) fn is_read_only(source: &sqlx::Error) -> bool {
    source.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == READ_ONLY)
}

/// Whether a table of the statement does not exist (any more).
pub(crate) fn is_missing_table(source: &sqlx::Error) -> bool {
    source.as_database_error().is_some_and(|error| {
        error.code().is_some_and(|code| code == UNDEFINED_TABLE) || error.message().starts_with("no such table")
    })
}

/// Whether a unique key existed already.
pub(crate) fn is_unique_violation(source: &sqlx::Error) -> bool {
    source.as_database_error().is_some_and(DatabaseError::is_unique_violation)
}

/// Whether a trigger of ours on SQLite refused it: a version of a stream is missing.
pub(crate) fn is_refused_by_trigger(source: &sqlx::Error) -> bool {
    source.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == CONSTRAINT_TRIGGER)
}

/// Whether a required value was missing.
pub(crate) fn is_null_violation(source: &sqlx::Error) -> bool {
    source.as_database_error().is_some_and(|error| error.kind() == ErrorKind::NotNullViolation)
}

fn is_passing_code(error: &dyn DatabaseError) -> bool {
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return code.parse::<i32>().is_ok_and(|code| PASSING_IN_SQLITE.contains(&(code & 0xff)));
    }
    PASSING_IN_POSTGRES.iter().any(|passing| code.starts_with(passing))
}

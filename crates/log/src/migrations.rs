//! The embedded migrations: one set for the log, one for views, one for the vault, on either backend.
//!
//! Each set keeps its own list of what was applied, since log and views share a database on PostgreSQL.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, SqlSafeStr as _, SqliteConnection};

use crate::error::OpenError;
use crate::failure::is_missing_table;
use crate::postgres::rights::may_migrate;

/// One set of migrations.
pub(crate) struct Migrations {
    /// The table that lists which of them were applied.
    table: &'static str,
    /// Version and description, as in the name of the file, and text.
    files: &'static [(i64, &'static str, &'static str)],
}

macro_rules! file {
    ($version:literal, $name:literal, $folder:literal) => {
        ($version, $name, include_str!(concat!("../migrations/", $folder, "/", $version, "_", $name, ".sql")))
    };
}

pub(crate) const POSTGRES_LOG: Migrations = Migrations {
    table: "log_migrations",
    files: &[
        file!(20_261_123_000_000, "create_log", "postgres/log"),
        file!(20_261_123_000_100, "create_append_batch", "postgres/log"),
        file!(20_261_129_000_000, "create_uploads", "postgres/log"),
    ],
};

pub(crate) const POSTGRES_VIEWS: Migrations =
    Migrations { table: "view_migrations", files: &[file!(20_261_123_000_000, "create_views", "postgres/views")] };

pub(crate) const POSTGRES_VAULT: Migrations =
    Migrations { table: "vault_migrations", files: &[file!(20_261_123_000_000, "create_keys", "postgres/vault")] };

pub(crate) const SQLITE_LOG: Migrations = Migrations {
    table: "log_migrations",
    files: &[
        file!(20_261_123_000_000, "create_log", "sqlite/log"),
        file!(20_261_129_000_000, "create_uploads", "sqlite/log"),
    ],
};

pub(crate) const SQLITE_VIEWS: Migrations =
    Migrations { table: "view_migrations", files: &[file!(20_261_123_000_000, "create_views", "sqlite/views")] };

pub(crate) const SQLITE_VAULT: Migrations =
    Migrations { table: "vault_migrations", files: &[file!(20_261_123_000_000, "create_keys", "sqlite/vault")] };

// `run_direct` and not `run`, whose futures rustc cannot prove to be Send.
impl Migrations {
    fn migrator(&self) -> Migrator {
        let migration = |&(version, description, sql): &(i64, &'static str, &'static str)| {
            Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
        };
        let mut migrator = Migrator::with_migrations(self.files.iter().map(migration).collect());
        migrator.dangerous_set_table_name(self.table);
        migrator
    }

    /// Applies what is missing. An advisory lock keeps two processes that start at once apart. Where nothing is missing, it only reads: the
    /// user of a running process may make no tables.
    pub(crate) async fn run_on_postgres(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        if self.is_whole_on_postgres(connection).await? {
            return Ok(());
        }
        if !may_migrate(connection).await.map_err(|source| OpenError::Migrate(source.into()))? {
            return Err(OpenError::NotMigrated);
        }
        Ok(self.migrator().run_direct(None, connection, false).await?)
    }

    /// Whether the list in the database names every migration of the set as it is here, and no other.
    pub(crate) async fn is_whole_on_postgres(&self, connection: &mut PgConnection) -> Result<bool, OpenError> {
        let listed = format!("select version, checksum from {} where success order by version", self.table);
        let listed = sqlx::query_as::<_, (i64, Vec<u8>)>(AssertSqlSafe(listed)).fetch_all(connection).await;
        match listed {
            Ok(listed) => {
                let migrator = self.migrator();
                let wanted = migrator.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
                Ok(wanted.eq(listed))
            }
            Err(source) if is_missing_table(&source) => Ok(false),
            Err(source) => Err(OpenError::Migrate(source.into())),
        }
    }

    /// Applies what is missing, in one transaction that has the write lock of the file from its start on. Where nothing
    /// is missing, nothing waits for that lock: a process that stands still in the middle of a write would let no other start.
    pub(crate) async fn run_on_sqlite(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        use sqlx::Connection as _;
        if self.is_applied(connection).await.map_err(|source| OpenError::Migrate(source.into()))? {
            // Compares the checksums, and only reads.
            return Ok(self.migrator().run_direct(None, connection, false).await?);
        }
        let mut tx =
            connection.begin_with("begin immediate").await.map_err(|source| OpenError::Migrate(source.into()))?;
        self.migrator().run_direct(None, &mut *tx, false).await?;
        tx.commit().await.map_err(|source| OpenError::Migrate(source.into()))
    }

    /// Whether the list in the file names every migration of the set.
    async fn is_applied(&self, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        let listed = format!("select version from {}", self.table);
        let listed = sqlx::query_scalar::<_, i64>(AssertSqlSafe(listed)).fetch_all(connection).await;
        match listed {
            Ok(listed) => Ok(self.files.iter().all(|(version, ..)| listed.contains(version))),
            Err(source) if is_missing_table(&source) => Ok(false),
            Err(source) => Err(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::Executor as _;

    use super::*;
    use crate::sqlite::{File, Synchronous};

    #[tokio::test]
    async fn a_file_that_has_its_tables_is_opened_while_somebody_stands_still_in_a_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("log.db").display());
        let file = File::parse(&url, Duration::from_millis(50)).expect("a url");
        let mut writing = file.connect_at_start(Synchronous::Full).await.expect("a file");
        let mut starting = file.connect_at_start(Synchronous::Full).await.expect("a file");
        writing.execute("begin immediate").await.expect("the lock");
        let refused = SQLITE_LOG.run_on_sqlite(&mut starting).await;
        assert!(matches!(refused, Err(OpenError::Migrate(_))), "tables are made under the lock: {refused:?}");
        writing.execute("rollback").await.expect("the end");
        SQLITE_LOG.run_on_sqlite(&mut starting).await.expect("the tables");
        writing.execute("begin immediate").await.expect("the lock");
        SQLITE_LOG.run_on_sqlite(&mut starting).await.expect("nothing to write");
    }
}

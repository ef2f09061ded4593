//! The embedded migrations: one set for the log, one for views, one for the vault, on either backend.
//!
//! Each set keeps its own list of what was applied, since log and views share a database on PostgreSQL.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr as _, SqliteConnection};

use crate::error::OpenError;

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
    ],
};

pub(crate) const POSTGRES_VIEWS: Migrations =
    Migrations { table: "view_migrations", files: &[file!(20_261_123_000_000, "create_views", "postgres/views")] };

pub(crate) const POSTGRES_VAULT: Migrations =
    Migrations { table: "vault_migrations", files: &[file!(20_261_123_000_000, "create_keys", "postgres/vault")] };

pub(crate) const SQLITE_LOG: Migrations =
    Migrations { table: "log_migrations", files: &[file!(20_261_123_000_000, "create_log", "sqlite/log")] };

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

    /// Applies what is missing. An advisory lock keeps two processes that start at once apart.
    pub(crate) async fn run_on_postgres(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        Ok(self.migrator().run_direct(None, connection, false).await?)
    }

    /// Applies what is missing, in one transaction that has the write lock of the file from its start on.
    pub(crate) async fn run_on_sqlite(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        use sqlx::Connection as _;
        let mut tx =
            connection.begin_with("begin immediate").await.map_err(|source| OpenError::Migrate(source.into()))?;
        self.migrator().run_direct(None, &mut *tx, false).await?;
        tx.commit().await.map_err(|source| OpenError::Migrate(source.into()))
    }
}

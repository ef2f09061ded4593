//! message-db: its function `write_message`, with all streams in one category.

use std::path::Path;

use anyhow::Context as _;
use async_trait::async_trait;
use kernel::{Clock as _, SystemClock};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool};

use super::driver::{Side, Writer};
use super::event::{CATEGORY, CloudEvent, KIND, Place, fresh};
use super::package;

/// What its own installer runs, in its order; without the views for people and without its role, for we are nobody else.
const FILES: [&str; 19] = [
    "schema/message-store",
    "extensions/pgcrypto",
    "tables/messages",
    "types/message",
    "functions/message-store-version",
    "functions/hash-64",
    "functions/acquire-lock",
    "functions/category",
    "functions/is-category",
    "functions/id",
    "functions/cardinal-id",
    "functions/stream-version",
    "functions/write-message",
    "functions/get-stream-messages",
    "functions/get-category-messages",
    "functions/get-last-stream-message",
    "indexes/messages-id",
    "indexes/messages-stream",
    "indexes/messages-category",
];

/// The store in a database of its own.
pub(crate) struct MessageDb {
    url: String,
    options: PgConnectOptions,
}

impl MessageDb {
    /// Installs it in an empty database.
    pub(crate) async fn install(url: String) -> anyhow::Result<Self> {
        let options = url.parse::<PgConnectOptions>()?.options([("search_path", "message_store,public")]);
        let mut connection = options.connect().await?;
        let folder = tempfile::tempdir().context("no folder to unpack message-db")?;
        let database = package::unpack(&package::archive().await?, folder.path()).await?;
        for file in FILES {
            execute(&mut connection, &database.join(file).with_extension("sql")).await?;
        }
        Ok(Self { url, options })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &String {
        &self.url
    }

    /// Writers on a pool.
    pub(crate) async fn writers(&self, writers: usize) -> anyhow::Result<Side> {
        let pool = super::pool(self.options.clone()).await?;
        let writer = |_| Box::new(Writing { pool: pool.clone(), place: Place::start() }) as Box<dyn Writer>;
        let side = Side::new((0..writers).map(writer).collect());
        Ok(side.closed_by(async move { pool.close().await }))
    }
}

async fn execute(connection: &mut PgConnection, file: &Path) -> anyhow::Result<()> {
    let sql = std::fs::read_to_string(file).with_context(|| format!("message-db has no {}", file.display()))?;
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.with_context(|| format!("could not run {}", file.display()))?;
    Ok(())
}

struct Writing {
    pool: PgPool,
    place: Place,
}

#[async_trait]
impl Writer for Writing {
    async fn append(&mut self) -> anyhow::Result<()> {
        let (id, now, version) = (fresh(), SystemClock.now(), self.place.version + 1);
        let event = CloudEvent::new(id, fresh(), self.place.stream, version, now);
        // It counts from 0, so the expected version of a new stream is -1.
        sqlx::query("select write_message($1, $2, $3, $4::text::jsonb, null::jsonb, $5)")
            .bind(id.to_string())
            .bind(format!("{CATEGORY}-{}", self.place.stream))
            .bind(KIND)
            .bind(String::from_utf8(event.bytes()?)?)
            .bind(i64::from(self.place.version) - 1)
            .execute(&self.pool)
            .await?;
        self.place.advance();
        Ok(())
    }
}

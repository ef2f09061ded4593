//! One INSERT per transaction into a table with the columns of the log.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Clock as _, SystemClock};
use sqlx::{Connection as _, PgConnection, PgExecutor, PgPool};

use super::CONNECTIONS_MAX;
use super::driver::{Side, Writer};
use super::event::{CATEGORY, CloudEvent, KIND, Place, fresh};
use super::lanes::Lanes;

/// A sequence gives the positions: gaps and readers that overtake a commit are what it costs to do so little.
const CREATE: &str = "create table events (
    position bigserial primary key,
    stream text collate \"C\" not null,
    version integer not null,
    id uuid not null,
    type text collate \"C\" not null,
    time timestamptz not null,
    bytes bytea not null,
    unique (stream, version)
)";

const INSERT: &str = "insert into events (stream, version, id, type, time, bytes) values ($1, $2, $3, $4, $5, $6)";

/// The table.
pub(crate) struct Plain {
    url: String,
}

impl Plain {
    /// Makes it in an empty database.
    pub(crate) async fn create(url: String) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::query(CREATE).execute(&mut connection).await?;
        Ok(Self { url })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &String {
        &self.url
    }

    /// Writers on a pool, as most programs have one.
    pub(crate) async fn pooled(&self, writers: usize) -> anyhow::Result<Side> {
        let pool = super::pool(self.url.parse()?).await?;
        let writer = |_| Box::new(Pooled { pool: pool.clone(), place: Place::start() }) as Box<dyn Writer>;
        let side = Side::new((0..writers).map(writer).collect());
        Ok(side.closed_by(async move { pool.close().await }))
    }

    /// Writers with a connection each, up to 64, and without a pool: its pings cost a third of what an INSERT does.
    pub(crate) async fn unpooled(&self, writers: usize) -> anyhow::Result<Side> {
        let mut connections = Vec::new();
        for _ in 0..writers.min(usize::try_from(CONNECTIONS_MAX)?) {
            connections.push(PgConnection::connect(&self.url).await?);
        }
        let lanes = Arc::new(Lanes::new(connections));
        let writer = |_| Box::new(Unpooled { lanes: Arc::clone(&lanes), place: Place::start() }) as Box<dyn Writer>;
        let side = Side::new((0..writers).map(writer).collect());
        Ok(side.closed_by(async move {
            for connection in lanes.take_all() {
                // It has nothing left to say.
                let _ = connection.close().await;
            }
        }))
    }
}

struct Pooled {
    pool: PgPool,
    place: Place,
}

#[async_trait]
impl Writer for Pooled {
    async fn append(&mut self) -> anyhow::Result<()> {
        insert(&self.pool, &self.place).await?;
        self.place.advance();
        Ok(())
    }
}

struct Unpooled {
    lanes: Arc<Lanes<PgConnection>>,
    place: Place,
}

#[async_trait]
impl Writer for Unpooled {
    async fn append(&mut self) -> anyhow::Result<()> {
        let mut lane = self.lanes.take().await?;
        insert(&mut lane.connection, &self.place).await?;
        self.lanes.put_back(lane);
        self.place.advance();
        Ok(())
    }
}

async fn insert(executor: impl PgExecutor<'_>, place: &Place) -> anyhow::Result<()> {
    let (id, now, version) = (fresh(), SystemClock.now(), place.version + 1);
    let event = CloudEvent::new(id, fresh(), place.stream, version, now);
    sqlx::query(INSERT)
        .bind(format!("{CATEGORY}-{}", place.stream))
        .bind(version.cast_signed())
        .bind(id)
        .bind(KIND)
        .bind(now)
        .bind(event.bytes()?)
        .execute(executor)
        .await?;
    Ok(())
}

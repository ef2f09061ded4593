//! esrs 0.18: its PostgreSQL store, by itself and behind its manager.

use async_trait::async_trait;
use esrs::AggregateState;
use esrs::manager::AggregateManager;
use esrs::store::EventStore as _;
use esrs::store::postgres::{PgStore, PgStoreBuilder, Schema};
use kernel::{Clock as _, SystemClock};
use sqlx_of_esrs::PgPool;
use sqlx_of_esrs::postgres::PgPoolOptions;
use uuid::Uuid;

use super::CONNECTIONS_MAX;
use super::desk::{Desk, Note};
use super::driver::{Side, Writer};
use super::event::{CloudEvent, DeskEvent, Noted, Place};

/// What its payload column holds: the same 403 bytes as everywhere else.
impl Schema<DeskEvent> for CloudEvent {
    fn from_event(DeskEvent::Noted(noted): DeskEvent) -> Self {
        Self::new(Uuid::nil(), Uuid::nil(), Uuid::nil(), 1, SystemClock.now()).with(*noted)
    }

    fn to_event(self) -> Option<DeskEvent> {
        Some(self.data.into())
    }
}

type Store = PgStore<Desk, CloudEvent>;

/// Its table in a database of its own.
pub(crate) struct Esrs {
    url: String,
}

impl Esrs {
    /// Lets it make its table in an empty database.
    pub(crate) async fn create(url: String) -> anyhow::Result<Self> {
        let esrs = Self { url };
        let (_, pool) = esrs.store().await?;
        pool.close().await;
        Ok(esrs)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &String {
        &self.url
    }

    /// Writers that persist to a state they hold, without loading it.
    pub(crate) async fn persisting(&self, writers: usize) -> anyhow::Result<Side> {
        let (store, pool) = self.store().await?;
        let writer = |_| {
            let (store, place) = (store.clone(), Place::start());
            Box::new(Persisting { store, state: AggregateState::with_id(place.stream), place }) as Box<dyn Writer>
        };
        Ok(Side::new((0..writers).map(writer).collect()).closed_by(async move { pool.close().await }))
    }

    /// Writers that load, decide and persist.
    pub(crate) async fn managing(&self, writers: usize) -> anyhow::Result<Side> {
        let (store, pool) = self.store().await?;
        let writer = |_| {
            let manager = AggregateManager::new(store.clone());
            Box::new(Managing { manager, place: Place::start() }) as Box<dyn Writer>
        };
        Ok(Side::new((0..writers).map(writer).collect()).closed_by(async move { pool.close().await }))
    }

    /// The store on a pool like that of the other baselines (`pool` in the module above), of its own sqlx.
    async fn store(&self) -> anyhow::Result<(Store, PgPool)> {
        let options = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).test_before_acquire(false);
        let pool = options.connect(&self.url).await?;
        let store = PgStoreBuilder::<Desk>::new(pool.clone()).with_schema::<CloudEvent>().try_build().await?;
        Ok((store, pool))
    }
}

struct Persisting {
    store: Store,
    state: AggregateState<u32>,
    place: Place,
}

#[async_trait]
impl Writer for Persisting {
    async fn append(&mut self) -> anyhow::Result<()> {
        self.store.persist(&mut self.state, vec![Noted::sample().into()]).await?;
        self.place.advance();
        if self.place.version == 0 {
            self.state = AggregateState::with_id(self.place.stream);
        }
        Ok(())
    }
}

struct Managing {
    manager: AggregateManager<Store>,
    place: Place,
}

#[async_trait]
impl Writer for Managing {
    async fn append(&mut self) -> anyhow::Result<()> {
        let state = self.manager.load(self.place.stream).await?;
        let state = state.unwrap_or_else(|| AggregateState::with_id(self.place.stream));
        self.manager.handle_command(state, Note::sample()).await??;
        self.place.advance();
        Ok(())
    }
}

//! Ends the process before or after views are written, or breaks the order of checkpoint and rows, where a trial asks for it.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Position;

use crate::fault::{self, Point, Sabotage};
use crate::port::{
    Build, Either, Failure, FilledRows, FindError, Loaded, Move, Query, Registered, Row, RowPage, Saved, ViewSpec,
    ViewStore, Wanted,
};

/// The tables of views as a reader sees them: in every other build, as they are.
pub(crate) fn tried(views: Arc<dyn ViewStore>) -> Arc<dyn ViewStore> {
    if fault::IS_ENABLED { Arc::new(Tried(views)) } else { views }
}

struct Tried(Arc<dyn ViewStore>);

#[async_trait]
impl ViewStore for Tried {
    async fn save(&self, moves: &[Move]) -> Result<Vec<Saved>, Failure> {
        fault::point(Point::BeforeCheckpoint);
        if !fault::is_sabotaged(Sabotage::CheckpointFirst) {
            let saved = self.0.save(moves).await;
            fault::point(Point::AfterCheckpoint);
            return saved;
        }
        let checkpoints: Vec<Move> = moves.iter().map(|one| Move { rows: Vec::new(), ..one.clone() }).collect();
        let mut saved = self.0.save(&checkpoints).await?;
        fault::point(Point::AfterCheckpoint);
        for (saved, one) in saved.iter_mut().zip(moves).filter(|(saved, _)| matches!(saved, Saved::Written)) {
            let rows = self.0.save(&[Move { from: one.to, ..one.clone() }]).await?;
            *saved = rows.into_iter().next().unwrap_or(Saved::Gone);
        }
        Ok(saved)
    }

    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        fault::point(Point::BeforeCheckpoint);
        self.0.fill(build, rows).await
    }

    async fn builds(&self) -> Result<Vec<Registered>, Failure> {
        self.0.builds().await
    }
    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.0.begin(view).await
    }
    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded> {
        self.0.load(wanted).await
    }
    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.0.begin_bulk(view).await
    }
    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        self.0.finish_bulk(build, to).await
    }
    async fn activate(&self, build: &Build) -> Result<(), Failure> {
        self.0.activate(build).await
    }
    async fn abandon(&self, build: &Build) -> Result<(), Failure> {
        self.0.abandon(build).await
    }
    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure> {
        self.0.get(view, key).await
    }
    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<RowPage, FindError> {
        self.0.find(view, query).await
    }
    async fn find_either(&self, view: &ViewSpec, either: &Either) -> Result<RowPage, FindError> {
        self.0.find_either(view, either).await
    }
}

//! Moves of several views in one transaction, and of each by itself where one of them spoils it for all.

use app::port::{Failure, Move, Saved};

use crate::failure::{failure, is_missing_table, is_passing};

const OPERATION: &str = "save rows of views";

/// One attempt: what became of each move in one transaction, or why all of it failed.
pub(super) trait Saving {
    fn save_together(&self, moves: &[Move]) -> impl Future<Output = Result<Vec<Saved>, sqlx::Error>> + Send;
}

/// Saves all moves in one transaction. Where the tables of one view do not take its rows, the others are saved without it.
pub(super) async fn save(store: &(impl Saving + Sync), moves: &[Move]) -> Result<Vec<Saved>, Failure> {
    match store.save_together(moves).await {
        Ok(saved) => return Ok(saved),
        Err(source) if is_passing(&source) => return Err(failure(OPERATION, &source)),
        Err(source) => tracing::warn!(%source, "views cannot be saved together: each is saved by itself"),
    }
    let mut saved = Vec::with_capacity(moves.len());
    for one in moves {
        saved.push(match store.save_together(std::slice::from_ref(one)).await {
            Ok(each) => each.into_iter().next().unwrap_or(Saved::Gone),
            Err(source) if is_missing_table(&source) => Saved::Gone,
            Err(source) => Saved::Failed(failure(OPERATION, &source)),
        });
    }
    Ok(saved)
}

//! A program that looks into files for what harms whoever opens them.

use async_trait::async_trait;

use super::Failure;
use super::evidence_store::Pieces;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Clean,
    /// Something harmful, by the name that the scanner gives it.
    Harmful(String),
}

/// The scanner.
#[async_trait]
pub trait Scanner: Send + Sync + 'static {
    /// Looks into a file.
    async fn scan(&self, file: Pieces) -> Result<Verdict, Failure>;
}

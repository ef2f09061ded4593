//! How the transaction of a batch begins and ends.

use app::port::Append;
use futures::future::BoxFuture;

type Outcome<'a> = BoxFuture<'a, Result<(), sqlx::Error>>;

/// The first and the last step of a transaction on a connection of type `C`. Between them the batch is written.
pub(crate) struct Steps<C> {
    pub(crate) begin: for<'a> fn(&'a mut C, &'a [Append]) -> Outcome<'a>,
    pub(crate) commit: for<'a> fn(&'a mut C) -> Outcome<'a>,
}

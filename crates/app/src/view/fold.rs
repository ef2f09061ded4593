//! A view behind a pointer.

use std::marker::PhantomData;
use std::sync::Arc;

use kernel::View;

use super::working::{InMemory, Working};
use crate::port::ViewSpec;

/// A view without its type: what the reader folds.
pub trait Fold: Send + Sync {
    /// What its tables are like.
    fn spec(&self) -> ViewSpec;
    /// The categories whose events it folds.
    fn from(&self) -> &'static [&'static str];
    /// No rows yet.
    fn working(&self) -> Box<dyn Working>;
}

/// The fold of a view.
pub fn fold_of<V: View>() -> Arc<dyn Fold> {
    Arc::new(Pure::<V>(PhantomData))
}

struct Pure<V>(PhantomData<fn() -> V>);

impl<V: View> Fold for Pure<V> {
    fn spec(&self) -> ViewSpec {
        ViewSpec::of::<V>()
    }

    fn from(&self) -> &'static [&'static str] {
        V::FROM
    }

    fn working(&self) -> Box<dyn Working> {
        Box::new(InMemory::<V>::default())
    }
}

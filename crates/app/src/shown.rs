//! A view without its type: what the registry lists.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::view::Order;
use kernel::{Allowed, Key, Place, Read, StreamId, Version, View};
use schemars::Schema;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Error;
use crate::event::Decode;
use crate::memory::{Memory, Seen};
use crate::port::EventLog;
use crate::view::{Fold, fold_of};

/// A view.
#[async_trait]
pub trait Shown: Send + Sync {
    /// Name of its tables.
    fn name(&self) -> &'static str;
    /// The first segment of its routes.
    fn path(&self) -> &'static str;
    /// What it shows, in a line.
    fn about(&self) -> &'static str;
    /// The action in the table of authorisation.
    fn action(&self) -> &'static str;
    /// Who may read it.
    fn read(&self) -> Allowed;
    /// The categories whose events it folds.
    fn from(&self) -> &'static [&'static str];
    /// The stored names of the events that touch no row.
    fn none(&self) -> &'static [&'static str];
    /// Which filters may be given together.
    fn filters(&self) -> &'static [&'static [&'static str]];
    /// The words that a filter takes, where it takes no others.
    fn words(&self, filter: &str) -> Option<Vec<String>>;
    /// In which order a page is.
    fn order(&self) -> Order;
    /// Whether a row is folded from the events of one aggregate alone.
    fn is_of_one(&self) -> bool;
    /// The JSON Schema of a row.
    fn schema(&self) -> Schema;
    /// The fold, for the reader.
    fn fold(&self) -> Arc<dyn Fold>;
    /// The keys of the rows that an event touches.
    fn keys(&self, event: &Read<'_>) -> Vec<Key>;
    /// Where a row is.
    fn place(&self, doc: &str) -> Result<Place, serde_json::Error>;
    /// The sort key of a row, if each of these filters finds it by this value.
    fn found_by(&self, doc: &str, equal: &[(&'static str, String)]) -> Result<Option<i64>, serde_json::Error>;
    /// The row of one aggregate, read from the log, as it is now or as it was at a moment.
    async fn of_one(
        &self,
        memory: &Memory,
        log: &dyn EventLog,
        decode: Decode,
        id: Uuid,
        at: Option<DateTime<Utc>>,
    ) -> Result<Option<OfOne>, Error>;
}

/// A row that was read from the log.
#[derive(Clone, Debug)]
pub struct OfOne {
    /// The version of the stream that it shows.
    pub version: Version,
    /// Where it is.
    pub place: Place,
    /// The document.
    pub doc: Box<RawValue>,
}

/// The view of a fold.
pub(crate) struct Views<V>(std::marker::PhantomData<fn() -> V>);

impl<V> Views<V> {
    pub(crate) const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

#[async_trait]
impl<V: View> Shown for Views<V> {
    fn name(&self) -> &'static str {
        V::NAME
    }
    fn path(&self) -> &'static str {
        V::PATH
    }
    fn about(&self) -> &'static str {
        V::ABOUT
    }
    fn action(&self) -> &'static str {
        V::ACTION
    }
    fn read(&self) -> Allowed {
        V::READ
    }
    fn from(&self) -> &'static [&'static str] {
        V::FROM
    }
    fn none(&self) -> &'static [&'static str] {
        V::NONE
    }
    fn filters(&self) -> &'static [&'static [&'static str]] {
        V::FILTERS
    }
    fn words(&self, filter: &str) -> Option<Vec<String>> {
        V::words(filter)
    }
    fn order(&self) -> Order {
        V::ORDER
    }
    fn is_of_one(&self) -> bool {
        V::IS_OF_ONE
    }
    fn schema(&self) -> Schema {
        schemars::schema_for!(V::Row)
    }
    fn fold(&self) -> Arc<dyn Fold> {
        fold_of::<V>()
    }
    fn keys(&self, event: &Read<'_>) -> Vec<Key> {
        let mut keys = Vec::new();
        V::keys(event, &mut |key| keys.push(key));
        keys
    }
    fn place(&self, doc: &str) -> Result<Place, serde_json::Error> {
        Ok(V::place(&serde_json::from_str(doc)?))
    }
    fn found_by(&self, doc: &str, equal: &[(&'static str, String)]) -> Result<Option<i64>, serde_json::Error> {
        let row: V::Row = serde_json::from_str(doc)?;
        let is_found = |(filter, wanted): &(&'static str, String)| {
            let mut found = false;
            V::values(&row, filter, &mut |value| found |= value == wanted);
            found
        };
        Ok(equal.iter().all(is_found).then(|| V::sort(&row)))
    }

    async fn of_one(
        &self,
        memory: &Memory,
        log: &dyn EventLog,
        decode: Decode,
        id: Uuid,
        at: Option<DateTime<Utc>>,
    ) -> Result<Option<OfOne>, Error> {
        // As of a moment it is folded from the beginning: what is remembered is of now.
        let remembered = memory.recall::<Option<V::Row>>(V::NAME, id).filter(|_| at.is_none());
        let before: Arc<Seen<Option<V::Row>>> = remembered.unwrap_or_else(|| memory.unread());
        let Some(category) = V::FROM.first().filter(|_| V::IS_OF_ONE) else { return Ok(None) };
        let recorded = log.stream(&StreamId::new(category, id), before.version).await?;
        let key = Key::Id(id);
        let fold = |mut row: Option<V::Row>, event: &kernel::Recorded| {
            V::fold(&key, &mut row, &Read::new(event, &*decode(event)?));
            Ok(row)
        };
        let mut until = recorded.iter().take_while(|event| at.is_none_or(|at| event.time <= at)).peekable();
        let seen = if until.peek().is_none() {
            before
        } else {
            let seen = until.try_fold(Arc::unwrap_or_clone(before), |seen, event| seen.fold(event, fold))?;
            let seen = Arc::new(seen);
            if at.is_none() {
                memory.remember(V::NAME, id, &seen);
            }
            seen
        };
        let Some(row) = &seen.state else { return Ok(None) };
        let doc = serde_json::value::to_raw_value(row).map_err(|error| Error::Unreadable(error.to_string()))?;
        Ok(Some(OfOne { version: seen.version, place: V::place(row), doc }))
    }
}

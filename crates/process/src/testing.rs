//! What a view makes of events, for the tests of processes.

use std::collections::BTreeMap;

use bytes::Bytes;
use kernel::{Event, EventId, Position, Read, Recorded, StreamId, Version, View};
use uuid::Uuid;

/// Folds events, each of the stream of that id, at positions 1, 2, 3 …
pub(crate) struct History<V: View> {
    position: u64,
    pub(crate) rows: BTreeMap<String, V::Row>,
}

impl<V: View> History<V> {
    pub(crate) fn new() -> Self {
        Self { position: 0, rows: BTreeMap::new() }
    }

    pub(crate) fn then<E: Event>(&mut self, id: Uuid, event: E) -> &mut Self {
        self.position += 1;
        let recorded = Recorded {
            position: Position(self.position),
            stream: StreamId::new(E::CATEGORY, id),
            version: Version(1),
            id: EventId::named(&self.position.to_string()),
            kind: event.name().to_owned(),
            time: given::NOW,
            bytes: Bytes::new(),
        };
        let read = Read::new(&recorded, &event);
        let mut touched = Vec::new();
        V::keys(&read, &mut |key| touched.push(key));
        for key in touched {
            let mut row = self.rows.remove(&key.to_string());
            V::fold(&key, &mut row, &read);
            self.rows.extend(row.map(|row| (key.to_string(), row)));
        }
        self
    }

    pub(crate) fn row(&self, id: Uuid) -> &V::Row {
        &self.rows[&id.to_string()]
    }
}

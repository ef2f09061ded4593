//! Pages of a list whose rows move while it is read.
//!
//! A page ends at a place in the order, and the next one begins there. A row that becomes more urgent in between moves to
//! before that place, where nobody would look again. So a cursor also says up to which position of the log the list had
//! followed, and the next page brings every row that an event after it has moved to before the cursor.
//!
//! INVARIANT: whoever reads to the last page has seen every row that was in the list all the time. A row that moved may come
//! twice; the last one counts.

use std::collections::BTreeSet;

use kernel::view::Order;
use kernel::{Position, Read};

use super::unreadable;
use crate::losses::Mark;
use crate::port::view_store::Cursor;
use crate::port::{Query, Row};
use crate::shown::Shown;
use crate::{App, Error, registry};

/// Most events between two pages.
const EVENTS_MAX: u64 = 20_000;
/// Most rows that they touch.
const ROWS_MAX: usize = 1_000;
/// How many events are read at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// Where a page begins: the place in the order, and how far the list had followed the log, in which epoch of it.
pub(super) struct Beyond {
    epoch: u32,
    since: Position,
    place: String,
}

impl Beyond {
    /// Reads `beyond` as a caller sends it.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('@').and_then(|(mark, place)| {
            let Mark { epoch, position } = mark.parse().ok()?;
            Some(Self { epoch: epoch?, since: position, place: place.to_owned() })
        });
        Ok(parts.ok_or(crate::port::FindError::Cursor)?)
    }

    /// What whoever has the page before has seen of the log.
    pub(super) const fn mark(&self) -> Mark {
        Mark { epoch: Some(self.epoch), position: self.since }
    }

    /// What the store calls beyond.
    pub(super) fn place(&self) -> String {
        self.place.clone()
    }

    /// The same, as a caller gets it.
    pub(super) fn write(epoch: u32, followed: Position, place: &str) -> String {
        format!("{}@{place}", Mark { epoch: Some(epoch), position: followed })
    }
}

impl App {
    /// The rows that moved to before the cursor since the page before, up to where the list follows the log now.
    pub(super) async fn moved(
        &self,
        view: &dyn Shown,
        query: &Query,
        beyond: &Beyond,
        until: Position,
    ) -> Result<Vec<Row>, Error> {
        let cursor: Cursor = beyond.place.parse()?;
        if until.0.saturating_sub(beyond.since.0) > EVENTS_MAX {
            return Err(too_old());
        }
        let keys = self.touched(view, beyond.since, until).await?;
        if keys.len() > ROWS_MAX {
            return Err(too_old());
        }
        let spec = view.fold().spec();
        let mut moved = Vec::new();
        for key in keys {
            let Some(row) = self.ports.views.get(&spec, &key).await? else { continue };
            let sort = view.found_by(&row.doc, &query.equal).map_err(|error| unreadable(&key, &error))?;
            let is_before = |sort: i64| match query.order {
                Order::Ascending => sort <= cursor.sort,
                Order::Descending => sort >= cursor.sort,
            };
            if sort.is_some_and(is_before) {
                moved.push(row);
            }
        }
        Ok(moved)
    }

    /// The keys of the rows that events touch.
    async fn touched(&self, view: &dyn Shown, since: Position, until: Position) -> Result<BTreeSet<String>, Error> {
        let (mut keys, mut position) = (BTreeSet::new(), since);
        while position < until {
            let events = self.ports.log.after(position, EVENTS_AT_ONCE).await?;
            let Some(last) = events.last() else { break };
            position = last.position;
            for event in events.iter().filter(|event| event.position <= until) {
                if view.from().contains(&event.stream.category()) {
                    let decoded = registry::decode(event)?;
                    keys.extend(view.keys(&Read::new(event, &*decoded)).iter().map(ToString::to_string));
                }
            }
        }
        Ok(keys)
    }
}

fn too_old() -> Error {
    Error::malformed("cursor-too-old", "too much has happened since the page before: begin again without `beyond`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        let text = Beyond::write(2, Position(7), "-3~a@b~c");
        let beyond = Beyond::read(&text).unwrap();
        assert_eq!((text.as_str(), beyond.place().as_str()), ("2:7@-3~a@b~c", "-3~a@b~c"));
        assert_eq!(beyond.mark(), Mark { epoch: Some(2), position: Position(7) });
        for bad in ["", "7", "0:7", "7@1~a", "x:7@1~a", "0:x@1~a", "0:-1@1~a", "0:@1~a", "@1~a"] {
            assert_eq!(
                Beyond::read(bad).err().map(|error| error.problem().code).as_deref(),
                Some("query-invalid"),
                "{bad}"
            );
        }
    }
}

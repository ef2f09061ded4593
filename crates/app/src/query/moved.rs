//! Pages of a list whose rows move while it is read.
//!
//! A page ends at a place in the order, and the next one begins there. A row that becomes more urgent in between moves to
//! before that place, where nobody would look again. So a cursor also says up to which position of the log the list had
//! followed, and the next page brings every row that an event after it has moved to before the cursor.
//!
//! INVARIANT: whoever reads to the last page has seen every row that was in the list all the time. A row that moved may come
//! twice; the last one counts.

use std::collections::{BTreeMap, BTreeSet};

use kernel::digest::Digest;
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
/// Characters of the name of a list.
const LIST_LEN: usize = 8;
/// How many events are read at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// Where a page begins: the place in the order, and how far the list had followed the log, in which epoch of it.
pub(super) struct Beyond {
    epoch: u32,
    since: Position,
    place: String,
}

impl Beyond {
    /// Reads `beyond` as a caller sends it. One of another list is refused: a place in its order means nothing in this one.
    pub(super) fn read(text: &str, list: &str) -> Result<Self, Error> {
        let parts = text.split_once('@').and_then(|(mark, rest)| {
            let Mark { epoch, position } = mark.parse().ok()?;
            let (_, place) = rest.split_once('@').filter(|(of, _)| *of == list)?;
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
    pub(super) fn write(epoch: u32, followed: Position, list: &str, place: &str) -> String {
        format!("{}@{list}@{place}", Mark { epoch: Some(epoch), position: followed })
    }
}

/// A short name of a list: of its view and of what is filtered by.
pub(super) fn list_of(view: &str, filters: &BTreeMap<String, String>) -> String {
    // A control character is in no name and in no value that a filter finds anything by.
    let asked = filters.iter().map(|(filter, value)| format!("\0{filter}\0{value}"));
    let mut name = Digest::of(format!("{view}{}", asked.collect::<String>()).as_bytes()).to_string();
    name.truncate(LIST_LEN);
    name
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
        let text = Beyond::write(2, Position(7), "list", "-3~a@b~c");
        let beyond = Beyond::read(&text, "list").unwrap();
        assert_eq!((text.as_str(), beyond.place().as_str()), ("2:7@list@-3~a@b~c", "-3~a@b~c"));
        assert_eq!(beyond.mark(), Mark { epoch: Some(2), position: Position(7) });
        let marked = [
            "",
            "0:7@1~a",
            "7@list@1~a",
            "x:7@list@1~a",
            "0:x@list@1~a",
            "0:-1@list@1~a",
            "0:01@list@1~a",
            "0:@list@1~a",
        ];
        for bad in marked.into_iter().chain(["7", "0:7", "@list@1~a", "0:7@other@1~a", "0:7@@1~a"]) {
            assert_eq!(
                Beyond::read(bad, "list").err().map(|error| error.problem().code).as_deref(),
                Some("query-invalid"),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_cursor_is_of_one_list_with_one_set_of_filters() {
        let filters = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(filter, value)| ((*filter).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let own = list_of("open_obligation", &filters(&[("grid", "JAS")]));
        assert_eq!(own, list_of("open_obligation", &filters(&[("grid", "JAS")])));
        let others = [
            list_of("department_order", &filters(&[("grid", "JAS")])),
            list_of("open_obligation", &filters(&[("grid", "BZ")])),
            list_of("open_obligation", &filters(&[("department", "JAS")])),
            list_of("open_obligation", &filters(&[("grid", "JAS"), ("stage", "respond")])),
            list_of("open_obligation", &filters(&[])),
        ];
        for other in others {
            assert_ne!(other, own);
            let next = Beyond::write(0, Position(7), &other, "1~a");
            let refused = Beyond::read(&next, &own).err().map(|error| error.problem().code);
            assert_eq!(refused.as_deref(), Some("query-invalid"));
        }
    }
}

//! What can be read, and by whom.

mod history;
mod moved;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::{Actor, CommandId, DepartmentCode, GridCode, Place, Position, Recorded, Refusal as _, Unfit};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::authorise::{
    READ_EVENTS, READ_OUTCOME, authorise, authorise_named, authorise_one, authorise_row, may_somewhere,
};
use crate::intake::Answer;
use crate::kind::{Kind, Sight, Until};
use crate::port::{Query, Receipt};
use crate::shown::Shown;
use crate::{App, Error, registry};

pub use crate::personal::{ClearPerson, ClearPersons};
pub use history::HistoryEntry;
use moved::{Beyond, list_of};

/// Most rows of a page.
pub const PAGE_ROWS_MAX: u32 = 200;

/// A document and the version it shows.
#[derive(Clone, Debug)]
pub struct Found {
    /// Changes whenever the document does; the ETag.
    pub version: u64,
    /// The position of the log up to which it follows; `None` where it was read from the log itself.
    pub position: Option<Position>,
    /// The document.
    pub doc: Box<RawValue>,
}

/// Which page is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// `next` of the page before; none for the first.
    pub beyond: Option<String>,
    /// At most so many rows, 1 to [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

/// A page of documents.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    /// The documents.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub items: Vec<Box<RawValue>>,
    /// What to ask for as `beyond` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The position of the log up to which the rows follow; `None` where they were read from the log itself.
    #[serde(skip)]
    pub position: Option<Position>,
}

/// How many pages of a thousand events are looked through for those that somebody may hear, in one request.
const PAGES_MAX: usize = 10;

impl App {
    /// One row of a view, as it is or as it was at a moment. The row of one aggregate is read from the log, so that what was
    /// written can be read at once.
    ///
    /// # Errors
    /// Where there is no such row, or the actor may not read it.
    pub async fn row(
        &self,
        by: &Actor,
        view: &dyn Shown,
        key: &str,
        at: Option<DateTime<Utc>>,
    ) -> Result<Found, Error> {
        let missing = || missing_row(view, key);
        if view.is_of_one() {
            let id = Uuid::try_parse(key).map_err(|_| missing())?;
            let found = view.of_one(&self.memory, &*self.ports.log, registry::decode, id, at).await?;
            let place = found.as_ref().map(|found| &found.place);
            authorise_named(by, view.action(), view.read(), place, missing)?;
            let found = found.ok_or_else(missing)?;
            return Ok(Found { version: found.version.0.into(), position: None, doc: found.doc });
        }
        if at.is_some() {
            return Err(Error::malformed("query-invalid", "this view is of now; `at` is not taken"));
        }
        let row = self.ports.views.get(&view.fold().spec(), key).await?;
        let place = row.as_ref().map(|row| view.place(&row.doc)).transpose();
        let place = place.map_err(|error| unreadable(key, &error))?;
        authorise_named(by, view.action(), view.read(), place.as_ref(), missing)?;
        let row = row.ok_or_else(missing)?;
        Ok(Found { version: row.position.0, position: Some(row.position), doc: raw(row.doc)? })
    }

    /// A page of a view: the rows that every filter finds, and before them those that have moved to before this page since the
    /// page before, which come beside its limit.
    ///
    /// # Errors
    /// Where these filters are not offered together, name what does not exist, or reach where the actor may not read.
    pub async fn rows(
        &self,
        by: &Actor,
        view: &dyn Shown,
        filters: &BTreeMap<String, String>,
        page: PageRequest,
    ) -> Result<Page, Error> {
        for (filter, word) in filters {
            let unknown = view.words(filter).filter(|words| !words.contains(word));
            unknown.map_or(Ok(()), |words| Err(invalid(format!("{filter} is one of {}", words.join(", ")))))?;
        }
        let place = self.place_of(by, view, filters).await?;
        authorise(by, view.action(), view.read(), &place)?;
        let offered = view
            .filters()
            .iter()
            .find(|set| set.len() == filters.len() && set.iter().all(|filter| filters.contains_key(*filter)));
        let offered = offered.ok_or_else(|| not_offered(view))?;
        let equal = offered.iter().map(|filter| (*filter, filters[*filter].clone())).collect();
        let list = list_of(view.name(), filters);
        let beyond = page.beyond.as_deref().map(|beyond| Beyond::read(beyond, &list)).transpose()?;
        // Before anything is read: what is shown is of this epoch or a later one.
        let epoch = self.epoch_lately().await?;
        if let Some(beyond) = &beyond {
            self.refuse_lost(beyond.mark()).await?;
        }
        let (order, limit) = (view.order(), page.limit.clamp(1, PAGE_ROWS_MAX));
        let query = Query { equal, order, beyond: beyond.as_ref().map(Beyond::place), limit };
        let found = self.ports.views.find(&view.fold().spec(), &query).await?;
        let mut rows = match beyond {
            Some(beyond) => self.moved(view, &query, &beyond, found.position).await?,
            None => Vec::new(),
        };
        rows.extend(found.rows);
        let items = rows.into_iter().map(|row| raw(row.doc)).collect::<Result<_, _>>()?;
        let next = found.next.map(|place| Beyond::write(epoch, found.position, &list, &place));
        Ok(Page { items, next, position: Some(found.position) })
    }

    /// Where the rows are that the filters find: the grid, the department or the owner that they name.
    async fn place_of(&self, by: &Actor, view: &dyn Shown, filters: &BTreeMap<String, String>) -> Result<Place, Error> {
        let mut place = Place::default();
        let is_told = may_somewhere(by, view.read());
        if let Some(grid) = filters.get("grid") {
            let grid: GridCode = grid.parse().map_err(|error: kernel::id::InvalidCode| invalid(error.to_string()))?;
            place.grids = self.known().await?.district().last_known_path(&grid, self.ports.clock.now());
            if place.grids.is_empty() && is_told {
                return Err(unknown(&Unfit::UnknownGrid { grid }));
            }
        }
        if let Some(department) = filters.get("department") {
            let code: Result<DepartmentCode, kernel::id::InvalidCode> = department.parse();
            let department = code.map_err(|error| invalid(error.to_string()))?;
            if is_told && !self.known().await?.district().is_known(&department) {
                return Err(unknown(&Unfit::UnknownDepartment { department }));
            }
            place.departments.insert(department);
        }
        place.owner = filters.get("owner").cloned();
        Ok(place)
    }

    /// Refuses whoever may not read the history of an aggregate. With the same right its files are read.
    pub(crate) async fn reach_history(&self, by: &Actor, kind: &dyn Kind, id: Uuid) -> Result<(), Error> {
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall: false };
        let place = kind.look(sight, id).await?.map(|(place, _)| place);
        authorise_one(by, kind, kind.read_action(), kind.read(), place.as_ref())?;
        let at = self.ports.clock.now();
        let until = Until { at, days_after: self.known().await?.rules().personal_data(at).days_after };
        // Whoever has no duty any more hears what somebody hears who never had one.
        if kind.is_open_to(sight, id, by, until).await? { Ok(()) } else { Err(kind.missing()) }
    }

    /// The events of an aggregate in order, as they are stored. `beyond` is a version, with the epoch before it.
    ///
    /// # Errors
    /// Where there is no such aggregate, the actor may not read it, or what the page before showed is lost.
    pub async fn history(&self, by: &Actor, kind: &dyn Kind, id: Uuid, page: PageRequest) -> Result<Page, Error> {
        self.reach_history(by, kind, id).await?;
        let epoch = self.epoch_lately().await?;
        let stream = kernel::StreamId::new(kind.category(), id);
        let beyond = self.beyond_version(&stream, page.beyond.as_deref()).await?;
        let recorded = self.ports.log.stream(&stream, beyond).await?;
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX) as usize;
        let shown = &recorded[..limit.min(recorded.len())];
        let items = shown.iter().map(|event| to_raw(&HistoryEntry::of(event)?)).collect::<Result<_, _>>()?;
        let last = shown.last().filter(|_| recorded.len() > limit);
        let next = last.map(|event| history::after(epoch, event.version, &stream));
        Ok(Page { items, next, position: None })
    }

    /// Events of the whole log after a position, in order.
    pub async fn events(&self, by: &Actor, after: Position, limit: usize) -> Result<Vec<Recorded>, Error> {
        authorise_row(by, &READ_EVENTS)?;
        Ok(self.ports.log.after(after, limit.clamp(1, 1_000)).await?)
    }

    /// Events of the whole log after a position that somebody may hear, and after which position to go on; `None` at the end of the
    /// log. There may be fewer of them than `limit`, or none, and more to come.
    ///
    /// # Errors
    /// Where they may hear none, or the log cannot be read.
    pub async fn heard(
        &self,
        by: &Actor,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<Recorded>, Option<Position>), Error> {
        let hearing = self.hearing(by).await?;
        let (limit, pages) = (limit.clamp(1, 1_000), if hearing.is_of_all() { 1 } else { PAGES_MAX });
        let (mut heard, mut at) = (Vec::new(), after);
        for _ in 0..pages {
            let chunk = if hearing.is_of_all() { limit } else { 1_000 };
            let read = self.ports.log.after(at, chunk).await?;
            let is_end = read.len() < chunk;
            for event in read {
                at = event.position;
                if hearing.hears(&event) {
                    heard.push(event);
                }
                if heard.len() == limit {
                    return Ok((heard, Some(at)));
                }
            }
            if is_end {
                return Ok((heard, None));
            }
        }
        Ok((heard, Some(at)))
    }

    /// Whether somebody may read events, for what was read already.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn may_read_events(by: &Actor) -> Result<(), Error> {
        authorise_row(by, &READ_EVENTS)
    }

    /// One event of the log.
    pub async fn event(&self, by: &Actor, position: Position) -> Result<Recorded, Error> {
        authorise_row(by, &READ_EVENTS)?;
        let before = Position(position.0.saturating_sub(1));
        let hearing = self.hearing(by).await?;
        let is_it = |event: &Recorded| event.position == position && hearing.hears(event);
        let found = self.ports.log.after(before, 1).await?.pop().filter(is_it);
        found.ok_or_else(|| Error::NotFound { what: format!("event {position}") })
    }

    /// What a command of the caller did, if it was recorded. Commands of others are not there, whatever their id.
    ///
    /// # Errors
    /// Where the caller gave no such command.
    pub async fn outcome(&self, by: &Actor, command: CommandId) -> Result<Answer, Error> {
        authorise_row(by, &READ_OUTCOME)?;
        let found = self.ports.log.outcome(&by.id, command).await?;
        let (receipt, _) = found.ok_or_else(|| Error::NotFound { what: format!("recorded command {command}") })?;
        Ok(Receipt { replayed: true, ..receipt }.into())
    }

    /// A document of a single kind as of a moment, by its route.
    ///
    /// # Errors
    /// Where there is no such document, or the actor may not read it.
    pub async fn document(
        &self,
        by: &Actor,
        path: &str,
        at: Option<DateTime<Utc>>,
    ) -> Result<serde_json::Value, Error> {
        let missing = || Error::NotFound { what: format!("document {path}") };
        let of = |kind: &'static dyn Kind| {
            kind.documents().into_iter().find(|document| document.path == path).map(|document| (kind, document))
        };
        let found = registry::kinds().iter().find_map(|kind| of(&**kind));
        let (kind, document) = found.ok_or_else(missing)?;
        authorise(by, document.action, document.read, &Place::default())?;
        let at = at.unwrap_or_else(|| self.ports.clock.now());
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall: false };
        let id = registry::single_id(kind.category());
        kind.show(sight, id, path, at).await?.ok_or_else(missing)
    }
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::malformed("query-invalid", detail)
}

/// What the query of a list names and what does not exist, as what is asked for: 404.
fn unknown(named: &Unfit) -> Error {
    Error::Refused { status: 404, code: named.code(), detail: named.to_string() }
}

fn not_offered(view: &dyn Shown) -> Error {
    let set = |set: &&[&str]| if set.is_empty() { "none".to_owned() } else { set.join(" and ") };
    let offered: Vec<String> = view.filters().iter().map(set).collect();
    let detail = format!("these filters cannot be given together here; give {}", offered.join(", or "));
    Error::malformed("filters-not-offered", detail)
}

fn missing_row(view: &dyn Shown, key: &str) -> Error {
    let of_one = view.from().first().filter(|_| view.is_of_one());
    match of_one.and_then(|category| registry::kind(category).ok()) {
        Some(kind) => kind.missing(),
        None => Error::NotFound { what: format!("{key} in {}", view.path()) },
    }
}

/// A document that is shown as it is stored.
pub(crate) fn raw(doc: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(doc).map_err(|error| Error::Unreadable(error.to_string()))
}

fn to_raw(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value).map_err(|error| Error::Unreadable(error.to_string()))
}

fn unreadable(key: &str, error: &serde_json::Error) -> Error {
    Error::Unreadable(format!("row {key} of a view: {error}"))
}

//! What can be read, and by whom.

use case::{Case, CaseEvent, Stage};
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{
    Actor, CaseId, CommandId, DepartmentCode, Event, Evidence, GridCode, MatterCode, Position, Recorded, StreamId,
    Version,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::authorise::{Place, authorise, reach};
use crate::event::read_as;
use crate::intake::Answer;
use crate::port::{Order, Query, Receipt, Row};
use crate::view::{
    CaseSummary, CaseSummaryView, DepartmentOrderView, HistoryEntry, ORDER_STATUSES, OpenObligationView, View,
};
use crate::{App, Error};

pub use crate::personal::ClearReporter;

/// Most rows of a page.
pub const PAGE_ROWS_MAX: u32 = 200;

/// A document and the version it shows.
#[derive(Clone, Debug)]
pub struct Found {
    /// Changes whenever the document does; the ETag.
    pub version: u64,
    /// The document.
    pub doc: Box<RawValue>,
}

/// Which page is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// `next` of the page before; none for the first.
    pub beyond: Option<i64>,
    /// At most so many rows, 1 to [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

/// A page of documents.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The documents.
    pub items: Vec<Box<RawValue>>,
    /// What to ask for as `beyond` to get the next page; absent on the last. A text: a number of JSON loses digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which obligations are asked for; everything where both are absent.
#[derive(Clone, Debug, Default)]
pub struct ObligationFilter {
    /// In this grid and below.
    pub grid: Option<GridCode>,
    /// Of this department.
    pub department: Option<DepartmentCode>,
}

impl App {
    /// Where a case stands, as the view shows it.
    pub async fn case(&self, by: &Actor, case: CaseId) -> Result<Found, Error> {
        let row = self.ports.views.get(&CaseSummaryView::SPEC, &case.to_string()).await?;
        let row = row.ok_or(case::Refusal::UnknownCase)?;
        let summary: CaseSummary = unreadable_row(&row)?;
        authorise_case(by, "read-case", &summary)?;
        Ok(Found { version: summary.version.0.into(), doc: raw(row.doc)? })
    }

    /// Where a case stood at a moment: the fold of its events up to then.
    pub async fn case_at(&self, by: &Actor, case: CaseId, at: DateTime<Utc>) -> Result<Found, Error> {
        let recorded = self.recorded(case).await?;
        let mut summary = None;
        for event in recorded.iter().filter(|event| event.time <= at) {
            let read = crate::event::read(event)?;
            CaseSummaryView::fold(case.uuid(), &mut summary, &read);
        }
        let missing = || Error::NotFound { what: format!("case {case} at {at}") };
        let summary = summary.ok_or_else(missing)?;
        authorise_case(by, "read-case", &summary)?;
        Ok(Found { version: summary.version.0.into(), doc: to_raw(&summary)? })
    }

    /// The events of a case in order, as they are stored. `beyond` is a version.
    pub async fn history(&self, by: &Actor, case: CaseId, page: PageRequest) -> Result<Page, Error> {
        let recorded = self.recorded(case).await?;
        let state = folded(&recorded)?;
        let file = state.file.as_ref().ok_or(case::Refusal::UnknownCase)?;
        authorise(by, "read-history", &Place { grids: &file.grids, departments: &file.departments() })?;
        let beyond = page.beyond.unwrap_or(0);
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX) as usize;
        let mut later = recorded.iter().filter(|event| i64::from(event.version.0) > beyond);
        let mut items = Vec::new();
        let mut last = None;
        for event in later.by_ref().take(limit) {
            items.push(to_raw(&HistoryEntry::of(event)?)?);
            last = Some(i64::from(event.version.0));
        }
        let next = last.filter(|_| later.next().is_some()).map(|version| version.to_string());
        Ok(Page { items, next })
    }

    /// The cases of a grid and everything below it, the newest first.
    pub async fn board(
        &self,
        by: &Actor,
        grid: &GridCode,
        stage: Option<String>,
        page: PageRequest,
    ) -> Result<Page, Error> {
        let (field, path) = self.level_of(grid).await?;
        authorise(by, "read-board", &Place { grids: &path, departments: &[] })?;
        let mut equal = vec![(field, grid.to_string())];
        if let Some(stage) = stage {
            let known: Result<Stage, _> = serde_json::from_value(stage.clone().into());
            known.map_err(|_| Error::malformed("query-invalid", "`stage` is no stage of a case"))?;
            equal.push(("stage", stage));
        }
        self.page(CaseSummaryView::SPEC, equal, Order::Descending, page).await
    }

    /// The orders of a department, the newest first.
    pub async fn orders(
        &self,
        by: &Actor,
        department: &DepartmentCode,
        status: Option<String>,
        page: PageRequest,
    ) -> Result<Page, Error> {
        authorise(by, "read-orders", &Place { grids: &[], departments: &[department] })?;
        let mut equal = vec![("department", department.to_string())];
        if let Some(status) = status {
            if !ORDER_STATUSES.contains(&status.as_str()) {
                let detail = format!("`status` is one of {}", ORDER_STATUSES.join(", "));
                return Err(Error::malformed("query-invalid", detail));
            }
            equal.push(("status", status));
        }
        self.page(DepartmentOrderView::SPEC, equal, Order::Descending, page).await
    }

    /// Who has to do what until when, the most urgent first.
    pub async fn obligations(&self, by: &Actor, filter: ObligationFilter, page: PageRequest) -> Result<Page, Error> {
        let open = ("open", "yes".to_owned());
        let equal = match (&filter.grid, &filter.department) {
            (Some(_), Some(_)) => {
                return Err(Error::malformed("one-filter-only", "ask for a grid or for a department, not for both"));
            }
            (Some(grid), None) => {
                let (field, path) = self.level_of(grid).await?;
                authorise(by, "read-obligations", &Place { grids: &path, departments: &[] })?;
                vec![(field, grid.to_string()), open]
            }
            (None, Some(department)) => {
                let departments = [department];
                authorise(by, "read-obligations", &Place { grids: &[], departments: &departments })?;
                vec![("department", department.to_string()), open]
            }
            (None, None) => {
                authorise(by, "read-obligations", &Place::default())?;
                vec![open]
            }
        };
        self.page(OpenObligationView::SPEC, equal, Order::Ascending, page).await
    }

    /// Events of the whole log after a position, in order.
    pub async fn events(&self, by: &Actor, after: Position, limit: usize) -> Result<Vec<Recorded>, Error> {
        authorise(by, "read-events", &Place::default())?;
        Ok(self.ports.log.after(after, limit.clamp(1, 1_000)).await?)
    }

    /// One event of the log.
    pub async fn event(&self, by: &Actor, position: Position) -> Result<Recorded, Error> {
        authorise(by, "read-events", &Place::default())?;
        let before = Position(position.0.saturating_sub(1));
        let found = self.ports.log.after(before, 1).await?.pop().filter(|event| event.position == position);
        found.ok_or_else(|| Error::NotFound { what: format!("event {position}") })
    }

    /// What a command did, if it was recorded and the same actor gave it.
    pub async fn outcome(&self, by: &Actor, command: CommandId) -> Result<Answer, Error> {
        authorise(by, "read-outcome", &Place::default())?;
        let missing = || Error::NotFound { what: format!("recorded command {command}") };
        let (receipt, _) = self.ports.log.outcome(command).await?.ok_or_else(missing)?;
        if let Some(first) = receipt.first {
            let event = self.ports.log.after(Position(first.0 - 1), 1).await?.pop().ok_or_else(missing)?;
            let envelope =
                kernel::envelope::decode(&event.bytes).map_err(|error| Error::Unreadable(error.to_string()))?;
            let may_read_all = reach(by.role, "read-events").is_some();
            if envelope.actorid != by.id && !may_read_all {
                return Err(missing());
            }
        }
        Ok(Receipt { replayed: true, ..receipt }.into())
    }

    /// Keeps a file.
    pub async fn put_evidence(&self, by: &Actor, media_type: &str, bytes: bytes::Bytes) -> Result<Evidence, Error> {
        authorise(by, "upload-evidence", &Place::default())?;
        Ok(self.ports.evidence.put(media_type, bytes).await?)
    }

    /// A file, checked against its digest. Who knows the digest has seen the event that names it.
    pub async fn get_evidence(&self, by: &Actor, sha256: Digest) -> Result<(Evidence, bytes::Bytes), Error> {
        authorise(by, "read-evidence", &Place::default())?;
        let missing = || Error::NotFound { what: format!("evidence {sha256}") };
        self.ports.evidence.get(sha256).await?.ok_or_else(missing)
    }

    /// Grids, departments and posts as of a moment.
    pub async fn district(&self, by: &Actor, at: Option<DateTime<Utc>>) -> Result<serde_json::Value, Error> {
        authorise(by, "read-district", &Place::default())?;
        let at = at.unwrap_or_else(|| self.ports.clock.now());
        let known = self.known().await?;
        let grids: Vec<_> = known.district.grids(at).collect();
        let departments: Vec<_> = known.district.departments(at).collect();
        Ok(serde_json::json!({ "at": at, "grids": grids, "departments": departments }))
    }

    /// The matters of the catalogue as of a moment.
    pub async fn matters(&self, by: &Actor, at: Option<DateTime<Utc>>) -> Result<serde_json::Value, Error> {
        authorise(by, "read-matters", &Place::default())?;
        let at = at.unwrap_or_else(|| self.ports.clock.now());
        let known = self.known().await?;
        let matters: Vec<_> = known.rules.matters(at).collect();
        Ok(serde_json::json!({ "at": at, "rules_version": known.rules.version(), "matters": matters }))
    }

    /// Open cases of the same matter in the same grid, the newest first, at most `limit`.
    pub(crate) async fn summaries_alike(
        &self,
        grid: &GridCode,
        matter: &MatterCode,
        limit: u32,
    ) -> Result<Vec<CaseSummary>, Error> {
        let equal = vec![("alike", CaseSummary::alike(grid, matter))];
        let query = Query { equal, order: Order::Descending, beyond: None, limit };
        let rows = self.ports.views.find(&CaseSummaryView::SPEC, &query).await?;
        rows.iter().map(unreadable_row::<CaseSummary>).collect()
    }

    pub(crate) async fn recorded(&self, case: CaseId) -> Result<Vec<Recorded>, Error> {
        let stream = StreamId::new(CaseEvent::CATEGORY, case.uuid());
        Ok(self.ports.log.stream(&stream, Version(0)).await?)
    }

    /// The field of a summary that holds the grids of this one's level, and the grid's path.
    async fn level_of(&self, grid: &GridCode) -> Result<(&'static str, Vec<GridCode>), Error> {
        let path = self.known().await?.district.last_known_path(grid, self.ports.clock.now());
        let field = match path.len() {
            0 => return Err(case::Refusal::UnknownGrid { grid: grid.clone() }.into()),
            1 => "grid_1",
            2 => "grid_2",
            3 => "grid_3",
            _ => "grid_4",
        };
        Ok((field, path))
    }

    async fn page(
        &self,
        view: crate::port::ViewSpec,
        equal: Vec<(&'static str, String)>,
        order: Order,
        page: PageRequest,
    ) -> Result<Page, Error> {
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX);
        let query = Query { equal, order, beyond: page.beyond, limit: limit + 1 };
        let mut rows = self.ports.views.find(&view, &query).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().map(|row| row.sort.to_string()).filter(|_| more);
        let items = rows.into_iter().map(|row| raw(row.doc)).collect::<Result<Vec<_>, _>>()?;
        Ok(Page { items, next })
    }
}

fn authorise_case(by: &Actor, action: &str, summary: &CaseSummary) -> Result<(), Error> {
    let departments: Vec<_> = summary.orders.values().map(|order| &order.department).collect();
    authorise(by, action, &Place { grids: &summary.grids, departments: &departments })
}

/// A case as its recorded events made it.
pub(crate) fn folded(recorded: &[Recorded]) -> Result<Case, Error> {
    recorded.iter().try_fold(Case::default(), |case, event| Ok(case.evolve(read_as::<CaseEvent>(event)?)))
}

fn raw(doc: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(doc).map_err(|error| Error::Unreadable(error.to_string()))
}

fn to_raw(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value).map_err(|error| Error::Unreadable(error.to_string()))
}

fn unreadable_row<T: serde::de::DeserializeOwned>(row: &Row) -> Result<T, Error> {
    let unreadable = |error: serde_json::Error| Error::Unreadable(format!("row {} of a view: {error}", row.key));
    serde_json::from_str(&row.doc).map_err(unreadable)
}

//! Follow-ups that go to many: one command to each open aggregate in a grid and below it, or on which a department must act.
//!
//! Each command has an id of its own, made from the follow-up and the aggregate, so that a sweep that broke off goes on where it was
//! when it is begun again. A sweep is answered once every command was.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream::iter;
use kernel::view::Order;
use kernel::{DepartmentCode, Position};
use process::run::Refused;
use process::{On, Waiting};
use tokio::sync::watch;
use uuid::Uuid;

use super::{AT_ONCE, KEYS_MAX};
use crate::following::{Counted, Following};
use crate::port::{Failure, Query};
use crate::registry::{self, Running};
use crate::{App, Error};

impl App {
    /// How far the follow-ups that go to many have come in this process.
    pub fn following(&self) -> watch::Receiver<Following> {
        self.following.subscribe()
    }

    /// Whether every open case has followed its grid, as far as that was closed or moved up to a position of the log and takes effect by
    /// now.
    ///
    /// # Errors
    /// Where that cannot be told: a view is being built, or the database is away.
    pub async fn grids_are_followed(&self, since: Position) -> Result<bool, Error> {
        let watch = registry::grid_watch();
        let activated = self.activate(&watch).await?;
        let Some(alarms) = &watch.alarms else { return Ok(true) };
        let page = self.rows_of(alarms, "due", None).await?;
        let first = page.rows.first().map(|row| super::read(&row.doc)).transpose()?;
        let moment = first.as_ref().and_then(watch.next);
        if page.position < since || moment.is_some_and(|moment| moment <= self.clock().now()) {
            return Ok(false);
        }
        let page = self.waiting(&watch, activated).await?;
        Ok(page.rows.is_empty() && page.position >= since)
    }

    /// On how much a department must still act: what is taken back from it once it is closed.
    ///
    /// # Errors
    /// Where that cannot be told: a view is being built, or the database is away.
    pub async fn open_at(&self, department: &DepartmentCode) -> Result<usize, Error> {
        let on = On::EachOpenAt(department.clone());
        let mut found = 0;
        for kind in registry::kinds().iter().map(|kind| kind.category()) {
            if registry::open_by(kind, registry::OPEN_AT).is_some() {
                found += self.open_by(kind, &on, Position(0)).await?.len();
            }
        }
        Ok(found)
    }

    /// Sends what waits to each aggregate that it is for. Says why the first one refused, where one did.
    pub(super) async fn follow_up_each(&self, process: &Running, waiting: &Waiting) -> Result<Option<Refused>, Error> {
        let ids = self.open_by(&waiting.category, &waiting.on, waiting.position).await?;
        let commands = ids.len() as u64;
        let mut counted = Counted::begin(&self.following, commands);
        tracing::info!(
            process.name = process.name,
            position = waiting.position.0,
            commands,
            "a follow-up goes to many"
        );
        let send = async |id: Uuid| self.follow_up(process, waiting, waiting.command_on(id), id).await;
        let mut answers = iter(ids).map(send).buffer_unordered(AT_ONCE);
        let mut first = None;
        while let Some(answer) = answers.next().await {
            first = first.or(answer?);
            counted.answered();
        }
        Ok(first)
    }

    /// What is open there. Whatever is opened after the event that the follow-up is from, its process sees.
    async fn open_by(&self, category: &str, on: &On, since: Position) -> Result<BTreeSet<Uuid>, Error> {
        let (filter, values) = match on {
            On::One(id) => return Ok(BTreeSet::from([*id])),
            On::EachOpenIn(grid) => {
                let grids = self.known().await?.district().at_or_below(grid, self.clock().now());
                (registry::OPEN_IN, grids.iter().map(ToString::to_string).collect())
            }
            On::EachOpenAt(department) => (registry::OPEN_AT, vec![department.to_string()]),
        };
        let view = registry::open_by(category, filter);
        let view = view.ok_or_else(|| fault(format!("no view lists what is open of {category}")))?;
        let spec = view.fold().spec();
        let mut found = BTreeSet::new();
        for value in values {
            let mut beyond = None;
            loop {
                let equal = vec![(filter, value.clone())];
                let query = Query { equal, order: Order::Ascending, beyond, limit: KEYS_MAX };
                let page = self.ports().views.find(&spec, &query).await?;
                if page.position < since {
                    return Err(Error::from(Failure {
                        operation: "list what is open",
                        reason: format!("{} follows the log only up to {}", view.name(), page.position),
                        passing: true,
                    }));
                }
                for row in page.rows {
                    found.insert(Uuid::try_parse(&row.key).map_err(|error| Error::Unreadable(error.to_string()))?);
                }
                beyond = page.next;
                if beyond.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn fault(reason: String) -> Error {
    Error::from(Failure { operation: "send what follows", reason, passing: false })
}

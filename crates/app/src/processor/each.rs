//! Follow-ups that go to many: one command to each open aggregate in a grid and below it.
//!
//! Each command has an id of its own, made from the follow-up and the aggregate, so that a sweep that broke off goes on where it was
//! when it is begun again. A sweep is answered once every command was.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream::iter;
use kernel::view::Order;
use kernel::{GridCode, Position};
use process::Waiting;
use process::run::Refused;
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

    /// Sends what waits to each aggregate that is open in the grid or below it. Says why the first one refused, where one did.
    pub(super) async fn follow_up_each(
        &self,
        process: &Running,
        waiting: &Waiting,
        grid: &GridCode,
    ) -> Result<Option<Refused>, Error> {
        let ids = self.open_in(waiting, grid).await?;
        let commands = ids.len() as u64;
        let mut counted = Counted::begin(&self.following, commands);
        tracing::info!(process.name = process.name, grid.code = %grid, commands, "a follow-up goes to many");
        let send = async |id: Uuid| self.follow_up(process, waiting, waiting.command_on(id), id).await;
        let mut answers = iter(ids).map(send).buffer_unordered(AT_ONCE);
        let mut first = None;
        while let Some(answer) = answers.next().await {
            first = first.or(answer?);
            counted.answered();
        }
        Ok(first)
    }

    /// What is open in the grid and below it. Whatever is opened there after the event that the follow-up is from, its process sees.
    async fn open_in(&self, waiting: &Waiting, grid: &GridCode) -> Result<BTreeSet<Uuid>, Error> {
        let view = registry::open_in(&waiting.category);
        let view = view.ok_or_else(|| fault(format!("no view lists what is open of {}", waiting.category)))?;
        let spec = view.fold().spec();
        let mut found = BTreeSet::new();
        for grid in self.known().await?.district().at_or_below(grid, self.clock().now()) {
            let mut beyond = None;
            loop {
                let equal = vec![(registry::OPEN_IN, grid.to_string())];
                let query = Query { equal, order: Order::Ascending, beyond, limit: KEYS_MAX };
                let page = self.ports().views.find(&spec, &query).await?;
                if page.position < waiting.position {
                    return Err(Error::from(Failure {
                        operation: "list what is open in a grid",
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

//! Watches how far the working calendars reach, and says so before they end.

use std::convert::Infallible;
use std::time::Duration;

use rules::CalendarsEnd;
use tokio::time::sleep;

use crate::{App, Error};

const DAYS_LEFT: &str = "dualgrid_calendar_days_left";

/// The name of the warning in `/readyz`.
const CALENDARS: &str = "calendars";

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl App {
    /// The purposes whose calendars end within 60 days, or have ended.
    ///
    /// # Errors
    /// Where the rules cannot be read.
    pub async fn calendars_ending(&self) -> Result<Vec<CalendarsEnd>, Error> {
        Ok(self.known().await?.rules().calendars_ending(self.clock().now()))
    }

    /// Shows in `/readyz` and the metrics how far the calendars reach. No work waits for it: a log that cannot be read is
    /// said elsewhere.
    pub async fn watch_calendars(&self) -> Infallible {
        loop {
            if let Err(error) = self.tell_calendars().await {
                tracing::debug!(%error, "could not look at the calendars");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// One look.
    ///
    /// # Errors
    /// Where the rules cannot be read.
    pub async fn tell_calendars(&self) -> Result<(), Error> {
        let (known, now) = (self.known().await?, self.clock().now());
        metrics::describe_gauge!(DAYS_LEFT, "Days from today on that are covered by the calendars of a purpose");
        for end in known.rules().calendar_days_left(now) {
            let days = i32::try_from(end.days_left).map_or(f64::from(i32::MAX), f64::from);
            metrics::gauge!(DAYS_LEFT, "purpose" => end.purpose.to_string()).set(days);
        }
        let ending: Vec<_> = known.rules().calendars_ending(now).iter().map(ToString::to_string).collect();
        self.health().warn(CALENDARS, (!ending.is_empty()).then(|| ending.join("; ")));
        Ok(())
    }
}

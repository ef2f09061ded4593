//! Recreates the stream so that each consumer continues where it was.
//!
//! A consumer that begins at a sequence can only be created once the stream has reached it. So how far each one was is kept beside
//! the log ([`floors`]), and `departments` creates each consumer when the stream has come that far.

use std::time::Duration;

use app::fault::{self, Point};

use super::Publisher;
use super::check::Diverged;
use crate::Error;
use crate::floors::{self, Floors};
use crate::stream::{self, STREAM};

/// How long one publisher may take to recreate the stream before another one may.
const LEASE: Duration = Duration::from_mins(2);
/// How long another one waits before it looks again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Publisher {
    /// Deletes a stream that differs from the log and creates an empty one, unless somebody else was faster.
    ///
    /// One at a time: whoever has the lease. Before it is deleted, what its consumers have acknowledged is kept beside the log, so
    /// that whoever creates them again knows it.
    pub(super) async fn rebuild(&self, diverged: Diverged) -> Result<(), Error> {
        if !self.log.lease_rebuild(self.holder, LEASE).await? {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            return Ok(());
        }
        let rebuilt = self.rebuild_alone(diverged).await;
        // Whoever comes next need not wait; if that fails, the lease ends by itself.
        let _ = self.log.lease_rebuild(self.holder, Duration::ZERO).await;
        rebuilt
    }

    async fn rebuild_alone(&self, diverged: Diverged) -> Result<(), Error> {
        let Some(stream) = stream::find(&self.jetstream).await? else { return Ok(()) };
        let (now, then) = (stream.cached_info(), &diverged.found);
        if (now.created, now.state.last_sequence) != (then.created, then.state.last_sequence) {
            return Ok(());
        }
        let accepted = self.accepted().await?;
        let origin = self.origin().await?;
        // Another installation may have claimed a stream that belonged to nobody.
        origin.refuse_foreign(&now.config)?;
        let prefix = self.common_prefix(&now.state).await?;
        if stream::epoch(&now.config) >= origin.epoch {
            // Nobody has accepted that anything of this stream is lost.
            self.stop_where_events_are_lost(&now.state, prefix, accepted).await?;
        }
        // Only what THIS stream's consumers say ends where the stream stops being the log: what is kept already was compared when it was.
        let mut floors: Floors = floors::of(&floors::all(&stream).await?);
        for floor in floors.values_mut() {
            *floor = prefix.min(*floor);
        }
        tracing::warn!(
            stream = STREAM,
            difference = %diverged.difference,
            agreed_to = %prefix,
            consumers = floors.len(),
            "the stream differs from the log: it is deleted and recreated from the log"
        );
        self.report.rebuilding();
        self.log.raise_floors(floors).await?;
        self.jetstream.delete_stream(STREAM).await.map_err(Error::nats("delete the stream"))?;
        fault::point(Point::StreamDeleted);
        let config = stream::config_for(&origin, self.options.replicas);
        self.jetstream.create_stream(config).await.map_err(Error::nats("create the stream"))?;
        Ok(())
    }
}

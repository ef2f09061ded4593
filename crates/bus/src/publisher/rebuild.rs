//! Recreates the stream so that each department continues where it was.
//!
//! A consumer that begins at a sequence can only be created once the stream has reached it. So the metadata of the new stream
//! holds how far each department was, and `departments` creates each consumer when the stream has come that far.

use std::collections::BTreeMap;
use std::time::Duration;

use app::fault::{self, Point};
use async_nats::jetstream::consumer::{DeliverPolicy, Info};
use async_nats::jetstream::stream::Stream;
use futures::TryStreamExt as _;

use super::Publisher;
use super::check::Diverged;
use crate::Error;
use crate::departments::department_of;
use crate::stream::{self, Floors, STREAM};

/// How long one publisher may take to recreate the stream before another one may.
const LEASE: Duration = Duration::from_mins(2);
/// How long another one waits before it looks again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Publisher {
    /// Deletes a stream that differs from the log and creates an empty one, unless somebody else was faster.
    ///
    /// One at a time: whoever has the lease. Before it is deleted, what departments have acknowledged is kept beside the log, so
    /// that whoever creates the stream again knows it.
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
        let floors = floors(&stream, prefix.0).await?;
        tracing::warn!(
            stream = STREAM,
            difference = %diverged.difference,
            agreed_to = %prefix,
            departments = floors.len(),
            "the stream differs from the log: it is deleted and recreated from the log"
        );
        self.report.rebuilding();
        let kept = floors.iter().map(|(department, floor)| (department.to_string(), *floor)).collect();
        self.log.keep_floors(kept).await?;
        self.jetstream.delete_stream(STREAM).await.map_err(Error::nats("delete the stream"))?;
        fault::point(Point::StreamDeleted);
        let config = stream::config_with(&origin, &floors, self.options.replicas);
        self.jetstream.create_stream(config).await.map_err(Error::nats("create the stream"))?;
        // They are in the new stream now.
        self.log.keep_floors(BTreeMap::new()).await?;
        Ok(())
    }
}

/// The last sequence that each department has acknowledged, at most `prefix`.
async fn floors(stream: &Stream, prefix: u64) -> Result<Floors, Error> {
    let mut floors = stream::floors(&stream.cached_info().config);
    let consumers: Vec<Info> = stream.consumers().try_collect().await.map_err(Error::nats("list the consumers"))?;
    let all = stream.cached_info().state.consumer_count;
    if consumers.len() < all {
        return Err(Error::ConsumersMissing { listed: consumers.len(), all });
    }
    for consumer in &consumers {
        if let Some(department) = department_of(&consumer.name) {
            floors.insert(department, floor_of(consumer));
        }
    }
    for floor in floors.values_mut() {
        *floor = (*floor).min(prefix);
    }
    Ok(floors)
}

fn floor_of(consumer: &Info) -> u64 {
    let begun_after = match consumer.config.deliver_policy {
        DeliverPolicy::ByStartSequence { start_sequence } => start_sequence.saturating_sub(1),
        _ => 0,
    };
    consumer.ack_floor.stream_sequence.max(begun_after)
}

//! How far the durable consumers of the stream have come, kept beside the log: whoever loses a consumer, or the stream, goes on
//! where they were.
//!
//! A floor says that its consumer was acknowledged everything that was for it up to there. JetStream knows that as long as the
//! consumer is there; the log knows it for good.
//!
//! INVARIANT: a floor is kept only where the message at that place is the event at that position. What somebody else has put into
//! the stream may be acknowledged too, and the event that takes its place must not be missed.

use std::collections::BTreeMap;

use app::port::EventLog;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{DeliverPolicy, Info};
use async_nats::jetstream::stream::Stream;
use futures::TryStreamExt as _;
use kernel::Position;

use crate::{Error, stream};

/// How far consumers have come, by their names.
pub(crate) type Floors = BTreeMap<String, Position>;

/// The consumers of the stream. NATS leaves some out of its list for a moment while a server is busy.
pub(crate) async fn listed(stream: &Stream) -> Result<Vec<Info>, Error> {
    stream.consumers().try_collect().await.map_err(Error::nats("list the consumers"))
}

/// Every consumer of the stream.
///
/// # Errors
/// [`Error::ConsumersMissing`] where NATS leaves some out of its list.
pub(crate) async fn all(stream: &Stream) -> Result<Vec<Info>, Error> {
    let listed = listed(stream).await?;
    let all = stream.cached_info().state.consumer_count;
    if listed.len() < all {
        return Err(Error::ConsumersMissing { listed: listed.len(), all });
    }
    Ok(listed)
}

/// How far each durable consumer of a stream has come. Others end by themselves and belong to nobody.
pub(crate) fn of(consumers: &[Info]) -> Floors {
    let durable = consumers.iter().filter(|consumer| consumer.config.durable_name.is_some());
    durable.map(|consumer| (consumer.name.clone(), floor_of(consumer))).collect()
}

/// The last sequence up to which a consumer was acknowledged everything.
pub(crate) fn floor_of(consumer: &Info) -> Position {
    let begun_after = match consumer.config.deliver_policy {
        DeliverPolicy::ByStartSequence { start_sequence } => start_sequence.saturating_sub(1),
        _ => 0,
    };
    Position(consumer.ack_floor.stream_sequence.max(begun_after))
}

/// Keeps how far the consumers of `stream` have come beyond what is kept. Nothing happens where the stream differs from the log
/// there, or is another one by now: the publisher finds out.
pub(crate) async fn raise(
    log: &dyn EventLog,
    jetstream: &Context,
    stream: &Stream,
    kept: &Floors,
    there: &[Info],
) -> Result<(), Error> {
    let mut raised = of(there);
    raised.retain(|consumer, floor| kept.get(consumer) < Some(floor));
    // A message of somebody else is never followed by one of ours, so what is before an event of the log is of the log.
    let Some(highest) = raised.values().copied().max() else { return Ok(()) };
    if highest > Position::START && !stream::is_event_of(log, stream, highest).await? {
        return Ok(());
    }
    let now = stream::find(jetstream).await?;
    if now.is_some_and(|now| now.cached_info().created == stream.cached_info().created) {
        log.raise_floors(raised).await?;
    }
    Ok(())
}

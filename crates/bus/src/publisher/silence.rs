//! A stream that stores nothing and does not answer, though nats-server does.
//!
//! Once nats-server could not write to the file of a stream, it stores nothing more for that stream until it is restarted,
//! even if the disk has room again, and publishes are not answered. Reading still works. A recreated stream gets a new file
//! that can be written to. This is only done if something else can be stored, because otherwise the disk would be full again,
//! and only with a single server: of several, the one that cannot write may not be the one on which storing was tried.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, Info, StorageType};
use async_nats::jetstream::{Context, context};
use bytes::Bytes;
use tokio::time::timeout;

use super::batch::{self, Most};
use super::check::{Agreed, Difference, Diverged};
use super::{ANSWER_PATIENCE, BATCH_EVENTS_ALWAYS, Publisher};
use crate::Error;
use crate::stream;

/// After how long a single event, or a piece in the trial stream, counts as not stored.
const STORE_PATIENCE: Duration = Duration::from_secs(3);
/// The stream in which storing is tried. It exists only for a moment.
const TRIAL_STREAM: &str = "DUALGRID-TRIAL";
/// Its only subject.
const TRIAL_SUBJECT: &str = "dg.trial";
/// How many pieces are stored there.
const PIECES: usize = 8;
/// Most bytes of a piece.
const PIECE_BYTES_MAX: usize = 512 * 1024;

impl Publisher {
    /// Makes a silent stream work again: tries to store the next event, and recreates the stream if that fails although
    /// nats-server can store other things.
    pub(super) async fn break_silence(&self, agreed: &Agreed) -> Result<(), Error> {
        if !self.is_silent(agreed).await? {
            return Ok(());
        }
        if self.find().await?.is_some_and(|found| found.config.num_replicas > 1) {
            tracing::warn!("the stream stores nothing; it has copies on other servers, so it is not recreated");
            return Err(Error::Unstored);
        }
        self.store_elsewhere().await?;
        let Some(found) = self.find().await? else { return Ok(()) };
        if !agreed.is_still(&found) {
            return Ok(());
        }
        self.rebuild(Diverged { found, difference: Difference::Silent }).await
    }

    async fn find(&self) -> Result<Option<Box<Info>>, Error> {
        Ok(stream::find(&self.jetstream).await?.map(|stream| Box::new(stream.cached_info().clone())))
    }

    /// Whether the events of the next command are not stored. They are sent alone, after everything that was sent before them.
    async fn is_silent(&self, agreed: &Agreed) -> Result<bool, Error> {
        let most = self.most();
        let next = self.log.after(agreed.last, BATCH_EVENTS_ALWAYS + 1).await?;
        // What one command did is not halved here either.
        let cut = batch::cut(batch::first_command(&next), agreed.last, Most { events: BATCH_EVENTS_ALWAYS, ..most })?;
        let Some(piece) = cut.pieces.first() else { return cut.too_large.map_or(Ok(false), Err) };
        let mut window = batch::Window::new(agreed.last);
        window.push(self.send(*piece, agreed.last).await?);
        match timeout(STORE_PATIENCE, window.confirm()).await {
            Ok(Ok(_)) => Ok(false),
            Err(_) | Ok(Err(Error::Unstored)) => Ok(true),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Stores as much as a few batches in another stream, and deletes that stream.
    async fn store_elsewhere(&self) -> Result<(), Error> {
        let jetstream = context::ContextBuilder::new()
            .timeout(ANSWER_PATIENCE)
            .ack_timeout(STORE_PATIENCE)
            .build(self.connection.client().clone());
        // An interrupted publisher may have left it.
        let _ = jetstream.delete_stream(TRIAL_STREAM).await;
        let stored = store_pieces(&jetstream, self.piece()).await;
        let _ = jetstream.delete_stream(TRIAL_STREAM).await;
        stored.map_err(|error| {
            tracing::warn!(error, "nothing can be stored in another stream either");
            Error::Unstored
        })
    }

    fn piece(&self) -> Bytes {
        let payload_max = self.connection.client().max_payload();
        Bytes::from(vec![0; PIECE_BYTES_MAX.min(payload_max / 2)])
    }
}

async fn store_pieces(jetstream: &Context, piece: Bytes) -> Result<(), async_nats::Error> {
    let subjects = vec![TRIAL_SUBJECT.to_owned()];
    let storage = StorageType::File;
    let trial = Config { name: TRIAL_STREAM.to_owned(), subjects, storage, ..Config::default() };
    jetstream.create_stream(trial).await?;
    for _ in 0..PIECES {
        jetstream.publish(TRIAL_SUBJECT, piece.clone()).await?.await?;
    }
    Ok(())
}

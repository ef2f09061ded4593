//! NATS against the log.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::CORE;
use testkit::system::System;
use tokio::time::Instant;

use crate::read_log;

/// How long the publisher may take to catch up.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two comparisons.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until NATS is the log again after somebody else wrote there: the publisher must notice first.
pub async fn stream_becomes_log(system: &System, token: &str) -> anyhow::Result<usize> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match stream_equals_log(system, token).await {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            compared => return compared,
        }
    }
}

/// Waits until NATS has as much as the log, and compares: sequence and position, subject, and every byte.
///
/// Gives the number of events. Nothing may write meanwhile.
pub async fn stream_equals_log(system: &System, token: &str) -> anyhow::Result<usize> {
    let log = read_log(&system.http(), token).await?;
    let head = log.last().context("the log is empty")?.position;
    let client = system.nats().connect(CORE).await?;
    let what = format!("NATS has all {head} events");
    eventually(&what, PATIENCE, async || {
        // A stream that is being recreated does not exist for a moment.
        let last = bus::last_sequence(&client).await.unwrap_or(None);
        // More than was read means that something was written meanwhile: the comparison below says so.
        Ok((last >= Some(head)).then_some(()))
    })
    .await?;
    let stream = bus::read_stream(system.nats(), 1).await?;
    ensure!(stream.len() == log.len(), "the stream has {} messages, the log {} events", stream.len(), log.len());
    for (event, (sequence, subject, bytes)) in log.iter().zip(&stream) {
        let position = event.position;
        ensure!(*sequence == position, "event {position} has sequence {sequence}");
        ensure!(*subject == event.nats_subject()?, "event {position} stands under {subject}");
        ensure!(bytes.as_ref() == event.text.as_bytes(), "event {position} has other bytes in NATS");
    }
    Ok(log.len())
}

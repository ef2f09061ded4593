//! Whose log the stream holds: two installations on one NATS, and a log that was recreated.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use bus::publisher::{Publisher, PublisherOptions, PublisherState};
use bus::stream::STREAM;
use testkit::nats::CORE;

use crate::vec_log::VecLog;
use crate::world::{PATIENCE, World};

fn of(installation: &str) -> PublisherOptions {
    let installation = installation.to_owned();
    PublisherOptions { installation, check_every: Duration::from_millis(50), ..PublisherOptions::default() }
}

/// A log of `count` events, none of which is in another log.
fn another_log(count: u32) -> Arc<VecLog> {
    let log = VecLog::new();
    for _ in 0..count {
        log.push("case_filed", None, "another log");
    }
    Arc::new(log)
}

async fn published(publisher: &Publisher, count: u64) {
    let mut status = publisher.status();
    let through = status.wait_for(|status| status.published.0 == count);
    drop(tokio::time::timeout(PATIENCE, through).await.unwrap().unwrap());
}

async fn metadata(world: &World) -> HashMap<String, String> {
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    context.get_stream(STREAM).await.unwrap().cached_info().config.metadata.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_installation_is_left_alone() {
    let mut world = World::new().await;
    world.log.grow(30);
    let owner = world.publisher_with(of("one")).await;
    world.settle().await;
    // Longer and shorter than the log of the owner: neither is a reason to touch its stream.
    let longer = world.publisher_of(another_log(500), of("two")).await;
    let shorter = world.publisher_of(another_log(3), of("two")).await;
    for stranger in [&longer, &shorter] {
        let mut status = stranger.status();
        let failing = status.wait_for(|status| match &status.state {
            PublisherState::Blocked(text) => text.contains("belongs to the installation one, and this one is two"),
            _ => false,
        });
        drop(tokio::time::timeout(PATIENCE, failing).await.unwrap().unwrap());
        assert_eq!(status.borrow().published.0, 0);
    }
    world.log.grow(30);
    world.settle().await;
    assert_eq!(metadata(&world).await["dualgrid-installation"], "one");
    for publisher in [owner, longer, shorter] {
        assert_eq!(publisher.status().borrow().rebuilds, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_its_owner_gave_up_is_made_again_by_the_other() {
    let mut world = World::new().await;
    let owner = world.publisher_of(another_log(9), of("one")).await;
    published(&owner, 9).await;
    world.tasks.shutdown().await;
    world.log.grow(30);
    let ours = world.publisher_with(of("two")).await;
    let mut status = ours.status();
    let failing = status.wait_for(|status| matches!(status.state, PublisherState::Blocked(_)));
    drop(tokio::time::timeout(PATIENCE, failing).await.unwrap().unwrap());
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    context.delete_stream(STREAM).await.unwrap();
    world.settle().await;
    assert_eq!(metadata(&world).await["dualgrid-installation"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_nobody_is_claimed_and_kept() {
    let mut world = World::new().await;
    world.publisher().await;
    world.log.grow(30);
    world.settle().await;
    world.tasks.shutdown().await;
    let publisher = world.publisher_with(of("one")).await;
    world.log.grow(30);
    world.settle().await;
    let metadata = metadata(&world).await;
    assert_eq!(metadata["dualgrid-installation"], "one");
    assert_eq!(metadata["dualgrid-first-event"], world.log.events()[0].id.to_string());
    assert_eq!(publisher.status().borrow().rebuilds, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_log_takes_the_place_of_the_old_one_when_its_loss_is_accepted() {
    let mut world = World::new().await;
    let first = world.publisher_of(another_log(30), of("one")).await;
    published(&first, 30).await;
    world.tasks.shutdown().await;
    world.log.grow(40);
    let publisher = world.publisher_with(of("one")).await;
    let mut status = publisher.status();
    let stopped = status.wait_for(|status| matches!(status.state, PublisherState::Stopped(_)));
    drop(tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap());
    world.log.accept_loss(1, 0);
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 1);
    assert_eq!(metadata(&world).await["dualgrid-first-event"], world.log.events()[0].id.to_string());
}

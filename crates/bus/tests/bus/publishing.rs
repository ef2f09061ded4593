//! The stream becomes the log, with one publisher or several.

use std::time::Duration;

use bus::publisher::{PublisherOptions, PublisherState};
use kernel::Position;
use testkit::bus::read_stream;
use testkit::nats::CORE;
use tokio::time::Instant;

use crate::world::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_the_log_byte_for_byte() {
    let mut world = World::new().await;
    world.log.grow(5_000);
    let publisher = world.publisher().await;
    world.settle().await;
    let status = publisher.status().borrow().clone();
    assert_eq!((status.state, status.published, status.rebuilds), (PublisherState::Publishing, Position(5_000), 0));
    world.log.grow(1);
    world.settle().await;
    let client = world.nats.connect(CORE).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream(bus::stream::STREAM).await.unwrap();
    let message = stream.get_raw_message(5_001).await.unwrap();
    assert_eq!(message.headers.get("Dualgrid-Position").unwrap().as_str(), "5001");
    assert_eq!(message.headers.get("Content-Type").unwrap().as_str(), "application/cloudevents+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_publishers_at_once_double_and_lose_nothing() {
    let mut world = World::new().await;
    let one = world.publisher().await;
    let other = world.publisher().await;
    for _ in 0..250 {
        world.log.grow(20);
        tokio::task::yield_now().await;
        read_stream(&world.nats, u64::MAX).await.unwrap();
    }
    world.settle().await;
    for publisher in [one, other] {
        assert_eq!(publisher.status().borrow().rebuilds, 0);
        let mut status = publisher.status();
        let level = status.wait_for(|status| status.published == Position(5_000));
        tokio::time::timeout(PATIENCE, level).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_stopped_anywhere_is_followed_by_another() {
    let mut world = World::new().await;
    for _ in 0..10 {
        world.log.grow(700);
        let publisher = world.publisher().await;
        let mut status = publisher.status();
        let goal = Position(world.log.len() - 400);
        let begun = status.wait_for(|status| status.published >= goal);
        tokio::time::timeout(PATIENCE, begun).await.unwrap().unwrap();
        world.tasks.abort_all();
    }
    world.publisher().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_large_batches_gets_smaller_ones() {
    let mut world = World::new().await;
    world.log.grow(13_000);
    // More than `limits.batch.max_msgs` of this server.
    let options =
        PublisherOptions { batch_events_max: 6_000, events_in_flight_max: 12_000, ..PublisherOptions::default() };
    let publisher = world.publisher_with(options).await;
    world.settle().await;
    let status = publisher.status().borrow().clone();
    assert_eq!((status.state, status.rebuilds), (PublisherState::Publishing, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_publishers_that_are_far_behind_double_and_lose_nothing() {
    let mut world = World::new().await;
    world.log.grow(30_000);
    let one = world.publisher().await;
    let other = world.publisher().await;
    world.settle().await;
    for publisher in [one, other] {
        assert_eq!(publisher.status().borrow().rebuilds, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_another_process_are_found_by_polling() {
    let mut world = World::new().await;
    let publisher = world.publisher().await;
    world.log.grow(10);
    world.settle().await;
    world.log.grow_silently(10);
    world.settle().await;
    assert_eq!(publisher.status().borrow().lag(), 0);
}

/// Prints the rates; run with `--ignored --nocapture`. The figures that count are made by the benchmark.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn atomic_batches_are_faster_than_single_messages() {
    for (name, batch_events_max, batches_in_flight_max, count) in [
        ("batches of 5000", 5000, 2, 100_000),
        ("single", 1, 4, 5_000),
        ("batches of 1000, one at a time", 1000, 1, 100_000),
        ("batches of 1000", 1000, 4, 100_000),
    ] {
        let mut world = World::new().await;
        world.log.grow(count);
        let options = PublisherOptions {
            batch_events_max,
            batches_in_flight_max,
            check_every: Duration::from_mins(1),
            ..PublisherOptions::default()
        };
        let begun = Instant::now();
        let publisher = world.publisher_with(options).await;
        let goal = Position(world.log.len());
        publisher.status().wait_for(|status| status.published == goal).await.unwrap();
        let rate = f64::from(u32::try_from(count).unwrap()) / begun.elapsed().as_secs_f64();
        eprintln!("{name}: {rate:.0} events/s");
    }
}

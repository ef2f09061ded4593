//! NATS is stopped, wiped, restored, and written to by others: in the end the stream is the log again.

use std::path::Path;

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use bus::publisher::{PublisherOptions, PublisherState, PublisherStatus};
use bus::stream::STREAM;
use futures::TryStreamExt as _;
use testkit::mount::Mount;
use testkit::nats::{CORE, NatsSetup};
use tokio::sync::watch;

use crate::world::{PATIENCE, World};

async fn wait(status: &mut watch::Receiver<PublisherStatus>, what: impl FnMut(&PublisherStatus) -> bool) {
    tokio::time::timeout(PATIENCE, status.wait_for(what)).await.unwrap().unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_while_nats_is_away_is_published_later_in_order() {
    let mut world = World::new().await;
    let mut status = world.publisher().await.status();
    world.log.grow(1_500);
    world.settle().await;
    world.nats.stop().await.unwrap();
    world.log.grow(1_500);
    wait(&mut status, |status| status.state == PublisherState::Away && status.lag() == 1_500).await;
    world.nats.start_again().await.unwrap();
    world.settle().await;
    wait(&mut status, |status| status.lag() == 0 && status.rebuilds == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_may_come_up_after_the_publisher() {
    let mut world = World::new().await;
    world.nats.stop().await.unwrap();
    world.log.grow(10);
    world.publisher().await;
    world.nats.start_again().await.unwrap();
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_nats_in_the_middle_of_publishing_loses_nothing() {
    let mut world = World::new().await;
    let mut status = world.publisher().await.status();
    for _ in 0..3 {
        let goal = world.log.len() + 500;
        world.log.grow(8_000);
        wait(&mut status, |status| status.published.0 >= goal).await;
        world.nats.kill().unwrap();
        world.nats.start_again().await.unwrap();
    }
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_stream_is_filled_again() {
    let mut world = World::new().await;
    world.log.grow(3_000);
    world.publisher().await;
    world.settle().await;
    world.nats.wipe().await.unwrap();
    world.settle().await;
    let client = world.nats.connect(CORE).await.unwrap();
    jetstream::new(client).delete_stream(STREAM).await.unwrap();
    world.log.grow(10);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_stream_is_continued() {
    let mut world = World::new().await;
    let backup = tempfile::tempdir().unwrap();
    world.log.grow(1_000);
    let publisher = world.publisher().await;
    world.settle().await;
    world.nats.stop().await.unwrap();
    copy(&world.nats.store_dir(), backup.path());
    world.nats.start_again().await.unwrap();
    world.log.grow(1_000);
    world.settle().await;
    world.nats.stop().await.unwrap();
    std::fs::remove_dir_all(world.nats.store_dir()).unwrap();
    copy(backup.path(), &world.nats.store_dir());
    world.nats.start_again().await.unwrap();
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rogue_message_is_noticed_and_removed() {
    let mut world = World::new().await;
    world.log.grow(1_000);
    let publisher = world.publisher().await;
    world.settle().await;
    let client = world.nats.connect(CORE).await.unwrap();
    let rogue =
        jetstream::new(client).publish("dg.evt.street.JAS.case_closed", "{}".into()).await.unwrap().await.unwrap();
    assert_eq!(rogue.sequence, 1_001);
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 1);
}

/// It came in another way than by a command, which would have been refused; or this server takes less than others.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nats_does_not_take_is_named_and_everything_before_it_is_published() {
    const PAYLOAD_MAX: usize = 16 * 1024;
    let setup = NatsSetup { max_payload: Some(PAYLOAD_MAX), ..NatsSetup::default() };
    let mut world = World::with(setup).await;
    world.log.grow(20);
    world.log.push("case_filed", None, &"x".repeat(PAYLOAD_MAX));
    world.log.grow(5);
    let mut status = world.publisher().await.status();
    let is_blocked = |status: &PublisherStatus| match &status.state {
        PublisherState::Blocked(why) => why.contains("event 21 has") && why.contains("takes 16384"),
        _ => false,
    };
    wait(&mut status, |status| is_blocked(status) && status.published.0 == 20).await;
    let warning = world.connection().await.payload_warning().unwrap();
    assert!(warning.contains("16384") && warning.contains("`max_payload`"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_event_fits_into_a_message_of_a_usual_server() {
    let mut world = World::new().await;
    assert_eq!(world.connection().await.payload_warning(), None);
    let envelope = 1_000;
    world.log.push("case_filed", None, &"x".repeat(kernel::envelope::EVENT_BYTES_MAX - envelope));
    world.log.grow(5);
    world.publisher().await;
    world.settle().await;
}

/// One round trip, in which publishers go on.
async fn read_nothing(client: &async_nats::Client) {
    client.flush().await.unwrap();
    testkit::bus::last_sequence(client).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_no_server_can_hold_are_no_reason_to_delete_the_stream() {
    let mut world = World::new().await;
    world.log.grow(100);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    let publisher = world.publisher_with(PublisherOptions { replicas: 3, ..PublisherOptions::default() }).await;
    world.log.grow(100);
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rogue_message_under_load_is_noticed_by_both_publishers() {
    let mut world = World::new().await;
    world.publisher().await;
    world.publisher().await;
    let client = world.nats.connect(CORE).await.unwrap();
    let rogue = jetstream::new(client.clone());
    for round in 0..60 {
        world.log.grow(50);
        if round % 20 == 10 {
            let sent = rogue.publish("dg.evt.street.JAS.case_closed", format!("{round}").into()).await.unwrap();
            let _ = sent.await; // While the stream is recreated, nobody answers.
        }
        read_nothing(&client).await;
    }
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_stream_of_our_name_is_replaced() {
    let mut world = World::new().await;
    let client = world.nats.connect(CORE).await.unwrap();
    let context = jetstream::new(client);
    let subjects = vec!["foreign.>".to_owned()];
    let foreign = Config { name: STREAM.into(), subjects, max_messages: 7, ..Config::default() };
    context.create_stream(foreign).await.unwrap();
    for _ in 0..3 {
        context.publish("foreign.thing", "{}".into()).await.unwrap().await.unwrap();
    }
    world.log.grow(2_000);
    let publisher = world.publisher().await;
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_somebody_changed_is_put_right() {
    let mut world = World::new().await;
    world.log.grow(100);
    let publisher = world.publisher().await;
    world.settle().await;
    let client = world.nats.connect(CORE).await.unwrap();
    let context = jetstream::new(client);
    let mut config = context.get_stream(STREAM).await.unwrap().cached_info().config.clone();
    config.allow_atomic_publish = false;
    config.max_messages = 1_000_000;
    context.update_stream(&config).await.unwrap();
    world.log.grow(3_000);
    world.settle().await;
    let corrected = async || {
        let found = context.get_stream(STREAM).await?.cached_info().config.clone();
        Ok((found.allow_atomic_publish && found.max_messages <= 0).then_some(()))
    };
    testkit::client::eventually("the configuration is right", PATIENCE, corrected).await.unwrap();
    assert_eq!(publisher.status().borrow().rebuilds, 0);
}

/// A message that has no room makes nats-server refuse all further ones to its stream, also when there is room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_stores_nothing_since_its_disk_was_full_is_made_again() {
    if let Some(why) = Mount::is_impossible().await.unwrap() {
        return eprintln!("skipped: {why}");
    }
    let disk = Mount::tmpfs(64).await.unwrap();
    let mut world = World::stored_in(Some(disk.path().join("nats"))).await;
    world.log.grow(100);
    let mut status = world.publisher().await.status();
    world.settle().await;
    disk.fill().unwrap();
    // One event alone is no atomic batch, so it is the stream itself that fails to write it.
    world.log.push("case_filed", None, &"x".repeat(100_000));
    wait(&mut status, |status| matches!(&status.state, PublisherState::Failing(why) if why.contains("disk"))).await;
    world.log.grow(100);
    // While there is no room, the stream is left as it is: it can be read.
    let failing_again = |status: &PublisherStatus| matches!(status.state, PublisherState::Failing(_));
    wait(&mut status, |status| status.state == PublisherState::Publishing).await;
    wait(&mut status, failing_again).await;
    assert_eq!(status.borrow().rebuilds, 0);
    disk.make_room().unwrap();
    world.settle().await;
    assert_eq!(status.borrow().rebuilds, 1);
    let client = world.nats.connect(CORE).await.unwrap();
    let streams = jetstream::new(client).stream_names().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(streams, [STREAM]);
}

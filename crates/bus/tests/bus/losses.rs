//! The log went back in time, and the stream is the only copy of what it lost: nothing is deleted until an operator has decided.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use app::port::{EventLog as _, Lost};
use async_nats::{HeaderMap, jetstream};
use bus::publisher::{Publisher, PublisherOptions, PublisherState, PublisherStatus};
use bus::stream::STREAM;
use kernel::{Position, Recorded};
use testkit::bus::{Stored, read_stream};
use testkit::nats::CORE;
use tokio::sync::watch;

use crate::vec_log::{ONE, VecLog, code};
use crate::world::{PATIENCE, World};

fn often() -> PublisherOptions {
    PublisherOptions { check_every: Duration::from_millis(100), ..PublisherOptions::default() }
}

async fn wait(status: &mut watch::Receiver<PublisherStatus>, what: impl FnMut(&PublisherStatus) -> bool) {
    drop(tokio::time::timeout(PATIENCE, status.wait_for(what)).await.unwrap().unwrap());
}

async fn stopped(publisher: &Publisher, lost: Lost) {
    wait(&mut publisher.status(), |status| status.state == PublisherState::Stopped(lost)).await;
}

async fn stored(world: &World) -> Vec<Stored> {
    read_stream(&world.nats, 1).await.unwrap()
}

async fn metadata(world: &World) -> HashMap<String, String> {
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    context.get_stream(STREAM).await.unwrap().cached_info().config.metadata.clone()
}

/// A published log of which the newest events are lost, and the stream as it was.
async fn lose(world: &mut World, published: usize, lost: usize) -> Vec<Stored> {
    world.log.grow(published);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    world.log.lose(lost);
    stored(world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_ahead_of_the_log_stops_the_publisher_and_the_log() {
    let mut world = World::new().await;
    let before = lose(&mut world, 500, 100).await;
    let publisher = world.publisher_with(often()).await;
    let lost = Lost { after: Position(400), to: Position(500) };
    stopped(&publisher, lost).await;
    assert_eq!(world.log.lost().await.unwrap(), Some(lost));
    let text = publisher.status().borrow().state.to_string();
    assert!(text.contains("lost 100 events, from position 401 on") && text.contains("`dualgrid log`"), "{text}");
    assert_eq!((stored(&world).await, publisher.status().borrow().rebuilds), (before, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_events_behind_the_common_ones_stop_it_too() {
    for (lost, grown) in [(1, 1), (20, 1), (20, 20), (20, 90), (200, 300)] {
        let mut world = World::new().await;
        let before = lose(&mut world, 200, lost).await;
        (0..grown).for_each(|_| world.log.push("case_filed", None, "another history"));
        let publisher = world.publisher_with(often()).await;
        stopped(&publisher, Lost { after: Position(200 - lost as u64), to: Position(200) }).await;
        assert_eq!((stored(&world).await, publisher.status().borrow().rebuilds), (before, 0), "{lost} {grown}");
        let beside = publisher.beside_the_log().await.unwrap().unwrap();
        assert_eq!((beside.common, beside.events.len()), (Position(200 - lost as u64), lost));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_were_brought_back_let_it_go_on() {
    let mut world = World::new().await;
    lose(&mut world, 200, 50).await;
    let publisher = world.publisher_with(often()).await;
    stopped(&publisher, Lost { after: Position(150), to: Position(200) }).await;
    // The same events again, and more of them.
    world.log.grow(60);
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_that_is_accepted_makes_the_stream_the_log_of_the_next_epoch() {
    let mut world = World::new().await;
    lose(&mut world, 200, 50).await;
    let publisher = world.publisher_with(often()).await;
    stopped(&publisher, Lost { after: Position(150), to: Position(200) }).await;
    world.log.accept_loss(1, 150);
    world.log.grow(10);
    world.settle().await;
    // One after the other: whoever looks at the status holds the publisher up.
    assert_eq!(metadata(&world).await["dualgrid-epoch"], "1");
    assert_eq!(publisher.status().borrow().rebuilds, 1);
    // Without a difference the stream is kept, and its epoch raised.
    world.log.accept_loss(2, 161);
    world.settle().await;
    let raised = async || Ok((metadata(&world).await["dualgrid-epoch"] == "2").then_some(()));
    testkit::client::eventually("the epoch of the stream is raised", PATIENCE, raised).await.unwrap();
    assert_eq!(publisher.status().borrow().rebuilds, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_a_lower_epoch_publishes_nothing() {
    for lost in [0, 1, 30] {
        let mut world = World::new().await;
        world.log.grow(100);
        world.log.accept_loss(1, 100);
        world.log.grow(30);
        world.publisher().await;
        world.settle().await;
        world.tasks.shutdown().await;
        let before = stored(&world).await;
        // An older copy of the log: without what was recorded last, and without the epoch.
        world.log.lose(31);
        world.log.grow(lost);
        let publisher = world.publisher_with(often()).await;
        wait(&mut publisher.status(), |status| matches!(status.state, PublisherState::Stopped(_))).await;
        assert!(world.log.lost().await.unwrap().is_some());
        assert_eq!((stored(&world).await, publisher.status().borrow().rebuilds), (before, 0), "{lost}");
    }
}

/// Nobody publishes in that process: it takes commands, and must not take them on an older copy of the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_takes_commands_halts_a_log_of_a_lower_epoch() {
    let mut world = World::new().await;
    world.log.grow(20);
    world.log.accept_loss(1, 20);
    world.log.grow(9);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    let before = stored(&world).await;
    let watcher = world.watcher(often()).await;
    // The same epoch, and NATS away: nothing is wrong.
    world.nats.stop().await.unwrap();
    world.nats.start_again().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.log.lost().await.unwrap(), None);
    world.log.lose(10);
    let halted = async || Ok(world.log.lost().await?);
    let lost = testkit::client::eventually("the log is halted", PATIENCE, halted).await.unwrap();
    assert_eq!(lost, Lost { after: Position(20), to: Position(30) });
    assert_eq!((stored(&world).await, watcher.status().borrow().published), (before, Position::START));
    world.tasks.shutdown().await;
}

/// Puts an event of a log into the stream that is not of this one, as whoever has the password of the core can.
async fn forge(world: &World, event: &Recorded, position: u64) {
    let mut headers = HeaderMap::new();
    headers.insert("Dualgrid-Position", position.to_string());
    let subject = bus::subject::subject_of(event).unwrap();
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    let sent = context.publish_with_headers(subject, headers, event.bytes.clone()).await.unwrap();
    assert_eq!(sent.await.unwrap().sequence, position);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_could_not_have_recorded_halts_nothing_and_is_removed() {
    let mut world = World::new().await;
    world.log.grow(30);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    let elsewhere = VecLog::new();
    elsewhere.grow(40);
    // An event that is there already, and one whose version follows none.
    for event in [30, 33].map(|position| elsewhere.events()[position - 1].clone()) {
        forge(&world, &event, 31).await;
        let publisher = world.idle(Arc::clone(&world.log), often()).await;
        let beside = publisher.beside_the_log().await.unwrap().unwrap();
        assert_eq!((beside.events.len(), beside.foreign), (0, 1), "{}", event.version);
        world.publisher_with(often()).await;
        world.settle().await;
        assert_eq!(world.log.lost().await.unwrap(), None);
        world.tasks.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_event_that_fits_halts_the_log_and_is_shown_and_left_behind() {
    let mut world = World::new().await;
    world.log.grow(30);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    let elsewhere = VecLog::new();
    elsewhere.grow(31);
    let forged = elsewhere.events()[30].clone();
    forge(&world, &forged, 31).await;
    let publisher = world.publisher_with(often()).await;
    stopped(&publisher, Lost { after: Position(30), to: Position(31) }).await;
    let beside = publisher.beside_the_log().await.unwrap().unwrap();
    assert_eq!((beside.events, beside.foreign, beside.is_halved), (vec![forged], 0, false));
    world.log.accept_loss(1, 30);
    world.settle().await;
}

/// More events than a batch may have: NATS has the first half of what one command did.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_which_nats_has_only_the_first_events_is_known_by_that() {
    let mut world = World::new().await;
    world.log.grow(10);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    // As a publisher leaves it that ended after the first of two batches.
    world.log.push_command("large", 30);
    let options = PublisherOptions { batch_events_max: 20, batches_in_flight_max: 1, ..often() };
    let whole = world.log.events();
    world.publisher_with(options).await;
    world.settle().await;
    world.tasks.shutdown().await;
    world.log.lose(30);
    let publisher = world.publisher_with(often()).await;
    stopped(&publisher, Lost { after: Position(10), to: Position(40) }).await;
    let beside = publisher.beside_the_log().await.unwrap().unwrap();
    assert_eq!((beside.events.len(), beside.is_halved), (30, false));
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    let stream = context.get_stream(STREAM).await.unwrap();
    let mut halved = Vec::new();
    for event in &whole {
        let message = stream.get_raw_message(event.position.0).await.unwrap();
        if message.headers.get("Dualgrid-Continues").is_some() {
            halved.push(event.position.0);
        }
    }
    assert_eq!(halved, [30], "the end of the first batch, within the command");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_says_the_epoch_of_the_log() {
    let mut world = World::new().await;
    world.log.grow(3);
    world.publisher().await;
    world.settle().await;
    world.log.accept_loss(2, 3);
    world.log.grow(2);
    world.settle().await;
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    let stream = context.get_stream(STREAM).await.unwrap();
    let mut epochs = Vec::new();
    for sequence in 1..=6 {
        let message = stream.get_raw_message(sequence).await.unwrap();
        epochs.push(message.headers.get("Dualgrid-Epoch").unwrap().as_str().to_owned());
    }
    assert_eq!(epochs, ["0", "0", "0", "2", "2", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn departments_go_on_where_they_were_whoever_creates_the_stream_again() {
    let mut world = World::new().await;
    world.log.grow(90);
    world.publisher().await;
    world.settle().await;
    let keeper = world.keeper().await;
    keeper.keep().await.unwrap();
    world.tasks.shutdown().await;
    // A publisher that ended after it had deleted the stream: what departments had acknowledged is kept beside the log.
    world.log.raise_floors([(format!("dept-{ONE}"), Position(30))].into()).await.unwrap();
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    context.delete_stream(STREAM).await.unwrap();
    world.publisher().await;
    world.settle().await;
    keeper.keep().await.unwrap();
    let stream = context.get_stream(STREAM).await.unwrap();
    let consumer = stream.consumer_info(format!("dept-{}", code(ONE))).await.unwrap();
    let begins = format!("{:?}", consumer.config.deliver_policy);
    assert!(begins.contains("31"), "{begins}");
}

/// A stream that is being filled again is shorter than what was acknowledged of the one before. Where it is recreated meanwhile, that
/// counts, and not how far this one had come.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_during_a_refill_takes_nobody_back() {
    let mut world = World::new().await;
    world.log.raise_floors([(format!("dept-{ONE}"), Position(30))].into()).await.unwrap();
    world.log.grow(10);
    world.publisher().await;
    world.settle().await;
    let keeper = world.keeper().await;
    keeper.keep().await.unwrap();
    world.tasks.shutdown().await;
    let core = world.nats.connect(CORE).await.unwrap();
    core.request("dg.evt.street.JAS.case_closed", "{}".into()).await.unwrap();
    world.log.grow(80);
    let publisher = world.publisher().await;
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 1);
    keeper.keep().await.unwrap();
    assert_eq!(world.log.kept_floors().get(&format!("dept-{ONE}")), Some(&Position(30)));
    let stream = jetstream::new(core).get_stream(STREAM).await.unwrap();
    let consumer = stream.consumer_info(format!("dept-{ONE}")).await.unwrap();
    let begins = format!("{:?}", consumer.config.deliver_policy);
    assert!(begins.contains("31"), "{begins}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_lease_recreates_the_stream() {
    let mut world = World::new().await;
    world.log.grow(100);
    world.publisher().await;
    world.settle().await;
    world.tasks.shutdown().await;
    let core = world.nats.connect(CORE).await.unwrap();
    core.request("dg.evt.street.JAS.case_closed", "{}".into()).await.unwrap();
    let somebody = uuid::Uuid::from_u128(7);
    assert!(world.log.lease_rebuild(somebody, Duration::from_mins(1)).await.unwrap());
    let publisher = world.publisher_with(often()).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!((stored(&world).await.len(), publisher.status().borrow().rebuilds), (101, 0));
    world.log.lease_rebuild(somebody, Duration::ZERO).await.unwrap();
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_claimed_and_not_there_does_not_keep_a_publisher_busy() {
    let mut world = World::new().await;
    world.log.grow(10);
    let publisher = world.publisher().await;
    world.settle().await;
    wait(&mut publisher.status(), |status| status.published == Position(10)).await;
    world.log.claim(1_000_000);
    let before = world.log.reads();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let reads = world.log.reads() - before;
    assert!(reads < 60, "{reads} readings of the log in two seconds");
    world.log.grow(5);
    world.settle().await;
}

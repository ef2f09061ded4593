//! It is done again, and reopened (返工与重办): the sample story on both stores, and what is in NATS afterwards.

use dualgrid_tests::{World, stream_equals_log};
use testkit::stories::{Timeline, second_cycle};
use testkit::system::Store;

#[tokio::test]
async fn a_case_that_failed_and_was_reopened_is_closed_in_its_second_cycle_on_sqlite() -> anyhow::Result<()> {
    play(Store::Sqlite).await
}

#[tokio::test]
async fn a_case_that_failed_and_was_reopened_is_closed_in_its_second_cycle_on_postgresql() -> anyhow::Result<()> {
    play(Store::Postgres).await
}

async fn play(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let ending = second_cycle::play(&world.system, &Timeline::start()).await?;
    let events = stream_equals_log(&world.system, &world.auditor).await?;
    anyhow::ensure!(events > ending.events, "the district is in the log too");
    Ok(())
}

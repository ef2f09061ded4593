//! The community solves it by itself (复元坊车棚): the sample story on both stores, and what is in NATS afterwards.

use dualgrid_tests::{World, stream_becomes_log};
use testkit::stories::{Timeline, bike_shed};
use testkit::system::Store;

#[tokio::test]
async fn the_bike_shed_is_solved_by_the_community_on_sqlite() -> anyhow::Result<()> {
    play(Store::Sqlite).await
}

#[tokio::test]
async fn the_bike_shed_is_solved_by_the_community_on_postgresql() -> anyhow::Result<()> {
    play(Store::Postgres).await
}

async fn play(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let ending = bike_shed::play(&world.system, &Timeline::start()).await?;
    // The answers to the finders of merged cases may still be on their way.
    let events = stream_becomes_log(&world.system, &world.auditor).await?;
    anyhow::ensure!(events > ending.events, "the district is in the log too");
    Ok(())
}

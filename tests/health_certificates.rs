//! Two departments solve it over NATS (大悦城健康证): the sample story on both stores, and what is in NATS afterwards.

use dualgrid_tests::{World, stream_equals_log};
use testkit::stories::{Timeline, health_certificates};
use testkit::system::Store;

#[tokio::test]
async fn the_health_certificates_are_solved_by_two_departments_on_sqlite() -> anyhow::Result<()> {
    play(Store::Sqlite).await
}

#[tokio::test]
async fn the_health_certificates_are_solved_by_two_departments_on_postgresql() -> anyhow::Result<()> {
    play(Store::Postgres).await
}

async fn play(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let ending = health_certificates::play(&world.system, &Timeline::start()).await?;
    let events = stream_equals_log(&world.system, &world.auditor).await?;
    anyhow::ensure!(events > ending.events, "the district is in the log too");
    Ok(())
}

//! The process is killed twenty times under load. No acknowledged command is lost, none is doubled, and everything
//! that is made from the log equals it. The gauntlet does the same at every point at which it could matter.

use std::time::Duration;

use anyhow::Context as _;
use dualgrid_tests::{Manners, Randomness, Stage, check};
use testkit::client::eventually;
use testkit::system::{Store, SystemSetup};

/// How often the process is killed.
const KILLS: usize = 20;

/// How many clients there are.
const CLIENTS: usize = 4;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn twenty_kills_lose_nothing_and_double_nothing_on_sqlite() -> anyhow::Result<()> {
    killed_twenty_times(Store::Sqlite).await
}

#[tokio::test]
async fn twenty_kills_lose_nothing_and_double_nothing_on_postgresql() -> anyhow::Result<()> {
    killed_twenty_times(Store::Postgres).await
}

async fn killed_twenty_times(store: Store) -> anyhow::Result<()> {
    let mut randomness = Randomness::start()?;
    let mut stage = Stage::start(SystemSetup::sample(store)?).await?;
    let load = stage.load(CLIENTS, Manners::default(), &mut randomness, &[stage.http()]);
    for round in 1..=KILLS {
        let enough = stage.journal.acknowledged() + 5 + usize::try_from(randomness.below(30))?;
        let waited = eventually("the clients have got answers", PATIENCE, async || {
            Ok((stage.journal.acknowledged() >= enough).then_some(()))
        });
        waited.await.with_context(|| format!("in round {round}"))?;
        stage.system.kill()?;
        stage.system.restart().await?;
    }
    load.stop().await?;
    let found = check::everything(&stage).await?;
    println!("{:?}", found.counted());
    found.nothing_wrong()
}

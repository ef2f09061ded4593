//! All stories one after the other in one system, as `cargo xtask up` plays them, and twice: nothing is in the way of
//! a second time.

use dualgrid_tests::World;
use testkit::stories::{self, Timeline};
use testkit::system::Store;

#[tokio::test]
async fn the_stories_can_be_played_in_one_system_and_again() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let timeline = Timeline::start();
    stories::play_all(&world.system, &timeline).await?;
    stories::play_all(&world.system, &timeline).await
}

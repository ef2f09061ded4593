//! The whole, asked with its own API: in a random district nothing that is answered is lost, nobody is stuck, nothing breaks.
//!
//! `DUALGRID_TEST_SEED` brings a run back; `DUALGRID_WHOLE_COMMANDS` makes it longer than CI can wait.

use anyhow::Context as _;
use dualgrid_tests::{Randomness, whole};
use testkit::system::Store;

/// How many commands are given before everybody does what they must, unless the variable says otherwise.
const COMMANDS: usize = 220;
/// Names another number.
const VARIABLE: &str = "DUALGRID_WHOLE_COMMANDS";

#[tokio::test]
async fn nothing_breaks_is_lost_or_stuck_on_sqlite() -> anyhow::Result<()> {
    ask(Store::Sqlite).await
}

#[tokio::test]
async fn nothing_breaks_is_lost_or_stuck_on_postgres() -> anyhow::Result<()> {
    ask(Store::Postgres).await
}

async fn ask(store: Store) -> anyhow::Result<()> {
    let commands = match std::env::var(VARIABLE) {
        Ok(number) => number.parse().with_context(|| format!("{VARIABLE} is no number"))?,
        Err(_) => COMMANDS,
    };
    let played = whole::play(store, commands, Randomness::start()?).await?;
    let (done, refused) = (played.answered(2), played.answered(4));
    println!("{store:?}: {} levels, {done} done, {refused} refused, steps taken: {:?}", played.levels, played.met);
    println!("never done: {}", played.undone().join(", "));
    played.nothing_broken()?;
    anyhow::ensure!(done >= refused / 2, "most of what was sent was refused: {done} done, {refused} refused");
    Ok(())
}

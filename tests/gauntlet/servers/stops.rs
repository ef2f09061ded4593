//! PostgreSQL stops as in a crash, again and again.

use std::time::Duration;

use dualgrid_tests::Stage;
use testkit::postgres::Postgres;

use super::{PATIENCE, RESUME_PATIENCE, clients, grow, milliseconds, sample_on, settle};
use crate::scenario::{Outcome, Run};

/// The longest time without a server, in milliseconds.
const AWAY_MS_MAX: u64 = 1_500;

/// Acknowledged commands stay, and repeats are answered as before.
pub(super) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    let stops = run.pick(3, 20);
    let mut postgres = Postgres::start().await?;
    let stage = Stage::start(sample_on(run, &postgres).await?).await?;
    let mut load = clients(&stage, run);
    let mut longest = Duration::ZERO;
    run.bar.set_length(stops);
    for _ in 0..stops {
        let more = 20 + run.randomness.below(100);
        grow(&stage, &mut load, more, PATIENCE).await?;
        postgres.stop_immediately().await?;
        tokio::time::sleep(Duration::from_millis(run.randomness.below(AWAY_MS_MAX))).await;
        postgres.start_again().await?;
        longest = longest.max(grow(&stage, &mut load, 1, RESUME_PATIENCE).await?);
        run.bar.inc(1);
    }
    settle(&stage, load, [("stops", stops), ("ms to resume at most", milliseconds(longest))]).await
}

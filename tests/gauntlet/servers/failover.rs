//! PostgreSQL fails over to its standby, which has everything, or lacks the newest events.

mod lost;
mod pair;

use std::time::Duration;

use dualgrid_tests::{Manners, Stage};
use testkit::postgres::Commit;
use tokio::time::Instant;

use super::{CLIENTS, PATIENCE, RESUME_PATIENCE, grow, milliseconds, settle};
use crate::scenario::{Outcome, Run};

pub(super) use lost::play as of_a_standby_that_lacks_events;
pub(crate) use pair::Pair;

/// A standby that is waited for: nothing is lost, and two processes go on by themselves.
pub(super) async fn to_a_standby_that_has_everything(run: &mut Run) -> anyhow::Result<Outcome> {
    let failovers = run.pick(1, 6);
    let mut pair = Pair::start().await?;
    let stage = Stage::start(pair.setup(run).await?).await?;
    let peer = stage.system.peer(&[], Vec::new()).await?;
    let doors = [stage.http(), peer.http()];
    let mut load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &doors);
    let mut longest = Duration::ZERO;
    run.bar.set_length(failovers);
    for _ in 0..failovers {
        pair.has_standby().await?;
        pair.wait_for_standby(*run.randomness.pick(&[Commit::Flushed, Commit::Applied])).await?;
        let more = 30 + run.randomness.below(70);
        grow(&stage, &mut load, more, PATIENCE).await?;
        let away = Instant::now();
        pair.fail_over().await?;
        grow(&stage, &mut load, 1, RESUME_PATIENCE).await?;
        longest = longest.max(away.elapsed());
        run.bar.inc(1);
    }
    settle(&stage, load, [("failovers", failovers), ("ms to resume at most", milliseconds(longest))]).await
}

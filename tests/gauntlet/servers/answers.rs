//! The answer to a COMMIT is lost: the outcome is in the log, and the id of the command finds it.

use anyhow::ensure;
use dualgrid_tests::{Outcome as Heard, Stage};
use testkit::postgres::Postgres;
use testkit::proxy::{Cut, Proxy};

use super::{PATIENCE, RESUME_PATIENCE, clients, grow, sample_on, settle};
use crate::scenario::{Outcome, Run};

/// How many appends are let through before a cut, at most.
const BETWEEN_MAX: u64 = 4;

/// Every command has one outcome, whether its caller was told or must ask again.
pub(super) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    let cuts = run.pick(15, 200);
    let postgres = Postgres::start().await?;
    let proxy = Proxy::before_postgres(postgres.port()).await?;
    let mut setup = sample_on(run, &postgres).await?;
    setup.store_url = setup.store_url.map(|url| postgres.url_at(&url, proxy.address().port()));
    let stage = Stage::start(setup).await?;
    let mut load = clients(&stage, run);
    run.bar.set_length(cuts);
    for done in 1..=cuts {
        // The server may still be at work when its client asks on a new connection; or it has long finished.
        let cut = *run.randomness.pick(&[Cut::Sent, Cut::Answered]);
        proxy.cut_at(1 + run.randomness.below(BETWEEN_MAX), cut);
        proxy.wait_for_cuts(done, PATIENCE).await?;
        grow(&stage, &mut load, 1, RESUME_PATIENCE).await?;
        run.bar.inc(1);
    }
    proxy.disarm();
    let made = proxy.cuts();
    ensure!(made == cuts, "{made} cuts instead of {cuts}");
    let outcome = settle(&stage, load, [("cuts", cuts)]).await?;
    let left = stage.journal.read().await?.iter().filter(|entry| has_heard_nothing(&entry.outcomes)).count();
    let left = ("left to the caller", left as u64);
    Ok(Outcome { counted: outcome.counted.into_iter().chain([left]).collect(), ..outcome })
}

/// Whether the first thing a caller heard was no answer.
fn has_heard_nothing(outcomes: &[Heard]) -> bool {
    outcomes.first().is_some_and(|first| !first.is_definite())
}

//! SIGKILL: at a random moment under load, and at each named point of a process.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use dualgrid_tests::{Load, Manners, Randomness, Stage, check};
use testkit::client::eventually;

use crate::scenario::{BOTH, Outcome, Run, Scenario};

/// How many clients there are.
const CLIENTS: usize = 6;

/// How many kills in the small form and in the full one, on each backend.
const KILLS: [u64; 2] = [15, 200];

/// The points at which a build with the feature `faults` can end, and up to which pass of each it is told to.
const POINTS: [(&str, u64); 7] = [
    ("before-append", 30),
    ("append-before-commit", 30),
    ("commit-before-answer", 30),
    ("before-publish", 20),
    ("after-publish", 20),
    ("before-checkpoint", 40),
    ("after-checkpoint", 40),
];

/// How long it may take until a process under load has come to its point.
const PATIENCE: Duration = Duration::from_mins(1);

/// SIGKILL, as an exit status has it.
const SIGKILL: i32 = 9;

/// The scenario.
pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "kills",
        about: "SIGKILL under load, at random and at each named point",
        stores: BOTH,
        waits: false,
        run: |run| Box::pin(kills(run)),
    }]
}

/// The variables that end a process at a point.
pub(crate) fn at_point(point: &str, pass: u64) -> Vec<(String, String)> {
    vec![("DUALGRID_FAULT_POINT".to_owned(), point.to_owned()), ("DUALGRID_FAULT_PASS".to_owned(), pass.to_string())]
}

async fn kills(run: &mut Run) -> anyhow::Result<Outcome> {
    let kills = run.pick(KILLS[0], KILLS[1]);
    run.bar.set_length(kills);
    let mut stage = Stage::start(run.setup()?).await?;
    let mut load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()]);
    let (mut at_random, mut while_starting) = (0, 0);
    for number in 0..kills {
        // Every point in turn, and a random moment after each two of them.
        let turn = usize::try_from(number)?;
        let point = (turn % 3 != 2).then(|| POINTS[(turn - turn / 3) % POINTS.len()]);
        let killed = if let Some((point, passes)) = point {
            let pass = 1 + run.randomness.below(passes);
            run.bar.set_message(format!("{point} {pass}"));
            kill_at(&mut stage, point, pass).await
        } else {
            run.bar.set_message("at random");
            at_random += 1;
            kill_at_random(&mut stage, &mut load, &mut run.randomness).await.map(|()| true)
        };
        while_starting += u64::from(!killed.with_context(|| format!("kill {number}"))?);
        run.bar.inc(1);
    }
    stage.system.set_environment(Vec::new());
    stage.system.restart().await?;
    load.check()?;
    load.stop().await?;
    let found = check::everything(&stage).await?;
    found.nothing_wrong()?;
    let mut counted = vec![("kills", kills), ("of them at random", at_random), ("while starting", while_starting)];
    counted.extend(found.counted());
    Ok(Outcome::counted(counted))
}

/// Starts a process that will end at a point. Whether it became ready: it may come to the point before.
pub(crate) async fn start_to_die(stage: &mut Stage) -> anyhow::Result<bool> {
    match stage.system.restart().await {
        Ok(()) => Ok(true),
        Err(error) if format!("{error:#}").contains("signal: 9") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Lets the process end at a point; says whether it was ready before.
async fn kill_at(stage: &mut Stage, point: &str, pass: u64) -> anyhow::Result<bool> {
    stage.system.set_environment(at_point(point, pass));
    if !start_to_die(stage).await? {
        return Ok(false);
    }
    let status =
        stage.system.wait_for_end(PATIENCE).await.with_context(|| format!("{point} {pass} was not reached"))?;
    ensure!(status.signal() == Some(SIGKILL), "ended with {status} instead of at {point} {pass}");
    Ok(true)
}

async fn kill_at_random(stage: &mut Stage, load: &mut Load, randomness: &mut Randomness) -> anyhow::Result<()> {
    stage.system.set_environment(Vec::new());
    stage.system.restart().await?;
    let enough = stage.journal.acknowledged() + 5 + usize::try_from(randomness.below(40))?;
    let journal = stage.journal.clone();
    let waited = eventually("the clients have got answers", PATIENCE, async || {
        load.check()?;
        Ok((journal.acknowledged() >= enough).then_some(()))
    });
    waited.await?;
    tokio::time::sleep(Duration::from_millis(randomness.below(40))).await;
    if let Err(error) = stage.system.kill() {
        bail!("it had ended before it was killed: {error:#}");
    }
    Ok(())
}

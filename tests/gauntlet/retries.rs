//! Commands that are sent again and again, at once and on two processes, have one effect and one answer.

use std::time::Duration;

use dualgrid_tests::{Manners, Stage, check};

use crate::scenario::{BOTH, Outcome, Run, Scenario};

/// How many clients there are.
const CLIENTS: usize = 12;

/// How many commands in the small form and in the full one, on each backend.
const COMMANDS: [u64; 2] = [1_500, 20_000];

/// Three of ten are sent again.
const MANNERS: Manners = Manners { repeated: 30, asks_again: 100, commands: None };

/// The scenario.
pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "retries",
        about: "three of ten commands sent one to five times more, half at once, on two processes",
        stores: BOTH,
        waits: false,
        run: |run| Box::pin(retries(run)),
    }]
}

async fn retries(run: &mut Run) -> anyhow::Result<Outcome> {
    let commands = run.pick(COMMANDS[0], COMMANDS[1]);
    let stage = Stage::start(run.setup()?).await?;
    let peer = stage.system.peer(&[], Vec::new()).await?;
    let manners = Manners { commands: Some(commands), ..MANNERS };
    let load = stage.load(CLIENTS, manners, &mut run.randomness, &[stage.http(), peer.http()]);
    run.bar.set_length(commands);
    let (journal, bar) = (stage.journal.clone(), run.bar.clone());
    let watching = async {
        loop {
            bar.set_position(journal.intended() as u64);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        ended = load.end() => ended?,
        () = watching => {}
    }
    run.bar.set_message("comparing");
    let found = check::everything(&stage).await?;
    found.nothing_wrong()?;
    Ok(Outcome::counted(found.counted()))
}

//! Positive controls: a property is broken on purpose, and its checker must notice.

mod another_log;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::check::{self, Findings, Property, Violation};
use dualgrid_tests::{Manners, Stage};
use testkit::system::Store;

use crate::kills::{at_point, start_to_die};
use crate::scenario::{BOTH, Outcome, Playing, Run, Scenario};

/// How many clients there are.
const CLIENTS: usize = 6;

/// How many commands.
const COMMANDS: u64 = 150;

/// Half of the commands are repeated, in percent.
const HALF: u64 = 50;

/// How often a process is killed at most until something is lost.
const KILLS_MAX: usize = 10;

const PATIENCE: Duration = Duration::from_mins(1);

/// The controls.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let control = |name, about, run: for<'a> fn(&'a mut Run) -> Playing<'a>| Scenario {
        name,
        about,
        stores: BOTH,
        waits: false,
        run,
    };
    vec![
        control("control-command-ids-off", "repeats are not recognised: the checker finds doubled commands", |run| {
            Box::pin(under_load(run, "command-ids-off", &[Property::Once, Property::SameAnswer]))
        }),
        control("control-sequence", "positions from a counter: the checker finds gaps", |run| {
            Box::pin(under_load(run, "sequence", &[Property::Gapless, Property::Shown]))
        }),
        control("control-refused-recorded", "refused commands are recorded: the checker finds them", |run| {
            Box::pin(under_load(run, "refused-recorded", &[Property::RefusedAbsent]))
        }),
        control("control-answer-before-commit", "answers before the commit: the checker finds what is lost", |run| {
            Box::pin(answer_before_commit(run))
        }),
        control("control-publish-altered", "bytes are changed on their way to NATS: the checker finds them", |run| {
            Box::pin(publish_altered(run))
        }),
        Scenario {
            name: "control-known-not-cleared",
            about: "what was known of the old primary counts for the new one: the checker finds versions without the one before",
            stores: &[Store::Postgres],
            waits: false,
            run: |run| Box::pin(another_log::known_not_cleared(run)),
        },
        control(
            "control-epoch-ignored",
            "nobody compares epochs: the checker finds that the only copy is gone",
            |run| Box::pin(another_log::epoch_ignored(run)),
        ),
        control("control-checkpoint-first", "checkpoints before their rows: the checker finds missing rows", |run| {
            Box::pin(checkpoint_first(run))
        }),
    ]
}

fn sabotaged(sabotage: &str) -> Vec<(String, String)> {
    vec![("DUALGRID_SABOTAGE".to_owned(), sabotage.to_owned())]
}

async fn start(run: &Run, sabotage: &str) -> anyhow::Result<Stage> {
    // Its people are registered before anything is sabotaged.
    let mut stage = Stage::start(run.setup()?).await?;
    stage.system.set_environment(sabotaged(sabotage));
    stage.system.restart().await?;
    Ok(stage)
}

/// So many commands, of which this share, in percent, is repeated.
async fn load(run: &mut Run, stage: &Stage, repeated: u64) -> anyhow::Result<()> {
    let manners = Manners { repeated, asks_again: 0, commands: Some(COMMANDS) };
    stage.load(CLIENTS, manners, &mut run.randomness, &[stage.http()]).end().await
}

/// The control holds if the checker reports each of these properties; others may be broken beside them.
fn noticed(found: &Findings, properties: &[Property], sabotage: &str) -> anyhow::Result<Outcome> {
    for property in properties {
        ensure!(
            found.has(*property),
            "{sabotage} was not noticed: no violation of {property:?} among {}: {:?}",
            found.violations.len(),
            found.violations.iter().take(3).collect::<Vec<_>>()
        );
    }
    let count = |is: &dyn Fn(&Violation) -> bool| found.violations.iter().filter(|one| is(one)).count() as u64;
    let expected = properties.iter().map(|property| (property.name(), count(&|one| one.property == *property)));
    let others = ("of other properties", count(&|one| !properties.contains(&one.property)));
    Ok(Outcome::counted(expected.chain([others])))
}

async fn under_load(run: &mut Run, sabotage: &str, properties: &[Property]) -> anyhow::Result<Outcome> {
    let stage = start(run, sabotage).await?;
    load(run, &stage, HALF).await?;
    let mut found = Findings::default();
    check::commands(&stage, &mut found).await?;
    noticed(&found, properties, sabotage)
}

async fn answer_before_commit(run: &mut Run) -> anyhow::Result<Outcome> {
    let mut stage = start(run, "answer-before-commit").await?;
    let mut found = Findings::default();
    for _ in 0..KILLS_MAX {
        // A repeat that came last would commit what it repeats.
        load(run, &stage, 0).await?;
        stage.system.kill()?;
        stage.system.restart().await?;
        found = Findings::default();
        check::commands(&stage, &mut found).await?;
        if found.has(Property::Kept) {
            break;
        }
    }
    noticed(&found, &[Property::Kept], "answer-before-commit")
}

async fn publish_altered(run: &mut Run) -> anyhow::Result<Outcome> {
    let stage = start(run, "publish-altered").await?;
    load(run, &stage, HALF).await?;
    let mut found = Findings::default();
    check::stream(&stage, &mut found).await?;
    noticed(&found, &[Property::Stream], "publish-altered")
}

/// The process ends between checkpoint and rows; what was folded then is in no row.
async fn checkpoint_first(run: &mut Run) -> anyhow::Result<Outcome> {
    let sabotage = "checkpoint-first";
    let mut stage = start(run, sabotage).await?;
    let mut found = Findings::default();
    for _ in 0..KILLS_MAX {
        // That point comes twice a batch then, and the second time nothing is lost.
        let mut environment = sabotaged(sabotage);
        environment.extend(at_point("after-checkpoint", 1 + run.randomness.below(12)));
        stage.system.set_environment(environment);
        let load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()]);
        if start_to_die(&mut stage).await? {
            stage.system.wait_for_end(PATIENCE).await.context("no checkpoint was moved")?;
        }
        load.stop().await?;
        stage.system.set_environment(sabotaged(sabotage));
        stage.system.restart().await?;
        found = Findings::default();
        check::views(&stage, &mut found).await?;
        if found.has(Property::Views) {
            break;
        }
    }
    noticed(&found, &[Property::Views], sabotage)
}

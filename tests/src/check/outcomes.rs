//! `GET /commands/{id}` and repeats against the log.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use testkit::client::eventually;
use uuid::Uuid;

use super::commands::{is_answer, named};
use super::{Findings, Property};
use crate::tables::CommandRow;
use crate::{Entry, Outcome, Stage, send};

/// How many questions are asked at once.
const AT_ONCE: usize = 16;

/// How long a command may be answered with trouble of the server's own.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks for the outcome of every command of the journal.
pub(super) async fn ask(
    stage: &Stage,
    entries: &[Entry],
    commands: &BTreeMap<Uuid, CommandRow>,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let http = stage.http();
    let answers = stream::iter(entries).map(async |entry| {
        let id = entry.intention.id;
        let path = format!("/commands/{id}");
        let answer = http.get(stage.token(entry.intention.who), &path).await?;
        anyhow::Ok((entry, answer))
    });
    let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).try_collect().await.context("outcomes are not told")?;
    for (entry, answer) in answers {
        let row = commands.get(&entry.intention.id);
        let is_told = match (answer.status.as_u16(), row) {
            (200, Some(row)) => is_answer(&answer.body, entry.intention.id, row),
            (404, None) => true,
            _ => false,
        };
        if !is_told {
            let (status, text) = (answer.status, answer.text);
            found.broken(Property::SameAnswer, format!("asked for {}: {status} {text}, but {row:?}", named(entry)));
        }
    }
    Ok(())
}

/// Sends every command whose outcome is unknown again, with the same id: what was recorded is told as a repeat.
pub(super) async fn send_unknown_again(stage: &Stage, entries: &[Entry], found: &mut Findings) -> anyhow::Result<()> {
    let http = stage.http();
    let is_asked = |entry: &Entry| entry.is_unknown() && !stage.given_up.contains(&entry.intention.id);
    for (line, entry) in entries.iter().enumerate().filter(|(_, entry)| is_asked(entry)) {
        let before = http.get(stage.token(entry.intention.who), &format!("/commands/{}", entry.intention.id)).await?;
        let outcome = eventually("a command has an outcome", PATIENCE, async || {
            let outcome = send(&http, &stage.people, &entry.intention).await;
            stage.journal.hear(line, &outcome)?;
            Ok(Some(outcome).filter(Outcome::is_definite))
        });
        let outcome = outcome.await.with_context(|| named(entry))?;
        let was_recorded = before.status.is_success();
        let is_repeat = matches!(&outcome, Outcome::Acknowledged { answer, .. } if answer["replayed"] == true);
        if was_recorded != is_repeat {
            let (name, before) = (named(entry), before.status);
            found.broken(Property::SameAnswer, format!("{name}: {before} when asked, {outcome:?} when sent again"));
        }
    }
    Ok(())
}

//! An event of whichever kind as a box that is asked for its type, as the registry decodes it, beside an enum of kinds: decoded
//! and folded into its aggregate.

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use app::event::read_as;
use app::port::EventLog;
use app::registry;
use case::{Case, CaseEvent};
use kernel::{Aggregate as _, Event as _, Position, Recorded};
use tokio::time::Instant;
use uuid::Uuid;

use crate::append::DeskEvent;
use crate::context::Context;
use crate::measure::interleaved;
use crate::report::Report;

/// How many events are decoded; all of them are held.
const EVENTS: usize = 100_000;
/// How many are decoded before they are folded, as a reader of views does.
const BATCH: usize = 1_000;

/// An event of one of the kinds that an enum would name.
enum Known {
    Case(CaseEvent),
    Desk(DeskEvent),
}

/// Measures.
pub(super) async fn run(context: &Context, log: &dyn EventLog, report: &mut Report) -> anyhow::Result<()> {
    let events = log.after(Position::START, EVENTS).await?;
    let boxes = async || rate(&events, boxed);
    let pairs = interleaved(context.pairs(), boxes, async || rate(&events, named)).await?;
    let what = "decoded and folded: events in boxes over events of an enum";
    report.add(pairs.ratios().figure("decode_boxed_vs_enum", what, "×"));
    report.add(pairs.ours.figure("decode_boxed_events_per_s", "the same: events in boxes", "/s"));
    report.add(pairs.theirs.figure("decode_enum_events_per_s", "the same: events of an enum", "/s"));
    Ok(())
}

type Cases = HashMap<Uuid, Case>;

/// Events a second.
#[expect(clippy::cast_precision_loss, reason = "a count of events")]
fn rate(events: &[Recorded], fold: fn(&[Recorded], &mut Cases) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut cases = Cases::new();
    let begun = Instant::now();
    for batch in events.chunks(BATCH) {
        fold(batch, &mut cases)?;
    }
    let taken = begun.elapsed().as_secs_f64();
    std::hint::black_box(cases);
    Ok(events.len() as f64 / taken)
}

fn boxed(batch: &[Recorded], cases: &mut Cases) -> anyhow::Result<()> {
    let decoded = batch.iter().map(registry::decode).collect::<Result<Vec<_>, _>>()?;
    for (recorded, event) in batch.iter().zip(decoded) {
        let event = event.downcast::<CaseEvent>().ok().context("an event of another kind")?;
        evolve(cases, recorded, *event);
    }
    Ok(())
}

fn named(batch: &[Recorded], cases: &mut Cases) -> anyhow::Result<()> {
    let decoded = batch.iter().map(known).collect::<anyhow::Result<Vec<_>>>()?;
    for (recorded, event) in batch.iter().zip(decoded) {
        match event {
            Known::Case(event) => evolve(cases, recorded, event),
            Known::Desk(event) => bail!("{} is an event of another kind", event.name()),
        }
    }
    Ok(())
}

fn known(recorded: &Recorded) -> anyhow::Result<Known> {
    match recorded.stream.category() {
        CaseEvent::CATEGORY => Ok(Known::Case(read_as(recorded)?)),
        DeskEvent::CATEGORY => Ok(Known::Desk(read_as(recorded)?)),
        other => bail!("no kind has streams of category {other}"),
    }
}

fn evolve(cases: &mut Cases, recorded: &Recorded, event: CaseEvent) {
    let case = cases.remove(&recorded.stream.id()).unwrap_or_default();
    cases.insert(recorded.stream.id(), case.evolve(event));
}

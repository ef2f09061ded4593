//! `dualgrid log`: what becomes of events that the log has lost and the stream of NATS still has.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use app::intake::Request;
use app::port::event_log::UNKNOWN_REQUEST;
use app::port::{Append, Lost, NewEvent, Part};
use app::{App, losses, registry};
use bus::Connection;
use bus::publisher::{Beside, Publisher, PublisherOptions};
use comfy_table::Table;
use kernel::{Actor, CommandId, Position, Recorded, Role, Scope, SystemClock, SystemEntropy, Version, envelope};
use serde_json::json;

use crate::config::Config;
use crate::output::say;
use crate::system::{self, Uses};

/// Log and stream, side by side.
struct Compared {
    app: Arc<App>,
    head: Position,
    /// What halts the log.
    halted: Option<Lost>,
    beside: Option<Beside>,
}

/// Says what is lost and what can be done.
pub(crate) async fn status(config: &Config) -> anyhow::Result<()> {
    let Compared { head, halted, beside, .. } = compare(config).await?;
    say!("The log ends at position {head}.");
    match &halted {
        Some(lost) => say!("It is halted: {lost}."),
        None => say!("It takes commands."),
    }
    match beside {
        None => say!("NATS has no stream."),
        Some(Beside { common, events, foreign, .. }) if events.is_empty() => {
            say!("NATS has nothing that the log does not have; they agree up to position {common}.");
            if foreign > 0 {
                say!(
                    "{foreign} messages after it are nothing that the log could have recorded there; the publisher removes them."
                );
            }
        }
        Some(beside) => show(&beside, head),
    }
    Ok(())
}

/// Most events that are shown one by one.
const SHOWN_MAX: usize = 20;

/// The events that only NATS has, so that somebody can tell whether the log wrote them, and what can be done.
fn show(beside: &Beside, head: Position) {
    let Beside { common, events, .. } = beside;
    say!("NATS has {} events after position {common} that are not in the log:", events.len());
    let mut table = Table::new();
    table.set_header(["position", "event", "id", "stream", "command", "by", "time"]);
    for event in events.iter().take(SHOWN_MAX) {
        let said = envelope::decode(&event.bytes);
        let (command, by) = said.map_or_else(
            |_| Default::default(),
            |said| (said.commandid.to_string(), format!("{} ({})", said.actorid, said.actorrole)),
        );
        let stream = format!("{} version {}", event.stream, event.version);
        let (position, id, time) = (event.position.to_string(), event.id.to_string(), event.time.to_rfc3339());
        table.add_row([position, event.kind.clone(), id, stream, command, by, time]);
    }
    say!("{table}");
    if events.len() > SHOWN_MAX {
        say!("… and {} more.", events.len() - SHOWN_MAX);
    }
    if let Some(first) = &beside.other_log {
        say!("{}", of_another_log(first));
        return;
    }
    say!(
        "The log does not know their ids. Nothing in a message proves who wrote it: whoever has the password of the NATS user core can. \
         Ask those who are named whether they gave these commands."
    );
    if *common == head {
        say!("`dualgrid log recover --from-nats` brings them back.");
        if beside.is_halved {
            say!("The command of the last one is not whole in NATS: its events are not brought back.");
        }
    } else {
        let own = head.0.saturating_sub(common.0);
        say!("The log has recorded {own} others at these positions since, so that they cannot be brought back.");
    }
    say!(
        "`dualgrid log accept-loss --save FILE` gives them up, and keeps a copy of them in FILE. That is also the way on where somebody \
         else wrote them; change the password of core then."
    );
}

/// What to do where the stream is the copy of a log that begins with another event.
fn of_another_log(first: &str) -> String {
    format!(
        "The stream of this NATS holds another log, which begins with the event {first}, and this log does not. Nothing of it is lost here. If an \
         installation of the same name uses this NATS, give each a NATS, or an account of NATS, of its own, and a name of its own. If \
         `store.url` names the wrong database, name the right one. Only if that log is gone for good: `dualgrid log accept-loss \
         --save FILE --replace-log {first}` keeps a copy of its events and puts this log in its place"
    )
}

/// Brings the events back that the stream has beyond the end of the log.
pub(crate) async fn recover(config: &Config) -> anyhow::Result<()> {
    let Compared { head, beside, app, .. } = compare(config).await?;
    let Beside { common, events, is_halved, other_log, .. } =
        beside.context("NATS has no stream: there is nothing to bring back")?;
    if let Some(first) = other_log {
        bail!(of_another_log(&first));
    }
    ensure!(!events.is_empty(), "NATS has no event that the log does not have: there is nothing to bring back");
    if common < head {
        bail!(
            "the log has recorded events of its own after position {common}, at the positions of the lost ones; they cannot be \
             brought back. `dualgrid log accept-loss --save FILE` keeps a copy of them and lets the log go on"
        );
    }
    for (event, position) in events.iter().zip(head.0 + 1..) {
        ensure!(
            event.position.0 == position,
            "event {position} is not in NATS: what is after it cannot be brought back"
        );
    }
    let (appends, halved) = commands(&events, is_halved)?;
    let left = halved.as_ref().map_or(0, events_of);
    let (whole, rest) = events.split_at(events.len() - left);
    let last = whole.last().map_or(head, |event| event.position);
    if let (Some(halved), true) = (&halved, whole.is_empty()) {
        bail!(
            "NATS has only the first {left} events of command {}, and nothing before them: there is nothing to bring back. \
             `dualgrid log accept-loss --save FILE` keeps a copy of them and lets the log go on; whoever gave the command sends it again",
            halved.command
        );
    }
    let still = rest.last().map(|event| Lost { after: last, to: event.position });
    drop(app);
    log::bring_back(&config.store.url, &config.store.options(), head, &appends, still).await?;
    say!("{} events of {} commands were brought back; the log ends at position {last}.", whole.len(), appends.len());
    if let Some(halved) = halved {
        say!(
            "Command {} is not whole in NATS, which has only its first {left} events: they were not brought back, and the log stays \
             halted. `dualgrid log accept-loss --save FILE` gives them up; whoever gave the command sends it again.",
            halved.command
        );
    }
    Ok(())
}

/// How many events a command recorded.
fn events_of(append: &Append) -> usize {
    append.parts.iter().map(|part| part.events.len()).sum()
}

/// Gives lost events up: keeps a copy of those that the stream has, and raises the epoch.
///
/// `replaced`: the first event of the log whose copy the stream is, where that is another log; it has to be named.
pub(crate) async fn accept(config: &Config, save: &Path, replaced: Option<&str>) -> anyhow::Result<()> {
    let Compared { app, head, halted, beside } = compare(config).await?;
    let other = beside.as_ref().and_then(|beside| beside.other_log.as_deref());
    check_replaced(other, replaced)?;
    let (epoch_of_stream, common, events) = match beside {
        None => (0, head, Vec::new()),
        Some(Beside { epoch, common, events, .. }) if events.is_empty() => (epoch, common.max(head), events),
        Some(Beside { epoch, common, events, .. }) => (epoch, common, events),
    };
    let accepted = losses::read(&*app.ports().log).await?;
    let is_older = epoch_of_stream > accepted.epoch();
    ensure!(halted.is_some() || !events.is_empty() || is_older, "nothing is lost: there is nothing to accept");
    keep(save, &events).with_context(|| format!("could not write {}", save.display()))?;
    let after = halted.map_or(common, |lost| lost.after.min(common));
    let to = events.last().map(|event| event.position).into_iter().chain(halted.map(|lost| lost.to)).max();
    let epoch = accepted.epoch().max(epoch_of_stream) + 1;
    let body = serde_json::to_vec(&json!({ "epoch": epoch, "after": after, "to": to.unwrap_or(after) }))?;
    let request = Request {
        actor: Actor { id: "system/log".into(), role: Role::System, scope: Scope::Everywhere, seconded_by: None },
        command: CommandId::named(&format!("accept-loss/{}/{epoch}", config.installation)),
        correlation: None,
        causation: None,
        traceparent: None,
        name: "accept-loss".into(),
        id: None,
        body: body.into(),
    };
    let answer = app.submit(request).await?;
    let position = answer.first.unwrap_or(head);
    say!("The loss after position {after} is accepted. Epoch {epoch} begins at position {position}.");
    say!("{} events that only NATS had are in {}.", events.len(), save.display());
    if views_are_ahead(&app, head).await? {
        say!("Views had folded lost events; they are built anew.");
        app.rebuild(&[], |_, _| ()).await?;
    }
    Ok(())
}

/// Refuses to give the copy of another log up that was not named, and a name that is not of the log whose copy there is.
fn check_replaced(other: Option<&str>, replaced: Option<&str>) -> anyhow::Result<()> {
    match (other, replaced) {
        (Some(other), Some(named)) if named != other => bail!(
            "the log in the stream of NATS begins with the event {other}, not {named}: look again with `dualgrid log status`"
        ),
        (Some(other), None) => bail!(of_another_log(other)),
        (None, Some(_)) => bail!("the stream of NATS holds no other log: leave --replace-log out"),
        _ => Ok(()),
    }
}

/// Whether some view has folded events beyond the end of the log.
async fn views_are_ahead(app: &App, head: Position) -> anyhow::Result<bool> {
    Ok(app.ports().views.builds().await?.iter().any(|build| build.position > head))
}

async fn compare(config: &Config) -> anyhow::Result<Compared> {
    let app = system::open(config, Uses::Log).await?;
    let connection =
        Connection::connect(config.nats.connection(format!("dualgrid log {}", config.installation))?).await?;
    ensure!(connection.is_up(), "{} does not answer: what is lost can only be found out with NATS", config.nats.url()?);
    let log = Arc::clone(&app.ports().log);
    let options = PublisherOptions { installation: config.installation.clone(), ..PublisherOptions::default() };
    let publisher = Publisher::new(connection, log, Arc::new(SystemClock), Arc::new(SystemEntropy), options);
    let beside = publisher.beside_the_log().await?;
    let (head, halted) = (app.ports().log.head().await?, app.ports().log.lost().await?);
    Ok(Compared { app, head, halted, beside })
}

/// The events as lines of JSON in a new file, on disk before anything is given up.
fn keep(file: &Path, events: &[Recorded]) -> anyhow::Result<()> {
    let mut file = File::create_new(file)?;
    for event in events {
        write!(file, "{{\"position\":{},\"event\":", event.position)?;
        file.write_all(&event.bytes)?;
        file.write_all(b"}\n")?;
    }
    Ok(file.sync_all()?)
}

/// The commands that recorded these events, and the last one by itself where some of its events are nowhere.
fn commands(events: &[Recorded], is_halved: bool) -> anyhow::Result<(Vec<Append>, Option<Append>)> {
    let mut appends = appends(events)?;
    let halved = if is_halved { appends.pop() } else { None };
    Ok((appends, halved))
}

/// Events as the commands that recorded them.
fn appends(events: &[Recorded]) -> anyhow::Result<Vec<Append>> {
    let mut appends: Vec<Append> = Vec::new();
    for event in events {
        let read =
            envelope::decode(&event.bytes).with_context(|| format!("event {} cannot be read", event.position))?;
        let kind = registry::kinds().iter().flat_map(|kind| kind.events()).find(|spec| spec.name == event.kind);
        let kind =
            kind.with_context(|| format!("event {} is of a type that this dualgrid does not know", event.position))?;
        let new = NewEvent { id: event.id, kind: kind.name, time: event.time, bytes: event.bytes.clone() };
        let is_of = |append: &Append| append.command == read.commandid && append.principal == read.actorid;
        if !appends.last().is_some_and(is_of) {
            let (principal, command, at) = (read.actorid.into_owned(), read.commandid, event.time);
            let request = UNKNOWN_REQUEST;
            appends.push(Append { principal, command, request, parts: Vec::new(), at, incarnation: None });
        }
        let Some(append) = appends.last_mut() else { continue };
        if let Some(part) = append.parts.last_mut().filter(|part| part.stream == event.stream) {
            part.events.push(new);
        } else {
            let expected = Version(event.version.0.saturating_sub(1));
            append.parts.push(Part { stream: event.stream.clone(), expected, events: vec![new] });
        }
    }
    Ok(appends)
}

#[cfg(test)]
mod tests {
    use kernel::envelope::{Header, Provenance};
    use kernel::{Audience, Clock as _, CorrelationId, EventId, StreamId};
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;

    const KIND: &str = "cn.dualgrid.log.loss_accepted.v1";

    #[test]
    fn the_copy_of_another_log_is_given_up_only_by_its_first_event() {
        let said = |other, replaced| check_replaced(other, replaced).map_err(|refused| refused.to_string());
        assert_eq!(said(None, None), Ok(()));
        assert_eq!(said(Some("a"), Some("a")), Ok(()));
        assert!(said(Some("a"), None).unwrap_err().contains("holds another log, which begins with the event a"));
        assert!(said(Some("a"), Some("b")).unwrap_err().contains("begins with the event a, not b"));
        assert!(said(None, Some("b")).unwrap_err().contains("leave --replace-log out"));
    }

    /// An event of a command on a stream.
    fn event(position: u64, command: &str, stream: u128, version: u32) -> Recorded {
        let stream = StreamId::new("case", Uuid::from_u128(stream));
        let (id, version, time) = (EventId::named(&position.to_string()), Version(version), SystemClock.now());
        let header = Header { id, kind: KIND, stream: &stream, version, time, audience: Audience::Internal };
        let provenance = Provenance {
            installation: "test".into(),
            actor: Actor { id: "staff-1".into(), role: Role::Dispatcher, scope: Scope::Everywhere, seconded_by: None },
            command: CommandId::named(command),
            correlation: CorrelationId::named(command),
            causation: None,
            traceparent: None,
        };
        let data = RawValue::from_string("{}".to_owned()).unwrap();
        let bytes = envelope::encode(&header, &provenance, &data).unwrap().into();
        Recorded { position: Position(position), stream, version, id, kind: KIND.to_owned(), time, bytes }
    }

    /// Each command with its streams, their expected versions and their events.
    fn parts(append: &Append) -> Vec<(u128, u32, usize)> {
        append.parts.iter().map(|part| (part.stream.id().as_u128(), part.expected.0, part.events.len())).collect()
    }

    #[test]
    fn events_come_back_as_the_commands_that_recorded_them_and_a_halved_one_stays_out() {
        let events = [
            event(4, "a", 1, 3),
            event(5, "a", 1, 4),
            event(6, "b", 2, 1),
            event(7, "b", 1, 5),
            event(8, "c", 2, 2),
            event(9, "c", 2, 3),
        ];
        let (whole, halved) = commands(&events, false).unwrap();
        assert!(halved.is_none());
        let parts_of: Vec<_> = whole.iter().map(parts).collect();
        assert_eq!(parts_of, [vec![(1, 2, 2)], vec![(2, 0, 1), (1, 4, 1)], vec![(2, 1, 2)]]);
        assert!(whole.iter().all(|append| append.request == UNKNOWN_REQUEST));
        let (whole, halved) = commands(&events, true).unwrap();
        assert_eq!(whole.iter().map(parts).collect::<Vec<_>>(), parts_of[..2]);
        let halved = halved.unwrap();
        assert_eq!((halved.command, events_of(&halved)), (CommandId::named("c"), 2));
    }
}

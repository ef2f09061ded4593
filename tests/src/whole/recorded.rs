//! What was answered with success, against the log.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;

use super::document::Document;
use super::{Promise, Sent, Whole};
use crate::{Event, read_log};

/// Fields that mean what is known already where they are absent or empty: the matter of the case, the rule that binds it, the order
/// of the lead, and what was done where only the beginning is told again.
const KNOWN_WHERE_ABSENT: [(&str, &str); 4] = [
    ("file-case", "matter"),
    ("open-deliberation", "consent_rule"),
    ("verify-case", "rework"),
    ("handle-in-grid", "done"),
];

/// How many events are also read one by one.
const READ_ALONE: usize = 20;

/// The events of a command, in order.
type ByCommand<'a> = BTreeMap<String, Vec<(&'a Event, Value)>>;

impl Whole {
    /// An answer without events is for content that was recorded before.
    pub(super) fn compare_with_recorded(&mut self, at: usize) {
        let sent = &self.sent[at];
        if !sent.is_done() || sent.events() > 0 || sent.is_replayed() {
            return;
        }
        let about = &sent.answer["id"];
        let mut earlier = self.sent[..at].iter().filter(|other| {
            other.operation == sent.operation && other.is_done() && other.events() > 0 && other.answer["id"] == *about
        });
        // What there is only one of was described when it was imported, too.
        let is_single = !self.operations[sent.operation].is_about_one() && !self.operations[sent.operation].begins;
        if is_single || earlier.any(|other| self.is_same(sent, other)) {
            return;
        }
        let seen = format!("{} was answered as done, and nobody has said that before", self.named(sent));
        self.broken(Promise::Recorded, seen);
    }

    /// Whether two bodies of a command say the same.
    fn is_same(&self, one: &Sent, other: &Sent) -> bool {
        let operation = &self.operations[one.operation];
        let canonical = |sent: &Sent| self.document.canonical(operation.schema(), &sent.body);
        let (mut one, mut other) = (canonical(one), canonical(other));
        for (_, field) in KNOWN_WHERE_ABSENT.iter().filter(|(verb, _)| *verb == operation.verb) {
            if [&one, &other].iter().any(|body| body.get(field).is_none_or(Value::is_null)) {
                for body in [&mut one, &mut other] {
                    body.as_object_mut().map(|members| members.remove(*field));
                }
            }
        }
        one == other
    }

    /// Every command is in the log as it was answered, and nothing is there that nobody sent.
    pub(super) async fn everything_is_recorded(&mut self) -> anyhow::Result<()> {
        let log = match read_log(&self.http, &self.auditor().token).await {
            Ok(log) => log,
            Err(error) => {
                self.broken(Promise::AsPublished, format!("the log: {error:#}"));
                return Ok(());
            }
        };
        let mut by_command: ByCommand<'_> = BTreeMap::new();
        for event in log.iter().filter(|event| event.position > self.before) {
            let json = event.json()?;
            let command = json["commandid"].as_str().context("an event without its command")?.to_owned();
            by_command.entry(command).or_default().push((event, json));
        }
        for sent in self.sent.clone() {
            let events = by_command.get(&sent.id.to_string()).map_or(&[][..], Vec::as_slice);
            if let Err(error) = self.is_recorded(&sent, events, &log) {
                let seen = format!("{}: {error:#}", self.named(&sent));
                self.broken(Promise::Recorded, seen);
            }
        }
        let known: BTreeSet<String> = self.sent.iter().map(|sent| sent.id.to_string()).collect();
        for (command, events) in &by_command {
            if !known.contains(command) && events.iter().any(|(_, event)| event["actorrole"] != "system") {
                self.broken(Promise::Recorded, format!("{command} is in the log, and nobody sent it"));
            }
        }
        self.read_alone(&log).await
    }

    fn is_recorded(&self, sent: &Sent, events: &[(&Event, Value)], log: &[Event]) -> anyhow::Result<()> {
        let of_this_id = || self.sent.iter().filter(|other| other.id == sent.id && other.is_done());
        if !sent.is_done() {
            anyhow::ensure!(
                events.is_empty() || of_this_id().next().is_some(),
                "{} was refused, and is recorded",
                sent.status
            );
            return Ok(());
        }
        let (count, first) = (sent.events(), sent.answer["first"].as_u64());
        anyhow::ensure!(
            events.len() as u64 == count,
            "{count} events were answered, and {} are recorded",
            events.len()
        );
        for (number, (event, _)) in events.iter().enumerate() {
            let expected = first.map(|first| first + number as u64);
            anyhow::ensure!(Some(event.position) == expected, "event {} should be at {expected:?}", event.position);
        }
        let Some((newest, _)) = events.last() else { return Ok(()) };
        // Where the work goes on from an earlier event, its texts stand there.
        let stream = sent.answer["stream"].as_str().context("an answer without a stream")?;
        let told: String = log
            .iter()
            .filter(|event| event.position <= newest.position && event.text.contains(stream))
            .map(|event| event.text.as_str())
            .collect();
        for text in texts(&self.document, self.operations[sent.operation].schema(), &sent.body) {
            let written = serde_json::to_string(&text).context("a text is no JSON")?;
            let bare = written.trim_matches('"');
            anyhow::ensure!(told.contains(bare), "{written} was sent, and is in no event");
        }
        Ok(())
    }

    /// An event by itself has the bytes that it has on its page.
    async fn read_alone(&mut self, log: &[Event]) -> anyhow::Result<()> {
        for _ in 0..READ_ALONE {
            let event = self.chance.pick(log);
            let answer = self.http.get(&self.auditor().token, &format!("/events/{}", event.position)).await?;
            if answer.text != event.text {
                self.broken(
                    Promise::Recorded,
                    format!("event {} has other bytes by itself: {}", event.position, answer.text),
                );
            }
        }
        Ok(())
    }
}

/// Every text of a body that has to be recorded in clear: not personal data, moments, and what is one of several values.
fn texts(document: &Document, schema: &Value, body: &Value) -> Vec<String> {
    let resolved = document.resolve(schema);
    let is_moment = matches!(resolved.schema["format"].as_str(), Some("date-time" | "date"));
    if resolved.name == Some("Personal") || is_moment || !document.choices(schema).is_empty() {
        return Vec::new();
    }
    match body {
        Value::String(text) => vec![text.clone()],
        Value::Array(entries) => {
            let of = document.entry(schema).unwrap_or(&Value::Null);
            entries.iter().flat_map(|entry| texts(document, of, entry)).collect()
        }
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| texts(document, document.member(schema, name).unwrap_or(&Value::Null), member))
            .collect(),
        _ => Vec::new(),
    }
}

//! A batch as the arrays that its statements take.

use app::port::Append;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::record::{also, count_of, events_of, leading, to_sql};

/// Per append. Streams, versions and `first_counts` are of its first part.
#[derive(Default)]
pub(super) struct Appends<'a> {
    pub(super) commands: Vec<Uuid>,
    pub(super) principals: Vec<&'a str>,
    pub(super) requests: Vec<Vec<u8>>,
    pub(super) streams: Vec<&'a str>,
    /// Before the append.
    pub(super) expecteds: Vec<i32>,
    /// After the append.
    pub(super) versions: Vec<i32>,
    pub(super) first_counts: Vec<i32>,
    /// Number of its first event in the batch, from 1.
    pub(super) firsts: Vec<i32>,
    /// Events of all its parts.
    pub(super) counts: Vec<i32>,
    pub(super) times: Vec<DateTime<Utc>>,
}

/// What only appends with several parts have. All arrays are empty if the batch has none of them.
#[derive(Default)]
pub(super) struct Others<'a> {
    /// Per append: the events of its other parts.
    pub(super) counts: Vec<i32>,
    /// Per append: its other streams as they are stored.
    pub(super) alsos: Vec<Option<String>>,
    /// Per other part: the number of its append, from 1.
    pub(super) appends: Vec<i32>,
    pub(super) streams: Vec<&'a str>,
    pub(super) expecteds: Vec<i32>,
}

/// Per event.
#[derive(Default)]
pub(super) struct Events<'a> {
    /// Number of its append, from 1.
    pub(super) appends: Vec<i32>,
    pub(super) streams: Vec<&'a str>,
    pub(super) versions: Vec<i32>,
    /// The version before the first event of a part, 0 for every other event.
    pub(super) follows: Vec<i32>,
    pub(super) ids: Vec<Uuid>,
    pub(super) types: Vec<&'a str>,
    pub(super) times: Vec<DateTime<Utc>>,
    pub(super) bytes: Vec<&'a [u8]>,
}

impl<'a> Appends<'a> {
    pub(super) fn of(batch: &'a [Append]) -> Self {
        let mut appends = Self::default();
        let mut first = 1;
        for append in batch {
            let (part, count) = (leading(append), to_sql(events_of(append)));
            appends.commands.push(append.command.uuid());
            appends.principals.push(&append.principal);
            appends.requests.push(append.request.to_bytes());
            appends.streams.push(part.stream.as_str());
            appends.expecteds.push(to_sql(part.expected.0));
            appends.versions.push(to_sql(part.version().0));
            appends.first_counts.push(to_sql(count_of(part.events.len())));
            appends.firsts.push(first);
            appends.counts.push(count);
            appends.times.push(append.at);
            first += count;
        }
        appends
    }
}

impl<'a> Others<'a> {
    pub(super) fn of(batch: &'a [Append]) -> Self {
        let mut others = Self::default();
        if batch.iter().all(|append| append.parts.len() == 1) {
            return others;
        }
        for (number, append) in (1..).zip(batch) {
            let first = count_of(leading(append).events.len());
            others.counts.push(to_sql(events_of(append) - first));
            others.alsos.push(also(append));
            for part in &append.parts[1..] {
                others.appends.push(number);
                others.streams.push(part.stream.as_str());
                others.expecteds.push(to_sql(part.expected.0));
            }
        }
        others
    }
}

impl<'a> Events<'a> {
    pub(super) fn of(batch: &'a [Append]) -> Self {
        let mut events = Self::default();
        for (number, append) in (1..).zip(batch) {
            for part in &append.parts {
                for (version, event) in (part.expected.0 + 1..).zip(&part.events) {
                    events.appends.push(number);
                    events.streams.push(part.stream.as_str());
                    events.versions.push(to_sql(version));
                    let is_first = version == part.expected.0 + 1;
                    events.follows.push(if is_first { to_sql(part.expected.0) } else { 0 });
                    events.ids.push(event.id.uuid());
                    events.types.push(event.kind);
                    events.times.push(event.time);
                    events.bytes.push(&event.bytes);
                }
            }
        }
        events
    }
}

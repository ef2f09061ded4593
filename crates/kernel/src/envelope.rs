//! The CloudEvents 1.0 envelope in JSON format: made once, then only ever copied.
//!
//! Extension attributes are lower-case letters only, as CloudEvents asks: `streamversion`, `actorid`, `actorrole`,
//! `actorscope`, `actorsecondedby`, `commandid`, `correlationid`, `causationid`, `traceparent` (the distributed-tracing extension), `audience` and
//! `department`.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::Audience;
use crate::{Actor, CommandId, CorrelationId, DepartmentCode, EventId, Scope, StreamId, Version};

/// Where an event comes from: who did what, under which command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The installation, for example `jingan`; the CloudEvents source is `/dualgrid/jingan`.
    pub installation: String,
    /// Who gave the command.
    pub actor: Actor,
    /// The client-made id of the command.
    pub command: CommandId,
    /// Joins everything that one outside action caused.
    pub correlation: CorrelationId,
    /// The event that caused the command, where a process gave it.
    pub causation: Option<EventId>,
    /// W3C trace context of the request, if it had one.
    pub traceparent: Option<String>,
}

/// What is about one event and not about its command.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// The CloudEvents id.
    pub id: EventId,
    /// The CloudEvents type.
    pub kind: &'a str,
    /// The CloudEvents subject.
    pub stream: &'a StreamId,
    /// Its number in the stream.
    pub version: Version,
    /// When it is recorded.
    pub time: DateTime<Utc>,
    /// Whom it is for.
    pub audience: Audience<'a>,
}

/// An envelope as read from its bytes; `data` is still JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Envelope<'a> {
    /// Always `1.0`.
    #[serde(borrow)]
    pub specversion: std::borrow::Cow<'a, str>,
    /// Unique in the log.
    pub id: EventId,
    /// `/dualgrid/<installation>`.
    #[serde(borrow)]
    pub source: std::borrow::Cow<'a, str>,
    /// The stored name of the event.
    #[serde(rename = "type", borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    /// The stream.
    pub subject: StreamId,
    /// RFC 3339, UTC, microseconds.
    #[serde(borrow)]
    pub time: std::borrow::Cow<'a, str>,
    /// Always `application/json`.
    #[serde(borrow)]
    pub datacontenttype: std::borrow::Cow<'a, str>,
    /// Number of the event in its stream, from 1.
    pub streamversion: Version,
    /// Who acted.
    #[serde(borrow)]
    pub actorid: std::borrow::Cow<'a, str>,
    /// In which role.
    #[serde(borrow)]
    pub actorrole: std::borrow::Cow<'a, str>,
    /// Where that role holds.
    #[serde(borrow)]
    pub actorscope: std::borrow::Cow<'a, str>,
    /// The department that lends the person who acted (派出单位).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actorsecondedby: Option<DepartmentCode>,
    /// The command that caused it.
    pub commandid: CommandId,
    /// Joins everything that one outside action caused.
    pub correlationid: CorrelationId,
    /// The event that caused the command, where a process gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<EventId>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Whom the event is for: `order.<DEPARTMENT>`, `street.<CODE>`, `district` or `internal`.
    #[serde(borrow)]
    pub audience: std::borrow::Cow<'a, str>,
    /// The department whose order the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
    /// The event itself.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// Most bytes of an event with its envelope: what nats-server carries in one message by default (`max_payload`, 1 MiB), less the
/// headers that it goes out with. A larger one is refused before it is recorded, because no copy of it could ever leave.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024 - 4 * 1024;

/// What an envelope has beside its data, about: the buffer need not grow.
const BYTES_USUAL: usize = 768;

/// An envelope as it is written: the members of [`Envelope`] in their order, of which none is copied first.
#[derive(Serialize)]
struct Written<'a> {
    specversion: &'a str,
    id: EventId,
    source: Shown<Source<'a>>,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'a str,
    streamversion: Version,
    actorid: &'a str,
    actorrole: &'a str,
    actorscope: Shown<&'a Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actorsecondedby: Option<&'a DepartmentCode>,
    commandid: CommandId,
    correlationid: CorrelationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    audience: Shown<&'a Audience<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<&'a DepartmentCode>,
    data: &'a RawValue,
}

/// Written as it is displayed.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An installation as the source of its events.
struct Source<'a>(&'a str);

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/dualgrid/{}", self.0)
    }
}

/// The source of every event of an installation.
pub fn source_of(installation: &str) -> String {
    Source(installation).to_string()
}

/// The bytes of an event. They are never made again: the log, NATS and exports hold these.
pub fn encode(header: &Header<'_>, provenance: &Provenance, data: &RawValue) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(BYTES_USUAL + data.get().len());
    let envelope = Written {
        specversion: "1.0",
        id: header.id,
        source: Shown(Source(&provenance.installation)),
        kind: header.kind,
        subject: header.stream.as_str(),
        time: &header.time.to_rfc3339_opts(SecondsFormat::Micros, true),
        datacontenttype: "application/json",
        streamversion: header.version,
        actorid: &provenance.actor.id,
        actorrole: provenance.actor.role.as_str(),
        actorscope: Shown(&provenance.actor.scope),
        actorsecondedby: provenance.actor.seconded_by.as_ref(),
        commandid: provenance.command,
        correlationid: provenance.correlation,
        causationid: provenance.causation,
        traceparent: provenance.traceparent.as_deref(),
        audience: Shown(&header.audience),
        department: match header.audience {
            Audience::Order(department) => Some(department),
            _ => None,
        },
        data,
    };
    serde_json::to_writer(&mut json, &envelope)?;
    Ok(json)
}

/// Reads an envelope; `data` stays JSON and borrows from `bytes`.
pub fn decode(bytes: &[u8]) -> Result<Envelope<'_>, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// What stands in an envelope for those who only want the event, or to know whom it goes to. It borrows from `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    /// The stored name of the event.
    pub kind: std::borrow::Cow<'a, str>,
    /// Whom it is for, as it stands there.
    pub audience: Option<std::borrow::Cow<'a, str>>,
    /// The event itself, to be read as JSON: that it is, shows then.
    pub data: &'a str,
}

/// Takes the name, the audience and the data of an event out of its envelope and nothing else.
pub fn contents(bytes: &[u8]) -> Result<Contents<'_>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        #[serde(default, borrow)]
        audience: Option<std::borrow::Cow<'a, str>>,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    if let Some(contents) = std::str::from_utf8(bytes).ok().and_then(as_encoded) {
        return Ok(contents);
    }
    let Members { kind, audience, data } = serde_json::from_slice(bytes)?;
    Ok(Contents { kind, audience, data: data.get() })
}

/// What stands in an envelope that is written as [`encode`] does: no space between members, texts without escapes and
/// numbers, and the data last. None where it is not.
fn as_encoded(envelope: &str) -> Option<Contents<'_>> {
    let mut rest = envelope.strip_prefix('{')?;
    let (mut name, mut audience) = (None, None);
    loop {
        let (member, value) = text_of(rest)?;
        let value = value.strip_prefix(':')?;
        if member == "data" {
            let (kind, data) = (name?, value.strip_suffix('}')?);
            return Some(Contents { kind, audience, data });
        }
        let end = if value.starts_with('"') {
            let (text, end) = text_of(value)?;
            match member {
                "type" => name = Some(text.into()),
                "audience" => audience = Some(text.into()),
                _ => {}
            }
            end
        } else {
            value.trim_start_matches(|digit: char| digit.is_ascii_digit())
        };
        rest = end.strip_prefix(',')?;
    }
}

/// A text in quotes that has no escapes, and what follows it.
fn text_of(json: &str) -> Option<(&str, &str)> {
    let text = json.strip_prefix('"')?;
    let end = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    let (text, rest) = text.split_at_checked(end)?;
    Some((text, rest.strip_prefix('"')?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use uuid::Uuid;

    #[test]
    fn an_envelope_as_it_is_encoded_is_taken_apart_without_reading_it() {
        let usual = r#"{"specversion":"1.0","type":"a.b.v1","streamversion":12,"data":{"data":"}"}}"#;
        let contents = Contents { kind: "a.b.v1".into(), audience: None, data: r#"{"data":"}"}"# };
        assert_eq!(as_encoded(usual), Some(contents.clone()));
        let of_department = usual.replace(r#""data":{"#, r#""audience":"order.CGZF","data":{"#);
        assert_eq!(as_encoded(&of_department), Some(Contents { audience: Some("order.CGZF".into()), ..contents }));
        for other in [
            r#"{"type":"a.b.v1","data":{}"#,
            r#"{ "type":"a.b.v1","data":{}}"#,
            r#"{"type":"a.\u0062.v1","data":{}}"#,
            r#"{"data":{},"type":"a.b.v1"}"#,
            r#"{"type":"a.b.v1","more":{"data":1},"data":{}}"#,
            r#"{"type":"a.b.v1","more":null,"data":{}}"#,
        ] {
            let taken = as_encoded(other).filter(|contents| contents.data.ends_with('}'));
            assert_eq!(taken, None, "{other}");
        }
    }

    #[test]
    fn an_envelope_is_a_cloud_event_and_keeps_its_data_byte_for_byte() {
        let stream = StreamId::new("case", Uuid::from_u128(1));
        let data = RawValue::from_string(r#"{ "b" : 1,"a":"静安寺" }"#.to_owned()).unwrap();
        let provenance = Provenance {
            installation: "sample".into(),
            actor: Actor { id: "staff-1".into(), role: Role::GridLeader, scope: Scope::Everywhere, seconded_by: None },
            command: CommandId::named("c"),
            correlation: CorrelationId::named("c"),
            causation: None,
            traceparent: None,
        };
        let header = Header {
            id: EventId::named("e"),
            kind: "cn.dualgrid.case.issue_discovered.v1",
            stream: &stream,
            version: Version(1),
            time: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
            audience: Audience::District,
        };
        let bytes = encode(&header, &provenance, &data).unwrap();
        let read = decode(&bytes).unwrap();
        assert_eq!(read.data.get(), data.get());
        assert_eq!(read.subject, stream);
        assert_eq!(read.time, "2027-01-15T08:00:00.123456Z");
        assert_eq!(serde_json::to_vec(&read).unwrap(), bytes);
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for required in ["specversion", "id", "source", "type"] {
            assert!(json[required].is_string(), "CloudEvents requires {required}");
        }
        let names = json.as_object().unwrap().keys();
        assert!(names.clone().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()) && name.len() <= 20));
    }

    #[test]
    fn every_member_is_written_as_it_is_read() {
        let stream = StreamId::new("case", Uuid::from_u128(1));
        let department = DepartmentCode::try_new("CGZF").unwrap();
        let data = RawValue::from_string("{}".to_owned()).unwrap();
        let provenance = Provenance {
            installation: "a \"b\"".into(),
            actor: Actor {
                id: "c\\d\n".into(),
                role: Role::DepartmentClerk,
                scope: Scope::Department(department.clone()),
                seconded_by: Some(DepartmentCode::try_new("LHSR").unwrap()),
            },
            command: CommandId::named("c"),
            correlation: CorrelationId::named("d"),
            causation: Some(EventId::named("cause")),
            traceparent: Some("00-1-2-01".into()),
        };
        let header = Header {
            id: EventId::named("e"),
            kind: "cn.dualgrid.case.order_accepted.v1",
            stream: &stream,
            version: Version(7),
            time: DateTime::from_timestamp_micros(1_800_000_000_000_000).unwrap(),
            audience: Audience::Order(&department),
        };
        let bytes = encode(&header, &provenance, &data).unwrap();
        let read = decode(&bytes).unwrap();
        assert_eq!((&*read.source, &*read.actorid), ("/dualgrid/a \"b\"", "c\\d\n"));
        assert_eq!((&*read.actorscope, read.department.as_ref()), ("department:CGZF", Some(&department)));
        assert_eq!(read.actorsecondedby.as_ref().map(DepartmentCode::as_str), Some("LHSR"));
        assert_eq!(&*read.audience, "order.CGZF");
        assert_eq!(read.causationid, Some(EventId::named("cause")));
        assert_eq!(read.traceparent.as_deref(), Some("00-1-2-01"));
        assert_eq!(serde_json::to_vec(&read).unwrap(), bytes);
    }
}

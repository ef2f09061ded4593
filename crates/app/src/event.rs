//! A recorded event, read: the one decoder.

use kernel::event::ReadError;
use kernel::{AnyEvent, Event, Recorded, envelope};

/// Reads an event of whichever kind it is: `registry::decode`, handed to those who stand below the registry.
pub type Decode = fn(&Recorded) -> Result<AnyEvent, Unreadable>;

/// Why a recorded event cannot be read. A reader stops here.
#[derive(Clone, Debug, thiserror::Error)]
#[error("event {position} cannot be read: {reason}")]
pub struct Unreadable {
    /// The event.
    pub position: kernel::Position,
    /// Why.
    pub reason: String,
}

/// Reads an event of one aggregate: the one decoder, for decisions and views alike. Its name is read from its bytes,
/// which are the record; the column beside them is for look-ups.
///
/// Upcasting belongs here, and nowhere else: events are found by their stored name with its version (`….v1`). The name
/// and the data of a retired version are first turned, JSON to JSON, into those of the next one, and only then given
/// to [`Event::read`]. None is retired yet.
pub fn read_as<E: Event>(recorded: &Recorded) -> Result<E, Unreadable> {
    let unreadable = |reason: String| Unreadable { position: recorded.position, reason };
    let contents = envelope::contents(&recorded.bytes).map_err(|error| unreadable(error.to_string()))?;
    E::read(&contents.kind, contents.data).map_err(|error| {
        unreadable(match &error {
            ReadError::UnknownType(_) => error.to_string(),
            ReadError::Data { source, .. } => format!("{error}: {source}"),
        })
    })
}

impl From<Unreadable> for crate::Error {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use case::CaseEvent;
    use chrono::DateTime;
    use kernel::envelope::{Header, Provenance};
    use kernel::{Actor, CommandId, CorrelationId, EventId, Position, Role, Scope, StreamId, Version};
    use serde_json::value::RawValue;

    use super::*;

    fn recorded(kind: &str, data: &str) -> Recorded {
        let (stream, time) = (StreamId::new("case", uuid::Uuid::from_u128(1)), DateTime::UNIX_EPOCH);
        let id = EventId::new(uuid::Uuid::from_u128(2));
        let audience = kernel::Audience::Internal;
        let header = Header { id, kind, stream: &stream, version: Version(1), time, audience };
        let command = CommandId::new(uuid::Uuid::from_u128(3));
        let correlation = CorrelationId::new(command.uuid());
        let actor =
            Actor { id: "somebody".into(), role: Role::DutyOfficer, scope: Scope::Everywhere, seconded_by: None };
        let provenance =
            Provenance { installation: "test".into(), actor, command, correlation, causation: None, traceparent: None };
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let bytes = envelope::encode(&header, &provenance, &data).unwrap().into();
        // The column says something else: the bytes are the record.
        let kind = "cn.dualgrid.case.case_closed.v1".to_owned();
        Recorded { position: Position(7), version: header.version, id, kind, time, bytes, stream }
    }

    #[test]
    fn an_event_is_what_its_bytes_say() {
        let read: CaseEvent = read_as(&recorded(
            "cn.dualgrid.case.issue_voided.v1",
            r#"{"reason":"误报","voided_at":"2026-03-02T02:00:00Z"}"#,
        ))
        .unwrap();
        assert!(matches!(read, CaseEvent::IssueVoided(voided) if voided.reason == "误报"));
    }

    #[test]
    fn an_envelope_may_name_its_event_after_the_data() {
        let mut recorded = recorded("cn.dualgrid.case.issue_voided.v1", r#"{"reason":"误报"}"#);
        let text = r#"{"data":{"reason":"误报","voided_at":"2026-03-02T02:00:00Z"},"type":"cn.dualgrid.case.issue_voided.v1"}"#;
        recorded.bytes = text.as_bytes().to_vec().into();
        assert!(matches!(read_as(&recorded), Ok(CaseEvent::IssueVoided(voided)) if voided.reason == "误报"));
        recorded.bytes = format!("{text} trailing").into_bytes().into();
        let trailing = read_as::<CaseEvent>(&recorded).unwrap_err();
        assert!(trailing.reason.contains("trailing characters"), "{trailing}");
    }

    #[test]
    fn what_cannot_be_read_says_which_event_and_why() {
        let unknown = read_as::<CaseEvent>(&recorded("cn.dualgrid.case.issue_voided.v9", "{}")).unwrap_err();
        assert!(unknown.to_string().contains("event 7") && unknown.reason.contains("issue_voided.v9"), "{unknown}");
        let unfit = read_as::<CaseEvent>(&recorded("cn.dualgrid.case.issue_voided.v1", "{}")).unwrap_err();
        assert!(unfit.reason.contains("issue_voided.v1") && unfit.reason.contains("missing field"), "{unfit}");
    }
}

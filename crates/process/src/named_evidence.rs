//! Which files are named where: what decides who may read a file, and whether it may be removed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::Role::{AuditAdministrator, Auditor};
use kernel::digest::Digest;
use kernel::{Allowed, EventId, Evidence, Key, Place, Position, Reach, Read, StreamId, View, envelope, evidence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One file, as one aggregate names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedEvidenceRow {
    /// The stream of the aggregate, for example `case-UUID`.
    #[schemars(with = "String")]
    pub stream: StreamId,
    pub evidence: Evidence,
    /// Whose it was, of everybody who named it: a staff id, or `department:CODE`.
    pub owners: BTreeSet<String>,
    /// The event that named it first.
    pub event: EventId,
    pub named_at: DateTime<Utc>,
    /// Position of the event that named it last.
    pub position: Position,
}

/// The fold.
pub struct NamedEvidence;

/// The events that name no file.
const NONE: &[&str] = &[
    "cn.dualgrid.case.issue_registered.v1",
    "cn.dualgrid.case.duplicate_suspected.v1",
    "cn.dualgrid.case.issue_merged.v1",
    "cn.dualgrid.case.issue_taken_in.v1",
    "cn.dualgrid.case.issue_voided.v1",
    "cn.dualgrid.case.grid_handling_started.v1",
    "cn.dualgrid.case.grid_rework_required.v1",
    "cn.dualgrid.case.deliberation_opened.v1",
    "cn.dualgrid.case.proposal_revised.v1",
    "cn.dualgrid.case.deliberation_concluded.v1",
    "cn.dualgrid.case.deliberation_waived.v1",
    "cn.dualgrid.case.issue_escalated.v1",
    "cn.dualgrid.case.case_filed.v1",
    "cn.dualgrid.case.filing_refused.v1",
    "cn.dualgrid.case.case_dispatched.v1",
    "cn.dualgrid.case.order_accepted.v1",
    "cn.dualgrid.case.return_requested.v1",
    "cn.dualgrid.case.return_approved.v1",
    "cn.dualgrid.case.order_withdrawn.v1",
    "cn.dualgrid.case.return_refused.v1",
    "cn.dualgrid.case.case_disposed.v1",
    "cn.dualgrid.case.feedback_recorded.v1",
    "cn.dualgrid.case.merged_issue_answered.v1",
    "cn.dualgrid.case.merged_finder_heard.v1",
    "cn.dualgrid.case.merged_case_reopened.v1",
    "cn.dualgrid.case.case_closed.v1",
    "cn.dualgrid.case.case_reopened.v1",
    "cn.dualgrid.case.case_left.v1",
    "cn.dualgrid.case.reporter_read.v1",
    "cn.dualgrid.case.reader_named.v1",
    "cn.dualgrid.case.case_moved.v1",
    "cn.dualgrid.pledge.pledge_kept.v1",
    "cn.dualgrid.pledge.pledge_withdrawn.v1",
];

impl View for NamedEvidence {
    const NAME: &'static str = "named_evidence";
    const PATH: &'static str = "named-evidence";
    const ABOUT: &'static str = "Which file is named where, the newest first";
    const ACTION: &'static str = "read-named-evidence";
    const READ: Allowed = &[(Auditor, Reach::Everywhere), (AuditAdministrator, Reach::Everywhere)];
    const FROM: &'static [&'static str] = &["case", "pledge"];
    const NONE: &'static [&'static str] = NONE;
    const FILTERS: &'static [&'static [&'static str]] = &[&["sha256"], &["stream"]];
    type Row = NamedEvidenceRow;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        for evidence in named(event) {
            touch(key_of(&event.recorded.stream, evidence.sha256));
        }
    }

    fn fold(key: &Key, row: &mut Option<NamedEvidenceRow>, event: &Read<'_>) {
        let stream = &event.recorded.stream;
        let Some(evidence) = named(event).into_iter().find(|evidence| key_of(stream, evidence.sha256) == *key) else {
            return;
        };
        let row = row.get_or_insert_with(|| NamedEvidenceRow {
            stream: stream.clone(),
            evidence,
            owners: BTreeSet::new(),
            event: event.recorded.id,
            named_at: event.time(),
            position: event.position(),
        });
        if let Ok(envelope) = envelope::decode(&event.recorded.bytes) {
            row.owners.insert(evidence::owner_of(&envelope.actorid, &envelope.actorscope).to_owned());
        }
        row.position = event.position();
    }

    fn place(_: &NamedEvidenceRow) -> Place {
        Place::default()
    }

    fn sort(row: &NamedEvidenceRow) -> i64 {
        row.position.0.cast_signed()
    }

    fn values(row: &NamedEvidenceRow, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "sha256" => give(&row.evidence.sha256.to_string()),
            "stream" => give(&row.stream.to_string()),
            _ => {}
        }
    }
}

/// The files that an event names.
fn named(event: &Read<'_>) -> Vec<Evidence> {
    let bytes = &event.recorded.bytes;
    // Most events name none, and their envelopes are not read for that.
    if !std::str::from_utf8(bytes).is_ok_and(evidence::may_name) {
        return Vec::new();
    }
    envelope::decode(bytes).map_or_else(|_| Vec::new(), |read| evidence::named_in(read.data.get()))
}

fn key_of(stream: &StreamId, sha256: Digest) -> Key {
    Key::Text(format!("{stream}:{sha256}").into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::envelope::{Header, Provenance};
    use kernel::{Actor, Audience, CommandId, CorrelationId, DepartmentCode, Recorded, Role, Scope, Version};
    use serde_json::json;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;

    fn file(byte: u8) -> Evidence {
        Evidence { sha256: Digest::of(&[byte]), media_type: "image/png".into(), size: 1 }
    }

    fn recorded(position: u64, case: u128, by: Actor, files: &[Evidence]) -> Recorded {
        let command = CommandId::named("a command");
        let provenance = Provenance {
            installation: "test".into(),
            actor: by,
            command,
            correlation: CorrelationId::new(command.uuid()),
            causation: None,
            traceparent: None,
        };
        let (kind, stream) = ("cn.dualgrid.case.part_disposed.v1", StreamId::new("case", Uuid::from_u128(case)));
        let (id, version, time) = (EventId::named(&position.to_string()), Version(1), given::NOW);
        let header = Header { id, kind, stream: &stream, version, time, audience: Audience::Internal };
        let data = RawValue::from_string(json!({ "evidence": files, "result": "done" }).to_string()).unwrap();
        let bytes = envelope::encode(&header, &provenance, &data).unwrap().into();
        Recorded { position: Position(position), stream, version, id, kind: kind.into(), time, bytes }
    }

    fn actor(id: &str, scope: Scope) -> Actor {
        Actor { id: id.into(), role: Role::GridLeader, scope, seconded_by: None }
    }

    fn folded(events: &[Recorded]) -> BTreeMap<String, NamedEvidenceRow> {
        let mut rows = BTreeMap::new();
        for recorded in events {
            let read = Read::new(recorded, &());
            let mut touched = Vec::new();
            NamedEvidence::keys(&read, &mut |key| touched.push(key));
            for key in touched {
                let mut row = rows.remove(&key.to_string());
                NamedEvidence::fold(&key, &mut row, &read);
                rows.extend(row.map(|row| (key.to_string(), row)));
            }
        }
        rows
    }

    #[test]
    fn a_file_has_a_row_for_each_aggregate_that_names_it_and_knows_whose_it_was() {
        let clerk = actor("staff-2", Scope::Department(DepartmentCode::try_new("CGZF").unwrap()));
        let leader = || actor("staff-1", Scope::Everywhere);
        let rows = folded(&[
            recorded(1, 7, leader(), &[file(1), file(2)]),
            recorded(2, 7, clerk, &[file(1)]),
            recorded(3, 8, leader(), &[file(1)]),
            recorded(4, 8, leader(), &[]),
        ]);
        assert_eq!(rows.len(), 3);
        let of_7 = &rows[&key_of(&StreamId::new("case", Uuid::from_u128(7)), file(1).sha256).to_string()];
        assert_eq!((of_7.event, of_7.position), (EventId::named("1"), Position(2)));
        assert_eq!(of_7.owners, BTreeSet::from(["staff-1".to_owned(), "department:CGZF".to_owned()]));
        let mut found = Vec::new();
        NamedEvidence::values(of_7, "sha256", &mut |value| found.push(value.to_owned()));
        assert_eq!(found, [file(1).sha256.to_string()]);
    }
}

//! The subjects on which both sides agree: events and commands.

use kernel::{DepartmentCode, GridCode, Position, Recorded, envelope};

/// The subjects of all events.
pub const SUBJECTS: &str = "dg.evt.>";

/// The verb under which files come: as large as a message may be (`max_payload`, 1 MiB by default); larger ones over HTTP.
pub(crate) const UPLOAD: &str = "upload-evidence";

/// An event that has no subject. Nothing after it is published until that is mended.
///
/// The reason quotes nothing that was stored: readiness shows it to everybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position} has no subject: {reason}")]
pub struct Unroutable {
    pub position: Position,
    pub reason: &'static str,
}

/// The subject of an event: `dg.evt.<audience>.<event>`, with the audience `order.<DEPARTMENT>`, `street.<CODE>`, `district`
/// or `internal`. `cn.dualgrid.case.order_accepted.v1` is the event `order_accepted`. Both are read from the event's bytes,
/// which are the record.
///
/// # Errors
/// [`Unroutable`] if the envelope cannot be read, or its type or audience has another form.
pub fn subject_of(event: &Recorded) -> Result<String, Unroutable> {
    let unroutable = |reason| Unroutable { position: event.position, reason };
    let contents = envelope::contents(&event.bytes).map_err(|_| unroutable("its envelope cannot be read"))?;
    let name = contents.kind.rsplit('.').nth(1).filter(|name| is_event(name));
    let name = name.ok_or_else(|| unroutable("its type names no event"))?;
    let audience = contents.audience.ok_or_else(|| unroutable("its envelope names no audience"))?;
    check_audience(&audience).map_err(unroutable)?;
    Ok(format!("dg.evt.{audience}.{name}"))
}

fn is_event(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Refuses what would widen a subject, or hide an event from those it is for.
fn check_audience(text: &str) -> Result<(), &'static str> {
    match text.split_once('.') {
        None if matches!(text, "district" | "internal") => Ok(()),
        Some(("order", code)) => match DepartmentCode::try_new(code) {
            Ok(_) => Ok(()),
            Err(_) => Err("its audience names no department"),
        },
        Some(("street", code)) => match GridCode::try_new(code) {
            Ok(_) => Ok(()),
            Err(_) => Err("its audience names no grid"),
        },
        _ => Err("its audience is not order.<DEPARTMENT>, street.<CODE>, district or internal"),
    }
}

/// The subjects of the events about a department's orders.
pub fn subjects_of(department: &DepartmentCode) -> String {
    format!("dg.evt.order.{department}.>")
}

/// The subjects of the events of an audience that an integrator was granted: `order.<CODE>`, `order.*`, `street.<CODE>`, `street.*`
/// or `district`. What is `internal` is granted to nobody.
///
/// # Errors
/// What is wrong with the audience.
pub fn subjects_of_audience(audience: &str) -> Result<String, &'static str> {
    match audience {
        "internal" => Err("the audience internal is granted to nobody"),
        "order.*" | "street.*" => Ok(format!("dg.evt.{audience}.>")),
        one => check_audience(one).map(|()| format!("dg.evt.{one}.>")),
    }
}

/// The subject of a department's command.
pub(crate) fn command(department: &DepartmentCode, verb: &str) -> String {
    format!("dg.cmd.{department}.{verb}")
}

/// The subjects of every command of a department.
pub(crate) fn commands_of(department: &DepartmentCode) -> String {
    format!("dg.cmd.{department}.*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use chrono::DateTime;
    use kernel::{EventId, StreamId, Version};

    fn subject(envelope: &'static str) -> Result<String, Unroutable> {
        subject_of(&Recorded {
            position: Position(7),
            stream: StreamId::new("case", uuid::Uuid::from_u128(1)),
            version: Version(1),
            id: EventId::named("e"),
            kind: "what.the.column.says.v1".to_owned(),
            time: DateTime::UNIX_EPOCH,
            bytes: Bytes::from_static(envelope.as_bytes()),
        })
    }

    #[test]
    fn an_event_goes_to_its_audience() {
        for (envelope, expected) in [
            (
                r#"{"type":"cn.dualgrid.case.order_accepted.v1","audience":"order.CG-ZF","data":{"audience":"X"}}"#,
                "dg.evt.order.CG-ZF.order_accepted",
            ),
            (
                r#"{ "audience": "street.BZ", "data": {}, "type": "cn.dualgrid.case.case_filed.v12" }"#,
                "dg.evt.street.BZ.case_filed",
            ),
            (
                r#"{"type":"cn.dualgrid.district.grid_closed.v1","audience":"district","data":{}}"#,
                "dg.evt.district.grid_closed",
            ),
            (
                r#"{"type":"cn.dualgrid.district.post_ended.v1","audience":"internal","data":{}}"#,
                "dg.evt.internal.post_ended",
            ),
        ] {
            assert_eq!(subject(envelope).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_integrator_is_granted_audiences_and_nothing_wider() {
        for (audience, subjects) in [
            ("district", "dg.evt.district.>"),
            ("order.*", "dg.evt.order.*.>"),
            ("order.CGZF", "dg.evt.order.CGZF.>"),
            ("street.JAS", "dg.evt.street.JAS.>"),
            ("street.*", "dg.evt.street.*.>"),
        ] {
            assert_eq!(subjects_of_audience(audience).as_deref(), Ok(subjects));
        }
        assert_eq!(subjects_of_audience("internal"), Err("the audience internal is granted to nobody"));
        for wrong in [
            "",
            "*",
            ">",
            "internal.*",
            "order",
            "order.",
            "order.>",
            "order.*.x",
            "order.CG*",
            "district.*",
            "street.a b",
        ] {
            assert!(subjects_of_audience(wrong).is_err_and(|reason| reason.starts_with("its audience")), "{wrong}");
        }
    }

    #[test]
    fn what_would_widen_or_lose_a_subject_is_not_published() {
        const NO_EVENT: &str = "its type names no event";
        const NO_DEPARTMENT: &str = "its audience names no department";
        const OTHER: &str = "its audience is not order.<DEPARTMENT>, street.<CODE>, district or internal";
        for (envelope, reason) in [
            (r#"{"type":"cn.dualgrid.case.*.v1","audience":"district","data":{}}"#, NO_EVENT),
            (r#"{"type":"cn.dualgrid.case..v1","audience":"district","data":{}}"#, NO_EVENT),
            (r#"{"type":"plain","audience":"district","data":{}}"#, NO_EVENT),
            (r#"{"type":"a.b.order_accepted.v1","audience":"order.a.>","data":{}}"#, NO_DEPARTMENT),
            (r#"{"type":"a.b.order_accepted.v1","audience":"order.","data":{}}"#, NO_DEPARTMENT),
            (r#"{"type":"a.b.order_accepted.v1","audience":"order.A.B","data":{}}"#, NO_DEPARTMENT),
            (r#"{"type":"a.b.case_filed.v1","audience":"street.*","data":{}}"#, "its audience names no grid"),
            (r#"{"type":"a.b.case_filed.v1","audience":"street","data":{}}"#, OTHER),
            (r#"{"type":"a.b.case_filed.v1","audience":"","data":{}}"#, OTHER),
            (r#"{"type":"a.b.case_filed.v1","audience":">","data":{}}"#, OTHER),
            (r#"{"type":"a.b.case_filed.v1","audience":"district.x","data":{}}"#, OTHER),
            (r#"{"type":"a.b.case_filed.v1","data":{}}"#, "its envelope names no audience"),
            (r#"{"audience":"district","data":{}}"#, "its envelope cannot be read"),
            ("no json", "its envelope cannot be read"),
        ] {
            let refused = Unroutable { position: Position(7), reason };
            assert_eq!(subject(envelope), Err(refused), "{envelope}");
        }
    }
}

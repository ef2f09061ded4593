//! Reads a command from a message: who sends it, which verb, about what.

use app::Problem;
use app::content::{self, NotTaken};
use app::intake::{Expected, NotExpected, Request};
use async_nats::{HeaderMap, HeaderName, Message};
use bytes::Bytes;
use kernel::{Actor, DepartmentCode};
use serde::Deserialize;
use uuid::Uuid;

use crate::header::{
    self, ACTOR, AUTHORIZATION, COMMAND_ID, CONTENT_ENCODING, CONTENT_TYPE, CORRELATION_ID, IF_MATCH, IF_NONE_MATCH,
    POST, REQUEST_INFO, TRACEPARENT,
};
use crate::rules::{Rule, rule_of};
use crate::subject::UPLOAD;

/// Where nats-server lets the answers to requests from other accounts go. No client can publish or listen there.
const SERVICE_REPLY: &str = "_R_.";

/// Whether it came through the account of the department in its subject: nats-server itself says so in a header, which it
/// replaces where the sender has set it, and gives the answer a reply subject that leads back into that account.
pub(super) fn has_own_account(message: &Message) -> bool {
    #[derive(Deserialize)]
    struct Sender {
        acc: String,
    }
    let (Ok((department, _)), Some(reply)) = (department_and_verb(&message.subject), &message.reply) else {
        return false;
    };
    // Of just this spelling: any other is the sender's own.
    let told = message.headers.as_ref().and_then(|headers| headers.get(REQUEST_INFO));
    let sender = told.and_then(|told| serde_json::from_str::<Sender>(told.as_str()).ok());
    let member = sender.and_then(|sender| accounts::member_of_account(&sender.acc));
    let is_own = member.is_some_and(|member| member.is_department() && member.name() == department.as_str());
    is_own && reply.starts_with(SERVICE_REPLY)
}

/// Who says that they ask: the department of the subject, and its clerk where there is a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    pub(super) department: DepartmentCode,
    pub(super) token: Option<&'a str>,
    pub(super) post: Option<&'a str>,
}

/// Reads who says that they ask. A name in a header proves nothing.
pub(super) fn claim(message: &Message) -> Result<Claim<'_>, Problem> {
    let (department, _) = department_and_verb(&message.subject)?;
    let Some(headers) = message.headers.as_ref() else { return Ok(Claim { department, token: None, post: None }) };
    if values(headers, &ACTOR).next().is_some() {
        let detail = "nobody is who a header says: leave Dualgrid-Actor out, and send a clerk's token in `Authorization: Bearer TOKEN`";
        return Err(problem("actor-not-taken", detail.to_owned()));
    }
    let post = only(headers, POST)?;
    let Some(authorization) = only(headers, AUTHORIZATION)? else {
        let detail = "the department's program has no posts; send Dualgrid-Post with a clerk's token, or leave it out";
        let none = Claim { department, token: None, post: None };
        return if post.is_some() { Err(problem("post-not-taken", detail.to_owned())) } else { Ok(none) };
    };
    let bearer = authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let missing = || {
        Problem::new(401, "token-missing", "send a clerk's token as `Authorization: Bearer TOKEN`, or no such header")
    };
    let token = bearer.map(|(_, token)| token.trim()).ok_or_else(missing)?;
    Ok(Claim { department, token: Some(token), post })
}

/// Reads a command of somebody who was proved, and what it relies on.
pub(super) fn read(message: &Message, actor: Actor) -> Result<(Request, Option<Expected>), Problem> {
    let (_, verb) = department_and_verb(&message.subject)?;
    let unknown = || Problem::new(404, "unknown-command", format!("a department cannot send `{verb}`"));
    let rule = rule_of(&verb).ok_or_else(unknown)?;
    let none = HeaderMap::new();
    let headers = message.headers.as_ref().unwrap_or(&none);
    // Nothing declared is JSON: no other body is sent here.
    if media_type(headers)?.is_some_and(|declared| !content::is_json(&declared)) {
        return Err(not_taken(NotTaken::NotJson));
    }
    let expected = expected(headers)?;
    let request = Request {
        actor,
        command: required(headers, COMMAND_ID, "a UUID that you make for this command and send again with a repeat")?
            .into(),
        correlation: optional(headers, CORRELATION_ID)?.map(Uuid::into),
        causation: None,
        // What is broken or given twice is dropped, as over HTTP.
        traceparent: only(headers, TRACEPARENT).ok().flatten().and_then(kernel::trace::traceparent),
        name: rule.verb.to_owned(),
        id: about(headers, rule)?,
        body: message.payload.clone(),
    };
    Ok((request, expected))
}

/// What the command relies on, read as over HTTP.
fn expected(headers: &HeaderMap) -> Result<Option<Expected>, Problem> {
    let read = if values(headers, &IF_NONE_MATCH).next().is_some() {
        Err(NotExpected::NotTaken("If-None-Match"))
    } else {
        Expected::read(&values(headers, &IF_MATCH).collect::<Vec<&str>>())
    };
    read.map_err(|error| problem(error.code(), error.to_string()))
}

/// The id of what the command is about.
fn about(headers: &HeaderMap, rule: &Rule) -> Result<Option<Uuid>, Problem> {
    if rule.is_single {
        return Ok(None);
    }
    let what = format!("the id of the {}, as the event names it", rule.kind);
    required(headers, header::id_of(rule.kind), &what).map(Some)
}

/// Reads a file and its media type.
pub(super) fn read_upload(message: &Message) -> Result<(String, Bytes), Problem> {
    let none = HeaderMap::new();
    let headers = message.headers.as_ref().unwrap_or(&none);
    let missing =
        || problem("header-missing", format!("the header {CONTENT_TYPE} is missing: it is the media type of the file"));
    let media_type = media_type(headers)?.ok_or_else(missing)?;
    for (name, named) in [(IF_MATCH, "If-Match"), (IF_NONE_MATCH, "If-None-Match")] {
        if values(headers, &name).next().is_some() {
            let error = NotExpected::NotOfFiles(named);
            return Err(problem(error.code(), error.to_string()));
        }
    }
    Ok((media_type, message.payload.clone()))
}

fn department_and_verb(subject: &str) -> Result<(DepartmentCode, String), Problem> {
    let problem = |detail: String| problem("malformed-subject", detail);
    let rest = subject.strip_prefix("dg.cmd.").and_then(|rest| rest.split_once('.'));
    let (code, verb) = rest.ok_or_else(|| problem(format!("{subject} is not dg.cmd.<CODE>.<verb>")))?;
    let department = DepartmentCode::try_new(code).map_err(|error| problem(error.to_string()))?;
    Ok((department, verb.to_owned()))
}

/// Who sends it, as far as requests are counted: the department, whichever clerk asks.
pub(super) fn sender(message: &Message) -> Result<String, Problem> {
    let (department, _) = department_and_verb(&message.subject)?;
    Ok(Actor::id_of_department(&department))
}

/// What a message asks for, and the id of what it is about, as a line of the log may name them.
pub(super) fn about_of(message: &Message) -> (&'static str, String) {
    let Ok((_, verb)) = department_and_verb(&message.subject) else { return ("unknown", String::new()) };
    if verb == UPLOAD {
        return (UPLOAD, String::new());
    }
    let Some(rule) = rule_of(&verb) else { return ("unknown", String::new()) };
    let none = HeaderMap::new();
    let id = about(message.headers.as_ref().unwrap_or(&none), rule).ok().flatten();
    (rule.verb, id.map(|id| id.to_string()).unwrap_or_default())
}

fn required(headers: &HeaderMap, name: HeaderName, what: &str) -> Result<Uuid, Problem> {
    let missing = format!("the header {name} is missing: it is {what}");
    optional(headers, name)?.ok_or_else(|| problem("header-missing", missing))
}

fn optional(headers: &HeaderMap, name: HeaderName) -> Result<Option<Uuid>, Problem> {
    let read = only(headers, name.clone())?.map(kernel::id::read_uuid).transpose();
    read.map_err(|error| problem("malformed-header", format!("the header {name} does not fit: {error}")))
}

/// The value of a header that may be given once: nobody could say which of two counts.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = values(headers, &name);
    let value = values.next();
    if values.next().is_some() {
        return Err(problem("header-repeated", format!("the header {name} is given more than once; send it once")));
    }
    Ok(value.map(str::trim))
}

/// Every value of a header, whose name is compared without case as over HTTP. NATS tells names of other case apart.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let name: &str = name.as_ref();
    let named = headers.iter().filter(move |(found, _)| AsRef::<str>::as_ref(*found).eq_ignore_ascii_case(name));
    named.flat_map(|(_, values)| values).map(async_nats::HeaderValue::as_str)
}

/// The media type of the payload, read as over HTTP.
fn media_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let declared = only(headers, CONTENT_TYPE)?;
    let codings: Vec<&str> = values(headers, &CONTENT_ENCODING).collect();
    content::media_type(declared, &codings).map_err(not_taken)
}

fn not_taken(error: NotTaken) -> Problem {
    Problem::new(415, error.code(), error.to_string())
}

fn problem(code: &str, detail: String) -> Problem {
    Problem::new(400, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{CommandId, Role, Scope, Version};

    fn message(subject: &str, headers: &[(HeaderName, &str)]) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), *value);
        }
        Message {
            subject: subject.into(),
            reply: None,
            payload: Bytes::from_static(b"{}"),
            headers: Some(map),
            status: None,
            description: None,
            length: 0,
        }
    }

    const UUID: &str = "0190b6a5-6a4e-7cc5-9c8b-3f1f0a8d2e11";

    fn whole() -> Vec<(HeaderName, &'static str)> {
        vec![(COMMAND_ID, UUID), (header::id_of("case"), UUID)]
    }

    fn clerk() -> Actor {
        let scope = Scope::Department(DepartmentCode::try_new("CGZF").unwrap());
        Actor { id: "li.wei".into(), role: Role::DepartmentClerk, scope, seconded_by: None }
    }

    /// Reads who says that they ask, and then the command as of the clerk.
    fn taken(message: &Message) -> Result<(Request, Option<Expected>), Problem> {
        claim(message)?;
        read(message, clerk())
    }

    fn code(subject: &str, headers: &[(HeaderName, &str)]) -> String {
        taken(&message(subject, headers)).map_or_else(|problem| problem.code, |_| "taken".into())
    }

    #[test]
    fn the_department_is_the_one_of_the_subject() {
        let sent = message("dg.cmd.CGZF.accept-order", &whole());
        let department = DepartmentCode::try_new("CGZF").unwrap();
        assert_eq!(claim(&sent), Ok(Claim { department: department.clone(), token: None, post: None }));
        let (request, expected) = taken(&sent).unwrap();
        assert_eq!((expected, request.name.as_str(), request.actor), (None, "accept-order", clerk()));
        assert_eq!(request.command, UUID.parse::<CommandId>().unwrap());
        assert_eq!(request.id, Some(UUID.parse().unwrap()));
        let headers = [whole(), vec![(AUTHORIZATION, "Bearer  abc "), (POST, "desk")]].concat();
        let by_clerk = message("dg.cmd.CGZF.accept-order", &headers);
        assert_eq!(claim(&by_clerk), Ok(Claim { department, token: Some("abc"), post: Some("desk") }));
    }

    #[test]
    fn only_the_account_of_the_department_in_the_subject_is_its_own() {
        let own = |subject: &str, reply: Option<&str>, told: &[(HeaderName, &str)]| {
            let reply = reply.map(Into::into);
            has_own_account(&Message { reply, ..message(subject, told) })
        };
        let (subject, reply) = ("dg.cmd.CG-01.accept-order", Some("_R_.abc.def"));
        let told = r#"{"acc":"D_CG-01","rtt":1133099}"#;
        assert!(own(subject, reply, &[(REQUEST_INFO, told)]));
        for other in [
            "",
            "{}",
            "D_CG-01",
            r#"{"acc":"D_CG-011"}"#,
            r#"{"acc":"D_LH"}"#,
            r#"{"acc":"I_CG-01"}"#,
            r#"{"acc":"CORE"}"#,
        ] {
            assert!(!own(subject, reply, &[(REQUEST_INFO, other)]), "{other}");
        }
        let sent = HeaderName::from_static("nats-request-info");
        assert!(!own(subject, reply, &[(sent, told)]), "what nats-server has not written");
        assert!(!own(subject, reply, &[]));
        for elsewhere in [
            None,
            Some(""),
            Some("_INBOX.a"),
            Some("_R_"),
            Some("dg.evt.district.x"),
            Some("$JS.API.STREAM.DELETE.DUALGRID"),
        ] {
            assert!(!own(subject, elsewhere, &[(REQUEST_INFO, told)]), "{elsewhere:?}");
        }
        assert!(!own("dg.cmd.*.accept-order", reply, &[(REQUEST_INFO, r#"{"acc":"D_*"}"#)]));
    }

    /// The rest of the forms is tested at the door of HTTP, which has the same parser.
    #[test]
    fn a_command_relies_on_versions_as_over_http() {
        let subject = "dg.cmd.CGZF.accept-order";
        let given = |lines: &[(HeaderName, &'static str)]| [whole(), lines.to_vec()].concat();
        let expected = |lines: &[&'static str]| {
            let lines: Vec<_> = lines.iter().map(|line| (IF_MATCH, *line)).collect();
            taken(&message(subject, &given(&lines))).unwrap().1.unwrap()
        };
        let versions = |versions: &[u32]| Expected::Versions(versions.iter().copied().map(Version).collect());
        assert_eq!(expected(&["*"]), Expected::Existing);
        assert_eq!(expected(&["\"7\""]), versions(&[7]));
        assert_eq!(expected(&["\"7\", \"9\""]), versions(&[7, 9]));
        assert_eq!(expected(&["\"7\"", "\"9\""]), versions(&[7, 9]));
        assert_eq!(expected(&["W/\"7\""]), versions(&[]), "a weak one is met by nothing");
        for bad in ["", "7", "\"7", "*, \"7\""] {
            assert_eq!(code(subject, &given(&[(IF_MATCH, bad)])), "if-match-invalid", "{bad}");
        }
        assert_eq!(code(subject, &given(&[(IF_NONE_MATCH, "*")])), "precondition-not-taken");
    }

    #[test]
    fn a_trace_is_recorded_whole_or_not_at_all() {
        let traced = |trace: &'static str| {
            let headers = [whole(), vec![(TRACEPARENT, trace)]].concat();
            taken(&message("dg.cmd.CGZF.accept-order", &headers)).unwrap().0.traceparent
        };
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traced(good).as_deref(), Some(good));
        for bad in ["none", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "静安"] {
            assert_eq!(traced(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_of_a_header_is_read_in_any_case() {
        let subject = "dg.cmd.CGZF.accept-order";
        let recased = |change: fn(&str) -> String| {
            let all =
                [(COMMAND_ID, UUID), (header::id_of("case"), UUID), (AUTHORIZATION, "Bearer t"), (IF_MATCH, "\"7\"")];
            let all = [all.to_vec(), vec![(CORRELATION_ID, UUID), (CONTENT_TYPE, "application/json")]].concat();
            all.into_iter().map(|(name, value)| (change(name.as_ref()).parse().unwrap(), value)).collect::<Vec<_>>()
        };
        for change in [str::to_ascii_lowercase, str::to_ascii_uppercase, str::to_owned] {
            let sent = message(subject, &recased(change));
            assert_eq!(claim(&sent).unwrap().token, Some("t"));
            let (request, expected) = taken(&sent).unwrap();
            assert_eq!(request.command.to_string(), UUID);
            assert_eq!(expected, Some(Expected::Versions(vec![Version(7)])));
            assert_eq!(request.correlation.map(kernel::CorrelationId::uuid), Some(UUID.parse().unwrap()));
        }
        for name in [COMMAND_ID, CORRELATION_ID, AUTHORIZATION, POST, header::id_of("case"), CONTENT_TYPE] {
            let value = if name == CONTENT_TYPE { "application/json" } else { UUID };
            let others = whole().into_iter().filter(|(other, _)| *other != name);
            let lower: HeaderName = AsRef::<str>::as_ref(&name).to_ascii_lowercase().parse().unwrap();
            let headers: Vec<_> = others.chain([(name.clone(), value), (lower, value)]).collect();
            assert_eq!(code(subject, &headers), "header-repeated", "{name} in two cases");
        }
        let none_match = "if-none-match".parse::<HeaderName>().unwrap();
        assert_eq!(code(subject, &[whole(), vec![(none_match, "*")]].concat()), "precondition-not-taken");
    }

    #[test]
    fn a_body_is_what_it_is_over_http() {
        let bad = [
            (CONTENT_ENCODING, "gzip", "content-encoding-not-taken"),
            ("content-encoding".parse().unwrap(), "identity, br", "content-encoding-not-taken"),
            (CONTENT_TYPE, "text/plain", "unsupported-media-type"),
            (CONTENT_TYPE, "application/json; charset=gbk", "unsupported-media-type"),
            ("content-type".parse().unwrap(), "application/x-www-form-urlencoded", "unsupported-media-type"),
        ];
        for (name, value, refused) in bad {
            let given = [whole(), vec![(name.clone(), value)]].concat();
            let problem = taken(&message("dg.cmd.CGZF.accept-order", &given)).unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (415, refused), "{name}: {value}");
        }
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json", ""] {
            let given = [whole(), vec![(CONTENT_TYPE, good)]].concat();
            assert_eq!(code("dg.cmd.CGZF.accept-order", &given), "taken", "{good}");
        }
        let png = (CONTENT_TYPE, "Image/PNG; q=1");
        let file = |more: &[(HeaderName, &str)]| {
            let headers = [vec![png.clone()], more.to_vec()].concat();
            let read = read_upload(&message("dg.cmd.CGZF.upload-evidence", &headers));
            read.map_or_else(|problem| problem.code, |(media_type, _)| media_type)
        };
        assert_eq!(file(&[]), "image/png");
        assert_eq!(file(&[(CONTENT_ENCODING, "gzip")]), "content-encoding-not-taken");
        assert_eq!(file(std::slice::from_ref(&png)), "header-repeated");
        for name in [IF_MATCH, IF_NONE_MATCH] {
            assert_eq!(file(&[(name, "*")]), "precondition-not-taken");
        }
    }

    #[test]
    fn a_file_needs_its_media_type() {
        let subject = "dg.cmd.CGZF.upload-evidence";
        let upload = read_upload(&message(subject, &[(CONTENT_TYPE, "image/png")]));
        assert_eq!(upload.unwrap(), ("image/png".to_owned(), Bytes::from_static(b"{}")));
        let missing = read_upload(&message(subject, &[])).err().map(|problem| problem.code);
        assert_eq!(missing.as_deref(), Some("header-missing"));
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let subject = "dg.cmd.CGZF.accept-order";
        assert_eq!(code(subject, &[(header::id_of("case"), UUID)]), "header-missing");
        assert_eq!(code(subject, &[(COMMAND_ID, UUID)]), "header-missing");
        assert_eq!(code(subject, &[(COMMAND_ID, "7"), (header::id_of("case"), UUID)]), "malformed-header");
        assert_eq!(code(subject, &[whole(), vec![(CORRELATION_ID, "x")]].concat()), "malformed-header");
        let zeros = "00000000-0000-0000-0000-000000000000";
        for name in [COMMAND_ID, CORRELATION_ID, header::id_of("case")] {
            let others = whole().into_iter().filter(|(other, _)| *other != name);
            let headers: Vec<_> = others.chain([(name.clone(), zeros)]).collect();
            assert_eq!(code(subject, &headers), "malformed-header", "{name} of zeros");
        }
        for name in [COMMAND_ID, CORRELATION_ID, AUTHORIZATION, POST, header::id_of("case")] {
            let twice = [(name.clone(), UUID), (name.clone(), UUID)];
            let others = whole().into_iter().filter(|(other, _)| *other != name);
            let headers: Vec<_> = others.chain(twice).collect();
            assert_eq!(code(subject, &headers), "header-repeated", "{name} twice");
        }
        assert_eq!(code("dg.cmd.cgzf.accept-order", &whole()), "malformed-subject");
        assert_eq!(code("dg.cmd.accept-order", &whole()), "malformed-subject");
        assert_eq!(code("dg.cmd.CGZF.void-issue", &whole()), "unknown-command", "a clerk may not give it");
    }
}

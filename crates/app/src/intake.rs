//! The one door: a command as it came in over HTTP or NATS, from the command line, or from a process.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use kernel::ParseError;
use kernel::aggregate::BODY_BYTES_MAX;
use kernel::canonical::Numbered;
use kernel::envelope::Provenance;
use kernel::{Actor, CommandId, CorrelationId, Difference, EventId, Position, StreamId, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fingerprint::Said;
use crate::port::{Moved, Receipt};
use crate::registry::{self, Ask};
use crate::{App, Error, door};

/// U+FEFF in UTF-8, which some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Most nesting of a command's body.
pub const BODY_DEPTH_MAX: usize = 32;

/// How long a command may take, its turn and every attempt included.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a description of everything, which only the command line sends.
const LOADING_PATIENCE: Duration = Duration::from_mins(2);

/// A command as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks, as authenticated.
    pub actor: Actor,
    /// The client-made id.
    pub command: CommandId,
    /// Joins everything that one outside action caused; the command id where there is none.
    pub correlation: Option<CorrelationId>,
    /// The event that caused the command, where a process gives it.
    pub causation: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// Name of the command, for example `accept-order`.
    pub name: String,
    /// The aggregate it is about; `None` for a command that begins one, and where there is only one.
    pub id: Option<Uuid>,
    /// Its JSON body.
    pub body: Bytes,
}

/// What the caller has seen of an aggregate, on which it relies: the command has no effect where that is no longer so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The aggregate exists, whatever its version.
    Existing,
    /// It is at one of these versions; at none where there is none.
    Versions(Vec<Version>),
}

/// Why it cannot be told on what a caller relies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotExpected {
    /// It is no list of tags.
    #[error(
        "If-Match is the ETag of what you have seen, which is its version in quotes, for example \"7\", or a list of them, or *"
    )]
    IfMatch,
    /// `If-None-Match` and its like, which must not be ignored where they are not evaluated.
    #[error("{0} is not evaluated for commands; send If-Match with the ETag of what you have seen")]
    NotTaken(&'static str),
    /// A precondition of a file.
    #[error("{0} is not evaluated for a file, which is kept under its own digest; leave it out")]
    NotOfFiles(&'static str),
}

impl NotExpected {
    /// The stable code, of a problem with status 400.
    pub const fn code(self) -> &'static str {
        match self {
            Self::IfMatch => "if-match-invalid",
            Self::NotTaken(_) | Self::NotOfFiles(_) => "precondition-not-taken",
        }
    }
}

impl Expected {
    /// What a command relies on: the versions that the lines of `If-Match` name (RFC 9110, section 13.1.1). Tags are compared strongly,
    /// so a weak one is met by nothing. The one parser of every door.
    ///
    /// # Errors
    /// [`NotExpected::IfMatch`] for a list that is none.
    pub fn read(lines: &[&str]) -> Result<Option<Self>, NotExpected> {
        match lines {
            [] => return Ok(None),
            [line] if line.trim() == "*" => return Ok(Some(Self::Existing)),
            _ => {}
        }
        let tags = lines.iter().flat_map(|line| line.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
        let mut versions = Vec::new();
        let mut is_empty = true;
        for tag in tags {
            is_empty = false;
            let (strong, is_weak) = tag.strip_prefix("W/").map_or((tag, false), |tag| (tag, true));
            let inner = strong.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).filter(|tag| !tag.contains('"'));
            let inner = inner.ok_or(NotExpected::IfMatch)?;
            // A tag that is no version of ours is a tag all the same; nothing is at it.
            let version = inner.parse::<u32>().ok().filter(|version| version.to_string() == inner);
            versions.extend(version.filter(|_| !is_weak).map(Version));
        }
        if is_empty { Err(NotExpected::IfMatch) } else { Ok(Some(Self::Versions(versions))) }
    }

    /// Whether an aggregate at this version is what the caller expects.
    pub(crate) fn is_met_by(&self, version: Version) -> bool {
        match self {
            Self::Existing => version > Version(0),
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// What a command did. The same command again gets the same, apart from `replayed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    pub command: CommandId,
    /// The id of what the command was about.
    pub id: Uuid,
    /// The stream of what the command was about.
    pub stream: StreamId,
    /// Version of that stream after the command.
    pub version: Version,
    /// Every stream on which the command recorded something, with its version after it.
    pub streams: Vec<Moved>,
    /// Position of its first event; absent where nothing had to happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Position>,
    /// How many events it recorded, at consecutive positions.
    pub events: u32,
    /// Whether this answers an earlier request with the same id.
    pub replayed: bool,
    /// Texts of the command that look as if they had a telephone or an identity number. They were recorded as they are, where they are
    /// read by many and cannot be erased: such numbers belong into the fields of the reporter, which are sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Numbered>,
}

impl From<Receipt> for Answer {
    fn from(receipt: Receipt) -> Self {
        let Receipt { command, streams, first, events, replayed } = receipt;
        let named = streams.first().cloned();
        // A log that gives a receipt without a stream is broken; there is nothing to be said of a version then.
        let named = named.unwrap_or(Moved { stream: StreamId::new("none", Uuid::nil()), version: Version(0) });
        let (stream, version) = (named.stream, named.version);
        Self { command, id: stream.id(), stream, version, streams, first, events, replayed, warnings: Vec::new() }
    }
}

/// A request, read: what every attempt to handle it shares.
pub(crate) struct Accepted {
    pub(crate) provenance: Provenance,
    pub(crate) said: Said,
    /// The versions on which the caller relies. No part of the request's identity: a repeat is answered as the first.
    pub(crate) expected: Option<Expected>,
    /// Whether an append of it was handed to the log and not answered yet.
    pub(crate) is_appending: AtomicBool,
}

impl App {
    /// Handles a command: the one way in.
    ///
    /// # Errors
    /// Says which family the trouble is of. Nothing was recorded then, apart from [`Error::OutcomeUnknown`] and a passing
    /// [`Error::Failure`]: the same command again finds out.
    pub async fn submit(&self, request: Request) -> Result<Answer, Error> {
        self.submit_if(request, None).await
    }

    /// Handles a command that has an effect only where its aggregate is as expected.
    ///
    /// # Errors
    /// As [`App::submit`], and [`Error::VersionDiffers`].
    pub async fn submit_if(&self, request: Request, expected: Option<Expected>) -> Result<Answer, Error> {
        let ask = self.ask(&request)?;
        let patience = if request.body.len() > BODY_BYTES_MAX { LOADING_PATIENCE } else { PATIENCE };
        let accepted = self.accept(&request, &ask, expected);
        let answer = self.handle_in_time(&ask, &accepted, patience).await;
        let answer = match answer {
            Ok(answer) => {
                let warnings = accepted.said.numbers().to_vec();
                self.after_command(ask.category).await.map(|()| Answer { warnings, ..answer })
            }
            Err(error) => Err(error),
        };
        match &answer {
            Ok(answer) => tracing::debug!(command.name = request.name, stream = %answer.stream, events = answer.events),
            Err(Error::Conflict) => tracing::warn!(command.name = request.name, "gave up after several lost races"),
            Err(error) if error.is_ours() => tracing::error!(command.name = request.name, %error, "command failed"),
            // Told by the door, which knows where it came from.
            Err(error) => tracing::debug!(command.name = request.name, code = error.problem().code, "command refused"),
        }
        answer
    }

    /// What a command would change, decided on the log as it is now. Nothing is recorded.
    ///
    /// # Errors
    /// As [`App::submit`], where the command would be refused.
    pub async fn rehearse(&self, request: &Request) -> Result<Vec<Difference>, Error> {
        let ask = self.ask(request)?;
        self.rehearse_once(&ask, &self.accept(request, &ask, None)).await
    }

    /// Handles a verb that has no route of its own: what is recorded where somebody reads.
    pub(crate) async fn submit_part(&self, request: Request) -> Result<Answer, Error> {
        let unknown = || ParseError::UnknownCommand(request.name.clone());
        let (kind, verb) = registry::verb(&request.name).ok_or_else(unknown)?;
        let asked = kind.parse(verb.name, &door::read(verb.name, &request.body)?)?;
        let id = request.id.unwrap_or_else(|| registry::single_id(kind.category()));
        let ask = Ask { id, category: kind.category(), verb, asked };
        self.handle_in_time(&ask, &self.accept(&request, &ask, None), PATIENCE).await
    }

    /// The command that a request gives, read.
    fn ask(&self, request: &Request) -> Result<Ask, Error> {
        let unknown = || ParseError::UnknownCommand(request.name.clone());
        let (kind, verb) = registry::verb(&request.name).filter(|(_, verb)| !verb.is_part).ok_or_else(unknown)?;
        check_body(&request.body, kind.body_bytes_max())?;
        let asked = kind.parse(verb.name, &door::read(verb.name, &request.body)?)?;
        let id = self.id_of(request, kind.category(), verb.begins, asked.natural_key())?;
        Ok(Ask { id, category: kind.category(), verb, asked })
    }

    /// The aggregate a command is for. One that begins is named after its natural key in this installation, or else after its
    /// command and whose that is: sent again it finds the same one.
    fn id_of(
        &self,
        request: &Request,
        category: &str,
        begins: bool,
        natural_key: Option<String>,
    ) -> Result<Uuid, Error> {
        let is_single = registry::is_single(category);
        match request.id {
            Some(_) if begins || is_single => {
                let detail = format!("{} is sent without an id; the answer names it", request.name);
                Err(Error::malformed("id-not-wanted", detail))
            }
            Some(id) => Ok(id),
            None if is_single => Ok(registry::single_id(category)),
            None if begins => {
                let own_key = || format!("{}/{}", request.command, request.actor.id);
                let key = natural_key.unwrap_or_else(own_key);
                let name = format!("{category}/{}/{key}", self.settings.installation);
                Ok(Uuid::new_v5(&kernel::id::NAMESPACE, name.as_bytes()))
            }
            None => Err(Error::malformed("id-missing", format!("{} needs the id of its {category}", request.name))),
        }
    }

    fn accept(&self, request: &Request, ask: &Ask, expected: Option<Expected>) -> Accepted {
        let correlation = request.correlation.unwrap_or_else(|| CorrelationId::new(request.command.uuid()));
        Accepted {
            said: Said::new(request.actor.role, request.id, ask.verb.name, ask.asked.canonical()),
            expected,
            is_appending: AtomicBool::new(false),
            provenance: Provenance {
                installation: self.settings.installation.clone(),
                actor: request.actor.clone(),
                command: request.command,
                correlation,
                causation: request.causation,
                traceparent: request.traceparent.clone(),
            },
        }
    }
}

/// Refuses a body that is too large, not UTF-8, or nested too deeply, before anything reads it.
fn check_body(body: &[u8], bytes_max: usize) -> Result<(), Error> {
    if body.len() > bytes_max {
        let detail = format!("the body has {} bytes; at most {bytes_max} are taken", body.len());
        return Err(Error::Malformed { status: 413, code: "body-too-large", detail });
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        let detail = "the body begins with a byte-order mark; send JSON without one (RFC 8259, section 8.1)";
        return Err(Error::malformed("byte-order-mark", detail));
    }
    if let Err(error) = std::str::from_utf8(body) {
        let detail = format!("the body is not UTF-8 from byte {}; send JSON in UTF-8", error.valid_up_to());
        return Err(Error::malformed("invalid-utf8", detail));
    }
    if depth(body) > BODY_DEPTH_MAX {
        let detail = format!("the body is nested deeper than {BODY_DEPTH_MAX} levels");
        return Err(Error::malformed("body-too-deep", detail));
    }
    Ok(())
}

fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use kernel::aggregate::BODY_BYTES_MAX;

    use super::*;

    fn code(body: &[u8]) -> String {
        let read = |()| door::read("file-case", body).map(drop);
        check_body(body, BODY_BYTES_MAX)
            .and_then(read)
            .map_or_else(|error| error.problem().code, |()| "taken".to_owned())
    }

    #[test]
    fn a_body_is_small_flat_json_in_utf8() {
        assert_eq!(code(br#"{"a":["[[[[","\"]"]}"#), "taken");
        assert_eq!(code(b"{\"a\":\"\xff\"}"), "invalid-utf8");
        assert_eq!(code(b"\xef\xbb\xbf{}"), "byte-order-mark");
        assert_eq!(code(b"{\"a\":"), "malformed-json");
        assert_eq!(code(b""), "malformed-json");
        assert_eq!(code(b"{} {}"), "malformed-json");
        assert_eq!(code(br#"{"a":1,"b":[{"c":1,"c":1}]}"#), "body-does-not-fit", "a member that comes twice");
        assert_eq!(code(&vec![b' '; BODY_BYTES_MAX + 1]), "body-too-large");
        let nested = |levels| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert_eq!(code(&nested(BODY_DEPTH_MAX)), "taken");
        assert_eq!(code(&nested(BODY_DEPTH_MAX + 1)), "body-too-deep");
        assert_eq!(code(&nested(100_000)), "body-too-deep");
    }
}

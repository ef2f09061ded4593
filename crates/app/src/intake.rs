//! The one door: a command as it came in over HTTP or NATS, or from the command line.

use bytes::Bytes;
use case::CaseCommand;
use grid::{DistrictCommand, district_id};
use kernel::digest::Digest;
use kernel::envelope::Provenance;
use kernel::{Actor, CaseId, Command, CommandId, CorrelationId, Event, Position, StreamId, Version};
use rules::{RulesCommand, rules_id};
use serde::Serialize;

use crate::port::Receipt;
use crate::{App, Error};

/// Most bytes of a command's body: 256 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of the description of a whole district or of all rules, as the command line loads it: 16 MiB. HTTP takes
/// no more of these than of any other command.
pub const DESCRIPTION_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most nesting of a command's body.
pub const BODY_DEPTH_MAX: usize = 32;

/// A command as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks, as authenticated.
    pub actor: Actor,
    /// The client-made id.
    pub command: CommandId,
    /// Joins everything that one outside action caused; the command id where there is none.
    pub correlation: Option<CorrelationId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// What it is about.
    pub target: Target,
    /// Name of the command, for example `accept-order`.
    pub name: String,
    /// Its JSON body.
    pub body: Bytes,
}

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A case that is discovered with this command.
    NewCase,
    /// A case.
    Case(CaseId),
    /// The district.
    District,
    /// The rules.
    Rules,
}

/// What a command did. The same command again gets the same, but for `replayed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The command.
    pub command: CommandId,
    /// The stream it was for.
    pub stream: StreamId,
    /// The case it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// Version of the stream after it.
    pub version: Version,
    /// Position of its first event; absent where nothing had to happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Position>,
    /// How many events it recorded, at consecutive positions.
    pub events: u32,
    /// Whether this is the answer to an earlier request with the same id.
    pub replayed: bool,
}

impl From<Receipt> for Answer {
    fn from(receipt: Receipt) -> Self {
        let case = (receipt.stream.category() == case::CaseEvent::CATEGORY).then(|| receipt.stream.id().into());
        Self {
            command: receipt.command,
            case,
            version: receipt.version,
            first: receipt.first,
            events: receipt.events,
            replayed: receipt.replayed,
            stream: receipt.stream,
        }
    }
}

/// A request, read: what every attempt to handle it shares.
pub(crate) struct Accepted {
    pub(crate) provenance: Provenance,
    pub(crate) request: Digest,
}

impl App {
    /// Handles a command: the one way in.
    ///
    /// # Errors
    /// Says which family the trouble is of; nothing was recorded then, but for [`Error::Failure`] that is passing: the
    /// same command again finds out.
    pub async fn submit(&self, request: Request) -> Result<Answer, Error> {
        let bytes_max = match request.target {
            Target::NewCase | Target::Case(_) => BODY_BYTES_MAX,
            Target::District | Target::Rules => DESCRIPTION_BYTES_MAX,
        };
        check_body(&request.body, bytes_max)?;
        let accepted = self.accept(&request);
        let answer = match request.target {
            Target::NewCase | Target::Case(_) => {
                let command = CaseCommand::parse(&request.name, &request.body)?;
                let case = self.case_of(&request, &command)?;
                self.handle_case(case, command, &accepted).await
            }
            Target::District => {
                let command = DistrictCommand::parse(&request.name, &request.body)?;
                self.handle_district(district_id(), command, &accepted).await
            }
            Target::Rules => {
                let command = RulesCommand::parse(&request.name, &request.body)?;
                self.handle_rules(rules_id(), command, &accepted).await
            }
        };
        match &answer {
            Ok(answer) => tracing::debug!(command.name = request.name, stream = %answer.stream, events = answer.events),
            Err(Error::Conflict) => tracing::warn!(command.name = request.name, "gave up after several lost races"),
            Err(error) if error.is_ours() => tracing::error!(command.name = request.name, %error, "command failed"),
            Err(error) => tracing::info!(command.name = request.name, code = error.problem().code, "command refused"),
        }
        answer
    }

    /// The case a command is for. A discovery is named after its source's own number in this installation, or else
    /// after its command: sent again it finds the same case.
    fn case_of(&self, request: &Request, command: &CaseCommand) -> Result<CaseId, Error> {
        match (request.target, command) {
            (Target::NewCase, CaseCommand::DiscoverIssue(discover)) => {
                let (installation, source) = (&self.settings.installation, discover.source.as_str());
                Ok(match &discover.source_code {
                    Some(code) => CaseId::named(&format!("case/{installation}/{source}/{code}")),
                    None => CaseId::named(&format!("case/{installation}/{}", request.command)),
                })
            }
            (Target::Case(case), command) if !matches!(command, CaseCommand::DiscoverIssue(_)) => Ok(case),
            (Target::Case(_), _) => {
                Err(Error::malformed("id-not-wanted", "an issue is discovered without an id; the answer names it"))
            }
            _ => Err(Error::malformed("id-missing", format!("{} needs the id of its case", request.name))),
        }
    }

    fn accept(&self, request: &Request) -> Accepted {
        let target = match request.target {
            Target::NewCase => "new case".to_owned(),
            Target::Case(case) => case.to_string(),
            Target::District => "district".to_owned(),
            Target::Rules => "rules".to_owned(),
        };
        let actor = (request.actor.id.as_bytes(), request.actor.role.as_str().as_bytes());
        let parts = [actor.0, actor.1, target.as_bytes(), request.name.as_bytes(), &request.body];
        let correlation = request.correlation.unwrap_or_else(|| CorrelationId::new(request.command.uuid()));
        Accepted {
            request: Digest::keyed(&self.settings.request_key, &parts),
            provenance: Provenance {
                installation: self.settings.installation.clone(),
                actor: request.actor.clone(),
                command: request.command,
                correlation,
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
    if let Err(error) = std::str::from_utf8(body) {
        let detail = format!("the body is not UTF-8 from byte {}; send JSON in UTF-8", error.valid_up_to());
        return Err(Error::malformed("invalid-utf8", detail));
    }
    if depth(body) > BODY_DEPTH_MAX {
        let detail = format!("the body is nested deeper than {BODY_DEPTH_MAX} levels");
        return Err(Error::malformed("body-too-deep", detail));
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(body)
        .map(|_| ())
        .map_err(|error| Error::malformed("malformed-json", format!("the body is not JSON: {error}")))
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
    use super::*;

    fn code(body: &[u8]) -> String {
        check_body(body, BODY_BYTES_MAX).map_or_else(|error| error.problem().code, |()| "taken".to_owned())
    }

    #[test]
    fn a_body_is_small_flat_json_in_utf8() {
        assert_eq!(code(br#"{"a":["[[[[","\"]"]}"#), "taken");
        assert_eq!(code(b"{\"a\":\"\xff\"}"), "invalid-utf8");
        assert_eq!(code(b"{\"a\":"), "malformed-json");
        assert_eq!(code(b""), "malformed-json");
        assert_eq!(code(&vec![b' '; BODY_BYTES_MAX + 1]), "body-too-large");
        let nested = |levels| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert_eq!(code(&nested(BODY_DEPTH_MAX)), "taken");
        assert_eq!(code(&nested(BODY_DEPTH_MAX + 1)), "body-too-deep");
        assert_eq!(code(&nested(100_000)), "body-too-deep");
    }
}

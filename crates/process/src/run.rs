//! What happened to the processes themselves: a kind with one stream for each activation, each answer to a follow-up, and each
//! moment at which a process was woken. So what waits in a process can always be told from the log alone.

use chrono::{DateTime, Utc};
use kernel::{
    Aggregate, Allowed, CommandId, Context, Decision, Place, Reach, Role, Unfit, Verb, check_line, check_text, text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Only the system itself.
const SYSTEM: Allowed = &[(Role::System, Reach::Everywhere)];
/// Longest name of a process and longest key, in characters.
const NAME_MAX: usize = 200;
/// Longest code of a refusal, in characters.
const CODE_MAX: usize = 64;
/// Most characters of a refusal in words. What is longer is cut where it is made ([`Refused::new`]).
const DETAIL_MAX: usize = 2000;

kernel::commands! {
    /// What the system records of its processes.
    pub enum RunCommand of Run { ActivateProcess, AnswerFollowUp, WakeProcess, }
}

kernel::events! {
    /// What has happened to a process.
    pub enum RunEvent in "process" {
        ProcessActivated = "cn.dualgrid.process.process_activated.v1" to Internal,
        FollowUpAnswered = "cn.dualgrid.process.follow_up_answered.v1" to Internal,
        ProcessWoken = "cn.dualgrid.process.process_woken.v1" to Internal,
    }
}

kernel::refusals! {
    /// Why nothing is recorded of a process.
    pub enum Refusal {
        /// Nothing was ever recorded under this id.
        #[error("there is no such process")]
        UnknownProcess = Missing "unknown-process",
        /// The moment has not come.
        #[error("the moment {moment} has not come yet")]
        TooEarly {
            moment: DateTime<Utc>,
        } = Refused "too-early",
        ..Unfit(Unfit),
    }
}

/// One activation, answer or waking; `None` before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run(Option<RunEvent>);

impl Aggregate for Run {
    const PLURAL: &'static str = "processes";
    const ABOUT: &'static str = "Processes: their activations, the answers to their commands, and when they were woken";
    const READ_ACTION: &'static str = "read-process-history";
    type Command = RunCommand;
    type Event = RunEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        self.0.as_ref().map(|_| Place::default())
    }
    fn missing() -> Refusal {
        Refusal::UnknownProcess
    }
    fn decide(&self, command: &RunCommand, context: &Context) -> Decision<Self> {
        // Each is recorded once: its stream is named after it.
        if self.0.is_some() {
            return Ok(vec![]);
        }
        let (name, key) = match command {
            RunCommand::ActivateProcess(command) => (&command.process, None),
            RunCommand::AnswerFollowUp(command) => (&command.process, Some(&command.key)),
            RunCommand::WakeProcess(command) => (&command.process, Some(&command.key)),
        };
        check_line("process", name, NAME_MAX)?;
        key.map_or(Ok(()), |key| check_line("key", key, NAME_MAX))?;
        if let RunCommand::AnswerFollowUp(AnswerFollowUp { refused: Some(refused), .. }) = command {
            check_line("refused.code", &refused.code, CODE_MAX)?;
            check_text("refused.detail", &refused.detail, DETAIL_MAX)?;
        }
        Ok(vec![match command.clone() {
            RunCommand::ActivateProcess(ActivateProcess { process, version }) => {
                ProcessActivated { process, version }.into()
            }
            RunCommand::AnswerFollowUp(AnswerFollowUp {
                process,
                version,
                key,
                position,
                number,
                command,
                refused,
            }) => FollowUpAnswered { process, version, key, position, number, command, refused }.into(),
            RunCommand::WakeProcess(WakeProcess { moment, .. }) if moment > context.at => {
                return Err(Refusal::TooEarly { moment });
            }
            RunCommand::WakeProcess(WakeProcess { process, version, key, moment }) => {
                ProcessWoken { process, version, key, moment }.into()
            }
        }])
    }
    fn evolve(self, event: RunEvent) -> Self {
        Self(Some(event))
    }
}

/// A process acts on everything that is recorded after this. Given by the system when it runs a version for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateProcess {
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub process: String,
    pub version: u32,
}

/// A process acts from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessActivated {
    pub process: String,
    pub version: u32,
}

/// A command of a process was answered: done or refused. Given by the system that sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerFollowUp {
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub process: String,
    pub version: u32,
    /// The key in the process.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub key: String,
    /// Position of the event from which the command followed.
    pub position: u64,
    /// Its number among the commands that followed from that event, from 0.
    pub number: u32,
    pub command: CommandId,
    /// Why it was refused, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// Why a command of a process was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// The code of the refusal.
    #[schemars(length(min = 1, max = CODE_MAX))]
    pub code: String,
    /// The refusal in words.
    #[schemars(length(min = 1, max = DETAIL_MAX))]
    pub detail: String,
}

impl Refused {
    /// A refusal with as many of its words as are recorded, and nothing in them that is never taken.
    pub fn new(code: String, detail: &str) -> Self {
        let harmless = |char: char| if text::flaw(char.encode_utf8(&mut [0; 4])).is_some() { '\u{fffd}' } else { char };
        Self { code, detail: detail.chars().take(DETAIL_MAX).map(harmless).collect() }
    }
}

/// A command of a process was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowUpAnswered {
    pub process: String,
    pub version: u32,
    /// The key in the process.
    pub key: String,
    /// Position of the event from which the command followed.
    pub position: u64,
    /// Its number among the commands that followed from that event, from 0.
    pub number: u32,
    pub command: CommandId,
    /// Why it was refused, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// A moment has come for which a process asked. Given by the system, never before the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WakeProcess {
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub process: String,
    pub version: u32,
    /// The key in the process.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub key: String,
    pub moment: DateTime<Utc>,
}

/// A process was woken for one of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessWoken {
    pub process: String,
    pub version: u32,
    /// The key in the process.
    pub key: String,
    /// The moment for which it asked.
    pub moment: DateTime<Utc>,
}

impl Verb for ActivateProcess {
    const NAME: &'static str = "activate-process";
    const BY: Allowed = SYSTEM;
    const BEGINS: bool = true;
    type Of = Run;

    fn natural_key(&self) -> Option<String> {
        Some(format!("activation/{}/{}", self.process, self.version))
    }
    fn example() -> Self {
        Self { process: "merged_answer".into(), version: 1 }
    }
}

impl Verb for AnswerFollowUp {
    const NAME: &'static str = "answer-follow-up";
    const BY: Allowed = SYSTEM;
    const BEGINS: bool = true;
    type Of = Run;

    fn natural_key(&self) -> Option<String> {
        Some(format!("answer/{}", self.command))
    }
    fn example() -> Self {
        let (key, command) = (Uuid::from_u128(0xca5e).to_string(), CommandId::named("merged_answer/1/40/0"));
        Self { process: "merged_answer".into(), version: 1, key, position: 40, number: 0, command, refused: None }
    }
}

impl Verb for WakeProcess {
    const NAME: &'static str = "wake-process";
    const BY: Allowed = SYSTEM;
    const BEGINS: bool = true;
    type Of = Run;

    fn natural_key(&self) -> Option<String> {
        Some(format!("waking/{}/{}/{}/{}", self.process, self.version, self.moment.timestamp_micros(), self.key))
    }
    fn example() -> Self {
        let (process, key) = ("merged_answer".into(), Uuid::from_u128(0xca5e).to_string());
        Self { process, version: 1, key, moment: DateTime::UNIX_EPOCH }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use given::given;

    #[test]
    fn each_is_recorded_once() {
        let mut samples = Vec::new();
        for command in <RunCommand as kernel::Command>::examples() {
            let events = given::<Run>([]).when(command.clone()).events();
            given::<Run>(events.clone()).when(command).then_nothing();
            samples.extend(events);
        }
        let nameless = ActivateProcess { process: String::new(), version: 1 };
        given::<Run>([]).when(nameless).then_refused(Unfit::TextLength { field: "process", max: NAME_MAX });
        let unnamed = AnswerFollowUp { key: String::new(), ..AnswerFollowUp::example() };
        given::<Run>([]).when(unnamed).then_refused(Unfit::TextLength { field: "key", max: NAME_MAX });
        let moment = given::NOW + TimeDelta::seconds(1);
        let early = WakeProcess { moment, ..WakeProcess::example() };
        given::<Run>([]).when(early).then_refused(Refusal::TooEarly { moment });
        // No verb needs one that began: only its history can be asked for.
        given::refused::<Run>(&Run::missing());
        given::covered::<Run>(concat!(env!("CARGO_MANIFEST_DIR"), "/src/golden"), samples, &[]);
    }

    #[test]
    fn a_refusal_of_any_length_can_be_recorded() {
        for detail in ["already so", &"长".repeat(DETAIL_MAX + 1), "a\u{7}b\u{202e}"] {
            let refused = Some(Refused::new("wrong-stage".into(), detail));
            let answer = AnswerFollowUp { refused, ..AnswerFollowUp::example() };
            assert_eq!(given::<Run>([]).when(answer).events().len(), 1);
        }
    }
}

//! Four families, never mixed: the caller's form, the domain's no, a lost race, and our own fault.

use kernel::ParseError;
use kernel::{CommandId, Position, Refusal, Role, Version};

use crate::Problem;
use crate::port::{AppendError, EvidenceError, Failure, FindError, Lost, VaultError};

/// The code of the answer to whoever has more than the log.
pub(crate) const AHEAD: &str = "ahead-of-the-log";
/// After how many seconds a clock that went back may have been set.
const CLOCK_SECONDS: u32 = 5;
/// After how many seconds there may be room again for files of a day.
const SPENT_SECONDS: u32 = 3600;
/// After how many seconds an operator may have settled what waits for one.
const OPERATOR_SECONDS: u32 = 30;

/// Why a use case had no effect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's form is wrong: 400, or 413, 415, 422 where HTTP has a better word.
    #[error("{detail}")]
    Malformed {
        /// HTTP status.
        status: u16,
        /// Stable code.
        code: &'static str,
        /// What to do.
        detail: String,
    },
    /// The role does not allow it, or not there.
    #[error("role {role} may not {action} {place}")]
    Forbidden {
        /// The role.
        role: Role,
        /// The action of the authorisation table.
        action: String,
        /// `at all`, or `here`.
        place: &'static str,
    },
    /// The register lets nobody act as the subject of the token, or not so.
    #[error(transparent)]
    NotWho(#[from] crate::not_who::NotWho),
    /// Who may act cannot be read, so nobody does.
    #[error("the register of persons and programs cannot be read now, so that nobody is let in; send the same again")]
    NoRegister(#[source] Box<Error>),
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The domain says no.
    #[error("{detail}")]
    Refused {
        /// HTTP status: 409, or 404 and 422 where what was named does not exist or cannot be right.
        status: u16,
        /// Stable code of the refusal.
        code: &'static str,
        /// What would be taken.
        detail: String,
    },
    /// The aggregate is not at the version on which the caller relies.
    #[error("it is at version {version} now, which is not what If-Match names; read it again and decide again")]
    VersionDiffers {
        /// Its version.
        version: Version,
    },
    /// The command id was used for another request.
    #[error("command id {0} was used for another request; use a new id for a new request")]
    CommandReused(CommandId),
    /// It did not come to an append in the time that a command may take.
    #[error(
        "others were before it for {waited_s} s: nothing was recorded; send the same command again, with the same id"
    )]
    Overdue {
        /// In seconds.
        waited_s: u64,
    },
    /// The log did not answer in the time that a command may take, and may yet record it.
    #[error(
        "the log did not answer within {waited_s} s: the command may have been recorded, or may yet be; \
         send the same command again, with the same id"
    )]
    OutcomeUnknown {
        /// In seconds.
        waited_s: u64,
    },
    /// The caller asks more often than it may.
    #[error("more than {per_second} request{} a second; wait {wait_s} s and send the same again", if *.per_second == 1 { "" } else { "s" })]
    TooManyRequests {
        /// How many it may make in a second, on average.
        per_second: u32,
        /// How long it has to wait for the next one, in seconds.
        wait_s: u32,
    },
    /// The caller sends more bytes than it may.
    #[error("more than {kib_per_second} KiB a second; wait {wait_s} s and send the same again")]
    TooManyBytes {
        /// How many KiB it may send in a second, on average.
        kib_per_second: u32,
        /// How long it has to wait before it may send this, in seconds.
        wait_s: u32,
    },
    /// The caller has sent as many files as it may in a day.
    #[error(
        "the files that {whose} sent in the last 24 hours come to {mib} MiB, which is all that may be sent in a day; send smaller \
         ones, or send this one again when a day has passed since the first",
        mib = .bytes / (1024 * 1024)
    )]
    UploadsSpent {
        /// Whose bytes are counted: `you`, or `your department`.
        whose: &'static str,
        /// How many may be sent.
        bytes: u64,
    },
    /// A person has read as much personal data as they may in a day.
    #[error("you have read personal data {most} times today, which is as often as the rules allow; read on tomorrow")]
    ReadingsUsedUp {
        /// How many readings a person may make in a day.
        most: u32,
        /// How long it is until tomorrow, in seconds.
        wait_s: u32,
    },
    /// Others were faster, several times.
    #[error("it is being changed by others; send the same command again")]
    Conflict,
    /// The person was erased.
    #[error("this person's data was erased")]
    Erased,
    /// The clock of this machine is behind the log.
    #[error("the clock is behind the newest event: {0}")]
    ClockWentBack(String),
    /// A reader has read further than the log reaches, or what was lost since.
    #[error(
        "you are at position {at}, which is not of this log: events after position {position} were lost, or never there; \
         go back to {position}, drop what you have beyond it, and go on from there in epoch {epoch}"
    )]
    Ahead {
        at: Position,
        /// The last position that reader and log have in common.
        position: Position,
        /// The epoch of the log.
        epoch: u32,
    },
    /// The log has lost events, and nothing is recorded until that is settled.
    #[error("{0}")]
    Halted(Lost),
    /// We are broken, or something we need is out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// A stored event cannot be read by this version of the program.
    #[error("a stored event cannot be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// What the caller is told. Details of our own faults stay in the log.
    pub fn problem(&self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Malformed { status, code, .. } | Self::Refused { status, code, .. } => {
                Problem::new(*status, code, detail)
            }
            Self::Forbidden { .. } => Problem::new(403, "not-allowed", detail),
            Self::NotWho(reason) => reason.problem(),
            Self::NoRegister(_) => Problem::new(503, "register-unreadable", detail),
            Self::NotFound { .. } => Problem::new(404, "not-found", detail),
            Self::VersionDiffers { .. } => Problem::new(412, "version-differs", detail),
            Self::CommandReused(_) => Problem::new(422, "command-id-reused", detail),
            Self::TooManyRequests { wait_s, .. } => {
                Problem::new(429, "too-many-requests", detail).retried_after(*wait_s)
            }
            Self::TooManyBytes { wait_s, .. } => Problem::new(429, "too-many-bytes", detail).retried_after(*wait_s),
            Self::UploadsSpent { .. } => Problem::new(429, "uploads-spent", detail).retried_after(SPENT_SECONDS),
            Self::ReadingsUsedUp { wait_s, .. } => Problem::new(429, "readings-used-up", detail).retried_after(*wait_s),
            Self::Conflict => Problem::new(503, "busy", detail),
            Self::Overdue { .. } => Problem::new(503, "overdue", detail),
            Self::OutcomeUnknown { .. } => Problem::new(503, "outcome-unknown", detail),
            Self::Erased => Problem::new(410, "person-erased", detail),
            Self::ClockWentBack(_) => Problem::new(503, "clock-went-back", detail).retried_after(CLOCK_SECONDS),
            Self::Ahead { .. } => Problem::new(409, AHEAD, detail),
            Self::Halted(_) => Problem::new(503, "log-went-back", detail).retried_after(OPERATOR_SECONDS),
            Self::Failure(failure) if failure.passing => {
                Problem::new(503, "unavailable", "a part of the system is out of reach; send the same command again")
            }
            Self::Failure(_) | Self::Unreadable(_) => {
                Problem::new(500, "internal", "something is broken on our side; it was logged")
            }
        }
    }

    /// Whether this is our fault and belongs into the log as an error.
    pub fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Failure(_)
                | Self::NoRegister(_)
                | Self::Unreadable(_)
                | Self::ClockWentBack(_)
                | Self::Halted(_)
                | Self::Overdue { .. }
                | Self::OutcomeUnknown { .. }
        )
    }

    /// The domain says no.
    pub(crate) fn refused(refusal: &impl Refusal) -> Self {
        Self::Refused { status: refusal.family().status(), code: refusal.code(), detail: refusal.to_string() }
    }

    pub(crate) fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Malformed { status: 400, code, detail: detail.into() }
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::UnknownCommand(_) => {
                Self::Malformed { status: 404, code: "unknown-command", detail: error.to_string() }
            }
            ParseError::Body { .. } => Self::malformed("body-does-not-fit", error.to_string()),
            ParseError::Text { .. } => {
                Self::Refused { status: 422, code: "text-characters", detail: error.to_string() }
            }
        }
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { .. } => Self::Conflict,
            AppendError::CommandReused(command) => Self::CommandReused(command),
            AppendError::Halted(lost) => Self::Halted(lost),
            AppendError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Erased(_) => Self::Erased,
            VaultError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Cursor => Self::malformed("query-invalid", error.to_string()),
            FindError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<EvidenceError> for Error {
    fn from(error: EvidenceError) -> Self {
        let (status, code) = match &error {
            EvidenceError::Failure(failure) => return Self::Failure(failure.clone()),
            EvidenceError::TooLarge => (413, "evidence-too-large"),
            EvidenceError::Empty => (400, "evidence-empty"),
            EvidenceError::TypeNotTaken(_) => (415, "evidence-type-not-taken"),
            EvidenceError::TypeMismatch { .. } => (415, "evidence-type-mismatch"),
            EvidenceError::Broken(_) => (422, "evidence-broken"),
            EvidenceError::BrokeOff => (400, "body-unreadable"),
            EvidenceError::TooSlow => (408, "body-too-slow"),
            EvidenceError::Changed(_) => (500, "evidence-changed"),
        };
        Self::Malformed { status, code, detail: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also what comes later: a status of 503 without a hint is no answer for a program.
    #[test]
    fn what_may_pass_says_when_to_send_it_again_and_nothing_else_does() {
        let lost = Lost { after: Position(3), to: Position(9) };
        let failure = |passing| Failure { operation: "append", reason: String::new(), passing };
        let passing = [
            (Error::Conflict, 1),
            (Error::Overdue { waited_s: 10 }, 1),
            (Error::OutcomeUnknown { waited_s: 10 }, 1),
            (Error::Failure(failure(true)), 1),
            (Error::ClockWentBack(String::new()), 5),
            (Error::Halted(lost), 30),
        ];
        for (error, seconds) in passing {
            let problem = error.problem();
            assert_eq!((problem.status, problem.retry_after), (503, Some(seconds)), "{error}");
            assert_eq!(serde_json::to_value(&problem).unwrap()["retry_after"], seconds);
        }
        for error in [
            Error::Failure(failure(false)),
            Error::Erased,
            Error::VersionDiffers { version: Version(3) },
            Error::NotFound { what: "case".to_owned() },
            Error::Ahead { at: Position(9), position: Position(3), epoch: 1 },
        ] {
            let problem = serde_json::to_value(error.problem()).unwrap();
            assert!(problem.get("retry_after").is_none(), "{problem}");
        }
    }
}

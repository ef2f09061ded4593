//! Why the register lets somebody not act.

use people::persons::NotActing;

use crate::Problem;

/// Why somebody whose token is good cannot act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWho {
    /// A person, as the register has them.
    #[error(transparent)]
    Person(#[from] NotActing),
    /// Nobody registered it.
    #[error("no program is registered as {0}; a security administrator registers it (register-program)")]
    UnknownProgram(String),
    /// It was closed.
    #[error("the program {0} was closed; a security administrator can register it again")]
    ClosedProgram(String),
    /// Its department has left the district.
    #[error("the department of {0} is not in the district now")]
    ClosedDepartment(String),
    /// The token is from before it was closed.
    #[error("this token is older than the moment at which {0} was registered again; ask for a new one")]
    OlderThanProgram(String),
    /// A program acts as itself.
    #[error("a program has no posts; leave the header Dualgrid-Post out")]
    PostOfProgram,
}

impl NotWho {
    /// What the caller is told: 401 where another token helps or nobody is known, 403 where the register says no, 400 where a
    /// post must be named.
    pub(crate) fn problem(&self) -> Problem {
        let (status, code) = match self {
            Self::Person(NotActing::Unknown) | Self::UnknownProgram(_) => (401, "subject-unknown"),
            Self::Person(NotActing::TokenOlder) | Self::OlderThanProgram(_) => (401, "token-withdrawn"),
            Self::Person(NotActing::Suspended) => (403, "person-suspended"),
            Self::Person(NotActing::Ended) => (403, "person-ended"),
            Self::Person(NotActing::NoPost) => (403, "post-missing"),
            Self::Person(NotActing::NotHeld) => (403, "post-not-held"),
            Self::Person(NotActing::SeveralPosts(_)) => (400, "post-needed"),
            Self::ClosedProgram(_) | Self::ClosedDepartment(_) => (403, "program-closed"),
            Self::PostOfProgram => (400, "post-not-taken"),
        };
        Problem::new(status, code, self.to_string())
    }
}

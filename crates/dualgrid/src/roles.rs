//! What a process does: its roles.

use clap::ValueEnum;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Commands and queries over HTTP, commands of departments over NATS.
    Api,
    /// The log to NATS, and the consumers of departments.
    Publisher,
    /// The log to the views.
    Projector,
    /// Processes: commands that follow from events.
    Processor,
}

impl RoleName {
    /// Each of them: what a process does that was not told its roles.
    pub(crate) const ALL: [Self; 4] = [Self::Api, Self::Publisher, Self::Projector, Self::Processor];

    /// As `--roles` takes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Publisher => "publisher",
            Self::Projector => "projector",
            Self::Processor => "processor",
        }
    }

    /// Those that were asked for, or all.
    pub(crate) fn asked(roles: &[Self]) -> &[Self] {
        if roles.is_empty() { &Self::ALL } else { roles }
    }
}

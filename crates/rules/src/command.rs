//! The commands of the rules.

use chrono::{DateTime, Utc};

use crate::PublishRules;

kernel::commands! {
    /// Everything that can be asked of the rules.
    pub enum RulesCommand {
        PublishRules = "publish-rules",
    }
}

/// A command and the moment at which it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    /// What is to be done.
    pub command: RulesCommand,
    /// Now.
    pub at: DateTime<Utc>,
}

//! The commands of the rules.

use crate::{PublishRules, Rulebook};

kernel::commands! {
    /// The commands of the rules.
    pub enum RulesCommand of Rulebook {
        PublishRules,
    }
}

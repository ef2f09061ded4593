//! The commands of the rules.

use crate::{ImportReference, PublishRules, Rulebook, WithdrawRules};

kernel::commands! {
    /// Everything that can be asked of the rules.
    pub enum RulesCommand of Rulebook {
        PublishRules,
        ImportReference,
        WithdrawRules,
    }
}

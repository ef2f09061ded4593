use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Reach, Role, Verb, check_line};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Erasures, GENERATION_MAX};

/// The vault keeps keys of persons under another wrapping key from now on: a generation begins. Backups of the vault that are made
/// before the next one begins belong to it.
///
/// Given by the system, by whoever opens the vault with a wrapping key under which nothing was kept before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginGeneration {
    /// The public name of the wrapping key.
    #[schemars(length(min = 1, max = GENERATION_MAX))]
    pub generation: String,
}

/// A generation of the vault began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationBegun {
    /// The public name of its wrapping key.
    pub generation: String,
    pub since: DateTime<Utc>,
}

impl Verb for BeginGeneration {
    const NAME: &'static str = "begin-generation";
    const BY: Allowed = &[(Role::System, Reach::Everywhere)];
    type Of = Erasures;

    fn example() -> Self {
        Self { generation: "6f1d0c93a2b47e58".into() }
    }
}

impl BeginGeneration {
    pub(super) fn decide(&self, erasures: &Erasures, context: &Context) -> Decision<Erasures> {
        if erasures.generations.contains_key(&self.generation) {
            return Ok(vec![]);
        }
        check_line("generation", &self.generation, GENERATION_MAX)?;
        Ok(vec![GenerationBegun { generation: self.generation.clone(), since: context.at }.into()])
    }
}

//! How urgent a case is (紧急程度).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How urgent a case is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// 一般
    #[default]
    Ordinary,
    /// 紧急: skips deliberation.
    Urgent,
}

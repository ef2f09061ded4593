//! Limits and their sources.

use kernel::Limit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A limit and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourcedLimit {
    pub limit: Limit,
    /// True if it is an assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that states it; for an assumed one, the reason for it.
    pub source: String,
}

/// The two windows in which a case may go back a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// 退单期: how long after dispatch a department may return an order.
    #[serde(rename = "return")]
    pub return_order: SourcedLimit,
    /// 重办期: how long after closing a case may be reopened.
    pub reopen: SourcedLimit,
}

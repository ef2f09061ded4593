//! Limits and their sources.

use kernel::Limit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A limit and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourcedLimit {
    pub limit: Limit,
    /// True where the limit is dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for an assumed limit, why it was chosen.
    pub source: String,
}

/// The two windows in which a case may turn back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// 退单期: how long after dispatch a department may return an order.
    #[serde(rename = "return")]
    pub return_order: SourcedLimit,
    /// 重办期: how long after closing a case may be reopened.
    pub reopen: SourcedLimit,
}

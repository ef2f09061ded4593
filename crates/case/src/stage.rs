//! Where a case stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stage of a case. The crate documentation says what each one takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// There is no such case.
    #[default]
    Absent,
    /// 已发现
    Discovered,
    /// 已登记
    Registered,
    /// 网格自处
    GridHandling,
    /// 共议中
    Deliberating,
    /// 已上报 (吹哨)
    Escalated,
    /// 不予立案
    NotFiled,
    /// 已立案
    Filed,
    /// 已派遣 (待签收)
    Dispatched,
    /// 退单审核中
    ReturnReview,
    /// 处置中
    InDisposal,
    /// 返工
    Rework,
    /// 已处置待核查
    Disposed,
    /// 回访 (评议)
    Callback,
    /// 已结案
    Closed,
    /// 重办
    Reopened,
    /// 并案
    Merged,
    /// 作废
    Voided,
}

impl Stage {
    /// Whether nobody must act any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Stage::Closed | Stage::Merged | Stage::Voided)
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Absent => "absent",
            Stage::Discovered => "discovered",
            Stage::Registered => "registered",
            Stage::GridHandling => "grid_handling",
            Stage::Deliberating => "deliberating",
            Stage::Escalated => "escalated",
            Stage::NotFiled => "not_filed",
            Stage::Filed => "filed",
            Stage::Dispatched => "dispatched",
            Stage::ReturnReview => "return_review",
            Stage::InDisposal => "in_disposal",
            Stage::Rework => "rework",
            Stage::Disposed => "disposed",
            Stage::Callback => "callback",
            Stage::Closed => "closed",
            Stage::Reopened => "reopened",
            Stage::Merged => "merged",
            Stage::Voided => "voided",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

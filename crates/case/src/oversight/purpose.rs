use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What personal data are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadPurpose {
    /// 联系: to ask what is unclear, or to make an appointment.
    Contact,
    /// 核实: to find the place, or to check what was reported.
    Verify,
    /// 回访: to tell them what became of it, and to hear what they say.
    Answer,
    /// 督办: to look after how they are treated.
    Supervise,
    /// 更正: to correct or to join what is recorded of them.
    Correct,
}

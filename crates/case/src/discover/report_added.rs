use chrono::{DateTime, Utc};
use kernel::{Evidence, GridCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Confidential, ListLine, Reporter};
use crate::Location;

/// The source told of the issue again, under the same number and in other words. Nothing of what was said before is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportAdded {
    /// 2, 3 …: the discovery is the first report.
    pub number: u32,
    pub title: String,
    pub description: String,
    /// The grid that was named this time. The case stays where it is.
    pub grid: GridCode,
    pub location: Location,
    /// Who reported it, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<Reporter>,
    /// Who may be told who reported it, where that is fewer than otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidential: Option<Confidential>,
    /// Files that show it.
    pub evidence: Vec<Evidence>,
    /// The line of a problem list from which it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_line: Option<ListLine>,
    /// When it was found.
    pub found_at: DateTime<Utc>,
}

//! The people of the load, with their tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use testkit::system::System;

/// Who gives commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Finds, registers and hands up in 静安寺.
    Leader,
    /// Files in 静安寺.
    Duty,
    /// Dispatches in 静安寺.
    Dispatcher,
    /// Works for the department LHSR, which leads in the matter of the load.
    Clerk,
    /// Reads everything.
    Auditor,
}

/// Everybody, with the role and the reach in their token.
const EVERYBODY: [(Who, &str, &str, &[&str]); 5] = [
    (Who::Leader, "jas-leader", "grid_leader", &["--grid", "JAS"]),
    (Who::Duty, "jas-duty", "duty_officer", &["--grid", "JAS"]),
    (Who::Dispatcher, "jas-dispatcher", "dispatcher", &["--grid", "JAS"]),
    (Who::Clerk, "lhsr-clerk", "department_clerk", &["--department", "LHSR"]),
    (Who::Auditor, "auditor-1", "auditor", &[]),
];

/// The tokens of everybody.
#[derive(Debug, Clone)]
pub struct People(BTreeMap<Who, String>);

impl People {
    /// Issues them.
    pub async fn of(system: &System) -> anyhow::Result<Self> {
        let mut tokens = BTreeMap::new();
        for (who, subject, role, reach) in EVERYBODY {
            tokens.insert(who, system.token(subject, role, reach).await?);
        }
        Ok(Self(tokens))
    }

    /// The token of one.
    pub fn token(&self, who: Who) -> &str {
        self.0.get(&who).map_or("", String::as_str)
    }
}

//! Who sends the commands, each with a token of their own role and place.

use anyhow::Context as _;
use testkit::stories::evidence::photo;
use testkit::system::System;

use super::lifecycle::{Who, departments};

/// The tokens.
#[derive(Clone, Debug)]
pub(crate) struct People {
    leader: String,
    anywhere: String,
    duty: String,
    dispatcher: String,
    verifier: String,
    clerks: Vec<String>,
}

impl People {
    /// Issues the tokens for one street.
    pub(crate) async fn of(system: &System, street: &str) -> anyhow::Result<Self> {
        let grid = ["--grid", street];
        let mut clerks = Vec::new();
        for code in departments() {
            let clerk = format!("{}-clerk", code.to_lowercase());
            clerks.push(system.token(&clerk, "department_clerk", &["--department", code]).await?);
        }
        Ok(Self {
            leader: system.token("leader-1", "grid_leader", &grid).await?,
            anywhere: system.token("leader-2", "grid_leader", &[]).await?,
            // A street has one duty officer at a time, and the sample has one already.
            duty: system.token(&format!("{}-duty", street.to_lowercase()), "duty_officer", &grid).await?,
            dispatcher: system.token("dispatcher-1", "dispatcher", &grid).await?,
            verifier: system.token("verifier-1", "verifier", &grid).await?,
            clerks,
        })
    }

    /// The token of somebody.
    pub(super) fn token(&self, who: Who) -> &str {
        match who {
            Who::Leader => &self.leader,
            Who::Anywhere => &self.anywhere,
            Who::Duty => &self.duty,
            Who::Dispatcher => &self.dispatcher,
            Who::Verifier => &self.verifier,
            Who::Clerk(place) => &self.clerks[place],
        }
    }

    /// Uploads a file as everybody, so that each may name it, and gives its digest.
    pub(super) async fn upload(&self, system: &System) -> anyhow::Result<String> {
        let file = photo("before");
        let mut digest = None;
        let others = [&self.leader, &self.anywhere, &self.duty, &self.dispatcher, &self.verifier];
        for token in others.into_iter().chain(&self.clerks) {
            let answer =
                system.http().upload(token, "/evidence", file.media_type, file.bytes.clone()).await?.accepted()?;
            digest = answer["sha256"].as_str().map(str::to_owned);
        }
        digest.context("evidence without a digest")
    }
}

//! Readers of the log after events were lost.

use super::{Findings, Property};
use crate::{Stage, Who};

/// What a reader says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// The last position that it has.
    pub after: u64,
    /// The epoch in which it came there, where it says so.
    pub epoch: Option<u32>,
}

/// Asks for what comes after it. It must be told to go back to where it and the log part.
pub(super) async fn is_sent_back(stage: &Stage, reader: Reader, to: u64, found: &mut Findings) -> anyhow::Result<()> {
    let epoch = reader.epoch.map_or_else(String::new, |epoch| format!("&epoch={epoch}"));
    let http = stage.http();
    let request = http.raw().get(http.url(&format!("/events?after={}{epoch}", reader.after)));
    let answer = http.send(stage.token(Who::Auditor), request.header("Accept", "application/json")).await?;
    let is_told = answer.status == 409
        && answer.problem_code() == Some("ahead-of-the-log")
        && answer.body["detail"].as_str().is_some_and(|detail| detail.contains(&format!("go back to {to},")));
    if !is_told {
        let (status, text) = (answer.status, answer.text);
        found.broken(Property::SentBack, format!("{reader:?} has to go back to {to}, and was told {status} {text}"));
    }
    found.count("readers sent back", 1);
    Ok(())
}

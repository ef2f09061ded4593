//! Clients that discover and register as fast as they are answered, until the server is gone.

use anyhow::{Context as _, bail};
use serde_json::Value;
use testkit::client::{Client, command_id};
use tokio::task::JoinSet;

use crate::{Journal, Randomness, discovery, registration};

/// The grids of 静安寺 in which the clients find something.
const GRIDS: [&str; 4] = ["JAS-R01-M01", "JAS-R01-M02", "JAS-R02-M01", "JAS-R02-M02"];

/// How many clients there are.
const CLIENTS: usize = 4;

/// Running clients.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Starts clients that share a journal; `round` makes their titles their own.
    pub fn start(http: &Client, token: &str, journal: &Journal, randomness: &mut Randomness, round: usize) -> Self {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let (http, token, journal) = (http.clone(), token.to_owned(), journal.clone());
            let randomness = randomness.split();
            clients.spawn(async move {
                let name = format!("第{round}轮 {number}号");
                One { http, token, journal, randomness, name }.run().await
            });
        }
        Self { clients }
    }

    /// Waits until every client has noticed that the server is gone.
    pub async fn end(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.clients.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok(())
    }
}

struct One {
    http: Client,
    token: String,
    journal: Journal,
    randomness: Randomness,
    name: String,
}

impl One {
    async fn run(mut self) -> anyhow::Result<()> {
        let mut found: Vec<String> = Vec::new();
        for number in 0_u64.. {
            let registers = !found.is_empty() && self.randomness.below(2) == 0;
            let (path, body) = if registers {
                (format!("/cases/{}/register-issue", found.remove(0)), registration("WM-0101"))
            } else {
                let grid = GRIDS[usize::try_from(self.randomness.below(GRIDS.len() as u64))?];
                ("/cases/discover-issue".to_owned(), discovery(grid, &format!("{} {number}", self.name)))
            };
            let line = self.journal.intend(command_id()?, &path, &body);
            let Some(answer) = send(&self.http, &self.token, &self.journal, line).await? else { return Ok(()) };
            if let Some(case) = answer["case"].as_str().filter(|_| !registers) {
                found.push(case.to_owned());
            }
        }
        Ok(())
    }
}

/// Sends a command of the journal. None where the outcome is unknown: the connection broke, or the server was busy.
async fn send(http: &Client, token: &str, journal: &Journal, line: usize) -> anyhow::Result<Option<Value>> {
    let entry = journal.entries().get(line).cloned().context("no such line")?;
    let Ok(answer) = http.command(token, &entry.path, entry.id, entry.body).await else { return Ok(None) };
    match answer.status.as_u16() {
        200..=299 => {
            journal.acknowledge(line, answer.body.clone());
            Ok(Some(answer.body))
        }
        500..=599 => Ok(None),
        status => bail!("a good command was refused: {status} {}", answer.text),
    }
}

/// Sends every command whose outcome is unknown again, with the same id. All of them must be answered now.
///
/// Gives how many of them had been recorded before the kill, and how many had not.
pub async fn send_unknown_again(http: &Client, token: &str, journal: &Journal) -> anyhow::Result<(usize, usize)> {
    let (mut recorded, mut lost) = (0, 0);
    for line in journal.unknown() {
        let answer = send(http, token, journal, line).await?;
        let answer =
            answer.with_context(|| format!("command {line} of the journal has no outcome after the restart"))?;
        let is_replay = answer["replayed"].as_bool().context("an answer says whether it is a replay")?;
        *(if is_replay { &mut recorded } else { &mut lost }) += 1;
    }
    Ok((recorded, lost))
}

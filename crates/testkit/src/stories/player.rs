//! Who takes part in a story: people over HTTP, departments over NATS.

use anyhow::ensure;
use serde_json::Value;
use uuid::Uuid;

use crate::bus::Department;
use crate::client::{Client, command_id};
use crate::system::System;

use super::evidence::File;

/// A post of the sample district, and how the timeline calls whoever holds it.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    /// The staff id, as in `deploy/sample/posts.toml`.
    pub id: &'static str,
    /// The role.
    pub role: &'static str,
    /// `--grid` or `--department`, and its code.
    pub scope: [&'static str; 2],
    /// For the timeline.
    pub title: &'static str,
}

/// One who acts.
#[derive(Debug)]
pub struct Player {
    title: String,
    voice: Voice,
}

#[derive(Debug)]
enum Voice {
    Http { client: Client, token: String },
    Nats(Department),
}

/// What a command came to.
#[derive(Debug)]
pub enum Heard {
    /// It was done; the answer.
    Done(Value),
    /// It was refused, with this code.
    Refused(String),
}

impl Heard {
    /// The answer to a command that was done.
    pub fn done(self) -> anyhow::Result<Value> {
        match self {
            Self::Done(answer) => Ok(answer),
            Self::Refused(code) => anyhow::bail!("refused: {code}"),
        }
    }
}

impl Player {
    /// The holder of a post, with a token.
    pub async fn person(system: &System, post: &Post) -> anyhow::Result<Self> {
        let token = system.token(post.id, post.role, &post.scope).await?;
        Ok(Self { title: post.title.to_owned(), voice: Voice::Http { client: system.http(), token } })
    }

    /// A department, which acts over NATS only.
    pub async fn department(system: &System, code: &str, title: &str) -> anyhow::Result<Self> {
        let department = Department::connect(system.nats(), code).await?;
        Ok(Self { title: title.to_owned(), voice: Voice::Nats(department) })
    }

    /// How the timeline calls them.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The token of a person; a department has none.
    pub fn token(&self) -> &str {
        match &self.voice {
            Voice::Http { token, .. } => token,
            Voice::Nats(_) => "",
        }
    }

    /// The connection of a department.
    pub fn on_nats(&self) -> anyhow::Result<&Department> {
        match &self.voice {
            Voice::Nats(department) => Ok(department),
            Voice::Http { .. } => anyhow::bail!("{} does not listen on NATS", self.title),
        }
    }

    /// Gives a command; without a case it is a discovery.
    pub(super) async fn command(&self, name: &str, case: Option<Uuid>, body: &Value) -> anyhow::Result<Heard> {
        let id = command_id()?;
        match &self.voice {
            Voice::Http { client, token } => {
                let path = case.map_or_else(|| format!("/cases/{name}"), |case| format!("/cases/{case}/{name}"));
                let answer = client.command(token, &path, id, body.clone()).await?;
                match answer.problem_code() {
                    Some(code) => Ok(Heard::Refused(code.to_owned())),
                    None => answer.accepted().map(Heard::Done),
                }
            }
            Voice::Nats(department) => {
                let case = case.ok_or_else(|| anyhow::anyhow!("a department discovers nothing"))?;
                let reply = department.command(name, case, id, body).await?;
                match reply.body.get("code").and_then(Value::as_str) {
                    Some(code) if reply.error().is_some() => Ok(Heard::Refused(code.to_owned())),
                    _ => reply.accepted().map(Heard::Done),
                }
            }
        }
    }

    /// Uploads a file and gives its digest.
    pub async fn uploads(&self, file: File) -> anyhow::Result<String> {
        let Voice::Http { client, token } = &self.voice else { anyhow::bail!("files are uploaded over HTTP") };
        let size = file.bytes.len();
        let kept = client.upload(token, "/evidence", file.media_type, file.bytes).await?.accepted()?;
        ensure!(kept["size"] == size && kept["media_type"] == file.media_type, "another file was kept: {kept}");
        crate::stories::text(&kept["sha256"])
    }
}

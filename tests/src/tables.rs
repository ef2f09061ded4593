//! The tables of a log and its views, read beside dualgrid: with psql, or with the shell of SQLite.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use testkit::postgres::{self, Postgres};
use testkit::process::run;
use testkit::system::System;
use testkit::tools;
use uuid::Uuid;

use crate::search::database_of;

/// How long the shell of SQLite waits for a lock, in milliseconds.
const LOCK_PATIENCE_MS: u32 = 30_000;

/// Where they are.
#[derive(Debug, Clone)]
pub enum Tables {
    /// Two files: the log, and the views beside it.
    Sqlite {
        /// The log.
        log: String,
        /// The views.
        views: String,
    },
    /// One database, by its address.
    Postgres(String),
}

/// One row of `events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its place.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// Its place in the stream.
    pub version: u64,
    /// Its bytes.
    pub text: String,
}

impl EventRow {
    /// The command that recorded it.
    pub fn command(&self) -> anyhow::Result<Uuid> {
        #[derive(Deserialize)]
        struct Envelope {
            commandid: Uuid,
        }
        let read: Envelope = serde_json::from_str(&self.text).context("an event without its command")?;
        Ok(read.commandid)
    }
}

/// One row of `commands`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// Every stream that it recorded events on, with the version after it. The first is the one it was for.
    pub streams: Vec<(String, u64)>,
    /// The position of its first event.
    pub first: Option<u64>,
    /// How many events it recorded.
    pub events: u64,
}

/// One build of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its number.
    pub number: u64,
    /// The view.
    pub name: String,
    /// Its table.
    pub table: String,
    /// How far it is.
    pub position: u64,
}

/// One row of a view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewRow {
    /// Its document.
    pub doc: String,
    /// By what it is found: sort keys and values, sorted.
    pub entries: Vec<(i64, String)>,
}

/// The rows of a view, by key.
pub type ViewRows = BTreeMap<String, ViewRow>;

impl Tables {
    /// Those of a system.
    pub fn of(system: &System) -> Self {
        match system.store_url().strip_prefix("sqlite:") {
            Some(log) => {
                let beside = log.strip_suffix(".db").unwrap_or(log);
                Self::Sqlite { log: log.to_owned(), views: format!("{beside}.views.db") }
            }
            None => Self::Postgres(system.store_url().to_owned()),
        }
    }

    /// The newest position, as the head row has it.
    pub async fn head(&self) -> anyhow::Result<u64> {
        let text = self.log("select position from head").await?;
        text.trim().parse().with_context(|| format!("the head is no number: {text}"))
    }

    /// How far the owner of a consumer of NATS has come, as it is kept beside the log; 0 where nothing is kept.
    pub async fn floor(&self, consumer: &str) -> anyhow::Result<u64> {
        let text =
            self.log(&format!("select coalesce(max(position), 0) from floors where consumer = '{consumer}'")).await?;
        text.trim().parse().with_context(|| format!("the floor is no number: {text}"))
    }

    /// Every event, in order of position.
    pub async fn events(&self) -> anyhow::Result<Vec<EventRow>> {
        let hex = self.hex("bytes");
        let sql =
            format!("select position || ' ' || stream || ' ' || version || ' ' || {hex} from events order by position");
        let text = self.log(&sql).await?;
        let row = |line: &str| {
            let [position, stream, version, bytes] = fields(line)?;
            let text = String::from_utf8(from_hex(bytes)?).context("an event is no UTF-8")?;
            Ok(EventRow { position: position.parse()?, stream: stream.to_owned(), version: version.parse()?, text })
        };
        text.lines().map(row).collect()
    }

    /// Every command.
    pub async fn commands(&self) -> anyhow::Result<BTreeMap<Uuid, CommandRow>> {
        let id = match self {
            Self::Sqlite { .. } => "hex(command_id)",
            Self::Postgres(_) => "command_id",
        };
        let sql = format!(
            "select {id} || ' ' || stream || ' ' || version || ' ' || coalesce(first_position, 0) || ' ' || events
                || ' ' || coalesce(cast(also as text), '[]')
            from commands"
        );
        let text = self.log(&sql).await?;
        let row = |line: &str| {
            let [id, stream, version, first, events, also] = fields(line)?;
            let also: Vec<(String, u64)> = serde_json::from_str(also).context("the other streams are no JSON")?;
            let streams = [vec![(stream.to_owned(), version.parse()?)], also].concat();
            let first = Some(first.parse()?).filter(|first| *first > 0);
            Ok((id.parse()?, CommandRow { streams, first, events: events.parse()? }))
        };
        text.lines().map(row).collect()
    }

    /// The active builds of all views.
    pub async fn builds(&self) -> anyhow::Result<Vec<Build>> {
        let is_active = match self {
            Self::Sqlite { .. } => "active = 1",
            Self::Postgres(_) => "active",
        };
        let sql = format!(
            "select number || ' ' || name || ' ' || position
            from views
            where {is_active}
            order by name"
        );
        let text = self.views(&sql).await?;
        let build = |line: &str| {
            let [number, name, position] = fields(line)?;
            let table = format!("view_{name}_{number}");
            Ok(Build { number: number.parse()?, name: name.to_owned(), table, position: position.parse()? })
        };
        text.lines().map(build).collect()
    }

    /// Every row of a build, with the entries by which it is found.
    pub async fn rows(&self, build: &Build) -> anyhow::Result<ViewRows> {
        let text = |hex: &str| anyhow::Ok(String::from_utf8(from_hex(hex)?)?);
        let (key, doc, value) = (self.hex_of_text("key"), self.hex_of_text("doc"), self.hex_of_text("value"));
        let mut rows = ViewRows::new();
        for line in self.views(&format!("select {key} || ' ' || {doc} from {}", build.table)).await?.lines() {
            let [key, doc] = fields(line)?;
            rows.insert(text(key)?, ViewRow { doc: text(doc)?, entries: Vec::new() });
        }
        let entries = format!("select {key} || ' ' || sort || ' ' || {value} from {}_by", build.table);
        for line in self.views(&entries).await?.lines() {
            let [key, sort, value] = fields(line)?;
            // An entry without a row is a row of its own, which the other side does not have.
            rows.entry(text(key)?).or_default().entries.push((sort.parse()?, text(value)?));
        }
        for row in rows.values_mut() {
            row.entries.sort_unstable();
        }
        Ok(rows)
    }

    fn hex_of_text(&self, column: &str) -> String {
        match self {
            Self::Sqlite { .. } => self.hex(column),
            Self::Postgres(_) => self.hex(&format!("convert_to({column}::text, 'UTF8')")),
        }
    }

    fn hex(&self, bytes: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("hex({bytes})"),
            Self::Postgres(_) => format!("encode({bytes}, 'hex')"),
        }
    }

    /// Whether nobody is in the middle of a write to views. Whoever stands still there lets nobody else write.
    pub async fn are_views_free(&self) -> anyhow::Result<bool> {
        match self {
            Self::Sqlite { views, .. } => {
                let mut shell = Command::new(tools::sqlite_shell().await?);
                shell.args(["-batch", "-bail", views, "begin immediate; rollback;"]);
                let tried = shell.output().context("could not run sqlite3")?;
                Ok(tried.status.success())
            }
            Self::Postgres(_) => {
                let sql = "select count(*) from pg_stat_activity
                    where datname = current_database() and state = 'idle in transaction'";
                Ok(self.views(sql).await?.trim() == "0")
            }
        }
    }

    async fn log(&self, sql: &str) -> anyhow::Result<String> {
        match self {
            Self::Sqlite { log, .. } => sqlite(log, sql).await,
            Self::Postgres(url) => postgres::query_at(url, sql).await,
        }
    }

    async fn views(&self, sql: &str) -> anyhow::Result<String> {
        match self {
            Self::Sqlite { views, .. } => sqlite(views, sql).await,
            Self::Postgres(url) => postgres::query_at(url, &format!("set search_path = views, public; {sql}")).await,
        }
    }
}

/// Asks or changes a database beside dualgrid, by its address: as the shell of SQLite, or as the owner of the shared server.
pub async fn in_file_or_database(url: &str, sql: &str) -> anyhow::Result<String> {
    let Some(file) = url.strip_prefix("sqlite:") else {
        return Postgres::shared().await?.query(database_of(url)?, sql).await;
    };
    let mut shell = Command::new(tools::sqlite_shell().await?);
    shell.args(["-batch", "-bail", "-cmd", &format!(".timeout {LOCK_PATIENCE_MS}"), file, sql]);
    run(shell).await.with_context(|| format!("SQLite refused `{sql}`"))
}

async fn sqlite(file: &str, sql: &str) -> anyhow::Result<String> {
    let mut shell = Command::new(tools::sqlite_shell().await?);
    shell.args(["-batch", "-bail", "-readonly", "-cmd", &format!(".timeout {LOCK_PATIENCE_MS}"), file, sql]);
    run(shell).await.with_context(|| format!("SQLite refused `{sql}`"))
}

fn fields<const N: usize>(line: &str) -> anyhow::Result<[&str; N]> {
    let fields: Vec<&str> = line.splitn(N, ' ').collect();
    <[&str; N]>::try_from(fields).map_err(|fields| anyhow::anyhow!("a row of {} fields: {line}", fields.len()))
}

fn from_hex(digits: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(digits.len().is_multiple_of(2), "half a byte at the end");
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let byte = |pair: &[u8]| Some(value(pair[0])? << 4 | value(pair[1])?);
    digits.as_bytes().chunks(2).map(byte).collect::<Option<_>>().context("these are no hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_of_either_case_are_bytes() {
        assert_eq!(from_hex("00fFa1").unwrap(), [0, 255, 161]);
        assert_eq!(from_hex("0").unwrap_err().to_string(), "half a byte at the end");
        assert_eq!(from_hex("0x").unwrap_err().to_string(), "these are no hexadecimal digits");
    }

    #[test]
    fn a_row_has_as_many_fields_as_were_asked_for() {
        assert_eq!(fields::<2>("1 a b").unwrap(), ["1", "a b"]);
        assert_eq!(fields::<3>("1 a").unwrap_err().to_string(), "a row of 2 fields: 1 a");
    }
}

//! Somebody else who holds the lock that every append needs: a backup, an administrator's session, a hung tool.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use testkit::system::System;
use testkit::tools;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// What the shell prints once it holds the lock.
const HELD: &str = "held";

/// The lock of a log; let go when it is dropped.
#[derive(Debug)]
pub struct LogLock {
    _shell: Child,
}

impl LogLock {
    /// Takes the lock of a system's log, in a shell of its database.
    pub async fn take(system: &System) -> anyhow::Result<Self> {
        let url = system.store_url();
        let (mut command, script) = if let Some(file) = url.strip_prefix("sqlite:") {
            let mut shell = Command::new(tools::sqlite_shell().await?);
            shell.args(["-bail", file]);
            (shell, format!(".timeout 10000\nbegin immediate;\n.system echo {HELD}\n"))
        } else {
            let mut shell = Command::new(tools::postgresql_bin().await?.join("psql"));
            shell.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--dbname", url]);
            (shell, format!("begin;\nselect '{HELD}' from head for update;\n"))
        };
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut shell = spawned.context("could not start the shell of the database")?;
        let stdin = shell.stdin.as_mut().context("the shell takes no input")?;
        stdin.write_all(script.as_bytes()).await.context("the shell takes no input")?;
        stdin.flush().await?;
        let output = shell.stdout.as_mut().context("the shell has no output")?;
        let said = BufReader::new(output).lines().next_line().await?;
        ensure!(said.as_deref() == Some(HELD), "the lock was not taken: {said:?}");
        Ok(Self { _shell: shell })
    }
}

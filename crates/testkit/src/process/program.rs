//! What is to be started, and how.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::watchdog::SCRIPT;
use super::{Process, Signal};
use crate::account::Account;

/// A program to start as a supervised child.
#[derive(Debug)]
pub struct Program {
    name: String,
    binary: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    log: PathBuf,
    account: Option<Account>,
    last_signal: Signal,
}

impl Program {
    /// A program by its path, or by its name in `PATH`; its output is appended to `log`.
    pub fn new(name: &str, binary: impl AsRef<OsStr>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            binary: binary.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            log: log.into(),
            account: None,
            last_signal: Signal::Kill,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The signal that ends it when it is dropped or orphaned; SIGKILL unless said otherwise.
    pub fn end_with(mut self, signal: Signal) -> Self {
        self.last_signal = signal;
        self
    }

    /// Runs it under another account.
    pub(crate) fn run_as(mut self, account: Option<Account>) -> Self {
        self.account = account;
        self
    }

    /// Starts it.
    pub fn spawn(self) -> anyhow::Result<Process> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("could not open the log {}", self.log.display()))?;
        let errors = output.try_clone().context("could not share the log")?;
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, self.last_signal.name()])
            .arg(&self.binary)
            .args(&self.arguments)
            .envs(self.environment)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // A group of its own: Ctrl-C is for us, and we end our children in order.
            .process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid).current_dir("/");
        }
        let mut child = command.spawn().with_context(|| format!("could not start {}", self.name))?;
        let lifeline = child.stdin.take();
        Ok(Process { name: self.name, log: self.log, child, lifeline, last_signal: self.last_signal })
    }
}

/// Runs a command to its end and gives its standard output; its standard error is in the error if it fails.
pub async fn run(command: Command) -> anyhow::Result<String> {
    let said = format!("`{}`", command.get_program().display());
    let output = tokio::process::Command::from(command)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("could not run {said}"))?;
    anyhow::ensure!(
        output.status.success(),
        "{said} failed with {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).with_context(|| format!("{said} did not write UTF-8"))
}

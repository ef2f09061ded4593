//! Child processes that write a log, are waited for, and end when we end.
//!
//! The kernel's own parent-death signal belongs to a thread and needs unsafe code, so a shell watches instead: it holds
//! the reading end of a pipe whose writing end only we have. When we die, however that happens, the pipe closes and
//! the shell ends the child.

mod program;
mod watchdog;

pub use program::{Program, run};

use std::future::Future;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

/// How often a condition is looked at again.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// How many lines of a log an error shows.
const LOG_LINES_SHOWN: usize = 40;

/// What can be sent to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: please end.
    Terminate,
    /// SIGINT: please end, from the keyboard; PostgreSQL's fast shutdown.
    Interrupt,
    /// SIGQUIT: PostgreSQL's immediate shutdown.
    Quit,
    /// SIGKILL: the process gets no say.
    Kill,
    /// SIGSTOP: the process stands still.
    Stop,
    /// SIGCONT: the process continues.
    Continue,
}

impl Signal {
    /// The name `kill -s` knows.
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
    last_signal: Signal,
}

impl Process {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// The end of its output.
    pub fn log_tail(&self) -> String {
        tail(&self.log, LOG_LINES_SHOWN)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let status = self.child.try_wait().with_context(|| format!("could not ask for the end of {}", self.name))?;
        if status.is_some() {
            self.release();
        }
        Ok(status)
    }

    /// Sends a signal; an error if the process has ended, so that nobody else is hit.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} has already ended with {status}; its log:\n{}", self.name, self.log_tail());
        }
        // The shell's own `kill`: the program of that name is no part of a small Debian.
        let status = Command::new("sh")
            .args(["-c", r#"kill -s "$0" "$1""#, signal.name(), &self.pid().to_string()])
            .status()
            .context("could not run `sh`")?;
        anyhow::ensure!(status.success(), "could not send SIG{} to {}", signal.name(), self.name);
        Ok(())
    }

    /// Waits until `probe` gives a value. Fails at once when the process ends, and after `patience`.
    pub async fn wait_until_ready<T, F, P>(&mut self, patience: Duration, mut probe: P) -> anyhow::Result<T>
    where
        P: FnMut() -> F,
        F: Future<Output = anyhow::Result<Option<T>>>,
    {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                bail!("{} ended with {status} before it was ready; its log:\n{}", self.name, self.log_tail());
            }
            let found = probe().await.with_context(|| format!("what answers is not our {}", self.name))?;
            if let Some(value) = found {
                return Ok(value);
            }
            if Instant::now() >= deadline {
                bail!("{} was not ready after {patience:?}; its log:\n{}", self.name, self.log_tail());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the process has ended.
    pub async fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("{} was still running after {patience:?}; its log:\n{}", self.name, self.log_tail());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Sends a signal that ends it, and waits for the end.
    pub async fn stop(&mut self, signal: Signal, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(signal)?;
        self.wait(patience).await
    }

    /// SIGKILL, and waits for the end. No error if it has ended already.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if self.ended()?.is_none() {
            self.child.kill().with_context(|| format!("could not kill {}", self.name))?;
            self.child.wait().with_context(|| format!("could not wait for {}", self.name))?;
            self.release();
        }
        Ok(())
    }

    /// Tells the watchdog that the child has ended in order, so that it neither kills nor removes anything.
    fn release(&mut self) {
        if let Some(mut lifeline) = self.lifeline.take() {
            // A watchdog that is gone needs no word.
            let _ = lifeline.write_all(watchdog::RELEASED);
        }
    }

    /// The end when nobody is left to hear of errors: the gentle signal, two seconds, then SIGKILL.
    fn end_in_drop(&mut self) {
        if self.last_signal != Signal::Kill && self.signal(self.last_signal).is_ok() {
            for _ in 0..80 {
                if !matches!(self.ended(), Ok(None)) {
                    return;
                }
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        let _ = self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.ended(), Ok(None)) {
            self.end_in_drop();
        }
    }
}

/// The last lines of a file; a word about it if it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(dir: &Path) -> Process {
        Program::new("sleeper", "sleep", dir.join("log")).arg("600").spawn().unwrap()
    }

    #[tokio::test]
    async fn a_child_ends_when_its_lifeline_breaks() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = sleeper(dir.path());
        child.lifeline = None;
        child.wait(Duration::from_secs(10)).await.unwrap();
    }

    #[tokio::test]
    async fn a_child_that_hangs_ends_too_when_its_lifeline_breaks() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let deaf = Program::new("deaf", "sh", log).args(["-c", "trap '' TERM; while :; do sleep 0.1; done"]);
        let mut child = deaf.end_with(Signal::Terminate).spawn().unwrap();
        child.lifeline = None;
        child.wait(Duration::from_secs(30)).await.unwrap();
    }

    #[tokio::test]
    async fn a_child_can_be_stopped_continued_and_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = sleeper(dir.path());
        child.signal(Signal::Stop).unwrap();
        child.signal(Signal::Continue).unwrap();
        child.kill().unwrap();
        let error = child.signal(Signal::Terminate).unwrap_err().to_string();
        assert!(error.starts_with("sleeper has already ended with"), "{error}");
    }

    #[tokio::test]
    async fn a_child_that_ends_too_early_shows_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut child =
            Program::new("teller", "sh", dir.path().join("log")).args(["-c", "echo no luck; exit 3"]).spawn().unwrap();
        let error = child.wait_until_ready(Duration::from_secs(10), async || Ok(None::<()>)).await.unwrap_err();
        assert!(format!("{error:#}").contains("no luck"), "{error:#}");
    }
}

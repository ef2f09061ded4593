//! Writers that do one thing as often as they can, and a window in which it is counted.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::measure::{Latencies, Window};

/// How long before a window the writers run already: the first appends of all of them arrive at once.
const RUN_UP: Duration = Duration::from_millis(100);

/// One writer.
#[async_trait]
pub(crate) trait Writer: Send {
    /// Appends one event, durably.
    async fn append(&mut self) -> anyhow::Result<()>;
}

/// One side of a comparison: its writers, kept from window to window.
pub(crate) struct Side {
    writers: Vec<Box<dyn Writer>>,
    closing: Option<BoxFuture<'static, ()>>,
}

impl Side {
    /// With these writers, which run at the same time.
    pub(crate) fn new(writers: Vec<Box<dyn Writer>>) -> Self {
        Self { writers, closing: None }
    }

    /// With what is to be closed after it: the server has connections for one baseline at a time.
    pub(crate) fn closed_by(self, closing: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { closing: Some(Box::pin(closing)), ..self }
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        drop(self.writers);
        if let Some(closing) = self.closing {
            closing.await;
        }
    }

    /// All writers at once; what ends inside the window counts.
    pub(crate) async fn window(&mut self, length: Duration) -> anyhow::Result<Window> {
        let start = Instant::now() + RUN_UP;
        let end = start + length;
        let mut running = JoinSet::new();
        for mut writer in self.writers.drain(..) {
            running.spawn(async move {
                let mut times = Vec::new();
                loop {
                    let begun = Instant::now();
                    writer.append().await?;
                    let done = Instant::now();
                    if done > end {
                        return anyhow::Ok((writer, times));
                    }
                    if done > start {
                        times.push(done - begun);
                    }
                }
            });
        }
        let mut all = Vec::new();
        while let Some(ended) = running.join_next().await {
            let (writer, times) = ended.context("a writer panicked")?.context("a writer could not append")?;
            self.writers.push(writer);
            all.extend(times);
        }
        let latencies = Latencies::of(all);
        Ok(Window { per_s: count(latencies.count()) / length.as_secs_f64(), latencies })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn count(things: usize) -> f64 {
    things as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sleeper;

    #[async_trait]
    impl Writer for Sleeper {
        async fn append(&mut self) -> anyhow::Result<()> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(())
        }
    }

    struct Broken;

    #[async_trait]
    impl Writer for Broken {
        async fn append(&mut self) -> anyhow::Result<()> {
            anyhow::bail!("no")
        }
    }

    #[tokio::test]
    async fn what_ends_inside_the_window_is_counted() {
        let mut side = Side::new(vec![Box::new(Sleeper), Box::new(Sleeper)]);
        for _ in 0..2 {
            let window = side.window(Duration::from_millis(300)).await.unwrap();
            // Two of them, a hundred a second each at best; a busy machine sleeps longer.
            assert!((10.0..=205.0).contains(&window.per_s), "{}", window.per_s);
            assert!(window.latencies.percentile_ms(0.5) >= 9.0);
        }
    }

    #[tokio::test]
    async fn a_writer_that_cannot_append_fails_the_window() {
        let failed = Side::new(vec![Box::new(Broken)]).window(Duration::from_millis(10)).await.map(|_| ());
        assert_eq!(failed.unwrap_err().root_cause().to_string(), "no");
    }
}

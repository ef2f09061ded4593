//! The sample stories, told through HTTP and NATS only.
//!
//! Each is played by the holders of the posts in `deploy/sample`, checks where the case stands after every step and
//! who must act next, and ends with the whole history compared.

pub mod bike_shed;
pub mod evidence;
pub mod health_certificates;
pub mod second_cycle;

mod player;
mod respond;
mod scene;
mod timeline;

pub use player::{Heard, Player, Post};
pub use scene::{Act, Scene};
pub use timeline::{Step, Timeline};

use anyhow::Context as _;
use serde_json::Value;
use uuid::Uuid;

use crate::system::System;

/// How a story ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Its case.
    pub case: Uuid,
    /// The outcome of the case.
    pub outcome: String,
    /// The cycle in which it was closed.
    pub cycle: u64,
    /// How many events its history has.
    pub events: usize,
}

/// Plays every story; an error names the one that did not end as it should.
pub async fn play_all(system: &System, timeline: &Timeline) -> anyhow::Result<()> {
    let endings = [
        ("1 复元坊车棚 bike shed", bike_shed::play(system, timeline).await.context("story 1, the bike shed")?),
        (
            "2 大悦城健康证 health certificates",
            health_certificates::play(system, timeline).await.context("story 2, the health certificates")?,
        ),
        ("3 返工与重办 second cycle", second_cycle::play(system, timeline).await.context("story 3, the second cycle")?),
    ];
    println!("\n{}  {:36}  {:18}  cycle  events", timeline::padded("story", 36), "case", "outcome");
    for (story, ending) in endings {
        let (case, outcome) = (ending.case.to_string(), ending.outcome);
        println!("{}  {case:36}  {outcome:18}  {:>5}  {:>6}", timeline::padded(story, 36), ending.cycle, ending.events);
    }
    Ok(())
}

/// A JSON text.
fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(ToOwned::to_owned).with_context(|| format!("{value} is no text"))
}

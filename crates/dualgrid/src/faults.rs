//! What the environment tells a build for fault trials. No other build has this.

use anyhow::Context as _;
use app::fault::{self, Point, Sabotage};

/// The point at which the process ends, by name.
const POINT: &str = "DUALGRID_FAULT_POINT";
/// At which pass of that point, from 1.
const PASS: &str = "DUALGRID_FAULT_PASS";
/// The property that is broken on purpose, by name.
const SABOTAGE: &str = "DUALGRID_SABOTAGE";

/// Arms what the environment asks for.
pub(crate) fn arm() -> anyhow::Result<()> {
    if let Ok(name) = std::env::var(POINT) {
        let point: Point = name.parse().with_context(|| format!("{POINT}={name}"))?;
        let pass = std::env::var(PASS).unwrap_or_else(|_| "1".into());
        fault::arm(point, pass.parse().with_context(|| format!("{PASS}={pass} is not a number"))?);
        tracing::warn!(point = name, pass, "this process will end at this point on purpose");
    }
    if let Ok(name) = std::env::var(SABOTAGE) {
        let sabotage: Sabotage = name.parse().with_context(|| format!("{SABOTAGE}={name}"))?;
        fault::sabotage(sabotage);
        tracing::warn!(sabotage = name, "this process is broken on purpose");
    }
    Ok(())
}

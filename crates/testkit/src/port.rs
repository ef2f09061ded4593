//! Free ports of the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;

/// How often a server is started again if somebody was faster to take its port.
pub(crate) const ATTEMPTS_MAX: usize = 5;

/// A port that was free a moment ago.
///
/// Somebody else may take it before our server does: whoever calls this checks who answers, and tries again.
pub(crate) fn free() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("a bound port has no address")?.port())
}

/// Whether a server's log says that its port was taken.
pub(crate) fn was_taken(log: &str) -> bool {
    log.to_ascii_lowercase().contains("address already in use")
}

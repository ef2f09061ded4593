//! Nkeys of programs: made once, readable by their owner only.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use accounts::Seed;
use anyhow::Context as _;
use kernel::{Entropy as _, SystemEntropy};

use crate::output::say;

/// Makes the keys of dualgrid itself that are missing.
pub(crate) fn of_core(dir: &Path) -> anyhow::Result<()> {
    for name in ["nats-core.nk", "nats-system.nk"] {
        let file = dir.join(name);
        if file.exists() {
            say!("kept  {}", file.display());
        } else {
            make(&file)?;
            say!("wrote {}", file.display());
        }
    }
    Ok(())
}

/// Makes a key. A file that exists is never overwritten: it may be the only copy.
pub(crate) fn key(file: &Path) -> anyhow::Result<()> {
    say!("{}", make(file)?.public());
    Ok(())
}

fn make(file: &Path) -> anyhow::Result<Seed> {
    let mut random = [0; 32];
    SystemEntropy.fill(&mut random);
    let seed = Seed::of_random(random);
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut opened = opened.with_context(|| format!("could not make the new file {}", file.display()))?;
    writeln!(opened, "{}", seed.secret()).and_then(|()| opened.sync_all())?;
    Ok(seed)
}

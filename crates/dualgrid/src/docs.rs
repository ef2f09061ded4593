//! What is generated from the code and committed: `cargo xtask generate` writes it, CI compares it.

mod authorisation;
mod events;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app::registry;

use crate::output::{self, say};

/// Which of them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Docs {
    /// docs/events.md
    Events,
    /// docs/authorisation.md
    Authorisation,
    /// docs/openapi.json
    Openapi,
    /// One JSON Schema for each event.
    Schemas {
        /// The folder to which they are written.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// Prints or writes one of them.
pub(crate) fn print(docs: &Docs) -> anyhow::Result<()> {
    match docs {
        Docs::Events => output::text(format_args!("{}", events::page())),
        Docs::Authorisation => output::text(format_args!("{}", authorisation::page())),
        Docs::Openapi => say!("{}", serde_json::to_string_pretty(&http_api::openapi::document())?),
        Docs::Schemas { dir } => schemas(dir)?,
    }
    Ok(())
}

fn schemas(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    for event in registry::kinds().iter().flat_map(|kind| kind.events()) {
        let path = dir.join(format!("{}.json", event.name));
        let text = serde_json::to_string_pretty(&(event.schema)())? + "\n";
        std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

//! What is generated from the code and committed: `cargo xtask generate` writes it, CI compares it.

mod authorisation;
mod events;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app::registry;

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
        Docs::Events => write(&events::page()),
        Docs::Authorisation => write(&authorisation::page()),
        Docs::Openapi => write(&format!("{}\n", serde_json::to_string_pretty(&http_api::openapi::document())?)),
        Docs::Schemas { dir } => schemas(dir),
    }
}

/// Writes a page. A reader that has seen enough closes its end (`| head`), which is no error.
fn write(page: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(page.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("could not write the page"),
    }
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

//! What is generated from the code and committed: `cargo xtask generate` writes it, CI compares it.

mod authorisation;
mod events;

use std::path::Path;

use anyhow::Context as _;
use case::CaseEvent;
use grid::DistrictEvent;
use kernel::Event as _;
use kernel::schemars::Schema;
use rules::RulesEvent;

use crate::cli::Docs;

/// Prints or writes one of them.
pub(crate) fn print(docs: &Docs) -> anyhow::Result<()> {
    match docs {
        Docs::Events => print!("{}", events::page()),
        Docs::Authorisation => print!("{}", authorisation::page()),
        Docs::Openapi => println!("{}", serde_json::to_string_pretty(&http_api::openapi::document())?),
        Docs::Schemas { dir } => schemas(dir)?,
    }
    Ok(())
}

/// Every event of every aggregate, with its category and the JSON Schema of its data.
fn all_events() -> Vec<(&'static str, &'static str, Schema)> {
    let of = |category: &'static str, schemas: Vec<(&'static str, Schema)>| {
        schemas.into_iter().map(move |(name, schema)| (category, name, schema))
    };
    of(CaseEvent::CATEGORY, CaseEvent::schemas())
        .chain(of(DistrictEvent::CATEGORY, DistrictEvent::schemas()))
        .chain(of(RulesEvent::CATEGORY, RulesEvent::schemas()))
        .collect()
}

fn schemas(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    for (_, name, schema) in all_events() {
        let path = dir.join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

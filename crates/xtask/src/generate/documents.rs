//! Documents that the program itself writes about its events, its API and who may do what.

use anyhow::Context as _;
use tokio::process::Command;

use super::Generated;
use crate::cargo::{build_all, output};

/// Document of `dualgrid docs`, and its file.
const DOCUMENTS: &[(&str, &str)] =
    &[("events", "docs/events.md"), ("openapi", "docs/openapi.json"), ("authorisation", "docs/authorisation.md")];

/// Builds the program and asks it.
pub(super) async fn generate(generated: &mut Generated) -> anyhow::Result<()> {
    build_all().await?;
    let binary = testkit::system::dualgrid_binary().await?;
    for (document, path) in DOCUMENTS {
        let mut command = Command::new(&binary);
        command.args(["docs", document]);
        generated.file(*path, output(command).await?);
    }
    let folder = tempfile::tempdir().context("no folder for the schemas")?;
    let mut command = Command::new(&binary);
    command.args(["docs", "schemas", "--dir"]).arg(folder.path());
    output(command).await?;
    generated.folder("docs/schemas", folder.path())
}

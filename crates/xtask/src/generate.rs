//! `cargo xtask generate`: files that are made from code, committed, and never edited.

mod documents;
mod files;

use files::Generated;
use testkit::sample::workspace_dir;

/// What can be said.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if a file would change
    #[arg(long)]
    pub(crate) check: bool,
}

/// Makes all of them in memory, then compares or writes.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut generated = Generated::default();
    documents::generate(&mut generated).await?;
    let changes = generated.changes(&workspace_dir())?;
    if options.check {
        for change in &changes {
            println!("{change}: differs from what the code says; run `cargo xtask generate`");
        }
        anyhow::ensure!(changes.is_empty(), "{} generated files are out of date", changes.len());
        return Ok(());
    }
    generated.write(&workspace_dir())?;
    for change in changes {
        println!("{change}");
    }
    Ok(())
}

//! `dualgrid erase person ID --ground GROUND --reason TEXT`.

use app::intake::Request;
use clap::ValueEnum;
use kernel::{PersonId, Role, Verb as _};
use people::erasures::{ErasePerson, Ground};

use crate::config::Config;
use crate::import;
use crate::output::say;
use crate::system::{self, Uses};

/// Whom to erase, and why.
#[derive(Debug, clap::Args)]
pub(crate) struct Person {
    /// The person's id, as in the events and with the reporter of a case.
    id: PersonId,
    /// The ground, by article 47 of the law on the protection of personal information.
    #[arg(long, value_enum)]
    ground: GroundName,
    /// What the ground is in this case, for example the number of the application. No names: it is recorded as it is.
    #[arg(long)]
    reason: String,
}

/// A ground as the command line names it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroundName {
    /// What the data were for is done, cannot be done, or is not wanted any more.
    PurposeOver,
    /// The time for which they are kept is over.
    RetentionOver,
    /// The person takes their consent back.
    ConsentWithdrawn,
    /// They were not to be processed.
    Unlawful,
    /// Another law, or an authority, says so.
    OtherLaw,
}

impl From<GroundName> for Ground {
    fn from(name: GroundName) -> Self {
        match name {
            GroundName::PurposeOver => Self::PurposeOver,
            GroundName::RetentionOver => Self::RetentionOver,
            GroundName::ConsentWithdrawn => Self::ConsentWithdrawn,
            GroundName::Unlawful => Self::Unlawful,
            GroundName::OtherLaw => Self::OtherLaw,
        }
    }
}

/// Erases a person and prints what that means.
pub(crate) async fn person(config: &Config, asked: &Person) -> anyhow::Result<()> {
    let app = system::open(config, Uses::Stores).await?;
    let Person { id, ground, reason } = asked;
    let command = ErasePerson { person: *id, ground: (*ground).into(), reason: reason.clone() };
    let request = import::request(&app, ErasePerson::NAME, &serde_json::to_value(command)?)?;
    let mut actor = request.actor.clone();
    actor.role = Role::SecurityAdministrator;
    let answer = app.submit(Request { actor, ..request }).await?;
    if answer.events == 0 {
        say!("Person {id} was erased before, on this ground: nothing of them can be read.");
    } else {
        say!("Person {id} was erased: what was sealed under their key can never be read again.");
    }
    say!("Every event stays as it was. Delete the backups of the vault that are older than this moment.");
    Ok(())
}

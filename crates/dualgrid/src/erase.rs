//! `dualgrid erase person ID`.

use kernel::PersonId;

use crate::config::Config;
use crate::output::say;
use crate::system;

/// Deletes the key of a person and prints what that means.
pub(crate) async fn person(config: &Config, person: PersonId) -> anyhow::Result<()> {
    let app = system::open(config).await?;
    if app.erase_person(person).await? {
        say!("Person {person} was erased: what was sealed under their key can never be read again.");
        say!("Every event stays as it was. Delete the backups of the vault that are older than this moment.");
    } else {
        say!("There is no key of person {person}: nothing was ever sealed for them, or they were erased before.");
    }
    Ok(())
}

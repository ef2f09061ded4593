//! Personal data in clear, for those who may, and their erasure.

use kernel::{Actor, PersonId, PersonalField, Sealed};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::authorise::authorise;
use crate::kind::{Kind, Sight};
use crate::{App, Error};

/// Personal data in clear, for one reader. Never logged, never stored.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClearPerson {
    pub person: PersonId,
    /// 姓名
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 电话
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// 住址
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl std::fmt::Debug for ClearPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClearPerson(..)")
    }
}

impl App {
    /// The personal data of one aggregate in clear, for example of the reporter of a case.
    ///
    /// # Errors
    /// Where the kind holds none, the actor may not read them, or the person was erased.
    pub async fn person(&self, by: &Actor, kind: &dyn Kind, id: Uuid) -> Result<ClearPerson, Error> {
        let spec = kind.personal().ok_or_else(|| Error::NotFound { what: "personal data here".into() })?;
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall: false };
        let (place, sealed) = kind.look(sight, id).await?.ok_or_else(|| kind.missing())?;
        authorise(by, spec.action, spec.read, &place)?;
        let none = || Error::NotFound { what: format!("{} of this {}", spec.path, kind.category()) };
        let sealed = sealed.ok_or_else(none)?;
        let key = self.ports.vault.key(sealed.person).await?.ok_or(Error::Erased)?;
        let open = |field: PersonalField| {
            let opened = sealed.value(field).map(|sealed: Sealed| sealed.open(&key)).transpose();
            opened.map_err(|error| Error::Unreadable(error.to_string()))
        };
        tracing::info!(aggregate.id = %id, actor.id = by.id, "personal data was shown");
        Ok(ClearPerson {
            person: sealed.person,
            name: open(PersonalField::Name)?,
            phone: open(PersonalField::Phone)?,
            address: open(PersonalField::Address)?,
        })
    }

    /// Deletes the key of a person: nothing that was sealed under it can be read again. The history stays.
    ///
    /// Returns false where there was no key.
    pub async fn erase_person(&self, person: PersonId) -> Result<bool, Error> {
        let erased = self.ports.vault.erase(person).await?;
        tracing::warn!(person.id = %person, erased, "a person was erased");
        Ok(erased)
    }
}

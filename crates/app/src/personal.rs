//! Personal data in clear, for those who may, and their erasure.

use kernel::facts::SealedPerson;
use kernel::{Actor, PersonId, PersonalField, Sealed};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::kind::{Kind, Sight};
use crate::port::VaultError;
use crate::query::authorise_one;
use crate::{App, Error};

/// Everybody whose personal data an aggregate holds, for one reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClearPersons {
    /// In the order in which they came.
    pub items: Vec<ClearPerson>,
}

/// Personal data in clear, for one reader. Never logged, never stored.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClearPerson {
    pub person: PersonId,
    /// Whether the person was erased. Nothing is shown of them then.
    pub is_erased: bool,
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
    /// The personal data of one aggregate in clear, for example of everybody who reported a case.
    ///
    /// # Errors
    /// Where the kind holds none, the actor may not read them, or every person was erased.
    pub async fn persons(&self, by: &Actor, kind: &dyn Kind, id: Uuid) -> Result<ClearPersons, Error> {
        let spec = kind.personal().ok_or_else(|| Error::NotFound { what: "personal data here".into() })?;
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall: false };
        let (place, sealed) = kind.look(sight, id).await?.unzip();
        authorise_one(by, kind, spec.action, spec.read, place.as_ref())?;
        let sealed = sealed.unwrap_or_default();
        if sealed.is_empty() {
            return Err(Error::NotFound { what: format!("{} of this {}", spec.path, kind.category()) });
        }
        let mut items = Vec::new();
        for person in &sealed {
            items.push(self.open(person).await?);
        }
        if items.iter().all(|person| person.is_erased) {
            return Err(Error::Erased);
        }
        tracing::info!(aggregate.id = %id, actor.id = by.id, "personal data was shown");
        Ok(ClearPersons { items })
    }

    async fn open(&self, sealed: &SealedPerson) -> Result<ClearPerson, Error> {
        let person = sealed.person;
        let key = match self.ports.vault.key(person).await {
            Ok(Some(key)) => key,
            Ok(None) | Err(VaultError::Erased(_)) => {
                return Ok(ClearPerson { person, is_erased: true, name: None, phone: None, address: None });
            }
            Err(error) => return Err(error.into()),
        };
        let open = |field: PersonalField| {
            let opened = sealed.value(field).map(|sealed: Sealed| sealed.open(&key)).transpose();
            opened.map_err(|error| Error::Unreadable(error.to_string()))
        };
        Ok(ClearPerson {
            person,
            is_erased: false,
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

//! Personal data: sealed on the way in, opened for those who may, erased for ever.

use std::sync::{Arc, OnceLock};

use case::{Reporter, ReporterInput};
use esrs::manager::AggregateManager;
use kernel::digest::Digest;
use kernel::envelope::Provenance;
use kernel::{Actor, CaseId, CommandId, CorrelationId, PersonId, PersonalField, Sealed};
use serde::Serialize;

use crate::authorise::{Place, authorise};
use crate::port::Recording;
use crate::{App, Error};

/// A reporter in clear, for one reader. Never logged, never stored.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ClearReporter {
    /// The person.
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

impl std::fmt::Debug for ClearReporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClearReporter(..)")
    }
}

impl App {
    /// Seals a reporter under the key of that person. The same discovery again is the same person.
    pub(crate) async fn seal(&self, case: CaseId, input: &ReporterInput) -> Result<Reporter, Error> {
        let lengths = [(&input.name, 100), (&input.phone, 40), (&input.address, 200)];
        if lengths.iter().any(|(text, max)| text.as_ref().is_some_and(|text| text.chars().count() > *max)) {
            let detail = "a reporter's name has at most 100 characters, the phone 40, the address 200";
            return Err(Error::Malformed { status: 422, code: "reporter-too-long", detail: detail.to_owned() });
        }
        let person = input.person.unwrap_or_else(|| PersonId::named(&format!("{case}/reporter")));
        let key = self.ports.vault.key_or_create(person).await?;
        let seal = |field, text: &Option<String>| {
            text.as_ref().map(|text| Sealed::seal(person, field, text, &key, &*self.ports.entropy))
        };
        Ok(Reporter {
            person,
            name: seal(PersonalField::Name, &input.name),
            phone: seal(PersonalField::Phone, &input.phone),
            address: seal(PersonalField::Address, &input.address),
        })
    }

    /// The reporter of a case, in clear, for those who have to give them an answer.
    pub async fn reporter(&self, by: &Actor, case: CaseId) -> Result<ClearReporter, Error> {
        let manager = AggregateManager::new(self.ports.stores.cases(self.reading()));
        let state = manager.load(case.uuid()).await?.ok_or(case::Refusal::UnknownCase)?;
        let file = state.inner().file.as_ref().ok_or(case::Refusal::UnknownCase)?;
        authorise(by, "read-reporter", &Place { grids: &file.grids, departments: &file.departments() })?;
        let none = || Error::NotFound { what: "reporter of this case".into() };
        let reporter = file.discovered.reporter.as_ref().ok_or_else(none)?;
        let key = self.ports.vault.key(reporter.person).await?.ok_or(Error::Erased)?;
        let open = |sealed: &Option<Sealed>| {
            let opened = sealed.as_ref().map(|sealed| sealed.open(&key)).transpose();
            opened.map_err(|error| Error::Unreadable(error.to_string()))
        };
        tracing::info!(case.id = %case, actor.id = by.id, "the reporter of a case was shown");
        Ok(ClearReporter {
            person: reporter.person,
            name: open(&reporter.name)?,
            phone: open(&reporter.phone)?,
            address: open(&reporter.address)?,
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

    /// A recording for a store handle that only reads.
    pub(crate) fn reading(&self) -> Recording {
        let command = CommandId::new(uuid::Uuid::nil());
        Recording {
            provenance: Provenance {
                installation: self.settings.installation.clone(),
                actor: Actor::system("reader"),
                command,
                correlation: CorrelationId::new(uuid::Uuid::nil()),
                traceparent: None,
            },
            request: Digest::of(b""),
            at: self.ports.clock.now(),
            newest: None,
            receipt: Arc::new(OnceLock::new()),
        }
    }
}

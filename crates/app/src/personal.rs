//! Personal data in clear, for those who may, and their erasure.

use chrono::TimeDelta;
use kernel::aggregate::PersonalSpec;
use kernel::facts::SealedPerson;
use kernel::{Actor, CommandId, PersonId, PersonalField, Sealed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::authorise::authorise_one;
use crate::intake::{Answer, Request};
use crate::kind::{Kind, Sight};
use crate::port::{Failure, VaultError};
use crate::readings::Reading;
use crate::{App, Error, registry};

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

/// Longest day, in hours.
const HOURS_OF_A_DAY: i64 = 26;
const SECONDS_OF_AN_HOUR: i64 = 3600;

/// What a row of the view of readings must have.
#[derive(Deserialize)]
struct Counted {
    count: u32,
}

/// The purpose that was named, if it is one.
fn checked<'a>(spec: &PersonalSpec, purpose: Option<&'a str>) -> Result<&'a str, Error> {
    let purposes = (spec.purposes)();
    match purpose {
        Some(purpose) if purposes.iter().any(|known| known == purpose) => Ok(purpose),
        named => {
            let code = if named.is_some() { "purpose-unknown" } else { "purpose-needed" };
            let detail = format!("say what it is read for: ?purpose= with one of {}", purposes.join(", "));
            Err(Error::malformed(code, detail))
        }
    }
}

impl App {
    /// The personal data of one aggregate in clear, for example of everybody who reported a case: those that may be shown to whoever
    /// asks, for a purpose. The reading is recorded before anything is shown, and counted for the reader's day.
    ///
    /// # Errors
    /// Where the kind holds none, no purpose is named, the actor may not read them or has read as much as they may in a day, the
    /// reading cannot be recorded, or every person was erased.
    pub async fn persons(
        &self,
        by: &Actor,
        kind: &dyn Kind,
        id: Uuid,
        purpose: Option<&str>,
    ) -> Result<ClearPersons, Error> {
        let spec = kind.personal().ok_or_else(|| Error::NotFound { what: "personal data here".into() })?;
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall: false };
        let place = kind.look(sight, id).await?.map(|(place, _)| place);
        authorise_one(by, kind, spec.action, spec.read, place.as_ref())?;
        let purpose = checked(&spec, purpose)?;
        // Looked at before the reading is recorded: whoever comes in between is not shown, and not recorded as read.
        let sealed = kind.sealed_for(sight, id, by).await?;
        let mut items = Vec::new();
        for person in &sealed {
            items.push(self.open(person).await?);
        }
        if !items.is_empty() && items.iter().all(|person| person.is_erased) {
            return Err(Error::Erased);
        }
        let counted = self.count_reading(by, &spec).await?;
        let recorded = self.record_reading(by, &spec, id, purpose).await;
        if !recorded.as_ref().is_ok_and(|answer| answer.events > 0) {
            self.readings.take_back(&counted);
        }
        recorded?;
        tracing::info!(aggregate.id = %id, actor.id = by.id, purpose, "personal data was shown");
        Ok(ClearPersons { items })
    }

    /// Counts a reading of today, unless that would be more than one person may make in a day.
    async fn count_reading(&self, by: &Actor, spec: &PersonalSpec) -> Result<Reading, Error> {
        let (known, now) = (self.known().await?, self.ports.clock.now());
        let (rules, most) = (known.rules(), known.rules().personal_data(now).readings_a_day_max);
        let reading = Reading { reader: by.id.clone(), day: rules.today(now) };
        let view = registry::view(spec.readings).ok_or_else(|| {
            let reason = format!("no view is called {}", spec.readings);
            Error::Failure(Failure { operation: "count readings", reason, passing: false })
        })?;
        let key = format!("{}:{}", reading.day, reading.reader);
        let row = match self.ports.views.get(&view.fold().spec(), &key).await {
            // Before the view is built for the first time, what this process knows has to do: the reading is recorded all the same.
            Err(failure) if failure.passing => None,
            found => found?,
        };
        let row: Option<Counted> = row
            .map(|row| serde_json::from_str(&row.doc))
            .transpose()
            .map_err(|error| Error::Unreadable(format!("row {key} of {}: {error}", spec.readings)))?;
        if self.readings.count(&reading, row.map_or(0, |row| row.count), most) {
            return Ok(reading);
        }
        let in_hours = |hours: i64| now.checked_add_signed(TimeDelta::hours(hours)).unwrap_or(now);
        let tomorrow = (1..=HOURS_OF_A_DAY).find(|hours| rules.today(in_hours(*hours)) != reading.day);
        let wait_s = u32::try_from(tomorrow.unwrap_or(HOURS_OF_A_DAY) * SECONDS_OF_AN_HOUR).unwrap_or(u32::MAX);
        Err(Error::ReadingsUsedUp { most, wait_s })
    }

    async fn record_reading(&self, by: &Actor, spec: &PersonalSpec, id: Uuid, purpose: &str) -> Result<Answer, Error> {
        let body = serde_json::json!({ "purpose": purpose }).to_string();
        let command = CommandId::new(self.ports.entropy.uuid(self.ports.clock.now()));
        self.submit_part(Request {
            actor: by.clone(),
            command,
            correlation: None,
            causation: None,
            traceparent: None,
            name: spec.action.to_owned(),
            id: Some(id),
            body: body.into(),
        })
        .await
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
}

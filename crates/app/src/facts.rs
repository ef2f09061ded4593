//! What a command asks for, looked up: here, once, for every kind.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::facts::{Facts, KeyState, ReadingLimits, SealedPerson, Seat};
use kernel::needs::{PersonalInput, SeatOf};
use kernel::{Actor, Needs, PersonId, PersonKey, PersonalField, Position, Sealed, StreamId, Version};
use uuid::Uuid;

use crate::port::VaultError;
use crate::reference::Known;
use crate::{App, Error, registry};

/// A key that was made in memory; it is kept only if the command is taken.
type NewKey = Option<(PersonId, PersonKey)>;

impl App {
    /// Looks up what is asked for, and nothing else.
    pub(crate) async fn facts(
        &self,
        of: &StreamId,
        needs: &Needs,
        known: &Known,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(Facts, NewKey), Error> {
        let (sealed, key) = match &needs.seal {
            Some(input) => self.seal(of.id(), input).await.map(|(sealed, key)| (Some(sealed), Some(key)))?,
            None => (None, None),
        };
        let similar = match &needs.similar {
            Some(told) => self.suspected(of, told, known).await,
            None => Vec::new(),
        };
        let facts = Facts {
            grids: found(&needs.grids, |grid| known.district().grid_facts(grid, now)),
            matters: found(&needs.matters, |matter| known.rules().matter_facts(matter, now)),
            departments: found(&needs.departments, |department| known.district().department_facts(department, now)),
            dues: found(&needs.dues, |of| known.rules().due_of(of, now)),
            consent_rules: found(&needs.consent_rules, |rule| known.rules().consent_rule_facts(rule, now)),
            review_score_min: if needs.review_score { known.rules().review_score_min(now) } else { None },
            reading_limits: if needs.reading_limits {
                known.rules().personal_data(now)
            } else {
                ReadingLimits::default()
            },
            incompatible: if needs.incompatible { known.rules().incompatible(now).to_vec() } else { Vec::new() },
            filing_criteria: if needs.filing_criteria { known.criteria(now) } else { Vec::new() },
            evidence: self.nameable(by, of, &needs.evidence).await?,
            sealed,
            similar,
            steps: if needs.steps { registry::steps() } else { BTreeSet::new() },
            bounds: if needs.bounds { known.district().bounds(now) } else { None },
            began: if needs.began { self.began(of).await? } else { None },
            generation: if needs.generation { self.ports.vault.generation() } else { None },
            person_keys: self.person_keys(&needs.person_keys).await?,
            seat: needs.seat.as_ref().and_then(|of| seat(of, known, now)),
            may_number: needs.numbered.as_ref().is_some_and(|source| known.programs().may_number(&by.id, source)),
        };
        Ok((facts, key))
    }

    async fn began(&self, of: &StreamId) -> Result<Option<Position>, Error> {
        let recorded = self.ports.log.stream(of, Version(0)).await?;
        Ok(recorded.first().map(|first| first.position))
    }

    async fn person_keys(&self, persons: &[PersonId]) -> Result<BTreeMap<PersonId, KeyState>, Error> {
        let mut found = BTreeMap::new();
        for person in persons {
            found.extend(self.key_state(*person).await?.map(|state| (*person, state)));
        }
        Ok(found)
    }

    /// Seals personal data under the key of their person. A new key stays in memory until the command is taken. What says the same
    /// as what was sealed before is that.
    async fn seal(&self, id: Uuid, input: &PersonalInput) -> Result<(SealedPerson, (PersonId, PersonKey)), Error> {
        let person = match input.person {
            Some(person) => person,
            None => self.person_meant(id, input).await?,
        };
        let key = self.ports.vault.key(person).await?;
        let key = key.unwrap_or_else(|| PersonKey::generate(&*self.ports.entropy));
        let seal = |(field, text): &(PersonalField, kernel::Personal<String>)| {
            let is_same = |known: &&Sealed| {
                known.person == person
                    && known.field == *field
                    && known.open(&key).is_ok_and(|opened| opened == *text.clear())
            };
            let known = input.known.iter().rev().find(is_same).cloned();
            known.unwrap_or_else(|| Sealed::seal(person, *field, text.clear(), &key, &*self.ports.entropy))
        };
        let values = input.values.iter().map(seal).collect();
        Ok((SealedPerson { person, values }, (person, key)))
    }

    /// Who is meant where no person is named: whoever is known by that name; somebody else under another name; and without a name
    /// the first, who may correct what they said. Where somebody was erased, nobody can tell any more.
    async fn person_meant(&self, id: Uuid, input: &PersonalInput) -> Result<PersonId, Error> {
        let first = PersonId::named(&format!("{id}/reporter"));
        let is_name = |(field, _): &&(PersonalField, _)| *field == PersonalField::Name;
        let Some((_, name)) = input.values.iter().find(is_name) else { return Ok(first) };
        let names = || input.known.iter().filter(|sealed| sealed.field == PersonalField::Name);
        let mut is_erased = false;
        for known in names() {
            match self.ports.vault.key(known.person).await {
                Ok(Some(key)) if known.open(&key).is_ok_and(|known| known == *name.clear()) => return Ok(known.person),
                Ok(_) => {}
                Err(VaultError::Erased(_)) => is_erased = true,
                Err(error) => return Err(error.into()),
            }
        }
        if is_erased {
            return Err(Error::Erased);
        }
        if names().all(|known| known.person != first) {
            return Ok(first);
        }
        let persons: BTreeSet<PersonId> = input.known.iter().map(|known| known.person).collect();
        Ok(PersonId::named(&format!("{id}/reporter/{}", persons.len() + 1)))
    }
}

/// Where something open belongs, and who holds posts there: as of now, or of when it is asked for, where that is later.
fn seat(of: &SeatOf, known: &Known, now: DateTime<Utc>) -> Option<Seat> {
    let at = now.max(of.since);
    known.district().seat(&of.grid, of.point, at, |grid| known.persons().holders(grid, at))
}

/// What was found of what was asked for.
fn found<K: Ord + Clone, V>(asked: &[K], find: impl Fn(&K) -> Option<V>) -> BTreeMap<K, V> {
    asked.iter().filter_map(|key| Some((key.clone(), find(key)?))).collect()
}

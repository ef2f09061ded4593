use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Needs, PersonId, Reach, Role, Verb, check_line, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Erasures, GENERATION_MAX, Refusal};

// Most characters of a text.
const REASON_MAX: usize = 500;

/// A security administrator says that a generation of the vault is destroyed: its wrapping key, each copy of it, and the backups of the
/// vault that were made under it.
///
/// Whoever was erased before that, and whose key is in no other generation that is left, is erased completely with this: nobody has
/// anything with which to read what was sealed. Refused for the generation in use: exchange the wrapping key first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestroyGeneration {
    /// The public name of its wrapping key.
    #[schemars(length(min = 1, max = GENERATION_MAX))]
    pub generation: String,
    /// How it was destroyed, and who saw it, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// A generation of the vault was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationDestroyed {
    /// The public name of its wrapping key.
    pub generation: String,
    /// How it was destroyed.
    pub reason: String,
    pub since: DateTime<Utc>,
}

/// The last generation in which there was a key of an erased person was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureCompleted {
    pub person: PersonId,
    /// From when on it cannot be undone by anybody.
    pub since: DateTime<Utc>,
}

impl Verb for DestroyGeneration {
    const NAME: &'static str = "destroy-generation";
    const BY: Allowed = &[(Role::SecurityAdministrator, Reach::Everywhere)];
    type Of = Erasures;

    fn needs(&self, _: &Erasures) -> Needs {
        Needs::none().generation()
    }
    fn example() -> Self {
        Self {
            generation: "6f1d0c93a2b47e58".into(), reason: "密钥文件及其备份已销毁，二人在场".into()
        }
    }
}

impl DestroyGeneration {
    pub(super) fn decide(&self, erasures: &Erasures, context: &Context) -> Decision<Erasures> {
        let generation = self.generation.clone();
        match erasures.generations.get(&generation) {
            None => return Err(Refusal::UnknownGeneration { generation }),
            Some(Some(reason)) if *reason == self.reason => return Ok(vec![]),
            Some(Some(_)) => return Err(Refusal::AlreadyDestroyed { generation }),
            Some(None) => {}
        }
        if context.facts.generation.as_ref().is_none_or(|used| *used == generation) {
            return Err(Refusal::GenerationInUse { generation });
        }
        check_line("generation", &generation, GENERATION_MAX)?;
        check_text("reason", &self.reason, REASON_MAX)?;
        let last = |(person, left): (&PersonId, &std::collections::BTreeSet<String>)| {
            let is_last = left.len() == 1 && left.contains(&generation);
            is_last.then(|| ErasureCompleted { person: *person, since: context.at }.into())
        };
        let completed: Vec<_> = erasures.left.iter().filter_map(last).collect();
        let destroyed = GenerationDestroyed { generation, reason: self.reason.clone(), since: context.at };
        Ok(std::iter::once(destroyed.into()).chain(completed).collect())
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::erase_person::is_held;
    use super::super::{BeginGeneration, ErasePerson, ErasuresEvent};
    use super::*;

    const ONE: &str = "6f1d0c93a2b47e58";
    const TWO: &str = "0000000000000002";
    const THREE: &str = "0000000000000003";

    fn begun(generation: &str) -> BeginGeneration {
        BeginGeneration { generation: generation.into() }
    }

    fn destroy(generation: &str) -> DestroyGeneration {
        DestroyGeneration { generation: generation.into(), ..DestroyGeneration::example() }
    }

    fn used(generation: &'static str) -> impl Fn(&mut kernel::Facts) {
        move |facts| {
            is_held(facts);
            facts.generation = Some(generation.to_owned());
        }
    }

    /// What was asked one after the other, while that generation was used.
    fn history(asked: Vec<(&'static str, super::super::ErasuresCommand)>) -> Vec<ErasuresEvent> {
        asked.into_iter().fold(Vec::new(), |history, (generation, command)| {
            let events = given::<Erasures>(history.clone()).knowing(used(generation)).when(command).events();
            [history, events].concat()
        })
    }

    #[test]
    fn an_erasure_is_complete_once_every_generation_that_had_the_key_is_destroyed() {
        let before =
            history(vec![(ONE, begun(ONE).into()), (TWO, begun(TWO).into()), (TWO, ErasePerson::example().into())]);
        let ErasuresEvent::PersonErased(erased) = &before[2] else { panic!("{before:?}") };
        assert_eq!(erased.generations, [ONE, TWO].map(String::from).into());
        assert_eq!(erased.complete_by, given::NOW + chrono::TimeDelta::days(1), "by the rules");
        let silent = |facts: &mut kernel::Facts| {
            is_held(facts);
            facts.dues.clear();
        };
        let events = given::<Erasures>([]).knowing(silent).when(ErasePerson::example()).events();
        let [ErasuresEvent::PersonErased(erased)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(erased.complete_by, given::NOW + chrono::TimeDelta::days(30), "without a rule");
        let before = [before.clone(), given::<Erasures>(before).when(begun(THREE)).events()].concat();
        let told = |events: &[ErasuresEvent]| given::<Erasures>(events.to_vec()).knowing(used(THREE));
        for (first, second) in [(ONE, TWO), (TWO, ONE)] {
            let one = told(&before).when(destroy(first)).events();
            assert!(matches!(&one[..], [ErasuresEvent::GenerationDestroyed(_)]), "{one:?}");
            let after = [before.clone(), one].concat();
            let two = told(&after).when(destroy(second)).events();
            let [ErasuresEvent::GenerationDestroyed(_), ErasuresEvent::ErasureCompleted(completed)] = &two[..] else {
                panic!("{two:?}")
            };
            assert_eq!(completed.person, ErasePerson::example().person);
            let after = [after, two].concat();
            let state = given::<Erasures>(after).state();
            assert_eq!((state.persons().count(), state.open().count()), (1, 0), "they stay erased");
        }
    }

    #[test]
    fn the_generation_in_use_and_one_that_never_was_are_not_destroyed() {
        let before = || given::<Erasures>([]).when(begun(ONE)).events();
        let told = |generation| given::<Erasures>(before()).knowing(used(generation));
        told(ONE).when(destroy(ONE)).then_refused(Refusal::GenerationInUse { generation: ONE.into() });
        told(TWO).when(destroy(THREE)).then_refused(Refusal::UnknownGeneration { generation: THREE.into() });
        let silent = DestroyGeneration { reason: " ".into(), ..destroy(ONE) };
        told(TWO).when(silent).then_refused(Unfit::TextLength { field: "reason", max: REASON_MAX });
        let after = [before(), told(TWO).when(destroy(ONE)).events()].concat();
        let again = || given::<Erasures>(after.clone()).knowing(used(TWO));
        again().when(destroy(ONE)).then_nothing();
        let other = DestroyGeneration { reason: "另一次".into(), ..destroy(ONE) };
        again().when(other).then_refused(Refusal::AlreadyDestroyed { generation: ONE.into() });
        given::<Erasures>(before()).when(begun(ONE)).then_nothing();
        let nameless = BeginGeneration { generation: String::new() };
        given::<Erasures>([]).when(nameless).then_refused(Unfit::TextLength { field: "generation", max: 64 });
    }
}

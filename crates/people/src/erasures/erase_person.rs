use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::facts::KeyState;
use kernel::{Allowed, Context, Decision, Needs, PersonId, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ERASERS, Erasures, Refusal};

// Most characters of a text.
const REASON_MAX: usize = 500;
/// The step whose limit says by when an erasure is complete.
pub(super) const COMPLETE: Step = Step::of("complete_erasure");
/// The same where the rules say nothing.
const COMPLETE_WITHIN: TimeDelta = TimeDelta::days(30);

/// A security administrator or an archivist erases a person: their key is deleted, and nothing that was sealed under it can be read
/// again, in no case and no message. The history stays as it is.
///
/// It cannot be undone. Refused where nothing was ever sealed for them, so that a slip of the pen is noticed. Whoever was erased before
/// the list was kept is entered in it. The answer comes once the key is deleted; where the vault is away it is 503, and the erasure is
/// carried out as soon as it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasePerson {
    pub person: PersonId,
    pub ground: Ground,
    /// What the ground is in this case, for example the number of the application, in at most 500 characters. No names: it is not sealed.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// On which ground a person is erased: article 47 of the law on the protection of personal information (个人信息保护法).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// 处理目的已实现、无法实现或者不再必要
    PurposeOver,
    /// 保存期限已届满
    RetentionOver,
    /// 个人撤回同意
    ConsentWithdrawn,
    /// 违反法律、行政法规或者违反约定处理
    Unlawful,
    /// 法律、行政法规规定的其他情形, or an order of an authority
    OtherLaw,
}

/// A person was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonErased {
    pub person: PersonId,
    pub ground: Ground,
    /// What the ground is in this case.
    pub reason: String,
    /// The generations of the vault that have their key, by the public names of their wrapping keys: each that is not destroyed.
    pub generations: BTreeSet<String>,
    /// From when on nobody who asks this system can read what was sealed for them.
    pub since: DateTime<Utc>,
    /// By when each of these generations must be destroyed, its backups with it: by the limit of the step `complete_erasure` of the rules,
    /// else 30 days.
    pub complete_by: DateTime<Utc>,
}

impl Verb for ErasePerson {
    const NAME: &'static str = "erase-person";
    const BY: Allowed = ERASERS;
    type Of = Erasures;

    fn needs(&self, _: &Erasures) -> Needs {
        Needs::none().person_key(self.person).generation().step(COMPLETE)
    }
    fn example() -> Self {
        Self {
            person: PersonId::named("somebody"),
            ground: Ground::ConsentWithdrawn,
            reason: "本人申请，受理编号 2026-0031".into(),
        }
    }
}

impl ErasePerson {
    pub(super) fn decide(&self, erasures: &Erasures, context: &Context) -> Decision<Erasures> {
        let person = self.person;
        if let Some(known) = erasures.erased.get(&person) {
            let is_same = (known.ground, &known.reason) == (self.ground, &self.reason);
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyErased { person }) };
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        match context.facts.person_keys.get(&person) {
            Some(KeyState::Held | KeyState::Erased) => {}
            None => return Err(Refusal::UnknownPerson { person }),
        }
        let in_use = erasures.generations.iter().filter(|(_, destroyed)| destroyed.is_none());
        let generations = in_use.map(|(name, _)| name).chain(&context.facts.generation).cloned().collect();
        let (ground, reason, since) = (self.ground, self.reason.clone(), context.at);
        let at_last = || since.checked_add_signed(COMPLETE_WITHIN).unwrap_or(since);
        let complete_by = context.due(COMPLETE).map_or_else(|_| at_last(), |due| due.at);
        Ok(vec![PersonErased { person, ground, reason, generations, since, complete_by }.into()])
    }
}

/// The vault has a key of the person of the example.
#[cfg(test)]
pub(super) fn is_held(facts: &mut kernel::Facts) {
    facts.person_keys.insert(ErasePerson::example().person, KeyState::Held);
    facts.generation = Some("6f1d0c93a2b47e58".to_owned());
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::*;

    #[test]
    fn a_person_is_erased_once_and_on_one_ground() {
        let example = ErasePerson::example;
        for state in [KeyState::Held, KeyState::Erased] {
            let known = |facts: &mut kernel::Facts| {
                facts.person_keys.insert(example().person, state);
            };
            let events = given::<Erasures>([]).knowing(known).when(example()).events();
            given::<Erasures>(events.clone()).when(example()).then_nothing();
            let ground = ErasePerson { ground: Ground::Unlawful, ..example() };
            let reason = ErasePerson { reason: "另一份申请".into(), ..example() };
            for other in [ground, reason] {
                let refusal = Refusal::AlreadyErased { person: example().person };
                given::<Erasures>(events.clone()).knowing(is_held).when(other).then_refused(refusal);
            }
            let state = given::<Erasures>(events).state();
            assert_eq!(state.persons().collect::<Vec<_>>(), [example().person]);
        }
    }

    #[test]
    fn an_id_for_which_nothing_was_sealed_is_a_slip_of_the_pen() {
        let example = ErasePerson::example;
        given::<Erasures>([]).when(example()).then_refused(Refusal::UnknownPerson { person: example().person });
        let silent = ErasePerson { reason: " ".into(), ..example() };
        let refusal = Unfit::TextLength { field: "reason", max: REASON_MAX };
        given::<Erasures>([]).knowing(is_held).when(silent).then_refused(refusal);
    }
}

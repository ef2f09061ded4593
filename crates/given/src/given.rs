//! Given, when, then.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::facts::{ReadingLimits, SealedPerson};
use kernel::{
    Actor, Aggregate, Command, Context, Decision, Entropy, Facts, LimitOf, Needs, PersonKey, Refusal as _, Role, Scope,
    Sealed,
};
use uuid::Uuid;

use crate::bounds::bounds;
use crate::changed::{changed, completed};
use crate::facts::{NOW, department, facts, person, step_due};
use crate::refused;
use crate::schema::fits;

/// An aggregate as `events` made it, in a world where everything of [`facts`] is known.
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let state = events.into_iter().inspect(fits).fold(A::default(), A::evolve);
    let by = Actor { id: "staff-1".into(), role: Role::DutyOfficer, scope: Scope::Everywhere, seconded_by: None };
    let mut facts = facts();
    facts.incompatible = kernel::separation::INCOMPATIBLE.to_vec();
    facts.dues.extend(A::STEPS.iter().map(|step| (LimitOf::Step(step.clone()), Ok(step_due(step)))));
    facts.steps = A::STEPS.iter().cloned().collect();
    let id = Uuid::from_u128(0xca5e);
    let adds_to = &[];
    Given { state, adds_to, context: Context { id, at: NOW, today: NOW.date_naive(), by, facts } }
}

/// An aggregate and what is known around it.
#[derive(Clone, Debug)]
pub struct Given<A> {
    state: A,
    context: Context,
    /// Lists of a command that only add to what is known.
    adds_to: &'static [&'static str],
}

impl<A: Aggregate> Given<A> {
    /// Changes what is known.
    pub fn knowing(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.context.facts);
        self
    }
    /// Commands only add what these lists of theirs name: the same command with less in them is a repeat.
    pub fn adding_to(mut self, lists: &'static [&'static str]) -> Self {
        self.adds_to = lists;
        self
    }
    /// At another time than [`NOW`].
    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        self.context.at = now;
        self.context.today = now.date_naive();
        self
    }
    /// On an aggregate of this id.
    pub fn on(mut self, id: impl Into<Uuid>) -> Self {
        self.context.id = id.into();
        self
    }
    /// By a person of this staff id.
    pub fn by(mut self, id: &str) -> Self {
        self.context.by.id = id.into();
        self
    }
    /// By this actor.
    pub fn by_actor(mut self, by: Actor) -> Self {
        self.context.by = by;
        self
    }
    /// By a clerk of this department.
    pub fn by_department(self, code: &str) -> Self {
        let scope = Scope::Department(department(code));
        self.by_actor(Actor { id: format!("clerk-of-{code}"), role: Role::DepartmentClerk, scope, seconded_by: None })
    }
    /// Decides a command. One that is taken is then decided again with each of its fields changed, which must lead to something,
    /// and with each of its texts and lists as long as its schema allows, and longer.
    pub fn when(mut self, command: impl Into<A::Command>) -> When<A> {
        let command = command.into();
        let all = self.context.facts.clone();
        let mut decide = |command: &A::Command, state: &A| {
            self.context.facts = only(all.clone(), &command.needs(state));
            state.decide(command, &self.context)
        };
        let decision = decide(&command, &self.state);
        decision.iter().flatten().for_each(fits);
        if let Ok(events) = &decision
            && !events.is_empty()
        {
            for bound in bounds(&command).into_iter().filter(|bound| bound.is_due(command.name())) {
                let (most, more) = (bound.filled(&command, 0), bound.filled(&command, 1));
                if let (Some(most), Some(more)) = (most, more) {
                    let (most, more) = (decide(&most, &self.state), decide(&more, &self.state));
                    let said = |decision: &Decision<A>| decision.as_ref().map(drop).map_err(kernel::Refusal::code);
                    bound.check(said(&most), said(&more));
                }
            }
            let after = events.iter().cloned().fold(self.state.clone(), A::evolve);
            let fewer = |other: &A::Command| names_fewer(&command.body(), &other.body(), self.adds_to);
            for (other, may_be_same) in other_contents(&command).into_iter().filter(|(other, _)| !fewer(other)) {
                if decide(&other, &after) != Ok(vec![]) {
                    continue;
                }
                // What was so before this command is no repeat of it, and what says the same in other words is one.
                let first = decide(&other, &self.state);
                let is_none = first == Ok(vec![]) || (may_be_same && first == decision);
                assert!(is_none, "other content is taken for a repeat: {other:?} after {command:?}");
            }
        }
        When { decision, state: self.state }
    }
    /// The aggregate.
    pub fn state(self) -> A {
        self.state
    }
}

/// Whether two bodies differ only in that the other one leaves out entries of these lists.
fn names_fewer(body: &serde_json::Value, other: &serde_json::Value, lists: &[&str]) -> bool {
    let mut rest = body.clone();
    for list in lists {
        let (Some(all), Some(some)) = (body[*list].as_array(), other[*list].as_array()) else { continue };
        if some.iter().all(|entry| all.contains(entry)) {
            rest[*list] = other[*list].clone();
        }
    }
    rest == *other
}

/// What a command led to.
#[derive(Debug)]
pub struct When<A: Aggregate> {
    state: A,
    decision: Decision<A>,
}

impl<A: Aggregate> When<A> {
    /// To these events.
    #[track_caller]
    pub fn then<E: Into<A::Event>>(self, events: impl IntoIterator<Item = E>) {
        assert_eq!(self.decision, Ok(events.into_iter().map(Into::into).collect()));
    }
    /// To nothing: it was so already.
    #[track_caller]
    pub fn then_nothing(self) {
        assert_eq!(self.decision, Ok(vec![]));
    }
    /// To this refusal.
    #[track_caller]
    pub fn then_refused(self, refusal: impl Into<A::Refusal>) {
        let refusal = refusal.into();
        refused::note::<A>(refusal.code());
        assert_eq!(self.decision, Err(refusal));
    }
    /// The events it led to.
    #[track_caller]
    pub fn events(self) -> Vec<A::Event> {
        self.decision.expect("the command is taken")
    }
    /// The aggregate after them.
    #[track_caller]
    pub fn state(self) -> A {
        self.decision.expect("the command is taken").into_iter().fold(self.state, A::evolve)
    }
}

/// The same command with other content for the same aggregate, and whether it may say the same: a member that is added may be what
/// its absence means. What the system tells itself is left out, a part, which only follows from a command that is checked itself, and
/// what describes how everything is to be: what is so already is no loss there.
fn other_contents<C: Command>(command: &C) -> Vec<(C, bool)> {
    let verb = C::verb(command.name()).unwrap();
    let is_of_people = verb.by.iter().any(|(role, _)| *role != Role::System);
    if !is_of_people || verb.is_description || verb.is_part {
        return Vec::new();
    }
    let changed = changed(command).into_iter().map(|other| (other, false));
    let completed = completed(command).into_iter().map(|other| (other, true));
    changed.chain(completed).filter(|(other, _)| other.natural_key() == command.natural_key()).collect()
}

/// What a command asks for, and nothing else: a decision that knows more would be wrong outside of tests.
fn only(mut known: Facts, needs: &Needs) -> Facts {
    let asked: BTreeSet<&LimitOf> = needs.dues.iter().collect();
    known.grids.retain(|grid, _| needs.grids.contains(grid));
    known.matters.retain(|matter, _| needs.matters.contains(matter));
    known.departments.retain(|department, _| needs.departments.contains(department));
    known.dues.retain(|of, _| asked.contains(of));
    known.consent_rules.retain(|id, _| needs.consent_rules.contains(id));
    known.evidence.retain(|digest, _| needs.evidence.contains(digest));
    if !needs.review_score {
        known.review_score_min = None;
    }
    if !needs.reading_limits {
        known.reading_limits = ReadingLimits { days_after: 0, readings_a_day_max: 0 };
    }
    if !needs.incompatible {
        known.incompatible.clear();
    }
    if !needs.filing_criteria {
        known.filing_criteria.clear();
    }
    if needs.similar.is_none() {
        known.similar.clear();
    }
    if !needs.began {
        known.began = None;
    }
    if !needs.steps {
        known.steps.clear();
    }
    known.bounds = known.bounds.filter(|_| needs.bounds);
    known.generation = known.generation.filter(|_| needs.generation);
    known.person_keys.retain(|person, _| needs.person_keys.contains(person));
    known.seat = known.seat.filter(|_| needs.seat.is_some());
    known.may_number &= needs.numbered.is_some();
    known.sealed = needs.seal.as_ref().map(|input| {
        let person = input.person.unwrap_or_else(person);
        let (key, entropy) = (PersonKey::generate(&Zero), Zero);
        let seal =
            |(field, text): &(_, kernel::Personal<String>)| Sealed::seal(person, *field, text.clear(), &key, &entropy);
        SealedPerson { person, values: input.values.iter().map(seal).collect() }
    });
    known
}

/// The same bytes always, so that a test can name what it expects.
struct Zero;

impl Entropy for Zero {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

//! The aggregate: the rules with their history, folded from their events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::access::EVERYBODY;
use kernel::aggregate::DocumentSpec;
use kernel::{Aggregate, Context, Decision, Difference, MatterCode, Place, Step};
use uuid::Uuid;

use crate::withdrawn::Withdrawn;
use crate::{
    Calendar, ConsentRule, DuplicateRule, FilingCriterion, Matter, MatterWithdrawn, MattersDocument, PersonalDataRule,
    Refusal, ReviewRule, RulesCommand, RulesEvent, SeparationRule, StepLimit, StepLimitsPublished, Windows,
};

/// The id of the one rulebook of an installation.
pub fn rules_id() -> Uuid {
    Uuid::new_v5(&kernel::id::NAMESPACE, b"rules")
}

/// The rules with their whole history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rulebook {
    pub(crate) version: u32,
    /// The version by which the catalogue, limits, windows and criteria are what they are from a moment on.
    pub(crate) versions: Dated<u32>,
    pub(crate) matters: BTreeMap<MatterCode, Vec<Matter>>,
    pub(crate) step_limits: Dated<BTreeMap<Step, StepLimit>>,
    pub(crate) windows: Dated<Windows>,
    pub(crate) review: Dated<Option<ReviewRule>>,
    pub(crate) duplicates: Dated<Option<DuplicateRule>>,
    pub(crate) personal_data: Dated<Option<PersonalDataRule>>,
    pub(crate) separation: Dated<Option<SeparationRule>>,
    pub(crate) filing_criteria: Dated<Vec<FilingCriterion>>,
    /// In the order of publication.
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) consent_rules: BTreeMap<String, ConsentRule>,
    /// What was withdrawn before it was in force.
    pub(crate) withdrawn: Withdrawn,
}

impl Aggregate for Rulebook {
    const PLURAL: &'static str = "rules";
    const ABOUT: &'static str = "Matters, limits, calendars, consent rules and filing criteria";
    const IS_SINGLE: bool = true;
    const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
    const READ_ACTION: &'static str = "read-rules-history";
    const DOCUMENTS: &'static [DocumentSpec<Self>] = &[DocumentSpec {
        path: "matters",
        action: "read-matters",
        about: "The catalogue of matters",
        read: EVERYBODY,
        show: |rules, at| serde_json::to_value(rules.matters_document(at)),
        schema: || schemars::schema_for!(MattersDocument),
    }];
    type Command = RulesCommand;
    type Event = RulesEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        Some(Place::default())
    }

    fn missing() -> Refusal {
        Refusal::NotPublished
    }

    fn decide(&self, command: &RulesCommand, context: &Context) -> Decision<Self> {
        match command {
            RulesCommand::PublishRules(command) => command.decide(self, context),
            RulesCommand::ImportReference(command) => command.decide(self, context),
            RulesCommand::WithdrawRules(command) => command.decide(self, context),
        }
    }

    fn evolve(mut self, event: RulesEvent) -> Self {
        self.apply(event);
        self
    }

    fn differences(&self, events: &[RulesEvent]) -> Vec<Difference> {
        self.changed_by(events)
    }
}

impl Rulebook {
    /// Applies an event.
    fn apply(&mut self, event: RulesEvent) {
        match event {
            RulesEvent::MatterPublished(event) => {
                let from = event.matter.effective_from;
                self.publish(event.rules_version, from);
                let versions = self.end_matter(&event.matter.code, from);
                versions.push(event.matter);
            }
            RulesEvent::MatterWithdrawn(event) => {
                let MatterWithdrawn { rules_version, code, effective_from } = *event;
                self.publish(rules_version, effective_from);
                self.end_matter(&code, effective_from);
            }
            RulesEvent::StepLimitsPublished(event) => {
                let StepLimitsPublished { rules_version, limits, effective_from } = *event;
                self.publish(rules_version, effective_from);
                let limits = limits.into_iter().map(|limit| (limit.step.clone(), limit)).collect();
                self.step_limits.set(effective_from, limits);
            }
            RulesEvent::WindowsPublished(event) => {
                self.publish(event.rules_version, event.effective_from);
                self.windows.set(event.effective_from, event.windows);
            }
            RulesEvent::ReviewRulePublished(event) => {
                self.publish(event.rules_version, event.effective_from);
                self.review.set(event.effective_from, event.review);
            }
            RulesEvent::DuplicateRulePublished(event) => {
                self.publish(event.rules_version, event.effective_from);
                self.duplicates.set(event.effective_from, event.duplicates);
            }
            RulesEvent::PersonalDataRulePublished(event) => {
                self.publish(event.rules_version, event.effective_from);
                self.personal_data.set(event.effective_from, event.personal_data);
            }
            RulesEvent::SeparationRulePublished(event) => {
                self.publish(event.rules_version, event.effective_from);
                self.separation.set(event.effective_from, event.separation);
            }
            RulesEvent::CalendarPublished(event) => {
                self.version = event.rules_version;
                self.withdrawn.calendars.retain(|known| known.id != event.calendar.id);
                self.calendars.push(event.calendar);
            }
            RulesEvent::ConsentRulePublished(event) => {
                self.version = event.rules_version;
                self.withdrawn.consent_rules.retain(|known| known.id != event.rule.id);
                self.consent_rules.insert(event.rule.id.clone(), event.rule);
            }
            RulesEvent::FilingCriteriaPublished(event) => {
                self.publish(event.rules_version, event.effective_from);
                self.filing_criteria.set(event.effective_from, event.criteria);
            }
            RulesEvent::RulesWithdrawn(event) => self.withdraw(&event),
            RulesEvent::CalendarWithdrawn(event) => self.calendar_withdrawn(&event),
            RulesEvent::ConsentRuleWithdrawn(event) => self.consent_rule_withdrawn(&event),
        }
    }

    /// A publication that holds from a moment on. Calendars and consent rules say themselves when they hold.
    fn publish(&mut self, version: u32, from: DateTime<Utc>) {
        self.version = version;
        self.versions.set(from, version);
    }

    /// Ends the form of a matter that is in force. A form without duration is dropped.
    fn end_matter(&mut self, code: &MatterCode, at: DateTime<Utc>) -> &mut Vec<Matter> {
        let versions = self.matters.entry(code.clone()).or_default();
        if let Some(last) = versions.last_mut().filter(|last| last.effective_until.is_none()) {
            last.effective_until = Some(at);
        }
        versions.retain(|matter| matter.effective_until != Some(matter.effective_from));
        versions
    }
}

/// Values that each hold until the next, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dated<T>(Vec<(DateTime<Utc>, T)>);

impl<T> Default for Dated<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<T> Dated<T> {
    /// The value in force at that moment.
    pub(crate) fn at(&self, at: DateTime<Utc>) -> Option<&T> {
        self.0.iter().rev().find(|(from, _)| *from <= at).map(|(_, value)| value)
    }

    /// The moment from which the last one holds.
    pub(crate) fn last_change(&self) -> Option<DateTime<Utc>> {
        self.0.last().map(|(from, _)| *from)
    }

    /// Every value, the oldest first.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Takes back what was to hold from that moment or later.
    pub(crate) fn withdraw(&mut self, from: DateTime<Utc>) {
        self.0.retain(|(known, _)| *known < from);
    }

    fn set(&mut self, from: DateTime<Utc>, value: T) {
        self.0.retain(|(known, _)| *known != from);
        self.0.push((from, value));
    }
}

//! Floor 1: the rules of the field as versioned data: matters, limits, calendars, consent rules, filing criteria.
//!
//! One stream holds all the rules of an installation. A [`RulesDescription`] (usually a file) is compared with the known
//! rules and becomes fine-grained events; all changes of one publication have the same new version.
//!
//! INVARIANT: pure: no I/O, no clock; every query takes the moment that it asks about.
//! INVARIANT: limits, calendars and thresholds are data. The code contains no number of days, no holiday and no matter.
//! INVARIANT: a published calendar or consent rule never changes; a correction has a new id, because due times and decided
//! polls name the old one.
//! INVARIANT: a limit names its source, or the reason for assuming it.
//! INVARIANT: no due time is computed beyond the published calendars.
//!
//! Absent on purpose: matters with several stages of disposal, formulas of the evaluation, polls (issues of their own).

mod calendar;
mod command;
mod consent;
#[cfg(test)]
mod coverage;
mod description;
mod document;
mod due;
mod event;
mod limits;
mod matter;
mod publish_rules;
mod query;
mod refusal;
mod rulebook;
#[cfg(test)]
mod testing;

pub use calendar::{Calendar, CalendarId, Holiday, InvalidCalendarId, WorkingSpan};
pub use command::RulesCommand;
pub use consent::{ConsentCount, ConsentRule, Fraction, Thresholds, evaluate};
pub use description::{FilingCriterion, MatterSpec, RulesDescription, StepLimit};
pub use document::MattersDocument;
pub use due::{NO_CALENDAR, RulesError};
pub use event::{
    CalendarPublished, ConsentRulePublished, FilingCriteriaPublished, MatterPublished, MatterWithdrawn, RulesEvent,
    StepLimitsPublished, WindowsPublished,
};
pub use kernel::facts::Authority;
pub use limits::{SourcedLimit, Windows};
pub use matter::{Domain, HandlingKind, Matter, MatterClass};
pub use publish_rules::PublishRules;
pub use refusal::Refusal;
pub use rulebook::{Rulebook, rules_id};

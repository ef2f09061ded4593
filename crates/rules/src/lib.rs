//! Floor 1: the rules of the field as versioned data: matters, limits, calendars, consent rules, filing criteria.
//!
//! One stream holds all rules of an installation. A [`RulesDescription`] (usually a file) is compared with the known rules,
//! and the differences become fine-grained events. All changes of one publication carry the same new version.
//!
//! INVARIANT: pure: no I/O, no clock; every query takes the moment it asks about.
//! INVARIANT: limits, calendars and thresholds are data. No number of days, no holiday and no matter is in the code.
//! INVARIANT: a published calendar or consent rule never changes; a correction has a new id, because due times and
//! decisions name the old one.
//! INVARIANT: a limit names its source or says that it is assumed.
//! INVARIANT: a limit always gives a due time. Beyond the published calendars days are counted on plain weeks, and the
//! derivation says that this is assumed.
//!
//! Absent on purpose: matters with several stages of disposal, formulas of the evaluation, polls (issues of their own).

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod bounds;
mod calendar;
mod command;
mod consent;
#[cfg(test)]
mod coverage;
mod day_time;
mod description;
mod difference;
mod document;
mod due;
mod event;
mod horizon;
mod import_reference;
mod limits;
mod matter;
mod publish_rules;
mod purpose;
mod query;
mod refusal;
mod rulebook;
#[cfg(test)]
mod testing;
mod withdraw_rules;
mod withdrawn;

pub use calendar::{Calendar, CalendarId, Holiday, InvalidCalendarId, WorkingSpan};
pub use command::RulesCommand;
pub use consent::ConsentRule;
pub use day_time::{DayTime, InvalidDayTime};
pub use description::{FilingCriterion, MatterSpec, RulesDescription, StepLimit};
pub use document::MattersDocument;
pub use event::{
    CalendarPublished, ConsentRulePublished, DuplicateRulePublished, FilingCriteriaPublished, MatterPublished,
    MatterWithdrawn, PersonalDataRulePublished, ReviewRulePublished, RulesEvent, SeparationRulePublished,
    StepLimitsPublished, WindowsPublished,
};
pub use event::{CalendarWithdrawn, ConsentRuleWithdrawn, RulesWithdrawn};
pub use horizon::CalendarsEnd;
pub use import_reference::ImportReference;
pub use limits::{DuplicateRule, PersonalDataRule, ReviewRule, SeparationRule, SourcedLimit, Windows};
pub use matter::{Domain, HandlingKind, Matter, MatterClass};
pub use publish_rules::PublishRules;
pub use purpose::{CalendarPurpose, InvalidCalendarPurpose};
pub use refusal::Refusal;
pub use rulebook::{Rulebook, rules_id};
pub use withdraw_rules::WithdrawRules;

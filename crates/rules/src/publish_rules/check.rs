//! Checks a description by itself, before it is compared with the known rules.

use std::collections::BTreeSet;

use kernel::{Limit, Step};

use crate::calendar::gap;
use crate::limits::amount_max;
use crate::{Calendar, CalendarId, CalendarPurpose, ConsentRule, MatterSpec, Refusal, RulesDescription};

/// Refuses a description that contradicts itself or lacks something. `known` are the steps that kinds have.
pub(super) fn description(description: &RulesDescription, known: &BTreeSet<Step>) -> Result<(), Refusal> {
    matters(&description.matters)?;
    limits(description, known)?;
    calendars(description)?;
    let mut ids = BTreeSet::new();
    for rule in &description.consent_rules {
        once(ids.insert(rule.id.as_str()), &rule.id)?;
        consent_rule(rule)?;
    }
    if let Some(review) = &description.review {
        if review.score_min > 100 {
            return Err(Refusal::ScoreOverHundred(review.score_min));
        }
        if review.source.trim().is_empty() {
            return Err(Refusal::Unsourced("the review".to_owned()));
        }
    }
    let mut codes = BTreeSet::new();
    for criterion in &description.filing_criteria {
        once(codes.insert(criterion.code.as_str()), &criterion.code)?;
        named(&criterion.code, &criterion.text)?;
    }
    Ok(())
}

fn matters(matters: &[MatterSpec]) -> Result<(), Refusal> {
    let mut codes = BTreeSet::new();
    for matter in matters {
        if !codes.insert(&matter.code) {
            return Err(Refusal::DuplicateMatter(matter.code.clone()));
        }
        named(&matter.code, &matter.name)?;
        limit(format_args!("matter {}", matter.code), matter.disposal, &matter.source)?;
    }
    Ok(())
}

fn limits(description: &RulesDescription, known: &BTreeSet<Step>) -> Result<(), Refusal> {
    let mut steps = BTreeSet::new();
    for spec in &description.step_limits {
        if !known.contains(&spec.step) {
            let known = known.iter().map(Step::as_str).collect::<Vec<_>>().join(", ");
            return Err(Refusal::UnknownStep { step: spec.step.clone(), known });
        }
        once(steps.insert(&spec.step), format_args!("step {}", spec.step))?;
        limit(format_args!("step {}", spec.step), spec.limit, &spec.source)?;
    }
    let windows = &description.windows;
    limit("the return window", windows.return_order.limit, &windows.return_order.source)?;
    limit("the reopen window", windows.reopen.limit, &windows.reopen.source)?;
    limit("the window for due times of a dispatcher", windows.own_due.limit, &windows.own_due.source)
}

fn calendars(description: &RulesDescription) -> Result<(), Refusal> {
    let mut ids: BTreeSet<&CalendarId> = BTreeSet::new();
    for calendar in &description.calendars {
        once(ids.insert(&calendar.id), &calendar.id)?;
        if let Some(reason) = calendar.fault() {
            return Err(Refusal::CalendarUnsound { id: calendar.id.clone(), reason });
        }
    }
    Ok(())
}

/// Refuses a gap between the calendars of a purpose, and a limit that is counted by calendars which do not exist. `known`
/// are the calendars that were published before.
pub(super) fn calendars_together(description: &RulesDescription, known: &[Calendar]) -> Result<(), Refusal> {
    let all = || known.iter().chain(&description.calendars);
    let purposes: BTreeSet<&CalendarPurpose> = all().map(|calendar| &calendar.purpose).collect();
    for purpose in &purposes {
        if let Some((calendar, day)) = gap(all().filter(|calendar| calendar.purpose == **purpose)) {
            let (purpose, id) = (calendar.purpose.clone(), calendar.id.clone());
            return Err(Refusal::CalendarGap { purpose, id, day });
        }
    }
    let matters = description.matters.iter().map(|spec| (format!("matter {}", spec.code), &spec.calendar));
    let steps = description.step_limits.iter().map(|spec| (format!("step {}", spec.step), &spec.calendar));
    let windows = &description.windows;
    let windows = [
        ("the return window", &windows.return_order),
        ("the reopen window", &windows.reopen),
        ("the window for due times of a dispatcher", &windows.own_due),
    ];
    let windows = windows.map(|(what, window)| (what.to_owned(), &window.calendar));
    let unknown = |(_, purpose): &(String, &CalendarPurpose)| !purpose.is_office() && !purposes.contains(purpose);
    match matters.chain(steps).chain(windows).find(unknown) {
        Some((what, purpose)) => Err(Refusal::UnknownCalendarPurpose { what, purpose: purpose.clone() }),
        None => Ok(()),
    }
}

fn consent_rule(rule: &ConsentRule) -> Result<(), Refusal> {
    named(if rule.id.is_empty() { "a consent rule" } else { &rule.id }, &rule.name)?;
    let unsound = |reason| Err(Refusal::ConsentRuleUnsound { id: rule.id.clone(), reason });
    if rule.source.trim().is_empty() {
        return Err(Refusal::Unsourced(rule.id.clone()));
    }
    if !rule.heads.is_sound() || rule.area.is_some_and(|area| !area.is_sound()) {
        return unsound("must say which share has to agree, and no share may be more than the whole");
    }
    match (rule.decided_from, rule.decided_until) {
        (Some(from), Some(until)) if until <= from => unsound("ends before it begins"),
        _ => Ok(()),
    }
}

fn limit(what: impl std::fmt::Display, limit: Limit, source: &str) -> Result<(), Refusal> {
    if limit.amount == 0 {
        return Err(Refusal::LimitIsZero(what.to_string()));
    }
    let (amount, max) = (limit.amount, amount_max(limit.unit));
    if amount > max {
        return Err(Refusal::LimitTooLong { what: what.to_string(), amount, max });
    }
    if source.trim().is_empty() {
        return Err(Refusal::Unsourced(what.to_string()));
    }
    Ok(())
}

fn named(what: impl std::fmt::Display, name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() { Err(Refusal::BlankName(what.to_string())) } else { Ok(()) }
}

fn once(first: bool, what: impl std::fmt::Display) -> Result<(), Refusal> {
    if first { Ok(()) } else { Err(Refusal::Duplicate(what.to_string())) }
}

//! Checks a description by itself, before it is compared with the known rules.

use std::collections::BTreeSet;

use kernel::likeness::METRES_MAX;
use kernel::{Limit, Step, UnfitOf};

use crate::bounds::{
    ASSISTING_MAX, CALENDARS_MAX, CODE_LEN_MAX, CONSENT_RULES_MAX, CRITERIA_MAX, DAYS_AFTER_MAX, DAYS_MAX, MATTERS_MAX,
    NAME_LEN_MAX, PAIRS_MAX, READINGS_A_DAY_MAX, SPANS_MAX, STEP_LIMITS_MAX, TEXT_LEN_MAX, WEEK_DAYS,
};
use crate::calendar::gap;
use crate::limits::amount_max;
use crate::{Calendar, CalendarId, CalendarPurpose, ConsentRule, MatterSpec, Refusal, RulesDescription};

/// Refuses a description that contradicts itself or lacks something. `known` are the steps that kinds have.
pub(super) fn description(description: &RulesDescription, known: &BTreeSet<Step>) -> Result<(), Refusal> {
    counts(description)?;
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
        sourced("the review", &review.source)?;
    }
    if let Some(duplicates) = &description.duplicates {
        if duplicates.metres_max > METRES_MAX || !(1..=100).contains(&duplicates.percent_min) {
            let (metres_max, percent_min) = (duplicates.metres_max, duplicates.percent_min);
            return Err(Refusal::NoLikeness { metres_max, percent_min });
        }
        sourced("the rule for duplicates", &duplicates.source)?;
    }
    if let Some(rule) = &description.personal_data {
        if rule.days_after > DAYS_AFTER_MAX || !(1..=READINGS_A_DAY_MAX).contains(&rule.readings_a_day_max) {
            let (days_after, readings_a_day_max) = (rule.days_after, rule.readings_a_day_max);
            return Err(Refusal::NoReadingLimit { days_after, readings_a_day_max });
        }
        sourced("the rule for personal data", &rule.source)?;
    }
    if let Some(rule) = &description.separation {
        counted("the rule for steps of one person", "pairs", rule.pairs.len(), PAIRS_MAX)?;
        let mut pairs = BTreeSet::new();
        for pair in &rule.pairs {
            once(pairs.insert(*pair), format!("{} and {}", pair.earlier.as_str(), pair.later.as_str()))?;
        }
        sourced("the rule for steps of one person", &rule.source)?;
    }
    let mut codes = BTreeSet::new();
    for criterion in &description.filing_criteria {
        once(codes.insert(criterion.code.as_str()), &criterion.code)?;
        checked("a filing criterion", kernel::check_line("code", &criterion.code, CODE_LEN_MAX))?;
        checked(&criterion.code, kernel::check_text("text", &criterion.text, TEXT_LEN_MAX))?;
    }
    Ok(())
}

/// Refuses lists with more entries than are published, before anything else is made of them.
fn counts(description: &RulesDescription) -> Result<(), Refusal> {
    let whole = "the description";
    counted(whole, "matters", description.matters.len(), MATTERS_MAX)?;
    counted(whole, "step_limits", description.step_limits.len(), STEP_LIMITS_MAX)?;
    counted(whole, "calendars", description.calendars.len(), CALENDARS_MAX)?;
    counted(whole, "consent_rules", description.consent_rules.len(), CONSENT_RULES_MAX)?;
    counted(whole, "filing_criteria", description.filing_criteria.len(), CRITERIA_MAX)?;
    for matter in &description.matters {
        counted(&matter.code, "assisting", matter.assisting.len(), ASSISTING_MAX)?;
    }
    description.calendars.iter().try_for_each(|calendar| {
        let Calendar { id, working_hours, weekend, holidays, makeup_days, .. } = calendar;
        counted(id, "working_hours", working_hours.len(), SPANS_MAX)?;
        counted(id, "weekend", weekend.len(), WEEK_DAYS)?;
        counted(id, "holidays", holidays.len(), DAYS_MAX)?;
        counted(id, "makeup_days", makeup_days.len(), DAYS_MAX)
    })
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
    // Without them nothing that leads to such a step could be done any more, up to the discovery of an issue.
    let without: Vec<_> = known.iter().filter(|step| !steps.contains(step)).map(Step::as_str).collect();
    if !without.is_empty() {
        return Err(Refusal::StepsWithoutLimit { steps: without.join(", ") });
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
        checked(&calendar.id, kernel::check_text("source", &calendar.source, TEXT_LEN_MAX))?;
        calendar.holidays.iter().try_for_each(|holiday| {
            named(format_args!("{}, the holiday from {}", calendar.id, holiday.from), &holiday.name)
        })?;
    }
    Ok(())
}

/// Refuses a gap between the calendars of a purpose, and a limit that is counted by calendars which do not exist. `known`
/// are the calendars that were published before.
pub(super) fn calendars_together(description: &RulesDescription, known: &[Calendar]) -> Result<(), Refusal> {
    let all = || known.iter().chain(&description.calendars);
    gaps(all())?;
    let purposes: BTreeSet<&CalendarPurpose> = all().map(|calendar| &calendar.purpose).collect();
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

/// Refuses a gap between the calendars of a purpose.
pub(crate) fn gaps<'a>(all: impl Iterator<Item = &'a Calendar> + Clone) -> Result<(), Refusal> {
    let purposes: BTreeSet<&CalendarPurpose> = all.clone().map(|calendar| &calendar.purpose).collect();
    for purpose in purposes {
        if let Some((calendar, day)) = gap(all.clone().filter(|calendar| calendar.purpose == *purpose)) {
            let (purpose, id) = (calendar.purpose.clone(), calendar.id.clone());
            return Err(Refusal::CalendarGap { purpose, id, day });
        }
    }
    Ok(())
}

fn consent_rule(rule: &ConsentRule) -> Result<(), Refusal> {
    checked("a consent rule", kernel::check_line("id", &rule.id, CODE_LEN_MAX))?;
    named(&rule.id, &rule.name)?;
    let unsound = |reason| Err(Refusal::ConsentRuleUnsound { id: rule.id.clone(), reason });
    sourced(&rule.id, &rule.source)?;
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
    sourced(what, source)
}

/// Refuses a name that is not one visible line.
fn named(what: impl std::fmt::Display, name: &str) -> Result<(), Refusal> {
    checked(what, kernel::check_line("name", name, NAME_LEN_MAX))
}

/// Refuses a source that shows nothing, or that is no text to be read.
fn sourced(what: impl std::fmt::Display, source: &str) -> Result<(), Refusal> {
    checked(what, kernel::check_text("source", source, TEXT_LEN_MAX))
}

fn checked(what: impl std::fmt::Display, checked: Result<(), kernel::Unfit>) -> Result<(), Refusal> {
    Ok(UnfitOf::name(what, checked)?)
}

/// Refuses a list with more entries than `max`.
pub(crate) fn counted(
    what: impl std::fmt::Display,
    field: &'static str,
    count: usize,
    max: usize,
) -> Result<(), Refusal> {
    checked(what, kernel::check_count(field, count, 0, max))
}

fn once(first: bool, what: impl std::fmt::Display) -> Result<(), Refusal> {
    if first { Ok(()) } else { Err(Refusal::Duplicate(what.to_string())) }
}

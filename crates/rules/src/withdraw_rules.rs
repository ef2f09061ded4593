//! `withdraw-rules`

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Reach, Role, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{CALENDARS_MAX, CODE_LEN_MAX, CONSENT_RULES_MAX};
use crate::publish_rules::check;
use crate::{
    CalendarId, CalendarPurpose, CalendarWithdrawn, ConsentRuleWithdrawn, Refusal, Rulebook, RulesEvent, RulesWithdrawn,
};

/// Withdraws rules that were published for later and are not yet in force.
///
/// By the system administrator, where a date or a publication was wrong. With a moment, every matter, limit, window, review rule, rule
/// for duplicates and list of filing criteria that was to hold or to end as of then or later; what holds before that goes on.
/// Calendars and consent rules say themselves from when on they hold, so they are named: a calendar of which no day has begun, a
/// consent rule for later decisions. Due times that were counted by such a calendar stay as they are. Refused where something
/// is in force already, where nothing is scheduled, and where calendars would be left with a gap or a limit without calendars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRules {
    /// The moment of the first publication that is withdrawn: the `effective_from` of its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_from: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = CALENDARS_MAX))]
    pub calendars: BTreeSet<CalendarId>,
    /// By their ids.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = CONSENT_RULES_MAX), inner(length(min = 1, max = CODE_LEN_MAX)))]
    pub consent_rules: BTreeSet<String>,
}

impl Verb for WithdrawRules {
    const NAME: &'static str = "withdraw-rules";
    const BY: Allowed = &[(Role::SystemAdministrator, Reach::Everywhere)];
    type Of = Rulebook;

    fn example() -> Self {
        let calendar = CalendarId::try_from("cn-2099.1".to_owned()).expect("the id of an example is well formed");
        Self {
            scheduled_from: DateTime::from_timestamp(4_070_908_800, 0),
            calendars: [calendar].into(),
            consent_rules: ["RESIDENT_2_3_FROM_2099".to_owned()].into(),
        }
    }
}

impl WithdrawRules {
    pub(crate) fn decide(&self, rules: &Rulebook, context: &Context) -> Decision<Rulebook> {
        let rules_version = rules.version.saturating_add(1);
        self.check_counts()?;
        let mut events: Vec<RulesEvent> = vec![];
        if let Some(scheduled_from) = self.scheduled_from {
            if rules.changes_from(scheduled_from) {
                in_future(format_args!("the rules as of {scheduled_from}"), scheduled_from > context.at)?;
                events.push(RulesWithdrawn { rules_version, scheduled_from }.into());
            } else if !rules.withdrawn.moments.contains(&scheduled_from) {
                return Err(Refusal::NothingScheduled {
                    what: format!("no rule is scheduled for {scheduled_from} or later"),
                });
            }
        } else if self.calendars.is_empty() && self.consent_rules.is_empty() {
            return Err(Refusal::NothingScheduled { what: "nothing is named".to_owned() });
        }
        for id in &self.calendars {
            if let Some(calendar) = rules.calendars.iter().find(|known| known.id == *id) {
                in_future(format_args!("calendar {id}"), calendar.first_day > context.today)?;
                events.push(CalendarWithdrawn { rules_version, id: id.clone() }.into());
            } else if !rules.withdrawn.calendars.iter().any(|known| known.id == *id) {
                return Err(Refusal::NothingScheduled { what: format!("no calendar {id} is published") });
            }
        }
        for id in &self.consent_rules {
            if let Some(rule) = rules.consent_rules.get(id) {
                in_future(format_args!("consent rule {id}"), rule.decided_from.is_some_and(|from| from > context.at))?;
                events.push(ConsentRuleWithdrawn { rules_version, id: id.clone() }.into());
            } else if !rules.withdrawn.consent_rules.iter().any(|known| known.id == *id) {
                let id = id.escape_debug();
                return Err(Refusal::NothingScheduled { what: format!("no consent rule {id} is published") });
            }
        }
        let after = events.iter().cloned().fold(rules.clone(), kernel::Aggregate::evolve);
        check::gaps(after.calendars.iter())?;
        after.check_purposes()?;
        Ok(events)
    }

    fn check_counts(&self) -> Result<(), Refusal> {
        let what = "the withdrawal";
        check::counted(what, "calendars", self.calendars.len(), CALENDARS_MAX)?;
        check::counted(what, "consent_rules", self.consent_rules.len(), CONSENT_RULES_MAX)
    }
}

/// Refuses what has begun.
fn in_future(what: std::fmt::Arguments<'_>, is_so: bool) -> Result<(), Refusal> {
    if is_so { Ok(()) } else { Err(Refusal::InForce { what: what.to_string() }) }
}

impl Rulebook {
    /// Whether something that is dated begins or ends at that moment or later.
    fn changes_from(&self, from: DateTime<Utc>) -> bool {
        let ends = |until: Option<DateTime<Utc>>| until.is_some_and(|until| from <= until);
        let matters = self.matters.values().flatten();
        self.versions.last_change() >= Some(from)
            || matters.into_iter().any(|matter| from <= matter.effective_from || ends(matter.effective_until))
    }

    /// Refuses limits that are counted by calendars of which none is left.
    fn check_purposes(&self) -> Result<(), Refusal> {
        let purposes: BTreeSet<&CalendarPurpose> = self.calendars.iter().map(|calendar| &calendar.purpose).collect();
        let matters = self.matters.values().flatten();
        let matters = matters.map(|matter| (format!("matter {}", matter.code), &matter.disposal.calendar));
        let steps = self.step_limits.values().flat_map(|limits| limits.values());
        let steps = steps.map(|limit| (format!("step {}", limit.step), &limit.calendar));
        let windows = self.windows.values().flat_map(|all| [&all.return_order, &all.reopen, &all.own_due]);
        let windows = windows.map(|window| ("a window".to_owned(), &window.calendar));
        let mut counted = matters.chain(steps).chain(windows);
        match counted.find(|(_, purpose)| !purpose.is_office() && !purposes.contains(purpose)) {
            Some((what, purpose)) => Err(Refusal::UnknownCalendarPurpose { what, purpose: purpose.clone() }),
            None => Ok(()),
        }
    }

    /// Takes back what was to hold or to end as of that moment or later.
    pub(crate) fn withdraw(&mut self, event: &RulesWithdrawn) {
        let RulesWithdrawn { rules_version, scheduled_from: from } = *event;
        // Every field is named, so that a rule that is added is not forgotten here.
        let Self {
            version,
            versions,
            matters,
            step_limits,
            windows,
            review,
            duplicates,
            personal_data,
            separation,
            filing_criteria,
            calendars: _,
            consent_rules: _,
            withdrawn,
        } = self;
        *version = rules_version;
        versions.withdraw(from);
        step_limits.withdraw(from);
        windows.withdraw(from);
        review.withdraw(from);
        duplicates.withdraw(from);
        personal_data.withdraw(from);
        separation.withdraw(from);
        filing_criteria.withdraw(from);
        for forms in matters.values_mut() {
            forms.retain(|matter| matter.effective_from < from);
            if let Some(last) = forms.last_mut() {
                last.effective_until = last.effective_until.filter(|until| *until < from);
            }
        }
        matters.retain(|_, forms| !forms.is_empty());
        withdrawn.moments.insert(from);
    }

    pub(crate) fn calendar_withdrawn(&mut self, event: &CalendarWithdrawn) {
        self.version = event.rules_version;
        let (gone, kept) = std::mem::take(&mut self.calendars).into_iter().partition(|known| known.id == event.id);
        self.calendars = kept;
        self.withdrawn.calendars.extend::<Vec<_>>(gone);
    }

    pub(crate) fn consent_rule_withdrawn(&mut self, event: &ConsentRuleWithdrawn) {
        self.version = event.rules_version;
        self.withdrawn.consent_rules.extend(self.consent_rules.remove(&event.id));
    }
}

#[cfg(test)]
mod tests;

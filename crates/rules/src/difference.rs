//! What events change about the rules, as rows for people.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::{Difference, TimeUnit, Turn};

use crate::{FilingCriterion, Rulebook, RulesEvent, StepLimit};

impl Rulebook {
    /// What these events would change, each thing once.
    pub(crate) fn changed_by(&self, events: &[RulesEvent]) -> Vec<Difference> {
        events.iter().flat_map(|event| self.rows(event)).collect()
    }

    fn rows(&self, event: &RulesEvent) -> Vec<Difference> {
        let one = |what, turn, code: String, name: String| vec![Difference { turn, what, code, name }];
        let changed = |is_known| if is_known { Turn::Changes } else { Turn::Begins };
        match event {
            RulesEvent::MatterPublished(event) => {
                let matter = &event.matter;
                let is_known = self.matter(&matter.code, matter.effective_from).is_some();
                one("matter", changed(is_known), matter.code.to_string(), matter.name.clone())
            }
            RulesEvent::MatterWithdrawn(event) => {
                let name = self.matter(&event.code, event.effective_from).map(|matter| matter.name.clone());
                one("matter", Turn::Ends, event.code.to_string(), name.unwrap_or_default())
            }
            RulesEvent::StepLimitsPublished(event) => self.steps(&event.limits, event.effective_from),
            RulesEvent::FilingCriteriaPublished(event) => self.criteria(&event.criteria, event.effective_from),
            RulesEvent::WindowsPublished(event) => {
                one("windows", changed(self.windows(event.effective_from).is_some()), "windows".into(), String::new())
            }
            RulesEvent::ReviewRulePublished(event) => {
                let known = self.review.at(event.effective_from).is_some_and(Option::is_some);
                one("review", turn(known, event.review.is_some()), "review".into(), String::new())
            }
            RulesEvent::DuplicateRulePublished(event) => {
                let known = self.duplicates.at(event.effective_from).is_some_and(Option::is_some);
                one("duplicates", turn(known, event.duplicates.is_some()), "duplicates".into(), String::new())
            }
            RulesEvent::PersonalDataRulePublished(event) => {
                let known = self.personal_data.at(event.effective_from).is_some_and(Option::is_some);
                let code = "personal_data".into();
                one("personal data", turn(known, event.personal_data.is_some()), code, String::new())
            }
            RulesEvent::SeparationRulePublished(event) => {
                let known = self.separation.at(event.effective_from).is_some_and(Option::is_some);
                one("steps of one person", turn(known, event.separation.is_some()), "separation".into(), String::new())
            }
            RulesEvent::CalendarPublished(event) => {
                let calendar = &event.calendar;
                one("calendar", Turn::Begins, calendar.id.to_string(), calendar.purpose.to_string())
            }
            RulesEvent::ConsentRulePublished(event) => {
                one("consent rule", Turn::Begins, event.rule.id.clone(), event.rule.name.clone())
            }
            // Not of a description: what is withdrawn never was.
            RulesEvent::RulesWithdrawn(_) | RulesEvent::CalendarWithdrawn(_) | RulesEvent::ConsentRuleWithdrawn(_) => {
                vec![]
            }
        }
    }

    fn steps(&self, limits: &[StepLimit], from: DateTime<Utc>) -> Vec<Difference> {
        let said = |limit: &StepLimit| format!("{} {}", limit.limit.amount, unit(limit.limit.unit));
        let known = self.step_limits.at(from).into_iter().flatten();
        let known = known.map(|(step, limit)| (step.to_string(), (limit.clone(), said(limit)))).collect();
        let described = limits.iter().map(|limit| (limit.step.to_string(), (limit.clone(), said(limit)))).collect();
        compared("step limit", &known, &described)
    }

    fn criteria(&self, criteria: &[FilingCriterion], from: DateTime<Utc>) -> Vec<Difference> {
        let rows = |criteria: &[FilingCriterion]| {
            criteria.iter().map(|one| (one.code.clone(), (one.text.clone(), one.text.clone()))).collect()
        };
        compared("filing criterion", &rows(self.filing_criteria(from)), &rows(criteria))
    }
}

const fn unit(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::UrgentHour => "hours",
        TimeUnit::WorkHour => "working hours",
        TimeUnit::WorkDay => "working days",
        TimeUnit::CalendarDay => "days",
    }
}

/// What becomes of something that is there or not before and after.
const fn turn(known: bool, described: bool) -> Turn {
    match (known, described) {
        (true, true) => Turn::Changes,
        (true, false) => Turn::Ends,
        (false, _) => Turn::Begins,
    }
}

/// The difference of two lists, by code. Each entry has its content and its name.
fn compared<C: PartialEq>(
    what: &'static str,
    known: &BTreeMap<String, (C, String)>,
    described: &BTreeMap<String, (C, String)>,
) -> Vec<Difference> {
    let row = |turn, code: &String, name: &String| Difference { turn, what, code: code.clone(), name: name.clone() };
    let ended = known.iter().filter(|(code, _)| !described.contains_key(*code));
    let ended = ended.map(|(code, (_, name))| row(Turn::Ends, code, name));
    let others = described.iter().filter_map(|(code, (content, name))| match known.get(code) {
        Some((before, _)) if before == content => None,
        before => Some(row(turn(before.is_some(), true), code, name)),
    });
    ended.chain(others).collect()
}

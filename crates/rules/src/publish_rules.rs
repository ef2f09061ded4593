//! `publish-rules`

pub(crate) mod check;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::facts::Authority;
use kernel::{
    Allowed, Context, Decision, DepartmentCode, Excess, Limit, MatterCode, Needs, Reach, Role, Step, TimeUnit, Verb,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CalendarPublished, CalendarPurpose, ConsentRulePublished, Domain, DuplicateRule, DuplicateRulePublished,
    FilingCriteriaPublished, HandlingKind, Matter, MatterClass, MatterPublished, MatterSpec, MatterWithdrawn,
    PersonalDataRule, PersonalDataRulePublished, Refusal, ReviewRule, ReviewRulePublished, Rulebook, RulesDescription,
    RulesEvent, SeparationRule, SeparationRulePublished, SourcedLimit, StepLimit, StepLimitsPublished, Windows,
    WindowsPublished,
};

/// All rules are described as of a moment; each difference from the rules known at that moment becomes an event.
///
/// By the system administrator, usually from a file. Matters, step limits and filing criteria that the description does not mention
/// end, at most as many as `allow_closing` says; calendars and consent rules stay, because due times and decisions name them. The same file again changes nothing, even if the rules
/// have changed since its date. Accepted or refused as a whole, under one new version; refused where a limit names no
/// source or an unknown step, and where a later change is already recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PublishRules(pub RulesDescription);

impl Verb for PublishRules {
    const NAME: &'static str = "publish-rules";
    const IS_DESCRIPTION: bool = true;
    const BY: Allowed = &[(Role::SystemAdministrator, Reach::Everywhere)];
    type Of = Rulebook;

    fn needs(&self, _: &Rulebook) -> Needs {
        Needs::none().steps()
    }
    fn example() -> Self {
        let code = |code| MatterCode::try_new(code).expect("the code of an example is well formed");
        let department = |code| DepartmentCode::try_new(code).expect("the code of an example is well formed");
        let limit = |amount, unit, source: &str| SourcedLimit {
            limit: Limit { amount, unit },
            calendar: CalendarPurpose::default(),
            assumed: false,
            source: source.into(),
        };
        let matter = MatterSpec {
            code: code("FW-0301"),
            name: "从业人员健康证办理".into(),
            class: MatterClass::Service,
            domain: Domain::PublicSafety,
            handling: HandlingKind::Promised,
            authority: Authority::Administrative,
            lead: department("SCJG"),
            assisting: vec![department("CGZF")],
            disposal: Limit { amount: 5, unit: TimeUnit::WorkDay },
            calendar: CalendarPurpose::default(),
            assumed: false,
            source: "城市管理事项清单".into(),
        };
        let complete_erasure = Step::of("complete_erasure");
        let step_limit = |step: &Step| StepLimit {
            step: step.clone(),
            limit: Limit { amount: 1, unit: TimeUnit::WorkDay },
            calendar: CalendarPurpose::default(),
            assumed: true,
            source: "网格工作规范".into(),
        };
        Self(RulesDescription {
            effective_from: DateTime::from_timestamp(1_767_225_600, 0).expect("a valid time"),
            matters: vec![matter],
            step_limits: Step::OF_CASES.iter().chain([&complete_erasure]).map(step_limit).collect(),
            windows: Windows {
                return_order: limit(4, TimeUnit::WorkHour, "网格工作规范"),
                reopen: limit(15, TimeUnit::CalendarDay, "网格工作规范"),
                own_due: limit(90, TimeUnit::CalendarDay, "网格工作规范"),
            },
            review: Some(ReviewRule { score_min: 60, assumed: false, source: "网格工作规范".into() }),
            duplicates: Some(DuplicateRule {
                metres_max: 50,
                percent_min: 60,
                assumed: false,
                source: "网格工作规范".into(),
            }),
            personal_data: Some(PersonalDataRule {
                days_after: 30,
                readings_a_day_max: 50,
                assumed: false,
                source: "网格工作规范".into(),
            }),
            separation: Some(SeparationRule {
                pairs: kernel::separation::INCOMPATIBLE.to_vec(),
                assumed: false,
                source: "网格工作规范".into(),
            }),
            calendars: vec![],
            consent_rules: vec![],
            filing_criteria: vec![],
            allow_closing: 0,
        })
    }
}

impl PublishRules {
    pub(crate) fn decide(&self, rules: &Rulebook, context: &Context) -> Decision<Rulebook> {
        let Self(description) = self;
        check::description(description, &context.facts.steps)?;
        check::calendars_together(description, &rules.calendars)?;
        let events = self.changes(rules)?;
        match Excess::of(&rules.changed_by(&events), description.allow_closing) {
            Some(excess) => Err(Refusal::ClosesTooMuch(excess)),
            None => Ok(events),
        }
    }

    /// What differs from the known rules.
    pub(crate) fn changes(&self, rules: &Rulebook) -> Result<Vec<RulesEvent>, Refusal> {
        let Self(description) = self;
        let mut publication = Publication {
            rules,
            from: description.effective_from,
            version: rules.version.saturating_add(1),
            events: vec![],
        };
        publication.calendars(description)?;
        publication.matters(description)?;
        publication.limits(description)?;
        publication.consent_rules(description)?;
        Ok(publication.events)
    }
}

/// The events of one publication.
struct Publication<'a> {
    rules: &'a Rulebook,
    from: DateTime<Utc>,
    version: u32,
    events: Vec<RulesEvent>,
}

impl Publication<'_> {
    fn calendars(&mut self, description: &RulesDescription) -> Result<(), Refusal> {
        for calendar in &description.calendars {
            let withdrawn = self.rules.withdrawn.calendars.iter().find(|known| known.id == calendar.id);
            match self.rules.calendars.iter().find(|known| known.id == calendar.id).or(withdrawn) {
                Some(known) if known != calendar => return Err(Refusal::CalendarRewritten(calendar.id.clone())),
                Some(_) if withdrawn.is_none() => {}
                _ => {
                    let event = CalendarPublished { rules_version: self.version, calendar: calendar.clone() };
                    self.events.push(event.into());
                }
            }
        }
        Ok(())
    }

    fn matters(&mut self, description: &RulesDescription) -> Result<(), Refusal> {
        let described: BTreeSet<_> = description.matters.iter().map(|spec| &spec.code).collect();
        for spec in &description.matters {
            let matter = spec.in_force_from(self.from);
            let known = self.rules.matter(&spec.code, self.from);
            if known.is_some_and(|known| same_matter(known, &matter)) {
                continue;
            }
            self.check_matter(&spec.code)?;
            self.events.push(MatterPublished { rules_version: self.version, matter }.into());
        }
        for known in self.rules.matters(self.from).filter(|known| !described.contains(&known.code)) {
            self.check_matter(&known.code)?;
            let (rules_version, code, effective_from) = (self.version, known.code.clone(), self.from);
            self.events.push(MatterWithdrawn { rules_version, code, effective_from }.into());
        }
        Ok(())
    }

    fn limits(&mut self, description: &RulesDescription) -> Result<(), Refusal> {
        let (rules_version, effective_from) = (self.version, self.from);
        let limits: BTreeMap<_, _> =
            description.step_limits.iter().map(|limit| (limit.step.clone(), limit.clone())).collect();
        if self.rules.step_limits.at(effective_from) != Some(&limits) {
            self.check_order("the step limits", self.rules.step_limits.last_change())?;
            let limits = limits.into_values().collect();
            self.events.push(StepLimitsPublished { rules_version, limits, effective_from }.into());
        }
        let windows = &description.windows;
        if self.rules.windows.at(effective_from) != Some(windows) {
            self.check_order("the windows", self.rules.windows.last_change())?;
            self.events.push(WindowsPublished { rules_version, windows: windows.clone(), effective_from }.into());
        }
        let review = &description.review;
        if self.rules.review.at(effective_from).and_then(Option::as_ref) != review.as_ref() {
            self.check_order("the review rule", self.rules.review.last_change())?;
            self.events.push(ReviewRulePublished { rules_version, review: review.clone(), effective_from }.into());
        }
        let duplicates = &description.duplicates;
        if self.rules.duplicates.at(effective_from).and_then(Option::as_ref) != duplicates.as_ref() {
            self.check_order("the rule for duplicates", self.rules.duplicates.last_change())?;
            let event = DuplicateRulePublished { rules_version, duplicates: duplicates.clone(), effective_from };
            self.events.push(event.into());
        }
        let personal_data = &description.personal_data;
        if self.rules.personal_data.at(effective_from).and_then(Option::as_ref) != personal_data.as_ref() {
            self.check_order("the rule for personal data", self.rules.personal_data.last_change())?;
            let event =
                PersonalDataRulePublished { rules_version, personal_data: personal_data.clone(), effective_from };
            self.events.push(event.into());
        }
        let separation = &description.separation;
        if self.rules.separation.at(effective_from).and_then(Option::as_ref) != separation.as_ref() {
            self.check_order("the rule for steps of one person", self.rules.separation.last_change())?;
            let event = SeparationRulePublished { rules_version, separation: separation.clone(), effective_from };
            self.events.push(event.into());
        }
        let criteria = &description.filing_criteria;
        if self.rules.filing_criteria(effective_from) != criteria {
            self.check_order("the filing criteria", self.rules.filing_criteria.last_change())?;
            let event = FilingCriteriaPublished { rules_version, criteria: criteria.clone(), effective_from };
            self.events.push(event.into());
        }
        Ok(())
    }

    fn consent_rules(&mut self, description: &RulesDescription) -> Result<(), Refusal> {
        for rule in &description.consent_rules {
            let withdrawn = self.rules.withdrawn.consent_rules.iter().find(|known| known.id == rule.id);
            match self.rules.consent_rule(&rule.id).or(withdrawn) {
                Some(known) if known != rule => return Err(Refusal::ConsentRuleRewritten(rule.id.clone())),
                Some(_) if withdrawn.is_none() => {}
                _ => {
                    let event = ConsentRulePublished { rules_version: self.version, rule: rule.clone() };
                    self.events.push(event.into());
                }
            }
        }
        Ok(())
    }

    fn check_matter(&self, code: &MatterCode) -> Result<(), Refusal> {
        let versions = self.rules.matters.get(code).map_or(&[][..], Vec::as_slice);
        let changes = versions.iter().flat_map(|matter| [Some(matter.effective_from), matter.effective_until]);
        self.check_order(code, changes.flatten().max())
    }

    /// Refuses a change before the last recorded one.
    fn check_order(&self, what: impl std::fmt::Display, last: Option<DateTime<Utc>>) -> Result<(), Refusal> {
        match last {
            Some(last) if self.from < last => Err(Refusal::OutOfOrder { what: what.to_string(), last }),
            _ => Ok(()),
        }
    }
}

/// Whether two forms of a matter are equal apart from their dates.
fn same_matter(one: &Matter, other: &Matter) -> bool {
    let dates = (other.effective_from, other.effective_until);
    Matter { effective_from: dates.0, effective_until: dates.1, ..one.clone() } == *other
}

#[cfg(test)]
mod tests;

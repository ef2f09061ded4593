//! Queries on the rules, as of a moment where they change with time.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::consent::Share;
use kernel::facts::MatterFacts;
use kernel::{MatterCode, Step};

use crate::{Calendar, ConsentRule, FilingCriterion, Matter, Rulebook, SourcedLimit, Windows};

impl Rulebook {
    /// The version of the rules: how many publications changed something.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The matter, if it is in the catalogue at that moment.
    pub fn matter(&self, code: &MatterCode, at: DateTime<Utc>) -> Option<&Matter> {
        self.matters.get(code)?.iter().rev().find(|matter| matter.in_force(at))
    }

    /// The catalogue at that moment, ordered by code.
    pub fn matters(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Matter> + '_ {
        self.matters.keys().filter_map(move |code| self.matter(code, at))
    }

    /// The limit of a step at that moment.
    pub fn step_limit(&self, step: &Step, at: DateTime<Utc>) -> Option<SourcedLimit> {
        let known = self.step_limits.at(at)?.get(step)?;
        Some(SourcedLimit { limit: known.limit, assumed: known.assumed, source: known.source.clone() })
    }

    /// The facts about a matter that decisions record.
    pub fn matter_facts(&self, code: &MatterCode, at: DateTime<Utc>) -> Option<MatterFacts> {
        let matter = self.matter(code, at)?;
        let (name, authority) = (matter.name.clone(), matter.authority);
        Some(MatterFacts { code: code.clone(), name, authority, rules_version: self.version })
    }

    /// A consent rule as decisions record it, if it applies at that moment and counts heads only.
    pub fn consent_rule_facts(&self, id: &str, at: DateTime<Utc>) -> Option<kernel::consent::ConsentRule> {
        let rule = self.consent_rule(id).filter(|rule| rule.applies(at) && rule.area.is_none())?;
        let share = |fraction: Option<crate::Fraction>| {
            fraction.map(|crate::Fraction { numerator, denominator, exceeded }| Share {
                numerator,
                denominator,
                exceeded,
            })
        };
        Some(kernel::consent::ConsentRule {
            id: rule.id.clone(),
            participated_of_invited: share(rule.heads.participated_of_invited),
            agreed_of_invited: share(rule.heads.agreed_of_invited),
            agreed_of_participated: share(rule.heads.agreed_of_participated),
            rules_version: self.version,
        })
    }

    /// The day by the offset of the calendar published last; the day in UTC where none is published.
    pub fn today(&self, at: DateTime<Utc>) -> NaiveDate {
        let minutes = self.calendars.last().map_or(0, |calendar| calendar.utc_offset_minutes);
        (at + TimeDelta::minutes(i64::from(minutes))).date_naive()
    }

    /// The windows in which a case may go back a step, at that moment.
    pub fn windows(&self, at: DateTime<Utc>) -> Option<&Windows> {
        self.windows.at(at)
    }

    /// The questions that must be answered when a case is filed at that moment.
    pub fn filing_criteria(&self, at: DateTime<Utc>) -> &[FilingCriterion] {
        self.filing_criteria.at(at).map_or(&[], Vec::as_slice)
    }

    /// Every calendar, in order of publication.
    pub fn calendars(&self) -> impl Iterator<Item = &Calendar> + '_ {
        self.calendars.iter()
    }

    /// The consent rule of that id. It never changes, so no moment is needed.
    pub fn consent_rule(&self, id: &str) -> Option<&ConsentRule> {
        self.consent_rules.get(id)
    }

    /// The consent rules that apply to decisions at that moment.
    pub fn consent_rules(&self, decided: DateTime<Utc>) -> impl Iterator<Item = &ConsentRule> + '_ {
        self.consent_rules.values().filter(move |rule| rule.applies(decided))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MatterWithdrawn;
    use crate::testing::{STEPS, day, matter_event, published, rulebook};

    #[test]
    fn a_matter_is_known_as_of_its_time() {
        let code = MatterCode::try_new("WM-0101").unwrap();
        let mut renamed = matter_event("WM-0101", 2);
        renamed.matter.name = "新名".into();
        renamed.matter.effective_from = day("2020-01-01");
        let withdrawn = MatterWithdrawn { rules_version: 3, code: code.clone(), effective_from: day("2022-01-01") };
        let rules = rulebook(published().into_iter().chain([renamed.into(), withdrawn.into()]));
        let name = |at| rules.matter(&code, day(at)).map(|matter| matter.name.as_str());
        assert_eq!(name("2017-12-31"), None);
        assert_eq!(name("2019-12-31"), Some("WM-0101"));
        assert_eq!(name("2020-01-01"), Some("新名"));
        assert_eq!(name("2022-01-01"), None);
        assert_eq!((rules.matters(day("2019-01-01")).count(), rules.matters(day("2023-01-01")).count()), (1, 0));
        assert_eq!(rules.version(), 3);
    }

    #[test]
    fn limits_windows_criteria_and_consent_rules_are_found() {
        let (rules, at) = (rulebook(published()), day("2026-03-02"));
        assert!(STEPS.iter().all(|step| rules.step_limit(step, at).is_some()));
        assert!(rules.windows(at).is_some());
        assert_eq!(rules.filing_criteria(at).len(), 1);
        assert!(rules.filing_criteria(day("2017-01-01")).is_empty());
        assert!(rules.consent_rule("RESIDENT_2_3").is_some() && rules.consent_rule("X").is_none());
        assert_eq!(rules.consent_rules(at).count(), 1);
    }
}

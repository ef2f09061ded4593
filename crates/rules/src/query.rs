//! Queries on the rules, as of a moment where they change with time.

use chrono::{DateTime, NaiveDate, Utc};
use kernel::facts::{MatterFacts, ReadingLimits};
use kernel::likeness::LikenessLimits;
use kernel::separation::{INCOMPATIBLE, Incompatible};
use kernel::{MatterCode, Step};

use crate::{Calendar, ConsentRule, FilingCriterion, Matter, MattersDocument, Rulebook, StepLimit, Windows};

impl Rulebook {
    /// The version of the rules: the number of publications that changed something.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The matter, if it is in the catalogue at that moment.
    pub fn matter(&self, code: &MatterCode, at: DateTime<Utc>) -> Option<&Matter> {
        self.matters.get(code)?.iter().rev().find(|matter| matter.in_force(at))
    }

    /// The form of a matter that was in force last, where it was withdrawn before that moment.
    pub(crate) fn last_form(&self, code: &MatterCode, at: DateTime<Utc>) -> Option<&Matter> {
        self.matters.get(code)?.iter().rev().find(|matter| matter.effective_from <= at)
    }

    /// The catalogue at that moment, by code.
    pub fn matters(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Matter> + '_ {
        self.matters.keys().filter_map(move |code| self.matter(code, at))
    }

    /// The catalogue at that moment, as a document.
    pub fn matters_document(&self, at: DateTime<Utc>) -> MattersDocument {
        let rules_version = self.versions.at(at).copied().unwrap_or_default();
        MattersDocument { at, rules_version, matters: self.matters(at).cloned().collect() }
    }

    /// The limit of a step at that moment.
    pub fn step_limit(&self, step: &Step, at: DateTime<Utc>) -> Option<&StepLimit> {
        self.step_limits.at(at)?.get(step)
    }

    /// The windows in which a case may turn back, at that moment.
    pub fn windows(&self, at: DateTime<Utc>) -> Option<&Windows> {
        self.windows.at(at)
    }

    /// The least score with which a review at that moment lets a case be closed as solved.
    pub fn review_score_min(&self, at: DateTime<Utc>) -> Option<u8> {
        Some(self.review.at(at)?.as_ref()?.score_min)
    }

    /// For how long and how often personal data may be read at that moment: as the rules say, or 30 days and 50 readings a day.
    pub fn personal_data(&self, at: DateTime<Utc>) -> ReadingLimits {
        let rule = self.personal_data.at(at).and_then(Option::as_ref);
        rule.map_or_else(ReadingLimits::default, |rule| ReadingLimits {
            days_after: rule.days_after,
            readings_a_day_max: rule.readings_a_day_max,
        })
    }
    /// The steps of a case that one person does not take together at that moment.
    pub fn incompatible(&self, at: DateTime<Utc>) -> &[Incompatible] {
        let rule = self.separation.at(at).and_then(Option::as_ref);
        rule.map_or(INCOMPATIBLE, |rule| &rule.pairs)
    }
    /// From when on two open cases may be the same at that moment.
    pub fn likeness_limits(&self, at: DateTime<Utc>) -> Option<LikenessLimits> {
        let rule = self.duplicates.at(at)?.as_ref()?;
        Some(LikenessLimits { metres_max: rule.metres_max, percent_min: rule.percent_min })
    }

    /// The questions that must be answered when a case is filed at that moment.
    pub fn filing_criteria(&self, at: DateTime<Utc>) -> &[FilingCriterion] {
        self.filing_criteria.at(at).map_or(&[], Vec::as_slice)
    }

    /// Every calendar, in the order of publication.
    pub fn calendars(&self) -> impl Iterator<Item = &Calendar> + '_ {
        self.calendars.iter()
    }

    /// The consent rule with that id. A published rule never changes, so that no moment is needed.
    pub fn consent_rule(&self, id: &str) -> Option<&ConsentRule> {
        self.consent_rules.get(id)
    }

    /// The consent rules for a decision at that moment.
    pub fn consent_rules(&self, decided: DateTime<Utc>) -> impl Iterator<Item = &ConsentRule> + '_ {
        self.consent_rules.values().filter(move |rule| rule.applies(decided))
    }

    /// What a decision pins of the matter.
    pub fn matter_facts(&self, code: &MatterCode, at: DateTime<Utc>) -> Option<MatterFacts> {
        let matter = self.matter(code, at)?;
        Some(MatterFacts {
            code: code.clone(),
            name: matter.name.clone(),
            authority: matter.authority,
            rules_version: self.version,
        })
    }

    /// What a decision pins of the consent rule, if the rule applies at that moment and counts only heads. A rule that also
    /// counts areas cannot be met by a count of heads.
    pub fn consent_rule_facts(&self, id: &str, at: DateTime<Utc>) -> Option<kernel::consent::ConsentRule> {
        let rule = self.consent_rule(id).filter(|rule| rule.applies(at) && rule.area.is_none())?;
        Some(kernel::consent::ConsentRule { id: rule.id.clone(), heads: rule.heads, rules_version: self.version })
    }

    /// The calendar that reaches furthest, of the offices before any other.
    pub(crate) fn newest_calendar(&self) -> Option<&Calendar> {
        self.calendars().max_by_key(|calendar| (calendar.purpose.is_office(), calendar.last_day))
    }

    /// The local day, by the newest calendar of the offices; the day in UTC where none was published.
    pub fn today(&self, at: DateTime<Utc>) -> NaiveDate {
        let local = self.newest_calendar().and_then(|calendar| calendar.local_day(at));
        local.unwrap_or_else(|| at.date_naive())
    }
}

#[cfg(test)]
mod tests {
    use kernel::Aggregate as _;
    use kernel::consent::Share;
    use kernel::facts::Authority;

    use super::*;
    use crate::testing::{day, half_of_participants, matter_event, published, rulebook, shanghai, steps};
    use crate::{ConsentRulePublished, MatterWithdrawn};

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
        let facts = MatterFacts {
            code: code.clone(),
            name: "新名".into(),
            authority: Authority::Administrative,
            rules_version: 3,
        };
        assert_eq!(rules.matter_facts(&code, day("2020-01-01")), Some(facts));
        assert_eq!(rules.matter_facts(&code, day("2022-01-01")), None);
    }

    #[test]
    fn the_document_names_the_version_of_its_moment_and_not_of_today() {
        let mut renamed = matter_event("WM-0101", 2);
        renamed.matter.effective_from = day("2020-01-01");
        let withdrawn =
            MatterWithdrawn { rules_version: 3, code: renamed.matter.code.clone(), effective_from: day("2022-01-01") };
        let rules = rulebook(published().into_iter().chain([renamed.into(), withdrawn.into()]));
        let versions = ["2010-01-01", "2019-12-31", "2020-01-01", "2021-12-31", "2022-01-01", "2099-01-01"]
            .map(|at| rules.matters_document(day(at)).rules_version);
        assert_eq!(versions, [0, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn the_document_shows_the_catalogue_of_its_moment_by_its_schema() {
        let rules = rulebook(published());
        assert_eq!(rules.matters_document(day("2017-01-01")).matters, []);
        let [shown] = Rulebook::DOCUMENTS else { panic!("the catalogue is one document") };
        let document = (shown.show)(&rules, day("2026-03-02")).unwrap();
        assert_eq!((&document["matters"][0]["code"], &document["rules_version"]), (&"WM-0101".into(), &1.into()));
        let schema = (shown.schema)();
        let fields = schema.get("properties").and_then(serde_json::Value::as_object).unwrap();
        assert!(document.as_object().unwrap().keys().eq(fields.keys()));
    }

    #[test]
    fn limits_windows_criteria_and_consent_rules_are_found() {
        let (rules, at) = (rulebook(published()), day("2026-03-02"));
        assert!(steps().iter().all(|step| rules.step_limit(step, at).is_some()));
        assert!(rules.windows(at).is_some());
        assert_eq!(rules.filing_criteria(at).len(), 1);
        assert!(rules.filing_criteria(day("2017-01-01")).is_empty());
        assert!(rules.consent_rule("RESIDENT_2_3").is_some() && rules.consent_rule("X").is_none());
        assert_eq!(rules.consent_rules(at).count(), 1);
    }

    #[test]
    fn a_decision_pins_a_consent_rule_that_applies_and_counts_heads_alone() {
        let late = ConsentRule { id: "LATE".into(), decided_from: Some(day("2030-01-01")), ..half_of_participants() };
        let late = ConsentRule { area: None, ..late };
        let both = half_of_participants();
        let more = [late, both].map(|rule| ConsentRulePublished { rules_version: 2, rule }.into());
        let rules = rulebook(published().into_iter().chain(more));
        let at = day("2026-03-02");
        let two_thirds = Share { numerator: 2, denominator: 3, exceeded: false };
        let facts = rules.consent_rule_facts("RESIDENT_2_3", at).unwrap();
        assert_eq!((facts.heads.agreed_of_electorate, facts.rules_version), (Some(two_thirds), 2));
        assert_eq!(rules.consent_rule_facts("LATE", at), None, "not yet in force");
        assert!(rules.consent_rule_facts("LATE", day("2030-01-01")).is_some());
        assert_eq!(rules.consent_rule_facts("CIVIL_CODE_278", at), None, "it counts areas too");
    }

    #[test]
    fn a_day_begins_at_local_midnight() {
        let (before, after) = (shanghai("2026-03-01 23:59"), shanghai("2026-03-02 00:00"));
        let days = |rules: &Rulebook| [before, after].map(|at| rules.today(at).to_string());
        assert_eq!(days(&rulebook(published())), ["2026-03-01", "2026-03-02"]);
        assert_eq!(days(&Rulebook::default()), ["2026-03-01", "2026-03-01"]);
        assert_eq!(rulebook(published()).today(DateTime::<Utc>::MAX_UTC), DateTime::<Utc>::MAX_UTC.date_naive());
    }
}

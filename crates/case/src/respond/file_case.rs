use std::iter;

use kernel::facts::MatterFacts;
use kernel::{Allowed, Context, MatterCode, Needs, Obligation, Role, Step, Verb, check_count, check_line};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::DUTY;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{DuplicateSuspected, Refusal, Stage};

// Most characters of a text.
const CRITERION_MAX: usize = 200;
// Most entries of a list.
const CRITERIA_MAX: usize = 50;

/// The duty officer files an escalated case (立案): it gets its number, and matter and rules are pinned.
///
/// Every criterion that the rules publish (立案条件) must be answered in their words, and every answer must be that
/// it is met; the duty officer may add criteria of their own. Open cases of the same grid that may be the same are recorded, where
/// they were not at registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileCase {
    /// The criteria for filing, each with its answer: those of the rules and any more; at least one.
    #[schemars(length(min = 1, max = CRITERIA_MAX))]
    pub criteria: Vec<CriterionAnswer>,
    /// The matter, where it is another one than at registration.
    #[serde(default)]
    pub matter: Option<MatterCode>,
}

/// One criterion for filing and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CriterionAnswer {
    /// The criterion, for example 属于本街道管辖.
    #[schemars(length(min = 1, max = CRITERION_MAX))]
    pub criterion: String,
    /// Whether it is met.
    pub met: bool,
}

/// The case was filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseFiled {
    /// The case number for people: street, date, and the position of the event with which the case began. No two cases of an
    /// installation share one.
    pub number: String,
    /// The matter as of today.
    pub matter: MatterFacts,
    /// The criteria and their answers.
    pub criteria: Vec<CriterionAnswer>,
    /// Who must dispatch, and by when.
    pub next: Obligation,
}

impl Verb for FileCase {
    const NAME: &'static str = "file-case";
    const BY: Allowed = DUTY;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let needs = case.posts(Needs::none().step(Step::DISPATCH).filing_criteria());
        let is_numbered = case.file.as_ref().is_some_and(|file| file.filed.is_some());
        let needs = if is_numbered { needs } else { needs.began() };
        let needs = match case.file.as_ref().filter(|_| case.stage() == Stage::Escalated) {
            Some(file) => needs.similar(file.told()),
            None => needs,
        };
        let known = case.file.as_ref().and_then(|file| file.matter()).map(|matter| &matter.code);
        match self.matter.as_ref().or(known) {
            Some(matter) => needs.matter(matter),
            None => needs,
        }
    }
    fn example() -> Self {
        let met = |criterion: &str| CriterionAnswer { criterion: criterion.into(), met: true };
        let criteria = [
            "发生在本街镇管辖范围内",
            "属于事项目录内的事项",
            "地点、现象清楚，有现场材料",
            "未与在办案件重复",
            "网格内已先议，或已说明免议理由",
        ];
        Self { criteria: criteria.map(met).into(), matter: Some(examples::code("FW-0301")) }
    }
}

impl FileCase {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if case.stage() == Stage::Filed && file.filed.as_ref().is_some_and(|filed| self.is_same(filed)) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::Escalated], "escalated")?;
        check_count("criteria", self.criteria.len(), 1, CRITERIA_MAX)?;
        self.criteria.iter().try_for_each(|answer| check_line("criteria", &answer.criterion, CRITERION_MAX))?;
        if let Some(unmet) = self.criteria.iter().find(|answer| !answer.met) {
            return Err(Refusal::CriterionNotMet { criterion: unmet.criterion.clone() });
        }
        let answered = |asked: &&String| self.criteria.iter().any(|answer| answer.criterion == **asked);
        if let Some(criterion) = context.facts.filing_criteria.iter().find(|asked| !answered(asked)) {
            return Err(Refusal::CriterionNotAnswered { criterion: criterion.clone() });
        }
        let matter = self.matter(case, context)?;
        let next = context.oblige(Step::DISPATCH, file.centre(Role::Dispatcher, context))?;
        let number = match &file.filed {
            Some(filing) => filing.number.clone(),
            None => number(file.grid().centre.as_str(), context)?,
        };
        let filed = CaseFiled { number, matter, criteria: self.criteria.clone(), next };
        let suspected = DuplicateSuspected::anew(file, context).map(Into::into);
        Ok(iter::once(filed.into()).chain(suspected).collect())
    }

    /// The matter that is named, or the one of the case, as it stands today where the catalogue still has it.
    fn matter(&self, case: &Case, context: &Context) -> Result<MatterFacts, Refusal> {
        if let Some(code) = &self.matter {
            return Ok(context.matter(code)?.clone());
        }
        let known = case.opened()?.matter().ok_or_else(|| case.wrong_stage("registered before it was escalated"))?;
        Ok(context.facts.matters.get(&known.code).unwrap_or(known).clone())
    }

    fn is_same(&self, filing: &CaseFiled) -> bool {
        self.criteria == filing.criteria && self.matter.as_ref().is_none_or(|code| *code == filing.matter.code)
    }
}

/// Unique by its last part: positions are, over all streets and processes. The rest is for people.
fn number(street: &str, context: &Context) -> Result<String, Refusal> {
    let began = context.facts.began.ok_or(Refusal::UnknownCase)?;
    Ok(format!("{street}-{}-{began}", context.today.format("%Y%m%d")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SuspectedCase;
    use crate::testing::{discovered, escalated, file, filed, given, registered};
    use kernel::likeness::{Likeness, Similar};
    use kernel::{CaseId, Position, Unfit};

    #[test]
    fn what_may_be_the_same_is_recorded_once() {
        let likeness = Likeness { metres: None, percent: 70 };
        let similar = |name| Similar { id: CaseId::named(name).uuid(), likeness };
        let suspected =
            |name| DuplicateSuspected { cases: vec![SuspectedCase { case: CaseId::named(name), likeness }] };
        let before = [discovered(), registered(), suspected("known").into(), escalated()];
        let filing =
            |similar: Vec<Similar>| given(before.clone()).knowing(|facts| facts.similar = similar).when(file());
        filing(vec![similar("known"), similar("new")]).then([filed(), suspected("new").into()]);
        filing(vec![similar("known")]).then([filed()]);
    }

    #[test]
    fn a_case_is_filed_once_and_gets_a_number() {
        given([discovered(), registered(), escalated()]).when(file()).then([filed()]);
        given([discovered(), registered(), escalated(), filed()]).when(file()).then_nothing();
        given([discovered(), registered()])
            .when(file())
            .then_refused(Refusal::WrongStage { stage: Stage::Registered, taken: "escalated" });
    }

    #[test]
    fn no_two_cases_share_a_number_and_a_case_keeps_its_own() {
        let before = || given([discovered(), registered(), escalated()]);
        let number = |id: u128, began| {
            let case = before().on(uuid::Uuid::from_u128(id)).knowing(|facts| facts.began = Some(Position(began)));
            let events = case.when(file()).events();
            let [crate::CaseEvent::CaseFiled(filed)] = events.as_slice() else { panic!("{events:?}") };
            filed.number.clone()
        };
        // Ids of one end, as two of many have by chance.
        assert_eq!(number(0xca5e, 45_580), "BZ-20260302-45580");
        assert_eq!(number((1 << 64) | 0xca5e, 47_029), "BZ-20260302-47029");
        let again = [discovered(), registered(), escalated(), filed(), escalated()];
        let events = given(again).knowing(|facts| facts.began = Some(Position(1))).when(file()).events();
        assert!(matches!(&events[..], [crate::CaseEvent::CaseFiled(again)] if again.number == "BZ-20260302-51806"));
    }

    #[test]
    fn every_criterion_is_met() {
        let mut unmet = file();
        unmet.criteria[0].met = false;
        let criterion = unmet.criteria[0].criterion.clone();
        given([discovered(), registered(), escalated()])
            .when(unmet)
            .then_refused(Refusal::CriterionNotMet { criterion });
        let none = FileCase { criteria: vec![], matter: None };
        let refusal = Unfit::EntryCount { field: "criteria", min: 1, max: 50 };
        given([discovered(), registered(), escalated()]).when(none).then_refused(refusal);
    }

    #[test]
    fn every_criterion_of_the_rules_is_answered_and_others_may_be_added() {
        let escalated = || given([discovered(), registered(), escalated()]);
        let asked =
            |texts: [&str; 2]| escalated().knowing(|facts| facts.filing_criteria = texts.map(str::to_owned).into());
        let known = file().criteria[0].criterion.clone();
        let refusal = Refusal::CriterionNotAnswered { criterion: "地点清楚".into() };
        asked([&known, "地点清楚"]).when(file()).then_refused(refusal);
        let mut all = file();
        all.criteria.insert(0, CriterionAnswer { criterion: "地点清楚".into(), met: true });
        assert_eq!(asked([&known, "地点清楚"]).when(all.clone()).events().len(), 1);
        // One that nobody asks for is kept with the others.
        let events = escalated().knowing(|facts| facts.filing_criteria = vec![known]).when(all.clone()).events();
        assert!(matches!(&events[..], [crate::CaseEvent::CaseFiled(filed)] if filed.criteria == all.criteria));
    }

    #[test]
    fn the_same_again_is_no_question_of_the_rules_of_today() {
        let before = given([discovered(), registered(), escalated(), filed()]);
        before.knowing(|facts| facts.filing_criteria = vec!["新标准".into()]).when(file()).then_nothing();
    }

    #[test]
    fn another_matter_has_to_exist() {
        let matter = MatterCode::try_new("NO-SUCH").unwrap();
        let other = FileCase { matter: Some(matter.clone()), ..file() };
        given([discovered(), registered(), escalated()]).when(other).then_refused(Unfit::UnknownMatter { matter });
    }

    #[test]
    fn filing_it_under_another_matter_is_not_the_same() {
        let refusal = || Refusal::WrongStage { stage: Stage::Filed, taken: "escalated" };
        let matter = Some(MatterCode::try_new("FW-0999").unwrap());
        let before = || given([discovered(), registered(), escalated(), filed()]);
        before().when(FileCase { matter, ..file() }).then_refused(refusal());
        let mut other = file();
        other.criteria[0].criterion = "别的标准".into();
        before().when(other).then_refused(refusal());
    }
}

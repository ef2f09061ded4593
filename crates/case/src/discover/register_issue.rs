use kernel::facts::MatterFacts;
use kernel::likeness::{Likeness, Similar};
use kernel::{Allowed, CaseId, Context, MatterCode, Needs, Obligation, Step, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::REGISTRARS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{CaseFile, Refusal, Stage, Urgency};

/// The grid leader or a duty officer classifies what was discovered.
///
/// The matter must be in the catalogue at that time. Open cases of the same grid that are near or were told of in like words are
/// recorded as suspected duplicates, whatever their matter; `GET /cases/{case}/similar` shows those of other grids too, to whoever
/// may read them. Merging is a decision of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterIssue {
    /// The matter of the catalogue.
    pub matter: MatterCode,
    #[serde(default)]
    pub urgency: Urgency,
    /// How it will be handled.
    pub handling: Handling,
}

/// How a case is handled (昆明 practice).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// 即办件: at once.
    Immediate,
    /// 承诺件: promised, with a due time.
    Promised,
    /// 协调件: needs coordination of several.
    Coordinated,
}

/// The issue was classified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueRegistered {
    /// The matter as of that day.
    pub matter: MatterFacts,
    pub urgency: Urgency,
    /// How it will be handled.
    pub handling: Handling,
    /// Who must decide the way, and by when.
    pub next: Obligation,
}

/// Open cases that may be the same, and were not suspected before, were found when it was registered or filed. They are in the same grid: whoever may read this case by its grid
/// may read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DuplicateSuspected {
    /// At most 20, those in the likest words first.
    pub cases: Vec<SuspectedCase>,
}

impl DuplicateSuspected {
    /// Those that were not suspected before, if there are any.
    pub(crate) fn anew(file: &CaseFile, context: &Context) -> Option<Self> {
        let suspected = |similar: &Similar| SuspectedCase { case: CaseId::new(similar.id), likeness: similar.likeness };
        let found = context.facts.similar.iter().map(suspected);
        let cases: Vec<_> = found.filter(|found| !file.suspected.contains(&found.case)).collect();
        (!cases.is_empty()).then_some(Self { cases })
    }
}

/// A case that may be the same, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuspectedCase {
    pub case: CaseId,
    #[serde(flatten)]
    pub likeness: Likeness,
}

impl Verb for RegisterIssue {
    const NAME: &'static str = "register-issue";
    const BY: Allowed = REGISTRARS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        match &case.file {
            Some(file) if file.registered.is_none() => {
                case.posts(Needs::none().matter(&self.matter).step(Step::ROUTE).similar(file.told()))
            }
            _ => Needs::none(),
        }
    }
    fn example() -> Self {
        Self { matter: examples::code("FW-0301"), urgency: Urgency::Ordinary, handling: Handling::Promised }
    }
}

impl RegisterIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(registered) = &file.registered {
            let same = (&self.matter, self.urgency, self.handling)
                == (&registered.matter.code, registered.urgency, registered.handling);
            return if same { Ok(vec![]) } else { Err(Refusal::AlreadyRegistered) };
        }
        case.opened_in(&[Stage::Discovered], "discovered")?;
        let matter = context.matter(&self.matter)?.clone();
        let next = context.oblige(Step::ROUTE, file.grid_leader(context))?;
        let registered = IssueRegistered { matter, urgency: self.urgency, handling: self.handling, next };
        let mut events = vec![registered.into()];
        events.extend(DuplicateSuspected::anew(file, context).map(Into::into));
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{discovered, given, register, registered};
    use kernel::{CaseId, Unfit};

    #[test]
    fn an_issue_is_registered_once() {
        given([discovered()]).when(register()).then([registered()]);
        given([discovered(), registered()]).when(register()).then_nothing();
        let other = RegisterIssue { urgency: Urgency::Urgent, ..register() };
        given([discovered(), registered()]).when(other).then_refused(Refusal::AlreadyRegistered);
        given([]).when(register()).then_refused(Refusal::UnknownCase);
    }

    #[test]
    fn its_matter_is_in_the_catalogue() {
        given([discovered()])
            .knowing(|facts| facts.matters.clear())
            .when(register())
            .then_refused(Unfit::UnknownMatter { matter: register().matter });
    }

    #[test]
    fn similar_open_cases_are_shown() {
        let likeness = Likeness { metres: Some(12), percent: 70 };
        let case = CaseId::named("twin");
        given([discovered()])
            .knowing(|facts| facts.similar = vec![Similar { id: case.uuid(), likeness }])
            .when(register())
            .then([registered(), DuplicateSuspected { cases: vec![SuspectedCase { case, likeness }] }.into()]);
    }

    #[test]
    fn the_facts_are_of_the_matter_that_was_named() {
        let matter = MatterCode::try_new("FW-0999").unwrap();
        let other = RegisterIssue { matter: matter.clone(), ..register() };
        given([discovered()]).when(other).then_refused(Unfit::UnknownMatter { matter });
    }
}

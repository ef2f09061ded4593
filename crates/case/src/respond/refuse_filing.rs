use kernel::{Allowed, Context, Needs, Obligation, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::DUTY;
use crate::case::{Case, Decision};
use crate::{Refusal, Stage};

// Most characters of a text.
const REASON_MAX: usize = 1000;

/// The duty officer refuses to file (不予立案), with a reason the finder will read. One review can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseFiling {
    /// Why, at most 1000 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// Filing was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilingRefused {
    pub reason: String,
    /// Staff id of whoever refused.
    pub by: String,
    /// Who may ask for a review or must tell the finder, and by when.
    pub next: Obligation,
}

impl Verb for RefuseFiling {
    const NAME: &'static str = "refuse-filing";
    const BY: Allowed = DUTY;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        case.posts(Needs::none().step(next_step(case)))
    }
    fn example() -> Self {
        Self { reason: "不属于城市管理事项".into() }
    }
}

impl RefuseFiling {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if case.stage() == Stage::NotFiled {
            let is_same = file.cycle.refused.last().is_some_and(|last| last.reason == self.reason);
            return if is_same { Ok(vec![]) } else { Err(Refusal::FilingAlreadyRefused) };
        }
        case.opened_in(&[Stage::Escalated], "escalated")?;
        check_text("reason", &self.reason, REASON_MAX)?;
        // The one review has been asked for when this is the second refusal: what remains is to tell the finder.
        let by = if file.cycle.refused.is_empty() {
            file.secretary(context)
        } else {
            file.centre(Role::DutyOfficer, context)
        };
        let next = context.oblige(next_step(case), by)?;
        Ok(vec![FilingRefused { reason: self.reason.clone(), by: context.by.id.clone(), next }.into()])
    }
}

fn next_step(case: &Case) -> Step {
    let refused = case.file.as_ref().is_some_and(|file| !file.cycle.refused.is_empty());
    if refused { Step::COLLECT_FEEDBACK } else { Step::REVIEW_REFUSAL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{discovered, escalated, given, refuse_filing, refused_filing, registered};
    use kernel::Unfit;

    #[test]
    fn filing_is_refused_with_a_reason() {
        let before = [discovered(), registered(), escalated()];
        given(before).by("refuser-1").when(refuse_filing()).then([refused_filing()]);
        given([discovered(), registered(), escalated(), refused_filing()]).when(refuse_filing()).then_nothing();
        let reworded = RefuseFiling { reason: "换个说法".into() };
        given([discovered(), registered(), escalated(), refused_filing()])
            .when(reworded)
            .then_refused(Refusal::FilingAlreadyRefused);
        let silent = RefuseFiling { reason: String::new() };
        let refusal = Unfit::TextLength { field: "reason", max: 1000 };
        given([discovered(), registered(), escalated()]).when(silent).then_refused(refusal);
        given([discovered()])
            .when(refuse_filing())
            .then_refused(Refusal::WrongStage { stage: Stage::Discovered, taken: "escalated" });
    }

    #[test]
    fn after_the_second_refusal_the_finder_is_told() {
        let twice = [discovered(), registered(), escalated(), refused_filing(), escalated()];
        let events = given(twice).when(refuse_filing()).events();
        let [crate::CaseEvent::FilingRefused(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.next.step, Step::COLLECT_FEEDBACK);
    }
}

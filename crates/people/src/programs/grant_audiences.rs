use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, Decision, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ADMINISTRATORS, AUDIENCES_MAX, Programs};
use crate::{GrantedAudience, IntegratorName, ProgramId};

/// A security administrator says what an integrator receives from now on. What is not listed is received no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantAudiences {
    pub integrator: IntegratorName,
    /// All its audiences, 1 to 200.
    #[schemars(length(min = 1, max = AUDIENCES_MAX))]
    pub audiences: BTreeSet<GrantedAudience>,
}

/// An integrator receives something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AudiencesGranted {
    pub integrator: IntegratorName,
    /// All its audiences.
    pub audiences: BTreeSet<GrantedAudience>,
    pub since: DateTime<Utc>,
}

impl Verb for GrantAudiences {
    const NAME: &'static str = "grant-audiences";
    const BY: Allowed = ADMINISTRATORS;
    type Of = Programs;

    fn example() -> Self {
        Self {
            integrator: IntegratorName::try_new("city-brain").expect("a name"),
            audiences: ["district", "order.*"].map(|text| GrantedAudience::try_new(text).expect("an audience")).into(),
        }
    }
}

impl GrantAudiences {
    pub(super) fn decide(&self, programs: &Programs, now: DateTime<Utc>) -> Decision<Programs> {
        let known = programs.open(&ProgramId::Integrator(self.integrator.clone()))?;
        if known.audiences == self.audiences {
            return Ok(vec![]);
        }
        check_count("audiences", self.audiences.len(), 1, AUDIENCES_MAX)?;
        let (integrator, audiences) = (self.integrator.clone(), self.audiences.clone());
        Ok(vec![AudiencesGranted { integrator, audiences, since: now }.into()])
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::testing::registered;
    use super::super::{CloseProgram, Refusal};
    use super::*;

    #[test]
    fn an_integrator_receives_what_it_was_granted_last() {
        let granted = given::<Programs>([registered()]).when(GrantAudiences::example()).events();
        assert_eq!(granted.len(), 1);
        let history = || [registered()].into_iter().chain(granted.clone());
        given::<Programs>(history()).when(GrantAudiences::example()).then_nothing();
        let shown = given::<Programs>(history()).state().all(given::NOW);
        assert_eq!(shown[0].audiences, GrantAudiences::example().audiences);
        let none = GrantAudiences { audiences: [].into(), ..GrantAudiences::example() };
        let refused = Unfit::EntryCount { field: "audiences", min: 1, max: 200 };
        given::<Programs>(history()).when(none).then_refused(refused);
        let closed = given::<Programs>(history()).when(CloseProgram::example()).events();
        let closed = history().chain(closed);
        given::<Programs>(closed).when(GrantAudiences::example()).then_refused(Refusal::Closed);
        given::<Programs>([]).when(GrantAudiences::example()).then_refused(Refusal::UnknownProgram);
    }
}

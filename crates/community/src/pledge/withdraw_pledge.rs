use kernel::{Allowed, Decision, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OWN, Pledge, Refusal};

// Most characters of a text.
const REASON_MAX: usize = 500;

/// The member withdraws their pledge, before it is kept. What was recorded stays in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawPledge {
    /// Why, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// A pledge was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PledgeWithdrawn {
    pub reason: String,
}

impl Verb for WithdrawPledge {
    const NAME: &'static str = "withdraw-pledge";
    const BY: Allowed = OWN;
    type Of = Pledge;

    fn example() -> Self {
        Self { reason: "已搬离本网格".into() }
    }
}

impl WithdrawPledge {
    pub(super) fn decide(&self, pledge: &Pledge) -> Decision<Pledge> {
        match pledge {
            Pledge::Unmade => Err(Refusal::UnknownPledge),
            Pledge::Kept(..) => Err(Refusal::Kept),
            Pledge::Withdrawn(_, known) if known.reason == self.reason => Ok(vec![]),
            Pledge::Withdrawn(..) => Err(Refusal::Withdrawn),
            Pledge::Open(..) => {
                check_text("reason", &self.reason, REASON_MAX)?;
                Ok(vec![PledgeWithdrawn { reason: self.reason.clone() }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::made;
    use super::*;
    use crate::pledge::{LeadAct, PledgeEvent, RecordLeadAct};
    use given::given;
    use kernel::Unfit;

    #[test]
    fn a_pledge_is_withdrawn_once_and_not_after_it_was_kept() {
        let withdrawn = || PledgeEvent::from(PledgeWithdrawn { reason: "已搬离本网格".into() });
        given::<Pledge>([made()]).when(WithdrawPledge::example()).then([withdrawn()]);
        given::<Pledge>([made(), withdrawn()]).when(WithdrawPledge::example()).then_nothing();
        let other = WithdrawPledge { reason: "换个说法".into() };
        given::<Pledge>([made(), withdrawn()]).when(other).then_refused(Refusal::Withdrawn);
        given::<Pledge>([]).when(WithdrawPledge::example()).then_refused(Refusal::UnknownPledge);
        let silent = WithdrawPledge { reason: String::new() };
        given::<Pledge>([made()]).when(silent).then_refused(Unfit::TextLength { field: "reason", max: 500 });
        let mut history = vec![made()];
        for act in LeadAct::ALL {
            let act = RecordLeadAct { act, ..RecordLeadAct::example() };
            history.extend(given::<Pledge>(history.clone()).when(act).events());
        }
        given::<Pledge>(history).when(WithdrawPledge::example()).then_refused(Refusal::Kept);
    }
}

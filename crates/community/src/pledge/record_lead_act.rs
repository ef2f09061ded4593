use kernel::digest::Digest;
use kernel::{Allowed, Context, Decision, Evidence, Needs, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OWN, Pledge, Refusal};

// Most entries of a list.
const EVIDENCE_MAX: usize = 5;

/// The member shows with evidence that they did one of the acts that they pledged.
///
/// Each act once. When the last one is recorded, the pledge is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordLeadAct {
    pub act: LeadAct,
    /// Digests of uploaded files, 1 to 5.
    #[schemars(length(min = 1, max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
}

/// What a party member does first (四个带头); the first of the four is the signed pledge itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadAct {
    /// 带头实现党员家庭非机动车进车棚
    BikesInShed,
    /// 带头参加维护非机动车管理志愿者队伍
    VolunteerTeam,
    /// 带头参加网格走访
    GridVisits,
}

impl LeadAct {
    /// Every act beside the signature.
    pub const ALL: [Self; 3] = [Self::BikesInShed, Self::VolunteerTeam, Self::GridVisits];
}

/// One of the acts was shown with evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeadActRecorded {
    pub act: LeadAct,
    pub evidence: Vec<Evidence>,
}

/// All four acts are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PledgeKept {
    /// The staff id of the member.
    pub member: String,
}

impl Verb for RecordLeadAct {
    const NAME: &'static str = "record-lead-act";
    const BY: Allowed = OWN;
    type Of = Pledge;

    fn needs(&self, _: &Pledge) -> Needs {
        Needs::none().evidence(&self.evidence)
    }
    fn example() -> Self {
        Self { act: LeadAct::BikesInShed, evidence: vec![Digest::of(kernel::evidence::EXAMPLE)] }
    }
}

impl RecordLeadAct {
    pub(super) fn decide(&self, pledge: &Pledge, context: &Context) -> Decision<Pledge> {
        let (made, acts) = match pledge {
            Pledge::Unmade => return Err(Refusal::UnknownPledge),
            Pledge::Withdrawn(..) => return Err(Refusal::Withdrawn),
            Pledge::Open(made, acts) | Pledge::Kept(made, acts) => (made, acts),
        };
        if let Some(known) = acts.iter().find(|known| known.act == self.act) {
            let same = self.evidence.iter().eq(known.evidence.iter().map(|evidence| &evidence.sha256));
            return if same { Ok(vec![]) } else { Err(Refusal::ActAlreadyRecorded) };
        }
        check_count("evidence", self.evidence.len(), 1, EVIDENCE_MAX)?;
        let evidence = context.evidence(&self.evidence)?;
        let mut events = vec![LeadActRecorded { act: self.act, evidence }.into()];
        if acts.len() + 1 == LeadAct::ALL.len() {
            events.push(PledgeKept { member: made.member.clone() }.into());
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::made;
    use super::*;
    use crate::pledge::{PledgeEvent, WithdrawPledge};
    use given::given;
    use kernel::Unfit;

    fn record(act: LeadAct) -> RecordLeadAct {
        RecordLeadAct { act, ..RecordLeadAct::example() }
    }

    fn recorded(act: LeadAct) -> PledgeEvent {
        LeadActRecorded { act, evidence: vec![given::evidence()] }.into()
    }

    #[test]
    fn each_act_is_recorded_once_and_the_last_one_keeps_the_pledge() {
        let [bikes, team, visits] = LeadAct::ALL;
        given::<Pledge>([made()]).when(record(bikes)).then([recorded(bikes)]);
        given::<Pledge>([made(), recorded(bikes)]).when(record(bikes)).then_nothing();
        let kept = PledgeEvent::from(PledgeKept { member: "staff-1".into() });
        let before = || [made(), recorded(bikes), recorded(team)];
        given::<Pledge>(before()).when(record(visits)).then([recorded(visits), kept.clone()]);
        let all = before().into_iter().chain([recorded(visits), kept]);
        given::<Pledge>(all).when(record(team)).then_nothing();
    }

    #[test]
    fn an_act_needs_a_pledge_and_its_own_evidence() {
        let act = || record(LeadAct::GridVisits);
        given::<Pledge>([]).when(act()).then_refused(Refusal::UnknownPledge);
        let withdrawn = given::<Pledge>([made()]).when(WithdrawPledge::example()).events();
        given::<Pledge>([made()].into_iter().chain(withdrawn)).when(act()).then_refused(Refusal::Withdrawn);
        let bare = RecordLeadAct { evidence: vec![], ..act() };
        let refusal = Unfit::EntryCount { field: "evidence", min: 1, max: 5 };
        given::<Pledge>([made()]).when(bare.clone()).then_refused(refusal);
        let again = given::<Pledge>([made(), recorded(LeadAct::GridVisits)]);
        again.when(bare).then_refused(Refusal::ActAlreadyRecorded);
    }
}

//! 承诺书 with the 四个带头: a party member signs a pledge to go first, and shows with evidence that they did.

mod make_pledge;
mod record_lead_act;
mod view;
mod withdraw_pledge;

use kernel::Role::{Auditor, GridLeader, GridMember, PartyMember, ResidentialSecretary};
use kernel::{Aggregate, Allowed, Context, Decision, Place, Reach, Unfit};

pub use make_pledge::{MakePledge, PledgeMade};
pub use record_lead_act::{LeadAct, LeadActRecorded, PledgeKept, RecordLeadAct};
pub use view::{PledgeRow, PledgeView};
pub use withdraw_pledge::{PledgeWithdrawn, WithdrawPledge};

/// Party members who hold a post in a grid pledge for themselves.
const MEMBERS: Allowed = &[
    (GridMember, Reach::Grid),
    (GridLeader, Reach::Grid),
    (ResidentialSecretary, Reach::Grid),
    (PartyMember, Reach::Grid),
];
const OWN: Allowed = &[
    (GridMember, Reach::Own),
    (GridLeader, Reach::Own),
    (ResidentialSecretary, Reach::Own),
    (PartyMember, Reach::Own),
];

kernel::commands! {
    /// What can be asked of a pledge.
    pub enum PledgeCommand of Pledge { MakePledge, RecordLeadAct, WithdrawPledge, }
}

kernel::events! {
    /// What has happened to a pledge.
    pub enum PledgeEvent in "pledge" {
        PledgeMade = "cn.dualgrid.pledge.pledge_made.v1" to Street,
        LeadActRecorded = "cn.dualgrid.pledge.lead_act_recorded.v1" to Street,
        PledgeKept = "cn.dualgrid.pledge.pledge_kept.v1" to Street,
        PledgeWithdrawn = "cn.dualgrid.pledge.pledge_withdrawn.v1" to Street,
    }
}

kernel::refusals! {
    /// Why a pledge says no.
    pub enum Refusal {
        /// Nothing was ever pledged under this id.
        #[error("there is no such pledge")]
        UnknownPledge = Missing "unknown-pledge",
        /// A pledge is one's own.
        #[error("a pledge is made by the member who keeps it; `member` must be your own staff id")]
        NotYourself = Unfit "not-yourself",
        /// One pledge a member, grid and year.
        #[error("you made a pledge for this grid and year already, with other content")]
        AlreadyMade = Refused "already-made",
        /// The year is not one that can be pledged for.
        #[error("a pledge is for this year or the next")]
        YearDoesNotFit = Unfit "year-does-not-fit",
        /// The act was recorded with other evidence.
        #[error("this act was recorded already, with other evidence")]
        ActAlreadyRecorded = Refused "act-already-recorded",
        /// The pledge was withdrawn.
        #[error("the pledge was withdrawn; it can be made again")]
        Withdrawn = Refused "pledge-withdrawn",
        /// All of it was done.
        #[error("the pledge was kept; nothing of it can be withdrawn")]
        Kept = Refused "pledge-kept",
        ..Unfit(Unfit),
    }
}

/// A pledge: not made, open, or over.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pledge {
    /// Nobody made it.
    #[default]
    Unmade,
    /// Made, with the acts that were recorded so far.
    Open(Box<PledgeMade>, Vec<LeadActRecorded>),
    /// Every act was recorded.
    Kept(Box<PledgeMade>, Vec<LeadActRecorded>),
    /// Withdrawn, and why.
    Withdrawn(Box<PledgeMade>, PledgeWithdrawn),
}

impl Pledge {
    fn made(&self) -> Option<&PledgeMade> {
        match self {
            Self::Unmade => None,
            Self::Open(made, _) | Self::Kept(made, _) | Self::Withdrawn(made, _) => Some(made),
        }
    }
}

impl Pledge {
    /// The pledge that stands: one that was withdrawn can be made again.
    fn standing(&self) -> Option<&PledgeMade> {
        match self {
            Self::Unmade | Self::Withdrawn(..) => None,
            Self::Open(made, _) | Self::Kept(made, _) => Some(made),
        }
    }
}

impl Aggregate for Pledge {
    const PLURAL: &'static str = "pledges";
    const ABOUT: &'static str = "Pledges of party members to go first (承诺书, 四个带头)";
    const READ_ACTION: &'static str = "read-pledge-history";
    const READ: Allowed = &[(ResidentialSecretary, Reach::Grid), (Auditor, Reach::Grid)];
    type Command = PledgeCommand;
    type Event = PledgeEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        self.made().map(PledgeMade::place)
    }

    fn missing() -> Refusal {
        Refusal::UnknownPledge
    }

    fn decide(&self, command: &PledgeCommand, context: &Context) -> Decision<Self> {
        match command {
            PledgeCommand::MakePledge(command) => command.decide(self, context),
            PledgeCommand::RecordLeadAct(command) => command.decide(self, context),
            PledgeCommand::WithdrawPledge(command) => command.decide(self),
        }
    }

    fn evolve(self, event: PledgeEvent) -> Self {
        match (self, event) {
            (Self::Unmade | Self::Withdrawn(..), PledgeEvent::PledgeMade(made)) => Self::Open(made, Vec::new()),
            (Self::Open(made, mut acts), PledgeEvent::LeadActRecorded(act)) => {
                acts.push(*act);
                Self::Open(made, acts)
            }
            (Self::Open(made, acts), PledgeEvent::PledgeKept(_)) => Self::Kept(made, acts),
            (Self::Open(made, _), PledgeEvent::PledgeWithdrawn(withdrawn)) => Self::Withdrawn(made, *withdrawn),
            (as_it_is, _) => as_it_is,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Verb;

    use super::*;

    /// A pledge that was made as the example says.
    pub(super) fn made() -> PledgeEvent {
        given::given::<Pledge>([]).when(MakePledge::example()).events().remove(0)
    }

    #[test]
    fn every_text_and_list_of_a_command_has_a_published_bound() {
        assert_eq!(given::unbounded(<super::PledgeCommand as kernel::Command>::VERBS), Vec::<String>::new());
    }

    #[test]
    fn nothing_of_a_pledge_is_forgotten() {
        let act = |act| RecordLeadAct { act, ..RecordLeadAct::example() };
        let mut history = vec![made()];
        for act in [act(LeadAct::BikesInShed), act(LeadAct::VolunteerTeam), act(LeadAct::GridVisits)] {
            history.extend(given::given::<Pledge>(history.clone()).when(act).events());
        }
        history.extend(given::given::<Pledge>([made()]).when(WithdrawPledge::example()).events());
        given::covered::<Pledge>(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pledge/golden"), history, &[]);
    }
}

//! Every pledge with the acts that were shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::Role::{Auditor, DutyOfficer, GridLeader, GridMember, PartyMember, ResidentialSecretary};
use kernel::view::words_of;
use kernel::{Allowed, Evidence, GridCode, Key, Place, Position, Reach, Read, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LeadAct, PledgeEvent};

/// One pledge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PledgeRow {
    pub pledge: Uuid,
    /// The staff id of the member.
    pub member: String,
    pub year: i32,
    pub text: String,
    /// The grid and every grid above it.
    pub grids: Vec<GridCode>,
    pub status: PledgeStatus,
    /// The signed letter (带头签署承诺书).
    pub signed: Vec<Evidence>,
    /// The other acts that were shown, each with its evidence.
    pub acts: BTreeMap<LeadAct, Vec<Evidence>>,
    pub updated_at: DateTime<Utc>,
    /// Position of the event that made it.
    pub position: Position,
}

/// How a pledge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PledgeStatus {
    Open,
    Kept,
    Withdrawn,
}

impl PledgeStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Kept => "kept",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The fold.
pub struct PledgeView;

impl View for PledgeView {
    const NAME: &'static str = "pledge";
    const PATH: &'static str = "pledges";
    const ABOUT: &'static str = "Pledges with the acts that were shown, the newest first";
    const ACTION: &'static str = "read-pledges";
    const READ: Allowed = &[
        (GridMember, Reach::Own),
        (PartyMember, Reach::Own),
        (GridLeader, Reach::Grid),
        (ResidentialSecretary, Reach::Grid),
        (DutyOfficer, Reach::Grid),
        (Auditor, Reach::Grid),
    ];
    const FROM: &'static [&'static str] = &["pledge"];
    const FILTERS: &'static [&'static [&'static str]] = &[&["grid"], &["grid", "status"], &["owner"]];
    const IS_OF_ONE: bool = true;
    type Row = PledgeRow;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        touch(event.id().into());
    }

    fn fold(_: &Key, row: &mut Option<PledgeRow>, event: &Read<'_>) {
        match (row.as_mut(), event.of::<PledgeEvent>()) {
            // The first time, or again after it was withdrawn.
            (_, Some(PledgeEvent::PledgeMade(made))) => {
                *row = Some(PledgeRow {
                    pledge: event.id(),
                    member: made.member.clone(),
                    year: made.year,
                    text: made.text.clone(),
                    grids: made.grid.path.clone(),
                    status: PledgeStatus::Open,
                    signed: made.evidence.clone(),
                    acts: BTreeMap::new(),
                    updated_at: event.time(),
                    position: event.position(),
                });
            }
            (Some(row), Some(kind)) => {
                row.updated_at = event.time();
                match kind {
                    PledgeEvent::PledgeMade(_) => {}
                    PledgeEvent::LeadActRecorded(act) => drop(row.acts.insert(act.act, act.evidence.clone())),
                    PledgeEvent::PledgeKept(_) => row.status = PledgeStatus::Kept,
                    PledgeEvent::PledgeWithdrawn(_) => row.status = PledgeStatus::Withdrawn,
                }
            }
            _ => {}
        }
    }

    fn place(row: &PledgeRow) -> Place {
        Place { owner: Some(row.member.clone()), ..Place::in_grids(&row.grids) }
    }

    fn sort(row: &PledgeRow) -> i64 {
        row.position.0.cast_signed()
    }

    fn words(filter: &str) -> Option<Vec<String>> {
        (filter == "status").then(words_of::<PledgeStatus>)
    }

    fn values(row: &PledgeRow, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "grid" => row.grids.iter().for_each(|grid| give(grid.as_str())),
            "status" => give(row.status.as_str()),
            "owner" => give(&row.member),
            _ => {}
        }
    }

    fn is_settled(row: &PledgeRow) -> bool {
        row.status != PledgeStatus::Open
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::made;
    use super::super::{LeadActRecorded, Pledge, PledgeKept, WithdrawPledge};
    use super::*;
    use kernel::{Event, EventId, Recorded, StreamId, Verb, Version};

    fn folded(history: impl IntoIterator<Item = PledgeEvent>) -> PledgeRow {
        let (id, mut row) = (Uuid::from_u128(7), None);
        for (position, event) in (1..).zip(history) {
            let recorded = Recorded {
                position: Position(position),
                stream: StreamId::new("pledge", id),
                version: Version(1),
                id: EventId::named(&position.to_string()),
                kind: event.name().to_owned(),
                time: given::NOW,
                bytes: bytes::Bytes::new(),
            };
            PledgeView::fold(&id.into(), &mut row, &Read::new(&recorded, &event));
        }
        row.expect("a pledge was made")
    }

    #[test]
    fn a_row_shows_what_was_done() {
        let act = |act| PledgeEvent::from(LeadActRecorded { act, evidence: vec![given::evidence()] });
        let row = folded([made(), act(LeadAct::GridVisits), act(LeadAct::BikesInShed)]);
        assert_eq!(row.acts.keys().copied().collect::<Vec<_>>(), [LeadAct::BikesInShed, LeadAct::GridVisits]);
        assert_eq!((row.status, row.position, row.signed.len()), (PledgeStatus::Open, Position(1), 1));
        let mut found = Vec::new();
        PledgeView::values(&row, "grid", &mut |value| found.push(value.to_owned()));
        assert_eq!(found, [given::GRID, "BZ-R01", given::CENTRE]);
        let kept = folded([made(), PledgeKept { member: "staff-1".into() }.into()]);
        let withdrawn = given::given::<Pledge>([made()]).when(WithdrawPledge::example()).events();
        let again = folded([made()].into_iter().chain(withdrawn.clone()).chain([made()]));
        assert_eq!((again.status, again.position), (PledgeStatus::Open, Position(3)));
        let withdrawn = folded([made()].into_iter().chain(withdrawn));
        assert_eq!((kept.status, withdrawn.status), (PledgeStatus::Kept, PledgeStatus::Withdrawn));
    }
}

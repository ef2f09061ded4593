use chrono::Datelike as _;
use kernel::digest::Digest;
use kernel::facts::GridFacts;
use kernel::{Allowed, Context, Decision, Evidence, GridCode, Needs, Place, Verb, check_count, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MEMBERS, Pledge, Refusal};

// Most characters of a text.
const TEXT_MAX: usize = 500;
// Most entries of a list.
const EVIDENCE_MAX: usize = 5;

/// A party member signs the pledge for a grid and a year (带头签署承诺书): the first of the four acts.
///
/// For themselves only, once a year in each grid; again after it was withdrawn. The signed letter is the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MakePledge {
    pub grid: GridCode,
    /// The staff id of the member, who is the sender.
    #[schemars(length(min = 1, max = kernel::actor::STAFF_ID_LEN_MAX))]
    pub member: String,
    /// The year that it is for: this one or the next.
    pub year: i32,
    /// What is promised, at most 500 characters.
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub text: String,
    /// Digests of the signed letter, 1 to 5 files.
    #[schemars(length(min = 1, max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
}

/// A pledge was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PledgeMade {
    /// The grid as of that day.
    pub grid: GridFacts,
    /// The staff id of the member.
    pub member: String,
    pub year: i32,
    pub text: String,
    /// The signed letter.
    pub evidence: Vec<Evidence>,
}

impl PledgeMade {
    pub(super) fn place(&self) -> Place {
        let (owner, street) = (Some(self.member.clone()), Some(self.grid.centre.clone()));
        Place { owner, street, ..Place::in_grids(&self.grid.path) }
    }
}

impl Verb for MakePledge {
    const NAME: &'static str = "make-pledge";
    const BY: Allowed = MEMBERS;
    const BEGINS: bool = true;
    type Of = Pledge;

    fn needs(&self, _: &Pledge) -> Needs {
        Needs::begins_in(&self.grid).evidence(&self.evidence)
    }
    fn natural_key(&self) -> Option<String> {
        Some(format!("{}/{}/{}", self.grid, self.year, self.member))
    }
    fn example() -> Self {
        Self {
            grid: GridCode::try_new("BZ-R01-B01").expect("a code"),
            member: "staff-1".into(),
            year: 2026,
            text: "带头把自家非机动车停进车棚，参加志愿者队伍和网格走访".into(),
            evidence: vec![Digest::of(kernel::evidence::EXAMPLE)],
        }
    }
}

impl MakePledge {
    pub(super) fn decide(&self, pledge: &Pledge, context: &Context) -> Decision<Pledge> {
        // First of all: nobody finds out what another member has signed.
        if self.member != context.by.id {
            return Err(Refusal::NotYourself);
        }
        if let Some(made) = pledge.standing() {
            return if self.is_same(made) { Ok(vec![]) } else { Err(Refusal::AlreadyMade) };
        }
        let this = context.today.year();
        if self.year != this && self.year != this + 1 {
            return Err(Refusal::YearDoesNotFit);
        }
        check_text("text", &self.text, TEXT_MAX)?;
        check_count("evidence", self.evidence.len(), 1, EVIDENCE_MAX)?;
        let (grid, evidence) = (context.grid(&self.grid)?.clone(), context.evidence(&self.evidence)?);
        let (member, text) = (self.member.clone(), self.text.clone());
        Ok(vec![PledgeMade { grid, member, year: self.year, text, evidence }.into()])
    }

    fn is_same(&self, made: &PledgeMade) -> bool {
        self.text == made.text && self.evidence.iter().eq(made.evidence.iter().map(|evidence| &evidence.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::made;
    use super::*;
    use crate::pledge::WithdrawPledge;
    use given::given;
    use kernel::Unfit;

    #[test]
    fn a_member_pledges_once_a_year_and_for_themselves() {
        given::<Pledge>([]).when(MakePledge::example()).then([made()]);
        given::<Pledge>([made()]).when(MakePledge::example()).then_nothing();
        let other = || MakePledge { text: "别的".into(), ..MakePledge::example() };
        given::<Pledge>([made()]).when(other()).then_refused(Refusal::AlreadyMade);
        for events in [vec![], vec![made()]] {
            given::<Pledge>(events.clone()).by("staff-2").when(other()).then_refused(Refusal::NotYourself);
            given::<Pledge>(events).by("staff-2").when(MakePledge::example()).then_refused(Refusal::NotYourself);
        }
        for year in [2025, 2028, i32::MIN, i32::MAX] {
            let at = MakePledge { year, ..MakePledge::example() };
            given::<Pledge>([]).when(at).then_refused(Refusal::YearDoesNotFit);
        }
    }

    #[test]
    fn who_withdrew_may_pledge_again() {
        let withdrawn = given::<Pledge>([made()]).when(WithdrawPledge::example()).events().remove(0);
        let history = || [made(), withdrawn.clone()];
        given::<Pledge>(history()).when(MakePledge::example()).then([made()]);
        let other = || MakePledge { text: "别的".into(), ..MakePledge::example() };
        let again = given::<Pledge>(history()).when(other()).events().remove(0);
        let history = || history().into_iter().chain([again.clone()]);
        given::<Pledge>(history()).when(other()).then_nothing();
        given::<Pledge>(history()).when(MakePledge::example()).then_refused(Refusal::AlreadyMade);
    }

    #[test]
    fn it_has_words_a_letter_and_a_grid() {
        let example = MakePledge::example;
        let refused = |command, refusal| given::<Pledge>([]).when(command).then_refused(Refusal::Unfit(refusal));
        let (evidence, sha256) = (vec![], Digest::of(b"never uploaded"));
        refused(MakePledge { text: " ".into(), ..example() }, Unfit::TextLength { field: "text", max: 500 });
        refused(MakePledge { evidence, ..example() }, Unfit::EntryCount { field: "evidence", min: 1, max: 5 });
        refused(MakePledge { evidence: vec![sha256], ..example() }, Unfit::UnknownEvidence { sha256 });
        let grid = GridCode::try_new("NOWHERE").unwrap();
        refused(MakePledge { grid: grid.clone(), ..example() }, Unfit::UnknownGrid { grid });
    }
}

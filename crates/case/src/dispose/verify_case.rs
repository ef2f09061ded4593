use std::collections::BTreeSet;

use kernel::digest::Digest;
use kernel::separation::Later;
use kernel::{
    Allowed, Context, Evidence, GridCode, Needs, Obligation, OrderId, Party, Reach, Role, Step, Verb, check_count,
    check_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Decision};
use crate::examples;
use crate::{OrderRef, OrderStatus, Refusal, Stage, Verification};

// Most characters of a text.
const FINDINGS_MAX: usize = 2000;
// Most entries of a list.
const EVIDENCE_MAX: usize = 20;
const REWORK_MAX: usize = 50;

/// A verifier checks on site what another has disposed (核查).
///
/// Nobody verifies their own work, whatever posts they hold. What fails goes to rework: the orders that are named, or
/// the lead's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyCase {
    /// Whether it holds.
    pub passed: bool,
    /// What was found on site, at most 2000 characters.
    #[schemars(length(min = 1, max = FINDINGS_MAX))]
    pub findings: String,
    /// Digests of uploaded files that show it; at least one.
    #[schemars(length(min = 1, max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
    /// The orders that must be done again, where it does not hold; empty means the lead's.
    #[serde(default)]
    #[schemars(length(max = REWORK_MAX))]
    pub rework: Vec<OrderId>,
}

/// The disposal holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationPassed {
    pub findings: String,
    /// Staff id of whoever verified.
    pub by: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// Who must ask the finder, and by when.
    pub next: Obligation,
}

/// The disposal does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationFailed {
    pub findings: String,
    /// Staff id of whoever verified.
    pub by: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// Who must do it again, and by when.
    pub next: Obligation,
}

/// A department must do its part again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReworkRequired {
    pub order: OrderRef,
    /// The grid in which the case is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    pub findings: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What the department must do, and by when.
    pub next: Obligation,
}

/// The grid must do its work again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridReworkRequired {
    pub findings: String,
    /// Who must do it again, and by when.
    pub next: Obligation,
}

impl Verb for VerifyCase {
    const NAME: &'static str = "verify-case";
    const BY: Allowed = &[(Role::Verifier, Reach::Grid)];
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let step = if self.passed { Step::COLLECT_FEEDBACK } else { Step::REWORK };
        case.posts(Needs::none().evidence(&self.evidence).step(step).incompatible())
    }
    fn example() -> Self {
        let findings = "现场查验健康证有效".into();
        Self { passed: true, findings, evidence: vec![examples::digest()], rework: vec![] }
    }
}

impl VerifyCase {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(last) = file.cycle.verified.last().filter(|_| case.stage() != Stage::Disposed) {
            let is_same = self.is_same(last) && self.orders(case) == file.cycle.rework;
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyVerified) };
        }
        case.opened_in(&[Stage::Disposed], "disposed")?;
        file.check_apart(Later::Verify, None, context)?;
        check_text("findings", &self.findings, FINDINGS_MAX)?;
        check_count("rework", self.rework.len(), 0, REWORK_MAX)?;
        check_count("evidence", self.evidence.len(), 1, EVIDENCE_MAX)?;
        let (findings, evidence) = (self.findings.clone(), context.evidence(&self.evidence)?);
        if self.passed && !self.rework.is_empty() {
            return Err(Refusal::NothingToRework);
        }
        if self.passed {
            let next = context.oblige(Step::COLLECT_FEEDBACK, file.centre(Role::DutyOfficer, context))?;
            return Ok(vec![VerificationPassed { findings, by: context.by.id.clone(), evidence, next }.into()]);
        }
        self.fail(case, context, evidence)
    }

    fn is_same(&self, last: &Verification) -> bool {
        let shown = last.evidence().iter().map(|evidence| &evidence.sha256);
        (self.passed, self.findings.as_str()) == (last.is_passed(), last.findings()) && self.evidence.iter().eq(shown)
    }

    /// The orders that it sends back: where departments worked, always that of the lead, who answers for the whole.
    fn orders(&self, case: &Case) -> BTreeSet<OrderId> {
        let lead = case.standing.lead().filter(|_| !self.passed);
        self.rework.iter().copied().chain(lead.map(|lead| lead.order)).collect()
    }

    fn fail(&self, case: &Case, context: &Context, evidence: Vec<Evidence>) -> Decision {
        let findings = self.findings.clone();
        self.rework.iter().try_for_each(|order| case.order(*order).map(drop))?;
        let Some(lead) = case.standing.lead() else {
            if let Some(order) = self.rework.first() {
                return Err(Refusal::OrderNotReady { order: *order, status: "of an earlier cycle" });
            }
            let next = context.oblige(Step::REWORK, case.opened()?.grid_leader(context))?;
            let failed = VerificationFailed {
                findings: findings.clone(),
                by: context.by.id.clone(),
                evidence,
                next: next.clone(),
            };
            return Ok(vec![failed.into(), GridReworkRequired { findings, next }.into()]);
        };
        let oblige = |department| context.oblige(Step::REWORK, Party::at_department(department));
        let mut events = vec![
            VerificationFailed {
                by: context.by.id.clone(),
                findings: findings.clone(),
                evidence: evidence.clone(),
                next: oblige(&lead.department)?,
            }
            .into(),
        ];
        let lead_order = lead.order;
        // The lead is asked last, so that it finishes last again.
        let mut named = self.orders(case);
        named.remove(&lead_order);
        for order in named.into_iter().chain([lead_order]) {
            let (order, status) = case.order(order)?;
            let this_cycle = order.sent.cycle == case.standing.cycle;
            if !this_cycle || status != OrderStatus::Disposed {
                let status = if this_cycle { status.as_str() } else { "of an earlier cycle" };
                return Err(Refusal::OrderNotReady { order: order.sent.order.order, status });
            }
            let (next, grids) = (oblige(&order.sent.order.department)?, case.opened()?.grid().path.clone());
            let (order, findings, evidence) = (order.sent.order.clone(), findings.clone(), evidence.clone());
            events.push(OrderReworkRequired { order, grids, findings, evidence, next }.into());
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, closed_case, community, discovered, disposed, disposed_case, failed, given, grid_done,
        grid_started, order_id, passed, reopened, rework, submit, verify,
    };
    use kernel::{Actor, Aggregate, Scope, Unfit};

    #[test]
    fn what_holds_goes_to_the_finder() {
        given(disposed_case()).by("staff-verifier").when(verify(true)).then([passed()]);
        given([disposed_case(), vec![passed()]].concat()).when(verify(true)).then_nothing();
        given([discovered()])
            .when(verify(true))
            .then_refused(Refusal::WrongStage { stage: Stage::Discovered, taken: "disposed" });
    }

    #[test]
    fn who_disposed_does_not_verify() {
        given(disposed_case())
            .by("clerk-of-LEAD")
            .when(verify(true))
            .then_refused(Refusal::AnotherPersonNeeded { earlier: "disposed", later: "verify" });
    }

    #[test]
    fn whom_a_disposing_department_lends_does_not_verify_its_work() {
        let lent_by = |code: &str| {
            let place = Scope::Everywhere;
            let seconded_by = Some(given::department(code));
            Actor { id: "staff-verifier".into(), role: Role::Verifier, scope: place, seconded_by }
        };
        let refused =
            Refusal::PersonSeconded { department: given::department(LEAD), earlier: "disposed", later: "verify" };
        given(disposed_case()).by_actor(lent_by(LEAD)).when(verify(true)).then_refused(refused.clone());
        given(disposed_case()).by_actor(lent_by(LEAD)).when(verify(false)).then_refused(refused);
        given(disposed_case()).by_actor(lent_by("OTHER")).when(verify(true)).then([passed()]);
    }

    #[test]
    fn nobody_knows_who_stands_behind_a_program() {
        for id in ["department/LEAD", "integrator/city", "connector/12345"] {
            given(disposed_case())
                .by(id)
                .when(verify(true))
                .then_refused(Refusal::PersonUnknown { earlier: "disposed", later: "verify" });
        }
    }

    #[test]
    fn what_fails_goes_to_rework_and_is_disposed_again() {
        given(disposed_case()).by("staff-verifier").when(verify(false)).then([failed(), rework(LEAD)]);
        let again = || [disposed_case(), vec![failed(), rework(LEAD)]].concat();
        given(again()).by("staff-verifier").when(verify(false)).then_nothing();
        let reworded = VerifyCase { findings: "换个说法".into(), ..verify(false) };
        let shown = VerifyCase { evidence: vec![Digest::of(b"another")], ..verify(false) };
        let more = VerifyCase { rework: vec![order_id(ASSIST)], ..verify(false) };
        for other in [reworded, shown, more, verify(true)] {
            given(again()).by("staff-verifier").when(other).then_refused(Refusal::AlreadyVerified);
        }
        let both = VerifyCase { rework: vec![order_id(ASSIST)], ..verify(false) };
        given(disposed_case()).by("staff-verifier").when(both).then([failed(), rework(ASSIST), rework(LEAD)]);
        let better = SubmitDisposal { result: "重新做好".into(), ..submit(LEAD) };
        assert_eq!(given(again()).by_department(LEAD).when(better).events().len(), 2);
    }

    use crate::SubmitDisposal;

    #[test]
    fn the_work_of_the_grid_goes_back_to_the_grid() {
        let events = given([discovered(), community(), grid_started(), grid_done()])
            .by("staff-verifier")
            .when(verify(false))
            .events();
        let case = events
            .into_iter()
            .fold(given([discovered(), community(), grid_started(), grid_done()]).state(), Case::evolve);
        assert_eq!(case.stage(), Stage::GridHandling);
    }

    #[test]
    fn rework_is_of_this_cycle_and_named_once() {
        let twice = VerifyCase { rework: vec![order_id(ASSIST), order_id(ASSIST)], ..verify(false) };
        given(disposed_case()).by("staff-verifier").when(twice).then([failed(), rework(ASSIST), rework(LEAD)]);
        let order = kernel::OrderId::named("none");
        let unknown = VerifyCase { rework: vec![order], ..verify(false) };
        given(disposed_case()).by("staff-verifier").when(unknown).then_refused(Refusal::UnknownOrder { order });
        let again = [closed_case(), vec![reopened()]].concat();
        let sent = given(again.clone()).when(crate::testing::dispatch()).events();
        let again = [again, sent, vec![disposed()]].concat();
        let old = VerifyCase { rework: vec![order_id(ASSIST)], ..verify(false) };
        let refusal = Refusal::OrderNotReady { order: order_id(ASSIST), status: "of an earlier cycle" };
        given(again).by("staff-verifier").when(old).then_refused(refusal);
    }

    #[test]
    fn what_holds_is_not_done_again() {
        let both = VerifyCase { rework: vec![order_id(ASSIST)], ..verify(true) };
        given(disposed_case()).by("staff-verifier").when(both).then_refused(Refusal::NothingToRework);
        let work = || [discovered(), community(), grid_started(), grid_done()];
        let of_grid = VerifyCase { rework: vec![order_id(LEAD)], ..verify(false) };
        given(work()).by("staff-verifier").when(of_grid).then_refused(Refusal::UnknownOrder { order: order_id(LEAD) });
    }

    #[test]
    fn a_verification_is_shown() {
        let unshown = VerifyCase { evidence: vec![], ..verify(true) };
        let refusal = Unfit::EntryCount { field: "evidence", min: 1, max: 20 };
        given(disposed_case()).by("staff-verifier").when(unshown).then_refused(refusal);
    }
}

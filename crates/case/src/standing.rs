//! Where a case stands: its parts, each with a state and an obligation of its own. Folded from events alone, in one place, for
//! decisions and views alike.

use kernel::{Obligation, OrderId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CaseEvent, CaseMoved, Conclusion, OrderPart, OrderRef, OrderStatus, Part, Stage};

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The round of work: 1, and one more for each reopening.
    pub cycle: u32,
    pub parts: Parts,
}

/// What somebody works on by itself. Several may be open at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parts {
    /// The case itself: intake, the grid centre, verification and the answer to the finder.
    pub own: PartOf<OwnState>,
    /// The work of the grid itself, in this round of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_work: Option<PartOf<GridWorkState>>,
    /// The newest deliberation of this round of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliberation: Option<PartOf<DeliberationState>>,
    /// The orders of every round of work, in the order in which they were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OrderPart>,
}

/// One part: where it stands, and what must be done next on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{S}Part")]
pub struct PartOf<S> {
    pub state: S,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
}

/// Where the case itself stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnState {
    /// There is no such case.
    #[default]
    Absent,
    /// 已发现
    Discovered,
    /// 已登记
    Registered,
    /// 已上报
    Escalated,
    /// 不予立案
    NotFiled,
    /// 已立案
    Filed,
    /// Another part is worked on: the grid's work, a deliberation, or orders.
    Underway,
    /// 返工: the verification failed, and nobody was told yet to work again.
    Rework,
    /// 已处置待核查
    Disposed,
    /// 回访
    Callback,
    /// 已结案
    Closed,
    /// 重办
    Reopened,
    /// 并案
    Merged,
    /// 作废
    Voided,
}

/// Where the work of the grid stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GridWorkState {
    /// It was started.
    Working,
    /// 返工
    Rework,
    /// It is done.
    Done,
    /// The case went another way: it is deliberated or escalated.
    Stopped,
}

/// Where a deliberation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliberationState {
    /// Meetings may be held.
    Open,
    /// It is concluded, and what it came to has not begun.
    Concluded,
    /// The case went on from it.
    Ended,
}

/// What an event means for one part.
enum Move<'a> {
    /// The case itself stands there; `None` where it stays.
    Own(Option<OwnState>, Option<&'a Obligation>),
    GridWork(GridWorkState, Option<&'a Obligation>),
    Deliberation(DeliberationState, Option<&'a Obligation>),
    Order(&'a OrderRef, OrderStatus, Option<&'a Obligation>),
}

impl Default for Standing {
    fn default() -> Self {
        Self { cycle: 1, parts: Parts::default() }
    }
}

impl Standing {
    /// Where the case stands after the event.
    pub fn apply(&mut self, event: &CaseEvent) {
        if let CaseEvent::CaseReopened(reopened) = event {
            self.cycle = reopened.cycle;
            (self.parts.grid_work, self.parts.deliberation) = (None, None);
        }
        if let CaseEvent::CaseMoved(moved) = event {
            self.parts.hand_over(moved);
        }
        for step in moves(event).into_iter().flatten() {
            self.go(&step);
        }
    }

    fn go(&mut self, step: &Move<'_>) {
        match *step {
            Move::Own(state, next) => {
                let own = &mut self.parts.own;
                own.state = state.unwrap_or(own.state);
                own.next = next.cloned();
            }
            Move::GridWork(state, next) => PartOf::go(&mut self.parts.grid_work, state, next),
            Move::Deliberation(state, next) => PartOf::go(&mut self.parts.deliberation, state, next),
            Move::Order(about, status, next) => self.go_order(about, status, next),
        }
    }

    fn go_order(&mut self, about: &OrderRef, status: OrderStatus, next: Option<&Obligation>) {
        let orders = &mut self.parts.orders;
        if let Some(order) = orders.iter_mut().find(|part| part.order == about.order) {
            (order.status, order.next) = (status, next.cloned());
            return;
        }
        // Most cases have one order, and a row in memory should not have room for four.
        orders.reserve_exact(1);
        orders.push(OrderPart {
            order: about.order,
            department: about.department.clone(),
            part: about.part,
            cycle: self.cycle,
            status,
            next: next.cloned(),
        });
    }

    /// The stage of the case: the one table that derives it from the parts.
    pub fn stage(&self) -> Stage {
        self.leading().0
    }

    /// What must be done next in the part that gives the case its stage. `None` once nobody must act.
    pub fn next(&self) -> Option<&Obligation> {
        self.leading().1
    }

    fn leading(&self) -> (Stage, Option<&Obligation>) {
        let Parts { own, grid_work, deliberation, .. } = &self.parts;
        let stage = match own.state {
            OwnState::Absent => Stage::Absent,
            OwnState::Discovered => Stage::Discovered,
            OwnState::Registered => Stage::Registered,
            OwnState::Escalated => Stage::Escalated,
            OwnState::NotFiled => Stage::NotFiled,
            OwnState::Filed => Stage::Filed,
            OwnState::Rework => Stage::Rework,
            OwnState::Disposed => Stage::Disposed,
            OwnState::Callback => Stage::Callback,
            OwnState::Closed => Stage::Closed,
            OwnState::Reopened => Stage::Reopened,
            OwnState::Merged => Stage::Merged,
            OwnState::Voided => Stage::Voided,
            OwnState::Underway => return self.underway(grid_work.as_ref(), deliberation.as_ref()),
        };
        (stage, own.next.as_ref())
    }

    /// The part that is worked on: the lead's order before a deliberation, and that before the work of the grid.
    fn underway<'a>(
        &'a self,
        grid_work: Option<&'a PartOf<GridWorkState>>,
        deliberation: Option<&'a PartOf<DeliberationState>>,
    ) -> (Stage, Option<&'a Obligation>) {
        if let Some(lead) = self.lead() {
            let stage = match lead.status {
                OrderStatus::Sent => Stage::Dispatched,
                OrderStatus::Accepted => Stage::InDisposal,
                OrderStatus::ReturnReview => Stage::ReturnReview,
                OrderStatus::Rework => Stage::Rework,
                OrderStatus::Disposed | OrderStatus::Returned => Stage::Disposed,
            };
            return (stage, lead.next.as_ref());
        }
        match deliberation {
            Some(part) if part.state != DeliberationState::Ended => (Stage::Deliberating, part.next.as_ref()),
            _ => (Stage::GridHandling, grid_work.and_then(|part| part.next.as_ref())),
        }
    }

    /// An order of any round of work.
    pub fn order(&self, order: OrderId) -> Option<&OrderPart> {
        self.parts.orders.iter().find(|part| part.order == order)
    }

    /// The orders of this round of work that were not returned.
    pub fn live_orders(&self) -> impl Iterator<Item = &OrderPart> {
        let live = |part: &&OrderPart| part.cycle == self.cycle && part.status != OrderStatus::Returned;
        self.parts.orders.iter().filter(live)
    }

    /// The lead's order of this round of work.
    pub fn lead(&self) -> Option<&OrderPart> {
        self.live_orders().find(|part| part.is_lead())
    }
}

impl Parts {
    /// Whatever must be done is done by whoever has to do it in the grid to which the case went.
    fn hand_over(&mut self, moved: &CaseMoved) {
        let Self { own, grid_work, deliberation, orders } = self;
        let of_case = [
            Some(&mut own.next),
            grid_work.as_mut().map(|part| &mut part.next),
            deliberation.as_mut().map(|part| &mut part.next),
        ];
        let all = of_case.into_iter().flatten().chain(orders.iter_mut().map(|part| &mut part.next));
        for next in all.flatten() {
            *next = moved.handed_over(next);
        }
    }
}

impl<S> PartOf<S> {
    /// Moves a part. One that has not begun does not end.
    fn go(part: &mut Option<Self>, state: S, next: Option<&Obligation>) {
        if part.is_some() || next.is_some() {
            *part = Some(Self { state, next: next.cloned() });
        }
    }
}

/// What the event means for the order that it is about: where it stands, and what must be done next on it.
pub(crate) fn order_after(event: &CaseEvent) -> Option<(&OrderRef, OrderStatus, Option<&Obligation>)> {
    moves(event).into_iter().flatten().find_map(|step| match step {
        Move::Order(about, status, next) => Some((about, status, next)),
        _ => None,
    })
}

/// What must be done next after the event: in the case as a whole, or, where an order is named, on that order of an assisting
/// department. `None` where nobody must act any more.
pub(crate) fn obligations_after(event: &CaseEvent) -> impl Iterator<Item = (Option<&OrderRef>, Option<&Obligation>)> {
    moves(event).into_iter().flatten().filter_map(|step| match step {
        Move::Order(about, _, next) if about.part == Part::Assist => Some((Some(about), next)),
        // One part of the case hands over to another: there is always one that goes on, until the case is over.
        Move::Own(Some(OwnState::Closed | OwnState::Merged | OwnState::Voided), next) => Some((None, next)),
        Move::Own(_, next) | Move::GridWork(_, next) | Move::Deliberation(_, next) | Move::Order(_, _, next) => {
            next.map(|next| (None, Some(next)))
        }
    })
}

/// What the event means for each part, the part that somebody must act on last: the one table of moves.
fn moves(event: &CaseEvent) -> [Option<Move<'_>>; 3] {
    use DeliberationState::{Concluded, Ended, Open};
    use GridWorkState::{Done, Rework, Stopped, Working};
    let turn = |state, next| Some(Move::Own(Some(state), next));
    let own = |state, next| [turn(state, next), None, None];
    let work = |state, next| Some(Move::GridWork(state, next));
    let talk = |state, next| Some(Move::Deliberation(state, next));
    let order = |about, status, next| [Some(Move::Order(about, status, next)), None, None];
    let underway = || Some(Move::Own(Some(OwnState::Underway), None));
    match event {
        CaseEvent::IssueDiscovered(event) => own(OwnState::Discovered, Some(&event.next)),
        CaseEvent::IssueRegistered(event) => own(OwnState::Registered, Some(&event.next)),
        CaseEvent::IssueMerged(_) => [work(Stopped, None), talk(Ended, None), turn(OwnState::Merged, None)],
        CaseEvent::IssueVoided(_) => own(OwnState::Voided, None),
        CaseEvent::GridHandlingStarted(event) => [talk(Ended, None), underway(), work(Working, Some(&event.next))],
        CaseEvent::GridHandlingDone(event) => [work(Done, None), turn(OwnState::Disposed, Some(&event.next)), None],
        CaseEvent::GridReworkRequired(event) => [underway(), work(Rework, Some(&event.next)), None],
        CaseEvent::DeliberationOpened(event) => [work(Stopped, None), underway(), talk(Open, Some(&event.next))],
        CaseEvent::MeetingHeld(event) => [event.next.as_ref().and_then(|next| talk(Open, Some(next))), None, None],
        CaseEvent::ProposalRevised(event) => [talk(Open, Some(&event.next)), None, None],
        CaseEvent::DeliberationConcluded(event) if event.conclusion == Conclusion::Explain => {
            [talk(Ended, None), turn(OwnState::Callback, Some(&event.next)), None]
        }
        CaseEvent::DeliberationConcluded(event) => [talk(Concluded, Some(&event.next)), None, None],
        CaseEvent::IssueEscalated(event) => {
            [talk(Ended, None), work(Stopped, None), turn(OwnState::Escalated, Some(&event.next))]
        }
        CaseEvent::CaseFiled(event) => own(OwnState::Filed, Some(&event.next)),
        CaseEvent::FilingRefused(event) => own(OwnState::NotFiled, Some(&event.next)),
        CaseEvent::OrderDispatched(event) => {
            [underway(), Some(Move::Order(&event.order, OrderStatus::Sent, Some(&event.next))), None]
        }
        CaseEvent::OrderAccepted(event) => order(&event.order, OrderStatus::Accepted, Some(&event.next)),
        CaseEvent::ReturnRequested(event) => order(&event.order, OrderStatus::ReturnReview, Some(&event.next)),
        CaseEvent::ReturnApproved(event) => [
            Some(Move::Order(&event.order, OrderStatus::Returned, None)),
            event.next.as_ref().map(|next| Move::Own(Some(OwnState::Filed), Some(next))),
            None,
        ],
        CaseEvent::OrderWithdrawn(event) => order(&event.order, OrderStatus::Returned, None),
        CaseEvent::ReturnRefused(event) => order(&event.order, event.back_to(), Some(&event.next)),
        CaseEvent::PartDisposed(event) => order(&event.order, OrderStatus::Disposed, None),
        CaseEvent::CaseDisposed(event) => own(OwnState::Disposed, Some(&event.next)),
        CaseEvent::VerificationPassed(event) => own(OwnState::Callback, Some(&event.next)),
        CaseEvent::VerificationFailed(event) => own(OwnState::Rework, Some(&event.next)),
        CaseEvent::OrderReworkRequired(event) => {
            let handed_over = if event.order.part == Part::Lead { underway() } else { None };
            [handed_over, Some(Move::Order(&event.order, OrderStatus::Rework, Some(&event.next))), None]
        }
        CaseEvent::FeedbackRecorded(event) => [Some(Move::Own(None, Some(&event.next))), None, None],
        CaseEvent::MergedIssueAnswered(event) => own(OwnState::Merged, Some(&event.next)),
        CaseEvent::MergedFinderHeard(event) => own(OwnState::Merged, event.next.as_ref()),
        CaseEvent::MergedCaseReopened(_) => own(OwnState::Merged, None),
        CaseEvent::CaseClosed(_) => own(OwnState::Closed, None),
        CaseEvent::CaseReopened(event) => own(OwnState::Reopened, Some(&event.next)),
        CaseEvent::ReportAdded(_)
        | CaseEvent::ReporterRead(_)
        | CaseEvent::ReaderNamed(_)
        | CaseEvent::DuplicateSuspected(_)
        | CaseEvent::WordTakenIn(_)
        | CaseEvent::IssueTakenIn(_)
        | CaseEvent::GridProgressRecorded(_)
        | CaseEvent::DeliberationWaived(_)
        | CaseEvent::CaseDispatched(_)
        | CaseEvent::CaseLeft(_)
        // It moves no part: see `Parts::hand_over`.
        | CaseEvent::CaseMoved(_)
        | CaseEvent::OrderProgressRecorded(_) => [None, None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, accepted, community, concluded, consent, discovered, dispatched_case, disposed_case, escalated,
        failed, grid_done, grid_started, hearing, held, opened, order_id, part_disposed, proposal, registered,
        reopened, return_approved, return_requested, rework, second_cycle, verified_case,
    };
    use kernel::Step;

    fn after(events: impl IntoIterator<Item = CaseEvent>) -> Standing {
        let mut standing = Standing::default();
        events.into_iter().for_each(|event| standing.apply(&event));
        standing
    }

    fn then(before: Vec<CaseEvent>, events: impl IntoIterator<Item = CaseEvent>) -> Vec<CaseEvent> {
        before.into_iter().chain(events).collect()
    }

    #[test]
    fn the_part_that_is_worked_on_gives_the_stage_and_what_is_next() {
        let deliberated = || vec![discovered(), community(), opened(), held(hearing()), proposal(1), consent()];
        let works = || vec![discovered(), community(), grid_started()];
        let again = || then(disposed_case(), [failed()]);
        for (events, stage, step) in [
            (vec![discovered()], Stage::Discovered, Step::REGISTER),
            (vec![discovered(), community()], Stage::Registered, Step::ROUTE),
            (works(), Stage::GridHandling, Step::WORK_IN_GRID),
            (then(works(), [opened()]), Stage::Deliberating, Step::DELIBERATE),
            (deliberated(), Stage::Deliberating, Step::DELIBERATE),
            (then(deliberated(), [concluded()]), Stage::Deliberating, Step::WORK_IN_GRID),
            (then(deliberated(), [concluded(), grid_started()]), Stage::GridHandling, Step::WORK_IN_GRID),
            (then(works(), [grid_done()]), Stage::Disposed, Step::VERIFY),
            (vec![discovered(), registered(), escalated()], Stage::Escalated, Step::FILE),
            (dispatched_case(), Stage::Dispatched, Step::ACCEPT),
            (then(dispatched_case(), [accepted(ASSIST)]), Stage::Dispatched, Step::ACCEPT),
            (then(dispatched_case(), [accepted(LEAD)]), Stage::InDisposal, Step::DISPOSE),
            (then(dispatched_case(), [return_requested(LEAD)]), Stage::ReturnReview, Step::DECIDE_RETURN),
            (then(dispatched_case(), return_approved()), Stage::Filed, Step::DISPATCH),
            (disposed_case(), Stage::Disposed, Step::VERIFY),
            (again(), Stage::Rework, Step::REWORK),
            (then(again(), [rework(LEAD)]), Stage::Rework, Step::REWORK),
            (verified_case(), Stage::Callback, Step::COLLECT_FEEDBACK),
            (then(verified_case(), [reopened()]), Stage::Reopened, Step::ROUTE_AGAIN),
        ] {
            let standing = after(events);
            assert_eq!((standing.stage(), standing.next().map(|next| &next.step)), (stage, Some(&step)));
        }
        assert_eq!((Standing::default().stage(), Standing::default().next()), (Stage::Absent, None));
    }

    #[test]
    fn every_part_has_a_state_and_an_obligation_of_its_own() {
        let standing = after(then(dispatched_case(), [accepted(LEAD), return_requested(ASSIST)]));
        let of = |department| standing.order(order_id(department)).unwrap();
        let step = |order: &OrderPart| order.next.as_ref().map(|next| next.step.clone());
        assert_eq!((of(LEAD).status, step(of(LEAD))), (OrderStatus::Accepted, Some(Step::DISPOSE)));
        assert_eq!((of(ASSIST).status, step(of(ASSIST))), (OrderStatus::ReturnReview, Some(Step::DECIDE_RETURN)));
        assert_eq!(standing.stage(), Stage::InDisposal, "nobody waits for the decision but the assisting department");
        let done = after(then(dispatched_case(), [accepted(ASSIST), part_disposed(ASSIST)]));
        assert_eq!(step(done.order(order_id(ASSIST)).unwrap()), None);
    }

    #[test]
    fn the_work_of_the_grid_stops_while_it_is_deliberated() {
        let parts = after([discovered(), community(), grid_started(), opened()]).parts;
        assert_eq!(parts.grid_work, Some(PartOf { state: GridWorkState::Stopped, next: None }));
        assert_eq!(parts.own, PartOf { state: OwnState::Underway, next: None });
        assert_eq!(parts.deliberation.unwrap().state, DeliberationState::Open);
        let never_begun = after([discovered(), registered(), escalated()]).parts;
        assert_eq!((never_begun.grid_work, never_begun.deliberation), (None, None));
    }

    #[test]
    fn a_new_cycle_begins_afresh_and_keeps_the_old_orders() {
        let standing = after(second_cycle(true));
        assert_eq!((standing.cycle, standing.parts.orders.len()), (2, 2));
        assert_eq!((standing.lead(), standing.live_orders().count()), (None, 0));
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        for events in [vec![], dispatched_case(), vec![discovered(), community(), grid_started(), opened()]] {
            let standing = after(events);
            let written = serde_json::to_string(&standing).unwrap();
            assert_eq!(serde_json::from_str::<Standing>(&written).unwrap(), standing);
        }
    }
}
